"""The warm labeller: bytes, pictures, sound and text in memory, from many threads and from spawned processes."""

from __future__ import annotations

import io
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kzlabel import (
    Declaration,
    Generator,
    Labeller,
    LabelOptions,
    Training,
    Trust,
    Verifier,
    VerifyOptions,
    load_anchors,
)
from kzlabel.errors import OutputError, UsageError

from .tsa import answering

DECLARED = Declaration(generator=Generator("Painter", "2.1"), producer="Studio", training=Training.PROHIBITED)


@pytest.fixture
def labeller(tmp_path: Path) -> Labeller:
    return Labeller(LabelOptions(keys=tmp_path / "keys"))


def picture(shade: int = 90) -> np.ndarray:
    return np.full((360, 480, 3), shade, np.uint8)


def tone(seconds: float, channels: int = 1) -> np.ndarray:
    wave = 0.3 * np.sin(np.arange(int(48_000 * seconds)) * 2 * np.pi * 440 / 48_000)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "gif", "tiff"])
def test_a_generated_array_becomes_a_labelled_picture(labeller: Labeller, format: str) -> None:
    data = labeller.image(picture(), format, declaration=DECLARED)
    verdict = Verifier().verify(data)
    assert (verdict.kind, verdict.ai) == ("untrusted", "generated")
    assert verdict.identifier == DECLARED.identifier
    assert verdict.training == "prohibited"
    assert Image.open(io.BytesIO(data)).size == (480, 360)


def test_grey_and_transparent_arrays_and_animations_are_pictures_too(labeller: Labeller) -> None:
    for array in (picture()[..., 0], np.dstack([picture(), np.full((360, 480), 128, np.uint8)])):
        assert Verifier().verify(labeller.image(array, "png")).kind == "untrusted"
    frames = [Image.fromarray(picture(shade)) for shade in (20, 90, 160)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:], duration=100)
    data = labeller.image(Image.open(moving), "webp")
    assert Image.open(io.BytesIO(data)).n_frames == 3


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a"])
@pytest.mark.parametrize("channels", [1, 2])
def test_generated_samples_become_a_labelled_recording(labeller: Labeller, format: str, channels: int) -> None:
    data = labeller.audio(tone(1.0, channels), 48_000, format, declaration=DECLARED)
    verdict = Verifier().verify(data)
    assert (verdict.kind, verdict.ai, verdict.medium) == ("untrusted", "generated", "audio")


def test_a_format_that_needs_a_sidecar_says_where_to_get_it(labeller: Labeller) -> None:
    with pytest.raises(OutputError, match="label_bytes"):
        labeller.audio(tone(1.0), 48_000, "opus")


def test_bytes_of_a_format_with_a_sidecar_come_with_it(labeller: Labeller, tmp_path: Path) -> None:
    from tests.end_to_end.works import work

    made = labeller.label_bytes(work("song.ogg", tmp_path).read_bytes(), name="song.ogg", declaration=DECLARED)
    assert made.manifest
    (tmp_path / "copy.ogg").write_bytes(made.data)
    (tmp_path / "copy.ogg.c2pa").write_bytes(made.manifest)
    assert Verifier().verify(tmp_path / "copy.ogg").identifier == DECLARED.identifier


@pytest.mark.parametrize("format", ["txt", "md", "html"])
def test_a_generated_string_becomes_a_labelled_text(labeller: Labeller, format: str) -> None:
    story = "<p>The wind has dropped.</p>" if format == "html" else "The wind has dropped.\n"
    text = labeller.text(story, format, declaration=DECLARED)
    assert "The wind has dropped." in text
    verdict = Verifier().verify(text.encode(), name=f"story.{format}")
    assert (verdict.kind, verdict.identifier) == ("untrusted", DECLARED.identifier)


def test_an_authority_that_is_silent_is_left_alone_also_for_texts(tmp_path: Path) -> None:
    asked: list[str] = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None: ...

    with answering(Busy) as url:
        labeller = Labeller(LabelOptions(keys=tmp_path, tsa=url))
        labeller.text("The wind has dropped.\n")
        first = len(asked)
        labeller.text("The wind has risen.\n")
    assert 0 < first == len(asked)


def test_an_unknown_format_is_refused_with_those_that_exist(labeller: Labeller) -> None:
    with pytest.raises(UsageError, match="jpg"):
        labeller.image(picture(), "bmp")


def test_many_threads_share_one_labeller_and_one_verifier(labeller: Labeller, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda shade: labeller.image(picture(shade), "jpeg"), range(0, 240, 8)))
        trust = Trust(anchors=load_anchors((tmp_path / "keys" / "root.pem",)))
        verifier = Verifier(VerifyOptions(trust=trust))
        verdicts = list(pool.map(verifier.verify, made))
    assert {verdict.kind for verdict in verdicts} == {"verified"}
    assert len({verdict.identifier for verdict in verdicts}) == len(made)


def test_spawned_processes_take_a_labeller_along(labeller: Labeller) -> None:
    labeller.image(picture(), "png")  # the parent's signer is warm, and must not be inherited
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(labeller.image, [picture(10), picture(200)]))
    verdicts = [Verifier().verify(data) for data in made]
    assert [verdict.kind for verdict in verdicts] == ["untrusted", "untrusted"]
    signers = {verdict.signer["fingerprint"] for verdict in verdicts if verdict.signer}
    assert len(signers) == 1


def test_the_new_key_is_told_once(labeller: Labeller) -> None:
    first = labeller.label_bytes(_png())
    second = labeller.label_bytes(_png())
    assert any("DEVELOPMENT" in note for note in first.labelled.notes)
    assert not any("DEVELOPMENT" in note for note in second.labelled.notes)


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG")
    return file.getvalue()
