"""What is told of the place that a copy has in its original, and of how much was compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest

from kzlabel.fingerprint import sound
from kzlabel.media.audio.impression import SoundImpression
from kzlabel.media.base import overlap
from kzlabel.media.films.impression import FilmImpression
from kzlabel.media.programs.stretch import Stretch


@pytest.mark.parametrize(
    ("start", "length", "copy", "share"),
    [
        (0, 10, 10, 1),
        (2, 10, 5, 1),
        (0, 10, 40, 0.25),
        (-15, 20, 50, 0.4),
        (8, 10, 4, 0.5),
        (12, 10, 4, 0),
        (0, 1, 0, 0),
    ],
)
def test_the_share_of_a_copy_that_lies_in_the_original(start: float, length: float, copy: float, share: float) -> None:
    assert overlap(start, length, copy) == pytest.approx(share)
    assert overlap(start, length, copy, unsure=100) == (1 if copy else 0)


def test_a_film_that_goes_on_after_the_registered_one_is_not_told_as_a_copy_of_it() -> None:
    dice = np.random.default_rng(2)
    shown = [np.kron(dice.integers(0, 255, (18, 32)), np.ones((20, 20))).astype(np.uint8) for _ in range(90)]

    def film(seconds: int) -> FilmImpression:
        @contextmanager
        def frames(rate: Fraction, part: Stretch) -> Iterator[Iterator[np.ndarray]]:
            begin, length = part.start, part.options.get("t")
            end = min(float(seconds), begin + float(length)) if length else seconds
            yield iter([shown[int(begin + at / rate)] for at in range(int((end - begin) * rate))])

        return FilmImpression(frames, None, float(seconds))

    found = film(80).compared(film(10).fingerprints, None)
    assert found
    assert found.agrees
    assert found.place["covers"] == pytest.approx(10 / 80, abs=0.026)
    assert found.place["compared"] == [0.0, 30.0]
    whole = film(10).compared(film(10).fingerprints, None)
    assert whole
    assert (whole.place["covers"], "compared" in whole.place) == (1.0, False)


def test_a_recording_that_goes_on_after_the_registered_one_is_told_in_part() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 40 * sound.RATE).astype(np.float32)
    original = SoundImpression(noise[: 10 * sound.RATE])
    found = SoundImpression(noise).compared(original.fingerprints, None)
    assert found
    assert found.place["covers"] == pytest.approx(0.25, abs=0.02)
