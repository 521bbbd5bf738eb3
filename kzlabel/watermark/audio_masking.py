"""What the ear does not notice: how far each band may change while the sound itself hides the change."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .audio_cells import HOPS, WINDOW, band_weights
from .audio_rate import RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

STEP = 0.5  # bark, width of the bands in which hearing is modelled
# How far below a masker a change is hidden, dB: a tone hides less (14.5 + its bark), noise more; and how fast masking
# falls off towards lower and higher pitches, dB per bark (Johnston, 1988; Schroeder, Atal and Hall, 1979).
TONE, NOISE = 14.5, 6.0
DOWNWARDS, UPWARDS = 27.0, 12.0
# Masking works hardly backwards in time. A frame of 32 ms reaches 16 ms before its middle: where the frames before it
# hide less, it may exceed them only by what its window takes away there, dB for 8, 16 and 24 ms.
BEFOREHAND = (4.0, 12.0, 24.0)
QUIET = 512 * 0.375 * 1e-9  # power of one band that nobody hears, some 90 dB below full scale


def thresholds(power: Floats) -> Floats:
    """(hops, bins) power -> (barks, hops): the power that is just hidden, for one bin of each band."""
    import numpy as np

    model = _model()
    spectrum = np.ascontiguousarray(power.T)
    energy = model.member @ spectrum
    geometric = np.exp((model.wide @ (model.member @ np.log(spectrum + 1e-20))) / model.wide_count)
    flatness = (10 / np.log(10)) * np.log(geometric / ((model.wide @ energy) / model.wide_count + 1e-20) + 1e-12)
    tonal = np.clip(flatness / -20, 0, 1)
    offset = tonal * (TONE + model.middle) + (1 - tonal) * NOISE
    hidden: Floats = model.spread @ (energy * np.exp(offset * (-np.log(10) / 10))) / model.count
    return hidden


def budget(power: Floats, hidden: Floats, *, above: float, cap: float) -> Floats:
    """How many dB each band may gain or lose: (bands, hops).

    above: dB over the threshold that a band may reach where its whole budget is used. cap: dB at most.
    """
    import cv2
    import numpy as np

    model, weights = _model(), band_weights()
    hidden = hidden.copy()
    for back, allowance in enumerate(BEFOREHAND, 1):
        limit = hidden[:, :-back] * np.float32(10 ** (allowance / 10))
        hidden[:, back:] = np.minimum(hidden[:, back:], limit)
    allowed = (weights @ model.member.T) @ hidden * np.float32(10 ** (above / 10))
    held = weights @ power.T
    change = (20 / np.log(10)) * np.log1p(np.sqrt(allowed / (held + 1e-12)))
    # A cell is as free as its least free hop.
    lowest = cv2.erode(change, np.ones((1, HOPS), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.minimum(lowest, cap).astype(np.float32)


def noise_to_mask(noise: Floats, hidden: Floats) -> Floats:
    """(barks, hops): the power of `noise`, (hops, bins), over what is hidden."""
    import numpy as np

    model = _model()
    ratio: Floats = (model.member @ noise.T) / np.maximum(hidden * model.count, QUIET)
    return ratio


def restraint(ratio: Floats, limit: float) -> Floats:
    """(bands, hops), 0..1: what the gains must be multiplied by, for `ratio` to stay below `limit` everywhere.

    A hop is heard in the frames that overlap it.
    """
    import cv2
    import numpy as np

    worst = cv2.dilate(ratio, np.ones((1, 2 * HOPS + 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
    held = np.sqrt(np.minimum(1, limit / np.maximum(worst, 1e-9)))
    share = band_weights() @ _model().member.T
    factors: Floats = (share / share.sum(axis=1, keepdims=True)) @ held
    return factors


class _Model:
    """member: (barks, bins), 1 where a bin lies in a band; count: its bins; middle: bark; spread: (barks, barks);
    wide: (barks, barks), the bands within 1 bark, over which tones are told from noise."""

    def __init__(self) -> None:
        import numpy as np

        frequency = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
        bark = 13 * np.arctan(0.00076 * frequency) + 3.5 * np.arctan((frequency / 7500) ** 2)
        lower = np.arange(0, bark[-1], STEP)
        member = ((bark >= lower[:, None]) & (bark < lower[:, None] + STEP)).astype(np.float32)
        self.member = member[member.any(axis=1)]
        self.count = self.member.sum(axis=1, keepdims=True)
        self.middle = ((self.member @ bark.astype(np.float32))[:, None] / self.count).astype(np.float32)
        apart = self.middle - self.middle.T  # a row's band above a column's: positive
        spread = 10 ** (-np.where(apart >= 0, UPWARDS * apart, -DOWNWARDS * apart) / 10)
        self.spread = (spread / spread.sum(axis=1).max()).astype(np.float32)
        self.wide = (np.abs(apart) < 1).astype(np.float32)
        self.wide_count = self.wide @ self.count


@cache
def _model() -> _Model:
    return _Model()
