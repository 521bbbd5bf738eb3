"""Sound at the rate of the analysis and back again, without delay, a stretch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

RATE = 16_000  # Hz, of all analysis
LOWEST, HIGHEST = 8_000, 192_000  # Hz, rates of recordings that are worked on

# The filter falls from 1 to 0 within 16 % on both sides of half the lower rate, and lies 70 dB down beyond: at 44.1 kHz
# nothing above 9.3 kHz folds into the bands up to 6.7 kHz.
TRANSITION, DEPTH = 0.16, 70.0
# No rate in use needs a larger denominator (11,025 Hz: 441 samples become 640); other rates are met to 1 in 100,000.
DENOMINATOR = 441
BATCH = 64  # samples at least that one product makes
TOGETHER = 256  # products at a time


@dataclass(frozen=True)
class Resampler:
    """Makes `up` samples out of each `down`; sample 0 stays sample 0."""

    up: int
    down: int

    @classmethod
    def to_analysis(cls, rate: int) -> Resampler:
        ratio = Fraction(RATE, rate).limit_denominator(DENOMINATOR)
        return cls(ratio.numerator, ratio.denominator)

    @property
    def inverse(self) -> Resampler:
        return Resampler(self.down, self.up)

    def needs(self, first: int, count: int) -> tuple[int, int]:
        """The first input sample, and the one after the last, that `count` outputs from `first` on depend on."""
        up, down = self._cycle
        return first // up * down - self._reach, -(-(first + count) // up) * down + self._reach + 1

    def convert(self, samples: Floats, start: int, first: int, count: int) -> Floats:
        """`count` outputs from `first` on.

        samples: (n,) float32, the input from its sample `start` on; what lies outside counts as silence. The result
        depends on `first` and `count`, not on how much input was given.
        """
        import numpy as np

        up, down = self._cycle
        begin, end = self.needs(first, count)
        padded = np.zeros(end - begin, np.float32)
        low, high = max(begin, start), min(end, start + len(samples))
        if high > low:
            padded[low - begin : high - begin] = samples[low - start : high - start]
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(self._matrix))[::down]
        made = [
            np.ascontiguousarray(windows[i : i + TOGETHER]) @ self._matrix for i in range(0, len(windows), TOGETHER)
        ]
        skip = first - first // up * up
        return np.concatenate(made).reshape(-1)[skip : skip + count]

    @cached_property
    def _cycle(self) -> tuple[int, int]:
        times = -(-BATCH // min(self.up, self.down))
        return self.up * times, self.down * times

    @cached_property
    def _reach(self) -> int:
        """Input samples on each side of an output: Kaiser's rule for the length of a filter."""
        import math

        width = 2 * math.pi * TRANSITION * min(1.0, self.up / self.down)
        return math.ceil((DEPTH - 8) / (2.285 * width) / 2)

    @cached_property
    def _matrix(self) -> Floats:
        """(down + 2 * reach + 1, up): the windowed sinc, one column for each output of a cycle."""
        import numpy as np

        up, down = self._cycle
        distance = np.arange(-self._reach, down + self._reach + 1)[:, None] - np.arange(up) * down / up
        cut = min(1.0, self.up / self.down)
        inside = np.clip(1 - (distance / self._reach) ** 2, 0, None)
        taper = np.i0(0.1102 * (DEPTH - 8.7) * np.sqrt(inside)) / np.i0(0.1102 * (DEPTH - 8.7))
        kernel = cut * np.sinc(cut * distance) * taper * (np.abs(distance) < self._reach)
        return kernel.astype(np.float32)
