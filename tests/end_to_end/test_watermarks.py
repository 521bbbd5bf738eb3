"""Labelled, stripped and harmed as platforms do it, found again; and `kzlabel watermark` by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.media import reels, sounds
from tests.media.pictures import scene

from .command import kzlabel
from .conftest import Desk
from .works import work

SECRET = b"a secret of thirty-two bytes, no less"


def _declared(desk: Desk, harmed: Path, identifier: str) -> list[str]:
    """Hold that nothing but the mark is left, and that it leads back. Returns what carries it."""
    told = desk.run("verify", harmed, "--json")
    assert told.code == 1, told  # a mark without a manifest proves nothing
    verdict = told.json
    assert (verdict["verdict"], verdict["ai"], verdict["identifier"]) == ("declared", "generated", identifier), verdict
    (mark,) = (layer for layer in verdict["evidence"] if layer["layer"] == "watermark")
    assert mark["detail"]["false_positive"] <= 1e-9
    return [one["carrier"] for one in mark["detail"]["carriers"]]


def test_a_picture_is_found_after_a_platform(desk: Desk) -> None:
    source = work("photo.jpg", desk.folder)
    identifier = desk.run("label", source, "--json").json["identifier"]
    with Image.open(desk.folder / "photo.labelled.jpg") as picture:
        picture.crop((60, 40, 600, 450)).resize((432, 328)).save("shared.jpg", quality=70)
    assert _declared(desk, Path("shared.jpg"), identifier) == ["picture"]


def test_a_recording_is_found_after_a_messenger(desk: Desk) -> None:
    source = work("song.flac", desk.folder)
    identifier = desk.run("label", source, "--json").json["identifier"]
    sounds.ffmpeg("-i", "song.labelled.flac", "-ss", "1.3", "-map_metadata", "-1", "-b:a", "48k", "sent.mp3")
    assert _declared(desk, Path("sent.mp3"), identifier) == ["sound"]


def test_a_film_is_found_by_its_picture_and_by_its_sound(desk: Desk) -> None:
    silent = reels.make(desk.folder / "silent.mp4", "h264", picture=f"{_wide()},noise=alls=6:allf=t", seconds="9")
    sounds.encoded(desk.folder / "tune.wav", sounds.music(9.0), 44_100)
    reels.ffmpeg(
        "-i", silent, "-i", "tune.wav", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-b:a", "128k", "film.mp4"
    )
    # One identifier in every run: of all that are drawn, some are read less surely after such a copy.
    declared = desk.write("declared.json", '{"identifier": "0123456789ab"}')
    told = desk.run("label", "film.mp4", "--declaration", declared, "--json")
    assert (told.code, told.json["watermark"]["carriers"]) == (0, ["picture", "sound"]), told
    identifier = told.json["identifier"]
    stripped = ("-map_metadata", "-1", "-bitexact")
    reels.ffmpeg("-i", "film.labelled.mp4", *stripped, "-crf", "26", "-vf", "scale=480:270", "-an", "shared.mp4")
    reels.ffmpeg("-i", "film.labelled.mp4", *stripped, "-vn", "-b:a", "64k", "heard.mp3")
    assert _declared(desk, Path("shared.mp4"), identifier) == ["picture"]
    assert _declared(desk, Path("heard.mp3"), identifier) == ["sound"]


def test_what_is_labelled_again_keeps_its_first_mark_and_is_bound_to_it(desk: Desk) -> None:
    source = work("picture.png", desk.folder)
    first = desk.run("watermark", "embed", source, "-o", "marked.png", "--json").json["identifier"]
    told = desk.run("label", "marked.png", "--json")
    assert told.code == 0, told
    assert told.json["watermark"]["identifier"] == first != told.json["identifier"]
    assert any(first in note for note in told.json["notes"])
    verdict = desk.run("verify", "marked.labelled.png", "--json").json
    assert verdict["identifier"] == told.json["identifier"]
    (mark,) = (layer for layer in verdict["evidence"] if layer["layer"] == "watermark")
    assert mark["payload"] == first


def test_a_secret_mark_is_read_with_its_key_alone(desk: Desk) -> None:
    work("picture.webp", desk.folder)
    key = desk.write("secret.key", SECRET)
    key.chmod(0o600)
    identifier = "00c0ffee0001"
    embed = ("watermark", "embed", "picture.webp", "-o", "secret.webp", "--identifier", identifier)
    assert desk.run(*embed, "--watermark-key", key).code == 0
    assert desk.run("watermark", "detect", "secret.webp").code == 1
    told = desk.run("watermark", "detect", "secret.webp", "--watermark-key", key, "--json")
    assert (told.code, [mark["payload"] for mark in told.json["marks"]]) == (0, [identifier])
    desk.refused(5, "secret.webp", *embed, "--watermark-key", key)  # it exists


def test_two_marks_are_both_told(desk: Desk) -> None:
    for name, number in (("left", "00000000000a"), ("right", "00000000000b")):
        Image.fromarray(scene(640, 480, step=len(name))).save(f"{name}.png")
        desk.run("watermark", "embed", f"{name}.png", "-o", f"{name}.marked.png", "--identifier", number)
    both = Image.new("RGB", (1280, 480))
    both.paste(Image.open("left.marked.png"), (0, 0))
    both.paste(Image.open("right.marked.png"), (640, 0))
    both.save("both.jpg", quality=85)
    marks = desk.run("watermark", "detect", "both.jpg", "--json").json["marks"]
    assert {mark["payload"] for mark in marks} == {"00000000000a", "00000000000b"}


def test_what_is_too_small_or_too_short_is_labelled_without_and_told(desk: Desk) -> None:
    Image.fromarray(scene(160, 120)).save("small.png")
    sounds.encoded(desk.folder / "short.wav", sounds.music(1.2), 44_100)
    for name, why in (("small.png", "160 x 120"), ("short.wav", "1.2 s")):
        told = desk.run("label", name, "--no-disclosure")
        assert told.code == 0, told
        assert "watermark: none" in told.err
        assert why in told.err, told.err
        desk.refused(11, why, "watermark", "embed", name, "-o", f"marked.{name}")


def test_a_modified_film_keeps_its_sound(desk: Desk) -> None:
    picture = f"{_wide()},noise=alls=6:allf=t"
    reels.make(desk.folder / "film.mp4", "h264", picture=picture, seconds="4")
    told = desk.run("watermark", "embed", "film.mp4", "-o", "marked.mp4", "--source", "modified", "--json")
    assert (told.code, told.json["carriers"]) == (0, ["picture"]), told
    assert sounds.exact(desk.folder / "marked.mp4", "s16le") == sounds.exact(desk.folder / "film.mp4", "s16le")


def test_what_it_withstands_is_counted_with_intervals(desk: Desk) -> None:
    Image.fromarray(scene(640, 480)).save("picture.png")
    told = desk.run("watermark", "bench", "image", "picture.png", "--attacks", "JPEG 70,grey", "--json")
    assert told.code == 0, told
    rows = {row["attack"]: row for row in told.json}
    assert rows["JPEG 70"]["read"] == rows["JPEG 70"]["n"] == 1
    desk.refused(2, "no medium", "watermark", "bench", "text", "picture.png")


@pytest.mark.parametrize(("name", "code", "why"), [("story.txt", 3, "no watermark"), ("moving.gif", 11, "a palette")])
def test_what_bears_no_mark_is_refused_by_name(desk: Desk, name: str, code: int, why: str) -> None:
    work(name, desk.folder)
    desk.refused(code, why, "watermark", "embed", name, "-o", f"marked.{name}")


def test_a_mark_is_put_in_and_found_between_pipes(desk: Desk) -> None:
    source = work("photo.jpg", desk.folder).read_bytes()
    before = desk.snapshot()
    embed = ("watermark", "embed", "-", "-o", "-", "--identifier", "00c0ffee0002")
    marked = kzlabel(*embed, home=desk.folder, stdin=source)
    assert (marked.code, marked.err, marked.out[:3]) == (0, "", b"\xff\xd8\xff"), marked.err
    told = kzlabel("watermark", "detect", "-", "--json", home=desk.folder, stdin=marked.out)
    assert (told.json["file"], [mark["payload"] for mark in told.json["marks"]]) == ("-", ["00c0ffee0002"])
    assert desk.snapshot() == before
    desk.refused(2, "--json", "watermark", "embed", "photo.jpg", "-o", "-", "--json")


def test_a_failure_is_a_row_of_json_too(desk: Desk) -> None:
    work("story.txt", desk.folder)
    told = desk.run("watermark", "embed", "story.txt", "-o", "marked.txt", "--json")
    assert (told.json["file"], told.json["status"], told.json["exit_code"], told.code) == ("story.txt", "failed", 3, 3)


def test_a_marked_copy_is_not_named_after_another_format(desk: Desk) -> None:
    work("picture.png", desk.folder)
    desk.refused(2, "give -o marked.png", "watermark", "embed", "picture.png", "-o", "marked.jpg")


def test_a_key_that_is_named_twice_finds_each_mark_once(desk: Desk) -> None:
    work("picture.webp", desk.folder)
    key = desk.write("secret.key", SECRET)
    key.chmod(0o600)
    desk.run("watermark", "embed", "picture.webp", "-o", "secret.webp", "--watermark-key", key)
    twice = ("--watermark-key", key, "--watermark-key", key)
    (mark,) = desk.run("watermark", "detect", "secret.webp", *twice, "--json").json["marks"]
    assert len(mark["detail"]["carriers"]) == 1


def test_what_cannot_be_searched_is_told_once(desk: Desk) -> None:
    work("story.txt", desk.folder)
    desk.refused(3, "carry no watermark", "watermark", "detect", "story.txt")
    cut = desk.write("cut.jpg", work("photo.jpg", desk.folder).read_bytes()[:9_000])
    told = desk.refused(3, "could not be searched", "watermark", "detect", cut)
    assert told.err.count("cut.jpg") == 1, told.err


def test_what_of_a_film_bears_no_mark_is_told(desk: Desk) -> None:
    picture = f"{_wide()},noise=alls=6:allf=t"
    reels.make(desk.folder / "silent.mp4", "h264", picture=picture, seconds="4")
    sounds.encoded(desk.folder / "tune.wav", sounds.music(4.0), 44_100)
    tracks = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:v", "copy", "-c:a:0", "aac", "-c:a:1", "ac3")
    reels.ffmpeg("-i", "silent.mp4", "-i", "tune.wav", *tracks, "film.mp4")
    told = desk.run("watermark", "embed", "film.mp4", "-o", "marked.mp4", "--json")
    assert (told.code, told.json["carriers"]) == (0, ["picture", "sound"]), told
    assert "encoded as ac3" in " ".join(told.json["notes"])
    assert "encoded as ac3" in told.err


def test_a_trial_goes_on_after_works_that_cannot_be_tried(desk: Desk) -> None:
    Image.fromarray(scene(640, 480)).save("picture.png")
    Image.fromarray(scene(640, 480)[..., 0].astype("<u2") * 257).save("deep.png")
    Image.fromarray(scene(160, 120)).save("small.png")
    desk.write("cut.png", (desk.folder / "picture.png").read_bytes()[:9_000])
    bench = ("watermark", "bench", "image")
    told = desk.run(*bench, "deep.png", "cut.png", "small.png", "picture.png", "--attacks", "grey", "--json")
    assert (told.code, [(row["read"], row["n"]) for row in told.json]) == (0, [(1, 1), (1, 1)]), told
    assert all(name in told.err for name in ("deep.png", "cut.png", "small.png"))
    assert desk.run(*bench, "small.png", "--attacks", "JPEG 70").code == 11
    desk.refused(3, "cut.png", *bench, "cut.png", "--attacks", "JPEG 70")
    desk.refused(3, "no such file", "watermark", "bench", "audio", "picture.png", "--music", "nothing.wav")
    desk.refused(4, "does not run", "watermark", "bench", "video", "picture.png", "--ffmpeg", "/nonexistent")


def _wide() -> str:
    return "mandelbrot=s=640x360:r=25"
