"""Labelled, registered, stripped and harmed; led back to the signed manifest, or not where that would be a lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.media import reels, sounds
from tests.media.pictures import scene

from .conftest import Desk
from .works import work


@pytest.fixture
def registered(desk: Desk) -> Desk:
    """A desk with a registry."""
    assert desk.run("registry", "init").code == 0
    return desk


def _recovered(desk: Desk, harmed: str | Path, identifier: str) -> dict[str, Any]:
    """Hold that a file without a manifest leads back to the manifest of this identifier. Returns the verdict."""
    told = desk.run("verify", harmed, "--json")
    verdict = told.json
    assert (verdict["verdict"], verdict["reason"]) == ("recovered", "recovered.enrolled"), verdict
    assert (verdict["identifier"], verdict["ai"], told.code) == (identifier, "generated", 0)
    match: dict[str, Any] = verdict["recovery"]["match"]
    assert (match["state"], match["fingerprint_agrees"], match["identifier"]) == ("valid", True, identifier)
    found: dict[str, Any] = verdict
    return found


def test_a_picture_leads_back_after_a_platform_cut_and_scaled_it(registered: Desk) -> None:
    source = work("photo.jpg", registered.folder)
    identifier = registered.run("label", source, "--json").json["identifier"]
    with Image.open("photo.labelled.jpg") as picture:
        width, height = picture.size
        picture.crop((60, 40, width - 40, height - 30)).resize((432, 328)).save("shared.jpg", quality=70)
    match = _recovered(registered, "shared.jpg", identifier)["recovery"]["match"]
    trusting = registered.run("verify", "shared.jpg", "--trust", registered.root, "--policy", "trusted", "--json")
    assert (trusting.code, trusting.json["reason"]) == (0, "recovered.trusted")
    left, top = np.min(match["place"]["corners"], axis=0)
    right, bottom = np.max(match["place"]["corners"], axis=0)
    shown = np.array([left * width, top * height, right * width, bottom * height])
    assert np.abs(shown - [60, 40, width - 40, height - 30]).max() < 12, match["place"]
    page = registered.folder / "page.html"
    assert registered.run("verify", "shared.jpg", "--report", page).code == 0
    assert "Where it lies in the registered work" in page.read_text()


def test_a_recording_leads_back_after_a_messenger(registered: Desk) -> None:
    source = work("song.flac", registered.folder)
    identifier = registered.run("label", source, "--json").json["identifier"]
    sounds.ffmpeg("-i", "song.labelled.flac", "-ss", "1.3", "-map_metadata", "-1", "-b:a", "48k", "sent.mp3")
    match = _recovered(registered, "sent.mp3", identifier)["recovery"]["match"]
    assert match["place"]["start"] == pytest.approx(1.3, abs=0.1)


def test_a_film_leads_back_by_its_picture_and_by_its_sound(registered: Desk) -> None:
    picture = "mandelbrot=s=640x360:r=25,noise=alls=6:allf=t"
    silent = reels.make(registered.folder / "silent.mp4", "h264", picture=picture, seconds="9")
    sounds.encoded(registered.folder / "tune.wav", sounds.music(9.0), 44_100)
    reels.ffmpeg(
        "-i", silent, "-i", "tune.wav", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-b:a", "128k", "film.mp4"
    )
    # One identifier in every run: of all that are drawn, some are read less surely after such a copy.
    declared = registered.write("declared.json", '{"identifier": "0123456789ab"}')
    identifier = registered.run("label", "film.mp4", "--declaration", declared, "--json").json["identifier"]
    stripped = ("-map_metadata", "-1", "-bitexact")
    reels.ffmpeg("-i", "film.labelled.mp4", *stripped, "-crf", "26", "-vf", "scale=480:270", "-an", "shared.mp4")
    reels.ffmpeg("-i", "film.labelled.mp4", *stripped, "-vn", "-b:a", "64k", "heard.mp3")
    _recovered(registered, "shared.mp4", identifier)
    _recovered(registered, "heard.mp3", identifier)


def test_a_mark_copied_onto_another_picture_does_not_bring_its_provenance(registered: Desk) -> None:
    plain = Image.fromarray(scene(640, 480))
    plain.save("plain.png")
    identifier = registered.run("label", "plain.png", "--no-disclosure", "--json").json["identifier"]
    with Image.open("plain.labelled.png") as marked:
        stolen = np.asarray(marked.convert("RGB"), np.int16) - np.asarray(plain, np.int16)
    other = np.asarray(Image.fromarray(scene(640, 480, step=3)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), np.int16)
    Image.fromarray(np.clip(other[:, ::-1][::-1] + stolen, 0, 255).astype(np.uint8)).save("forged.png")
    told = registered.run("verify", "forged.png", "--json")
    verdict = told.json
    assert (verdict["verdict"], verdict["reason"], told.code) == ("declared", "watermark.unconfirmed", 1), verdict
    (candidate,) = verdict["recovery"]["candidates"]
    assert (candidate["identifier"], candidate["fingerprint_agrees"]) == (identifier, False)
    assert any("may have been copied" in note for note in verdict["notes"])


def test_two_labelled_pictures_blended_are_neither_of_them(registered: Desk) -> None:
    shades = []
    for name, step in (("one", 0), ("two", 5)):
        Image.fromarray(np.rot90(scene(640, 480, step=step), 2 * (step > 0)).copy()).save(f"{name}.png")
        registered.run("label", f"{name}.png", "--no-disclosure")
        with Image.open(f"{name}.labelled.png") as picture:
            shades.append(np.asarray(picture.convert("RGB"), np.float32))
    Image.fromarray(np.rint((shades[0] + shades[1]) / 2).astype(np.uint8)).save("blend.png")
    verdict = registered.run("verify", "blend.png", "--json").json
    assert verdict["verdict"] != "recovered", verdict


def test_a_collage_with_one_labelled_part_says_which(registered: Desk) -> None:
    Image.fromarray(scene(640, 480)).save("part.png")
    identifier = registered.run("label", "part.png", "--json").json["identifier"]
    collage = Image.fromarray(scene(1280, 960, step=900)).rotate(180)
    with Image.open("part.labelled.png") as picture:
        collage.paste(picture.convert("RGB"), (500, 300))
    collage.save("collage.jpg", quality=85)
    notes = " ".join(_recovered(registered, "collage.jpg", identifier)["notes"])
    assert "About 25% of this image is of the registered work" in notes


def test_a_labelled_part_of_a_programme_is_found_and_its_time_told(registered: Desk) -> None:
    sounds.encoded(registered.folder / "speech.wav", sounds.music(20.0), 44_100)
    identifier = registered.run("label", "speech.wav", "--no-disclosure", "--json").json["identifier"]
    sounds.ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=15:c=pink:r=44100:a=0.1", "before.wav")
    graph = "[0:a]aformat=channel_layouts=mono[a];[1:a]aformat=channel_layouts=mono[b];[a][b][a2]concat=n=3:v=0:a=1"
    graph = graph.replace("[a];", ",asplit[a][a2];", 1)
    sounds.ffmpeg(
        "-i", "before.wav", "-i", "speech.labelled.wav", "-filter_complex", graph, "-b:a", "96k", "programme.mp3"
    )
    verdict = _recovered(registered, "programme.mp3", identifier)
    assert verdict["recovery"]["match"]["place"]["start"] == pytest.approx(-15, abs=0.3)
    assert any("begins 15." in note or "begins 14.9" in note for note in verdict["notes"]), verdict["notes"]
    assert "About 40% of this audio is of the registered work; the rest may come from anywhere." in verdict["notes"]


def test_an_identifier_that_no_registry_knows_is_declared(registered: Desk) -> None:
    work("picture.png", registered.folder)
    registered.run("label", "picture.png", "--registry", "none")
    with Image.open("picture.labelled.png") as picture:
        picture.convert("RGB").save("shared.jpg", quality=80)
    verdict = registered.run("verify", "shared.jpg", "--json").json
    assert (verdict["verdict"], verdict["reason"]) == ("declared", "watermark.declared")
    (mark,) = (layer for layer in verdict["evidence"] if layer["layer"] == "watermark")
    assert mark["detail"]["registered"] is False


def test_a_passage_of_a_labelled_text_is_similar_and_no_verdict(registered: Desk) -> None:
    story = " ".join(
        f"In the year {year} the river rose by {year % 37} fingers and the miller wrote it down."
        for year in range(1700, 1760)
    )
    registered.write("story.txt", story)
    assert registered.run("label", "story.txt").code == 0
    registered.write(
        "essay.txt", f"What I found in an old book:\n{story[1200:2600]}\nNobody knows who the miller was.\n"
    )
    verdict = registered.run("verify", "essay.txt", "--json").json
    assert verdict["verdict"] == "unmarked", verdict
    (layer,) = (layer for layer in verdict["evidence"] if layer["layer"] == "fingerprint")
    assert layer["state"] == "similar"
    (first, last) = layer["detail"]["recovered"][0]["place"]["characters"][0]
    assert 0 <= first - 29 < 120
    assert last > 1200
    registered.write("other.txt", "A wholly different text about bread, salt and the price of a ticket to Almaty. " * 8)
    verdict = registered.run("verify", "other.txt", "--json").json
    (layer,) = (layer for layer in verdict["evidence"] if layer["layer"] == "fingerprint")
    assert layer["state"] == "absent"


def test_a_registry_that_is_away_leaves_the_rest_of_the_verdict(desk: Desk) -> None:
    work("picture.png", desk.folder)
    desk.run("label", "picture.png")
    with Image.open("picture.labelled.png") as picture:
        picture.convert("RGB").save("shared.jpg", quality=80)
    away = f"sqlite:///{desk.folder / 'nowhere.db'}"
    verdict = desk.run("verify", "shared.jpg", "--registry", away, "--json").json
    assert (verdict["verdict"], verdict["complete"]) == ("declared", False)
    assert [gap["layer"] for gap in verdict["not_checked"]] == ["registry"]
    assert any("not there" in note for note in verdict["notes"])
    assert desk.run("verify", "picture.labelled.png", "--registry", away, "--json").json["complete"]


def test_whoever_makes_a_registry_is_told_whether_label_uses_it(desk: Desk) -> None:
    here = desk.run("registry", "init")
    there = desk.run("registry", "init", "--registry", f"sqlite:///{desk.folder / 'other.db'}")
    assert "label registers here" in str(here.out)
    assert "label registers there once KZLABEL_REGISTRY, or --registry, names it" in str(there.out)
