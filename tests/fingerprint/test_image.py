"""The fingerprint of pictures: copies agree where their watermark lies, whatever happened; other pictures do not."""

from __future__ import annotations

import struct
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kzlabel.demo.scenery import landscape
from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import image, image_frame
from kzlabel.watermark.detection import Detection, Geometry
from kzlabel.watermark.image import detect, embed
from kzlabel.watermark.image_view import working
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.trials.image_attacks import ATTACKS

PAYLOAD = Payload("0123456789ab")
HARM = {attack.name: attack.apply for attack in ATTACKS if attack.group != "small"}
Luma = np.ndarray


def luma(seed: int, width: int = 800, height: int = 600) -> Luma:
    return np.asarray(landscape(width, height, seed=seed).convert("L"), np.float32)


@cache
def mark(seed: int) -> Luma:
    return embed(luma(seed), PAYLOAD)


@cache
def original(seed: int = 1) -> Luma:
    return np.clip(np.rint(luma(seed) + mark(seed)), 0, 255).astype(np.float32)


def harmed(picture: Luma, name: str) -> Luma:
    colours = np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)
    return HARM[name](colours)[..., 0].astype(np.float32)


def compared(picture: Luma, copy: Luma) -> image_frame.Compared | None:
    printed = image.fingerprint(picture)
    found = detect(copy)
    assert printed
    assert found
    return image_frame.compared(printed, copy, found[0])


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "JPEG 50",
        "scaled 0.5",
        "scaled 1.5",
        "crop to 50 % of area",
        "crop to 25 % of area",
        "turned by 5",
        "turned by 90",
        "mirrored",
        "letterboxed screenshot",
        "height + 5 %",
        "perspective 2 %",
        "caption",
    ],
)
def test_a_copy_agrees(name: str) -> None:
    told = compared(original(), harmed(original(), name))
    assert told
    assert told.agreement.same, told.agreement.share


def test_the_place_of_a_crop_is_told() -> None:
    told = compared(original(), original()[120:520, 200:700])
    assert told
    places = np.array(told.frame)
    wanted = np.array([(200 / 800, 120 / 600), (700 / 800, 120 / 600), (700 / 800, 520 / 600), (200 / 800, 520 / 600)])
    assert np.abs(places - wanted).max() < 0.005


def test_a_mirrored_copy_has_its_corners_mirrored() -> None:
    told = compared(original(), harmed(original(), "mirrored"))
    assert told
    assert np.abs(np.array(told.frame) - np.array([(1, 0), (0, 0), (0, 1), (1, 1)])).max() < 0.005


def test_what_was_painted_over_disagrees_there_alone() -> None:
    copy = original().copy()
    copy[200:400, 300:500] = luma(9)[200:400, 300:500]
    told = compared(original(), copy)
    assert told
    assert told.agreement.same
    inside = [share for x, y, _, share in told.cells if 0.4 < x < 0.56 and 0.36 < y < 0.6]
    outside = [share for x, y, _, share in told.cells if x < 0.3 or x > 0.7]
    assert np.mean(inside) < 0.8
    assert np.mean(outside) > 0.98


def test_a_mark_copied_onto_another_picture_does_not_agree() -> None:
    for seed in (3, 5, 6):
        forged = np.clip(np.rint(luma(seed) + mark(1)), 0, 255).astype(np.float32)
        told = compared(original(), forged)
        assert told is None or not told.agreement.same


def test_two_pictures_blended_agree_with_neither() -> None:
    both = np.rint((original(1) + original(4)) / 2).astype(np.float32)
    for seed in (1, 4):
        printed = image.fingerprint(original(seed))
        assert printed
        told = image.whole_agreement(printed, working(both))
        assert told
        assert not told.same


def test_a_whole_copy_without_a_mark_is_compared_as_well() -> None:
    printed = image.fingerprint(original())
    assert printed
    same = image.whole_agreement(printed, working(harmed(original(), "scaled 0.5")))
    other = image.whole_agreement(printed, working(luma(7)))
    assert same
    assert other
    assert same.same
    assert not other.same
    assert image.whole_agreement(printed, working(luma(1)[:, :600])) is None


def test_other_pictures_do_not_agree() -> None:
    printed = [image.fingerprint(luma(seed)) for seed in range(8)]
    shares = [
        told.share
        for one in printed
        for other in printed
        if one and other and one is not other and (told := image.agreement(one, other))
    ]
    assert len(shares) == 56
    assert max(shares) < image.AGREEING


