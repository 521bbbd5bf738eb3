"""The watermark of pictures: what it costs, what it survives, what it refuses."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kzlabel.declaration import Source
from kzlabel.watermark import image_region, image_view
from kzlabel.watermark.detection import Certainty, Unmarkable
from kzlabel.watermark.image import detect, embed
from kzlabel.watermark.image_pattern import pattern
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.strength import Strength
from kzlabel.watermark.trials.image import Row, luma, mark, quality, run
from kzlabel.watermark.trials.image_attacks import ATTACKS, cropped, framed, jpeg, scaled, turned

from . import independent_image

PAYLOAD = Payload("00c0ffee1234")
OTHER = Payload("fedcba987654", Source.MODIFIED)
SECRET = WatermarkKey(b"sixteen bytes or more of secret")

Picture = NDArray[np.uint8]


def scene(height: int, width: int, seed: int = 0) -> Picture:
    """A picture like a photograph: clouds of all sizes, edges, a calm sky, some grain."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    clouds = np.fft.irfft2(
        np.fft.rfft2(random.normal(0, 1, (height, width))) / np.maximum(frequency, 1 / width) ** 1.3, (height, width)
    )
    picture = np.stack([110 + 45 * clouds / clouds.std() + shift for shift in (0, 6, -9)], axis=-1)
    for _ in range(12):
        x, y, size = (int(value) for value in random.integers(0, min(height, width), 3))
        shade = random.uniform(-60, 60, 3)
        picture[y : y + size, x : x + size // 2] += shade
    picture[: height // 5] = 190 + np.arange(height // 5)[:, None, None] * 0.1
    return np.clip(picture + random.normal(0, 2, (height, width, 1)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def picture() -> Picture:
    return scene(512, 640)


@pytest.fixture(scope="module")
def marked(picture: Picture) -> Picture:
    return mark(picture, PAYLOAD)


def payloads(picture: NDArray[Any], **options: Any) -> list[Payload]:
    return [each.payload for each in detect(luma(np.asarray(picture, np.uint8)), **options)]


def test_a_mark_is_read_back_with_its_place_and_what_it_is_worth(marked: Picture) -> None:
    (found,) = detect(luma(marked))
    assert found.payload == PAYLOAD
    assert found.certainty is Certainty.FOUND
    assert found.agreement > 0.95
    assert found.place == {"region": [0, 0, 640, 512], "scale": 1.0, "rotation": 0.0, "mirrored": False}


def test_a_picture_keeps_its_quality(picture: Picture, marked: Picture) -> None:
    held = quality(picture, marked)
    assert held.psnr >= 42
    assert held.ssim >= 0.985
    assert held.flat_rms <= 1
    assert held.flat_most <= 3


@pytest.mark.parametrize("size", [(512, 640), (1100, 1400)])
def test_a_flat_picture_changes_by_three_levels_at_most(size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), 120, np.uint8)
    flat[100:300, 100:300] = 200
    change = np.abs(mark(flat, PAYLOAD).astype(int) - flat)
    away = np.ones(size, bool)
    away[80:320, 80:320] = False
    assert change[away].max() <= 3
    assert np.sqrt((change[away] ** 2).mean()) <= 1


def test_strengths_differ_by_their_noise(picture: Picture) -> None:
    plane = luma(picture)
    light, normal, strong = (float((embed(plane, PAYLOAD, strength=each) ** 2).mean()) for each in Strength)
    assert light < normal < strong


@pytest.mark.parametrize(
    "name",
    [
        "JPEG 30",
        "WebP 60",
        "scaled 0.5",
        "scaled 1.5",
        "crop to 25 % of area",
        "turned by 5",
        "turned by 137",
        "turned by 90",
        "mirrored, turned by 8",
        "width - 10 %",
        "perspective 2 %",
        "letterboxed screenshot",
        "crop to 49 %, 0.8, JPEG 70",
        "noise 15",
        "median 3",
    ],
)
def test_a_mark_survives(name: str, marked: Picture) -> None:
    attack = next(each for each in ATTACKS if each.name == name)
    assert payloads(attack.apply(marked)) == [PAYLOAD]


def test_a_small_picture_takes_one_as_well() -> None:
    small = mark(scene(200, 260, seed=3), PAYLOAD)
    assert payloads(jpeg(small, 60)) == [PAYLOAD]


def test_a_large_picture_is_read_at_any_size() -> None:
    large = mark(scene(1500, 2000, seed=4), PAYLOAD)
    for picture in (large, scaled(large, 0.31), cropped(large, 0.5)):
        (found,) = detect(luma(picture))
        assert found.payload == PAYLOAD


def test_the_place_tells_turn_scale_and_region(marked: Picture) -> None:
    (found,) = detect(luma(turned(marked, 20)))
    assert found.place["rotation"] == pytest.approx(20, abs=0.3)
    (found,) = detect(luma(scaled(marked, 1.5)))
    assert found.place["scale"] == pytest.approx(1.5, abs=0.01)
    (found,) = detect(luma(framed(marked, 200, 150, 30)))
    assert found.place["region"] == pytest.approx([200, 150, 640, 512], abs=64)
    (found,) = detect(luma(marked[:, ::-1]))
    assert found.place["mirrored"] is True


def test_two_marked_pictures_side_by_side_are_both_read(marked: Picture) -> None:
    other = mark(scene(512, 640, seed=5), OTHER)
    both = np.concatenate([marked, other[:, 70:]], axis=1)
    assert set(payloads(both)) == {PAYLOAD, OTHER}


def test_a_picture_that_is_marked_twice_has_two_marks(marked: Picture) -> None:
    assert set(payloads(mark(marked, OTHER))) == {PAYLOAD, OTHER}


def test_only_the_secret_key_reads_what_it_wrote(picture: Picture) -> None:
    hidden = mark(picture, PAYLOAD, key=SECRET)
    assert payloads(hidden, key=SECRET) == [PAYLOAD]
    assert payloads(hidden) == []


def test_nothing_is_found_where_nothing_is(picture: Picture) -> None:
    for unmarked in (picture, scene(300, 300, seed=7), np.zeros((256, 256, 3), np.uint8)):
        assert payloads(unmarked) == []


def test_the_same_picture_is_marked_the_same_way(picture: Picture) -> None:
    plane = luma(picture)
    assert np.array_equal(embed(plane, PAYLOAD), embed(plane.copy(), PAYLOAD))


def test_invisible_pixels_stay_as_they_are(picture: Picture) -> None:
    visible = np.ones(picture.shape[:2], bool)
    visible[:, :200] = False
    difference = embed(luma(picture), PAYLOAD, visible=visible)
    assert not difference[~visible].any()
    assert difference[visible].any()


def test_what_takes_no_mark_says_why(picture: Picture) -> None:
    with pytest.raises(Unmarkable, match="500 x 150 pixels"):
        embed(luma(scene(150, 500)), PAYLOAD)
    with pytest.raises(Unmarkable, match="visible"):
        embed(luma(picture), PAYLOAD, visible=np.zeros(picture.shape[:2], bool))
    stripes = (np.indices((512, 512)).sum(axis=0) % 16 * 16).astype(np.float32)
    with pytest.raises(Unmarkable, match="regular"):
        embed(stripes, PAYLOAD)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 0, 255])
@pytest.mark.parametrize("size", [(0, 5), (1, 1), (1, 3000), (300, 300)])
def test_hostile_planes_are_marked_or_refused(value: float, size: tuple[int, int]) -> None:
    plane = np.full(size, value, np.float32)
    with contextlib.suppress(Unmarkable):
        assert np.isfinite(embed(plane, PAYLOAD)).all()
    assert detect(plane) == []


def test_a_picture_with_some_values_missing_is_marked(picture: Picture) -> None:
    plane = luma(picture)
    plane[100:150, 100:400] = np.nan
    difference = embed(plane, PAYLOAD)
    assert np.isfinite(difference).all()
    assert [each.payload for each in detect(plane + difference)] == [PAYLOAD]


def test_a_search_ends_when_patience_does(picture: Picture) -> None:
    assert detect(luma(picture), patience=0.0) == []


def test_every_key_makes_a_pattern() -> None:
    for number in range(6):
        made = pattern(WatermarkKey(number.to_bytes(16)))
        assert 60 <= len(made.template_rows) <= 72
        assert len(made.owner) == len(made.signs) == 2 * len(made.rows)
        assert made.tile(np.ones(368, np.float32)).var() == pytest.approx(1, abs=1e-3)


def test_a_reader_written_from_the_specification_alone_agrees(picture: Picture, marked: Picture) -> None:
    assert independent_image.identifier_in(luma(marked)) == PAYLOAD.identifier
    assert independent_image.identifier_in(luma(picture)) is None
    hidden = mark(picture, PAYLOAD, key=SECRET)
    assert independent_image.identifier_in(luma(hidden), SECRET.secret) == PAYLOAD.identifier


def test_a_trial_counts_what_was_read(picture: Picture) -> None:
    told: list[str] = []
    few = [each for each in ATTACKS if each.name in ("none", "JPEG 50") and each.group == "usual"]
    rows = run([("scene", picture)], attacks=few, report=told.append)
    assert [(row.attack, row.read, row.n) for row in rows] == [("none", 1, 1), ("JPEG 50", 1, 1), ("", 2, 2)]
    assert "PSNR" in told[0]


def test_an_interval_is_wilsons() -> None:
    assert Row("none", "usual", 10, 10).interval == pytest.approx((0.722, 1.0), abs=0.001)
    assert Row("none", "usual", 5, 10).interval == pytest.approx((0.237, 0.763), abs=0.001)


def test_large_and_odd_shapes_cost_bounded_time() -> None:
    ribbon = np.asarray(cv2.resize(luma(scene(200, 800, seed=9)), (9000, 200)), np.float32)
    assert [each.payload for each in detect(np.asarray(ribbon + embed(ribbon, PAYLOAD), np.float32))] == [PAYLOAD]


def test_the_place_in_a_long_strip_is_found_in_little_memory() -> None:
    worth = np.full((6_000, 6), -1.0, np.float32)
    worth[1_000:1_500, 2:4] = 1.0
    tracemalloc.start()
    found = image_region._heaviest(worth), image_region._heaviest(worth.T)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ((1_000, 2, 1_500, 4), (2, 1_000, 4, 1_500))
    assert peak < 20e6


def test_a_strip_that_is_too_long_takes_none_and_is_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_view, "LONGEST_STRIP", 1 << 20)
    strip = np.tile(luma(scene(768, 200)), (6, 1))
    marked = np.concatenate([strip + embed(strip, Payload("00000000000a")), strip])
    with pytest.raises(Unmarkable, match="200 x 9216 pixels, too long a strip"):
        embed(marked, Payload("00000000000b"))
    (found,) = detect(marked)
    assert found.place["region"][:3] == [0, 0, 200]
    assert found.place["region"][3] == pytest.approx(4608, abs=400)
