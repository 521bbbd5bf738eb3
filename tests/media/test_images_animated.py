"""Animations: every frame, its time and the loop; only the badge is new."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageSequence

from kzlabel.errors import LimitExceeded
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.images.avif_boxes import settle, structure

from .pictures import adapter, badge_of, label, measured_contrast, measured_height, outside, psnr, scene, shown

TIMES = [100, 50, 70, 200, 30]


def frames(mode: str = "RGB", size: tuple[int, int] = (320, 240)) -> list[Image.Image]:
    """A ball that rolls over a still ground, in few colours, so that a GIF can hold it exactly."""
    ground = Image.fromarray(scene(*size) // 64 * 64)
    made = []
    for step in range(len(TIMES)):
        frame = ground.copy()
        ImageDraw.Draw(frame).ellipse((40 * step, 120, 40 * step + 60, 180), fill=(255, 200, 0))
        made.append(frame.convert(mode))
    return made


def clearing() -> list[Image.Image]:
    """A ball on nothing: pixels become transparent again."""
    made = []
    for step in range(len(TIMES)):
        frame = Image.new("RGBA", (320, 240))
        ImageDraw.Draw(frame).ellipse((40 * step, 120, 40 * step + 60, 180), fill=(255, 200, 0, 255))
        made.append(frame)
    return made


def save(path: Path, made: list[Image.Image], **settings: object) -> Path:
    made[0].save(path, save_all=True, append_images=made[1:], duration=TIMES, **settings)
    return path


def times(path: Path) -> list[int]:
    found = []
    with Image.open(path) as picture:
        for frame in ImageSequence.Iterator(picture):
            frame.load()  # a WebP tells its time only then
            found.append(int(frame.info["duration"]))
    return found


CASES = {
    "gif": ("GIF", "a.gif", lambda p: save(p, frames(), loop=3), np.inf),
    "gif-clearing": ("GIF", "a.gif", lambda p: save(p, clearing(), loop=0, disposal=2), np.inf),
    "webp": ("WebP", "a.webp", lambda p: save(p, frames(), loop=3, quality=85), 38),
    "webp-lossless": ("WebP", "a.webp", lambda p: save(p, frames(), loop=3, lossless=True), np.inf),
    "webp-clearing": ("WebP", "a.webp", lambda p: save(p, clearing(), loop=0, lossless=True), np.inf),
    "apng": ("PNG", "a.png", lambda p: save(p, frames(), loop=3), np.inf),
    "apng-clearing": ("PNG", "a.png", lambda p: save(p, clearing(), loop=3, disposal=1), np.inf),
    "apng-grey": ("PNG", "a.png", lambda p: save(p, frames("L"), loop=3), np.inf),
    "avif": ("AVIF", "a.avif", lambda p: save(p, frames(), quality=80), 38),
}


@pytest.mark.parametrize("case", CASES)
def test_every_frame_its_time_and_the_loop_stay(case: str, tmp_path: Path):
    name, file, maker, least = CASES[case]
    source = maker(tmp_path / file)
    target, rendered = label(name, source)
    assert rendered.disclosure
    assert rendered.info.frames == len(TIMES)
    assert rendered.info.duration == pytest.approx(sum(TIMES) / 1000)
    assert times(target) == times(source) == TIMES
    with Image.open(source) as before, Image.open(target) as after:
        assert before.info.get("loop") == after.info.get("loop")
        assert before.size == after.size
    away = outside(rendered.disclosure, margin=0 if least == np.inf else 8)
    for index in range(len(TIMES)):
        before_pixels, after_pixels = np.asarray(shown(source, index)), np.asarray(shown(target, index))
        if before_pixels.shape[2] == 4 == after_pixels.shape[2]:  # colours under transparent pixels do not count
            before_pixels = before_pixels * (before_pixels[..., 3:] > 0)
            after_pixels = after_pixels * (after_pixels[..., 3:] > 0)
        after_pixels = after_pixels[..., : before_pixels.shape[2]]
        assert psnr(before_pixels[away], after_pixels[away]) >= least, index
        badge = badge_of(target, rendered.disclosure, index)
        assert measured_height(badge) >= 12, index
        assert measured_contrast(badge) >= 4.5, index


def test_frames_that_are_alike_stay_apart(tmp_path: Path):
    for name, file in (("PNG", "a.png"), ("WebP", "a.webp"), ("GIF", "a.gif")):
        made = frames()
        save(tmp_path / file, made, lossless=True)
        first, _ = label(name, tmp_path / file)
        # The second labelling hides each step of the ball under nothing new: its frames differ as before.
        again = tmp_path / f"again-{file}"
        again.write_bytes(first.read_bytes())
        _, rendered = label(name, again)
        assert rendered.info.frames == len(TIMES)


def test_a_default_picture_that_is_no_frame_is_kept_and_badged(tmp_path: Path):
    source = tmp_path / "a.png"
    default = Image.new("RGB", (320, 240), (0, 90, 0))
    default.save(source, save_all=True, default_image=True, append_images=frames(), duration=TIMES)
    target, rendered = label("PNG", source)
    assert rendered.disclosure
    assert rendered.info.frames == len(TIMES)
    with Image.open(target) as picture:
        assert picture.default_image  # type: ignore[attr-defined]
        first = np.asarray(picture.convert("RGB"))
    assert (first[outside(rendered.disclosure)] == (0, 90, 0)).all()
    assert measured_height(badge_of(target, rendered.disclosure)) >= 12


def test_the_delays_of_an_apng_keep_their_fractions(tmp_path: Path):
    source = save(tmp_path / "a.png", frames())
    data = source.read_bytes()
    assert data.count(b"fcTL") == len(TIMES)
    target, rendered = label("PNG", source)
    places = [place for place in range(len(data)) if data[place : place + 4] == b"fcTL"]
    delays = [data[place + 24 : place + 28] for place in places]
    made = target.read_bytes()
    assert [made[p + 24 : p + 28] for p in range(len(made)) if made[p : p + 4] == b"fcTL"] == delays
    assert rendered.disclosure
    assert rendered.notes == rendered.disclosure.notes


def test_a_gif_whose_colours_are_spent_keeps_the_ones_used_most(tmp_path: Path):
    source = tmp_path / "a.gif"
    Image.fromarray(scene(400, 300)).quantize(256).save(source)
    target, rendered = label("GIF", source)
    assert rendered.disclosure
    assert "256" in rendered.notes[0]
    away = outside(rendered.disclosure)
    before, after = np.asarray(shown(source))[away], np.asarray(shown(target))[away]
    assert (before != after).any(axis=1).mean() < 0.05
    assert psnr(before, after) > 40


@pytest.mark.parametrize("case", ["gif", "webp", "apng", "avif"])
def test_frames_are_counted_before_they_are_decoded(case: str, tmp_path: Path):
    name, file, maker, _ = CASES[case]
    source = maker(tmp_path / file)
    with pytest.raises(LimitExceeded, match="max_frames"):
        adapter(name).probe(source, Limits(max_frames=len(TIMES) - 1))
    with pytest.raises(LimitExceeded, match="max_total_pixels"):
        adapter(name).probe(source, Limits(max_total_pixels=320 * 240 * len(TIMES) - 1))
    assert adapter(name).probe(source, DEFAULT_LIMITS).frames == len(TIMES)


@pytest.mark.parametrize("plays", [0, 1, 3])
def test_an_avif_repeats_as_often_as_before(plays: int, tmp_path: Path):
    source = save(tmp_path / "a.avif", frames())
    settle(source, plays, DEFAULT_LIMITS)
    target, rendered = label("AVIF", source)
    assert rendered.info.detail["loop"] == plays
    with target.open("rb") as file:
        assert structure(file, DEFAULT_LIMITS).plays == plays


def test_an_avif_sequence_does_not_name_the_hour_of_its_making(tmp_path: Path):
    target, _ = label("AVIF", save(tmp_path / "a.avif", frames()))
    data = target.read_bytes()
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        place = data.index(box)
        assert data[place + 8 : place + 24] == bytes(16)
