"""What is told of a picture's place in the one that it is a copy of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.fingerprint import iscc
from kzlabel.media.images.impression import PictureImpression, _covered

SLIGHT = st.floats(-1e-3, 1e-3)


@pytest.mark.parametrize(("left", "top", "share"), [(0, 0, 0.25), (-1, 0, 0.25), (-1, -1, 0.25), (-0.5, 0.5, 0.125)])
@given(slips=st.tuples(*(SLIGHT,) * 8))
def test_the_share_of_a_collage_that_shows_the_original(
    left: float, top: float, share: float, slips: tuple[float, ...]
) -> None:
    """The edges of both nearly fall together."""
    corners = ((left, top), (left + 2, top), (left + 2, top + 2), (left, top + 2))
    frame = tuple((x + slips[2 * at], y + slips[2 * at + 1]) for at, (x, y) in enumerate(corners))
    assert _covered(frame) == pytest.approx(share, abs=0.01)


def test_a_copy_that_shows_nothing_else_shows_the_original_alone() -> None:
    assert _covered(((0.2, 0.2), (0.8, 0.2), (0.8, 0.6), (0.2, 0.6))) == 1.0
    assert _covered(((2.0, 2.0), (3.0, 2.0), (3.0, 3.0), (2.0, 3.0))) == 0.0
    assert _covered(((0.0, 0.0),) * 4) == 0.0


def test_a_picture_of_which_too_few_cells_say_anything_has_no_fingerprint_of_cells() -> None:
    """One of 24 cells with 12 that do would have 32 bytes, and be taken for the digest of a larger one."""
    luma = np.full((128, 192), 128, np.float32)
    luma[:, :96] = np.random.default_rng(1).uniform(0, 255, (128, 96))
    (only,) = PictureImpression(luma).fingerprints
    assert only.algorithm == iscc.ALGORITHM
