"""The mark of films: read after what happens to films, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from kzlabel.watermark.detection import Unmarkable
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.video import detect, detect_still, pattern

PAYLOAD = Payload("0123456789ab")


def picture(width: int, height: int, seed: int = 1) -> np.ndarray:
    dice = np.random.default_rng(seed)
    waves = np.fft.rfft2(dice.normal(size=(height, width)))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    waves /= np.maximum(np.hypot(down, across), 1 / width) ** 1.1
    plane = np.fft.irfft2(waves, (height, width))
    return (128 + 40 * (plane - plane.mean()) / plane.std()).clip(16, 235)


def test_a_still_picture_is_read_by_its_changes() -> None:
    base = picture(640, 360)
    away = pattern(640, 360, PAYLOAD, strength=0.65).astype(float) - 128
    frames = [(base + (away if i // 8 % 2 == 0 else -away)).round().astype(np.uint8) for i in range(20)]
    (found,) = detect(frames, 2.0)
    assert found.payload == PAYLOAD
    assert found.place["span"] == [0.0, 10.0]


def test_a_single_frame_is_read() -> None:
    away = pattern(1280, 720, PAYLOAD, strength=0.85).astype(float) - 128
    (found,) = detect_still((picture(1280, 720) / 3 + away).round().astype(np.uint8))
    assert found.payload == PAYLOAD


def test_an_unmarked_film_gives_nothing() -> None:
    assert detect([picture(640, 360, seed).astype(np.uint8) for seed in range(3)], 1.0) == []


def test_a_small_film_is_refused() -> None:
    with pytest.raises(Unmarkable):
        pattern(160, 90, PAYLOAD)


def test_another_key_reads_nothing() -> None:
    away = pattern(640, 360, PAYLOAD, key=WatermarkKey(b"a secret of our own")).astype(float) - 128
    assert detect_still(128 + away) == []
