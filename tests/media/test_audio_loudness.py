from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from kzlabel.media.audio.loudness import levelled, limited, loudness, resampled, true_peak
from kzlabel.media.audio.waves import write_wave
from tests.media.sounds import loudness as measured
from tests.media.sounds import music, speech


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_loudness_and_true_peak_agree_with_ebur128(rate: int, tmp_path: Path) -> None:
    sound = speech(3, rate, level=-20)[:, 0]
    write_wave(sound, rate, tmp_path / "a.wav")
    integrated, peak = measured(tmp_path / "a.wav")
    assert loudness(sound, rate) == pytest.approx(integrated, abs=0.15)
    assert true_peak(sound, rate) == pytest.approx(peak, abs=0.3)


def test_a_sine_at_full_scale_reads_as_the_standard_says() -> None:
    time = np.arange(5 * 48_000) / 48_000
    assert loudness(np.sin(2 * np.pi * 997 * time), 48_000) == pytest.approx(-3.01, abs=0.02)


def test_silence_has_no_loudness_and_no_peak() -> None:
    assert loudness(np.zeros(48_000), 48_000) is None
    assert true_peak(np.zeros(100), 48_000) == -math.inf
    assert not levelled(np.zeros(48_000), 48_000, -20, ceiling=-1).sound.any()


def test_a_quiet_target_is_met_by_gain_alone() -> None:
    result = levelled(speech(3)[:, 0], 48_000, -33.0, ceiling=-1.0, channels=2)
    assert not result.limited
    assert loudness(result.sound, 48_000) == pytest.approx(-33.0 - 3.01, abs=0.05)


def test_a_loud_target_is_met_as_far_as_the_ceiling_lets_it() -> None:
    sound = speech(3)[:, 0]
    for target, reachable in ((-14.0, True), (-3.0, False)):
        result = levelled(sound, 48_000, target, ceiling=-1.0)
        assert result.limited
        assert true_peak(result.sound, 48_000) <= -1.0 + 1e-6
        assert (abs(result.loudness - target) < 0.5) == reachable


def test_the_limiter_leaves_alone_what_is_far_from_a_peak() -> None:
    sound = np.full(48_000, 0.1)
    sound[24_000] = 1.0
    result = limited(sound, 48_000, -6.0)
    assert np.allclose(result[:20_000], 0.1, rtol=1e-3)
    assert np.abs(result).max() <= 10 ** (-6 / 20) + 1e-6


def test_the_limiter_holds_the_true_peak_of_dense_music() -> None:
    assert true_peak(limited(music(2)[:, 0], 44_100, -3.0), 44_100) <= -3.0 + 1e-6


def test_another_rate_keeps_the_sound() -> None:
    time = np.arange(22_050) / 22_050
    tone = np.sin(2 * np.pi * 440 * time)
    longer = resampled(tone, 22_050, 48_000)
    assert len(longer) == 48_000
    assert np.allclose(longer, np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000), atol=1e-6)
