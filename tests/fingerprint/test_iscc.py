"""The ISCC code of pictures: that of the standard's own package, and found by keys within seven bits."""

from __future__ import annotations

import iscc_core
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.demo.scenery import landscape
from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import iscc

codes = st.builds(iscc.ImageCode, st.integers(0, 2**64 - 1))
dice = np.random.default_rng(1)
GRIDS = {
    "noise": dice.integers(0, 256, (32, 32)),
    "smooth": np.add.outer(np.arange(32) * 3, np.arange(32) * 4),
    "flat": np.full((32, 32), 200),
    "stripes": np.tile([0, 255], (32, 16)),
    "one pixel": np.eye(1, 1024, 77).reshape(32, 32) * 255,
    "black": np.zeros((32, 32)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_the_code_is_that_of_the_reference(name: str) -> None:
    grid = GRIDS[name].astype(int)
    told = iscc_core.gen_image_code_v0(grid.flatten().tolist(), bits=64)["iscc"]
    assert str(iscc.of_pixels(grid.astype(np.float64))) == told


def test_a_picture_has_the_code_it_always_had() -> None:
    picture = np.asarray(landscape(640, 480, seed=3).convert("L"), np.float32)
    assert str(iscc.code(picture)) == "ISCC:EEAZ3GYCG364SAVW"


@given(codes)
def test_a_code_comes_back(code: iscc.ImageCode) -> None:
    assert iscc.ImageCode.from_bytes(code.to_bytes()) == code


@given(st.binary(max_size=40) | codes.map(lambda code: code.to_bytes()[:-1] + b"="))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        iscc.ImageCode.from_bytes(data)


def test_a_code_of_another_kind_is_refused() -> None:
    text = iscc_core.gen_text_code_v0("what somebody wrote", bits=64)["iscc"]
    with pytest.raises(UnreadableFile):
        iscc.ImageCode.from_bytes(text.encode())


@settings(max_examples=60)
@given(codes, st.sets(st.integers(0, 63), max_size=iscc.MOST_DIFFERING))
def test_whatever_differs_in_seven_bits_is_found(code: iscc.ImageCode, places: set[int]) -> None:
    other = iscc.ImageCode(code.bits ^ sum(1 << place for place in places))
    assert code.differing(other) == len(places)
    assert set(iscc.keys(code)) & set(iscc.query_keys(other))
