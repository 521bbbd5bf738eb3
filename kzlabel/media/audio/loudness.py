"""How loud a short sound is, and bringing it to a loudness: ITU-R BS.1770 in arrays. Knows no files.

Sounds here are (samples,), float64 or float32, full scale 1.0, one channel, at most half a minute: filters are applied
to the whole spectrum at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.floating[Any]]

BLOCK = 0.4  # seconds of one gating block, ITU-R BS.1770-5 annex 1
STEP = 0.1  # seconds from block to block: an overlap of 75 %
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU
OFFSET = -0.691  # dB, so that a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS

# The two stages of the K weighting as analogue prototypes, from which the standard's 48 kHz coefficients follow by the
# bilinear transform: a shelf for the head and a high-pass.
SHELF_HERTZ, SHELF_GAIN, SHELF_Q = 1681.97, 3.99984, 0.707175
HIGHPASS_HERTZ, HIGHPASS_Q = 38.1355, 0.500327

MAX_DRIVE = 20.0  # dB of limiting at most: beyond it speech turns to noise and gains no loudness
REACH = 0.004  # seconds over which the limiter bends the gain before and after a peak
CLOSE_ENOUGH = 0.15  # LU
TAPS = 12  # samples on each side that tell the height between two; the standard's own filter has 6


@dataclass(frozen=True)
class Levelled:
    """sound: as asked for. loudness: LUFS as measured. limited: whether peaks had to be held down."""

    sound: Sound
    loudness: float
    limited: bool


def levelled(sound: Sound, rate: int, target: float, *, ceiling: float, channels: int = 1) -> Levelled:
    """Bring a sound to `target` LUFS when played by `channels` loudspeakers alike, its true peak under `ceiling` dBTP.

    Where the ceiling is in the way, peaks are limited, and the loudness comes as near to the target as that allows.
    """
    spread = 10 * math.log10(channels)
    start = loudness(sound, rate)
    if start is None:
        return Levelled(sound, -math.inf, False)
    drive = target - spread - start
    highest = true_peak(sound, rate)
    if highest + drive <= ceiling:
        return Levelled(sound * 10 ** (drive / 20), target, False)
    most = ceiling - highest + MAX_DRIVE
    result = sound
    reached = -math.inf
    for _ in range(6):  # limiting takes loudness away, so the gain is found by approach
        drive = min(drive, most)
        result = limited(sound * 10 ** (drive / 20), rate, ceiling)
        before, reached = reached, (loudness(result, rate) or -math.inf) + spread
        if drive >= most or abs(target - reached) <= CLOSE_ENOUGH or reached - before < CLOSE_ENOUGH:
            break
        drive += target - reached
    return Levelled(result, reached, True)


def loudness(sound: Sound, rate: int) -> float | None:
    """Integrated loudness in LUFS of one channel; None when nothing passes the gate.

    A sound shorter than a block is measured with silence after it.
    """
    block, step = round(BLOCK * rate), round(STEP * rate)
    weighted = _weighted(np.pad(sound, (0, max(0, block - len(sound)))), rate)
    sums = np.concatenate([[0.0], np.cumsum(weighted**2)])
    starts = np.arange(0, len(weighted) - block + 1, step)
    power = (sums[starts + block] - sums[starts]) / block
    power = power[power > 10 ** ((ABSOLUTE_GATE - OFFSET) / 10)]
    if not len(power):
        return None
    power = power[power > power.mean() * 10 ** (RELATIVE_GATE / 10)]
    return float(OFFSET + 10 * np.log10(power.mean()))


def true_peak(sound: Sound, rate: int) -> float:
    """The highest peak between the samples too, in dBTP; -inf for silence."""
    highest = float(_envelope(sound, rate).max(initial=0.0))
    return 20 * math.log10(highest) if highest > 0 else -math.inf


def limited(sound: Sound, rate: int, ceiling: float) -> Sound:
    """Hold the true peak under `ceiling` dBTP by a gain that bends smoothly around each peak."""
    bound = 10 ** (ceiling / 20)
    reach = max(1, round(REACH * rate))
    need = np.minimum(1.0, bound / np.maximum(_envelope(sound, rate), 1e-9))
    result: Sound = sound * _smoothed(_lowest(need, reach), reach)
    # The moving gain itself may lift a peak between two samples by a hair.
    over = true_peak(result, rate) - ceiling
    return result * 10 ** (-over / 20) if over > 0 else result


def resampled(sound: Sound, rate: int, wanted: int) -> Sound:
    """The same sound at another rate, by cutting or padding its spectrum; it should begin and end in silence."""
    whole = rate // math.gcd(rate, wanted)
    padded = np.pad(sound, (0, -len(sound) % whole))
    length = len(padded) * wanted // rate
    spectrum = np.fft.rfft(padded)
    kept = np.zeros(length // 2 + 1, spectrum.dtype)
    kept[: len(spectrum)] = spectrum[: len(kept)]
    return np.fft.irfft(kept, length) * (wanted / rate)


def _weighted(sound: Sound, rate: int) -> Sound:
    """Through the K weighting, with room after it for the filters to ring out."""
    length = 1 << (len(sound) + rate // 4 - 1).bit_length()
    z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    spectrum = np.fft.rfft(sound, length) * _shelf(z, rate) * _highpass(z, rate)
    return np.fft.irfft(spectrum, length)[: len(sound)]


def _shelf(z: npt.NDArray[Any], rate: int) -> npt.NDArray[Any]:
    k = math.tan(math.pi * SHELF_HERTZ / rate)
    high = 10 ** (SHELF_GAIN / 20)
    middle = high**0.4996667741545416
    above = (
        (high + middle * k / SHELF_Q + k * k) + 2 * (k * k - high) * z + (high - middle * k / SHELF_Q + k * k) * z**2
    )
    result: npt.NDArray[Any] = above / _denominator(z, k, SHELF_Q)
    return result


def _highpass(z: npt.NDArray[Any], rate: int) -> npt.NDArray[Any]:
    k = math.tan(math.pi * HIGHPASS_HERTZ / rate)
    # The standard leaves the numerator unscaled: 1, -2, 1 over a denominator that begins with 1.
    scale = 1 + k / HIGHPASS_Q + k * k
    result: npt.NDArray[Any] = (1 - 2 * z + z**2) * scale / _denominator(z, k, HIGHPASS_Q)
    return result


def _denominator(z: npt.NDArray[Any], k: float, q: float) -> npt.NDArray[Any]:
    result: npt.NDArray[Any] = (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    return result


def _envelope(sound: Sound, rate: int) -> Sound:
    """The absolute peak at and after each sample, four times oversampled up to 48 kHz, twice up to 96."""
    factor = 4 if rate <= 48_000 else 2 if rate <= 96_000 else 1
    result: Sound = np.abs(sound)
    places = np.arange(-TAPS, TAPS)
    for phase in range(1, factor):
        away = phase / factor + places
        kernel = np.sinc(away) * np.cos(np.pi * away / (2 * TAPS + 2)) ** 2
        between = np.convolve(np.pad(sound, (TAPS - 1, TAPS)), kernel / kernel.sum(), "valid")
        result = np.maximum(result, np.abs(between))
    return result


def _lowest(values: Sound, reach: int) -> Sound:
    """The least of the `reach` values before and after each one; 1 beyond the ends."""
    width = 2 * reach + 1
    result: Sound = np.pad(values, reach, constant_values=1.0)
    span = 1
    while span < width:
        step = min(span, width - span)
        result = np.minimum(result[:-step], result[step:])
        span += step
    return result


def _smoothed(values: Sound, reach: int) -> Sound:
    """Means over two windows in a row, which together look no further than `reach`."""
    for width in (reach | 1, reach | 1):
        half = width // 2
        sums = np.concatenate([[0.0], np.cumsum(np.pad(values, half, mode="edge"))])
        values = (sums[width:] - sums[:-width]) / width
    return values