def test_a_picture_has_the_fingerprint_it_always_had() -> None:
    steps = np.random.default_rng(1).integers(0, 256, (6, 8)).astype(np.float32)
    told = image.fingerprint(np.kron(steps, np.ones((40, 40), np.float32)))
    assert told
    golden = bytes.fromhex(
        "0100f00140fffffffffffffffffc2b292b2962d12e31e383d2eedcc2ac732b692b291b352bf32653dba6f3d7562e6c82f9a6"
        "237129710ebde6b5f3a5198674720e28fbb50e6ecaadc7f5a391f71d0d4e2e700e39fdd551ced1cf51ce502aabd1f55c130d"
        "3911e9d204ea96d684ee96ffa7cf23cb55c8b67603ef142dab915128be11c9cad4ee31330e4ad9ae25510d7ca1130658f9a6"
        "2459ac08"
    )
    read, wanted = told, image.ImageFingerprint.from_bytes(golden)
    assert read.textured.tolist() == wanted.textured.tolist()
    # A mixture that is next to nothing may fall otherwise with another library's scaling.
    assert int((read.signs != wanted.signs).sum()) <= 3


@settings(max_examples=30)
@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 140), st.integers(1, 140)), elements=st.floats(width=32)))
def test_any_plane_has_one_or_none(plane: Luma) -> None:
    told = image.fingerprint(plane)
    if told:
        assert image.ImageFingerprint.from_bytes(told.to_bytes()).to_bytes() == told.to_bytes()


def test_a_ribbon_and_a_large_picture_stay_small() -> None:
    for shape in ((200, 30_000), (3000, 4000)):
        told = image.fingerprint(np.random.default_rng(1).integers(0, 255, shape).astype(np.float32))
        assert told
        assert len(told.to_bytes()) <= 16 << 10


@given(st.binary(max_size=80))
def test_other_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        told = image.ImageFingerprint.from_bytes(data)
    except UnreadableFile:
        return
    assert len(told.to_bytes()) == len(data)


@pytest.mark.parametrize(
    "matrix",
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((float("nan"), 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        ((1e9, 0.0, 0.0), (0.0, 1e9, 0.0), (0.0, 0.0, 1.0)),
        ((1e-3, 0.0, 0.0), (0.0, 1e-3, 0.0), (0.0, 0.0, 1.0)),
        ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.1, 0.1, -5.0)),
    ],
)
def test_a_geometry_that_no_reader_finds_lays_nothing(matrix: tuple[tuple[float, ...], ...]) -> None:
    assert image_frame.aligned(luma(1), Geometry(matrix)) is None  # type: ignore[arg-type]


def test_a_mark_without_a_geometry_compares_nothing() -> None:
    printed = image.fingerprint(original())
    assert printed
    assert image_frame.compared(printed, original(), Detection(PAYLOAD, 1, 1.0)) is None


@pytest.mark.parametrize("size", [(65_535, 65_535), (800, 800), (300, 4_000)])
def test_a_fingerprint_of_a_picture_that_no_working_picture_is_as_large_as_is_refused(size: tuple[int, int]) -> None:
    """Copies are scaled to its size: a thousand bytes must not ask for 17 GB."""
    rows, columns = image._grid(*size)
    data = struct.pack(">BHH", 1, *size) + bytes(-(-rows * columns // 8))
    with pytest.raises(UnreadableFile):
        image.ImageFingerprint.from_bytes(data)


@pytest.mark.parametrize("size", [(3_000, 4_000), (724, 725), (100, 9_000), (193, 20_000), (40, 70_000)])
def test_the_fingerprint_of_a_picture_of_any_size_is_read_back(size: tuple[int, int]) -> None:
    printed = image.fingerprint(np.zeros(size, np.float32))
    assert printed
    assert image.ImageFingerprint.from_bytes(printed.to_bytes()).textured.shape == printed.textured.shape


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_work_is_known_wherever_in_a_collage_it_stands(corner: tuple[int, int], side: int) -> None:
    small = original()
    height, width = small.shape
    whole = luma(7, width * side, height * side)
    top, left = ((side - 1) * at for at in corner)
    whole[top * height : (top + 1) * height, left * width : (left + 1) * width] = small
    printed = image.fingerprint(small)
    assert printed
    # As its reader would tell it; for so small a part it does not always find it.
    at = ((1.0, 0.0, left * width), (0.0, 1.0, top * height), (0.0, 0.0, 1.0))
    (mark, *_) = detect(small)
    assert mark.geometry
    lies = tuple(map(tuple, (np.array(at) @ np.array(mark.geometry.matrix)).tolist()))
    found = image_frame.compared(printed, whole, replace(mark, geometry=Geometry(lies)))
    assert found
    assert found.agreement.same
    assert np.allclose(found.frame[0], (-left, -top), atol=0.02)
