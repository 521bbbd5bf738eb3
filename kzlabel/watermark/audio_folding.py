"""The levels of a recording laid over each other period by period, and compared with the known cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from .audio_cells import CELLS, HOPS, PERIOD, SYNC_CELLS, Layout, band_weights, levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hypothesis:
    """pitch: of the recording over that of the original; tempo: the same of time, 1.05 is faster."""

    pitch: float = 1.0
    tempo: float = 1.0


@dataclass(frozen=True, eq=False)
class Match:
    """values: for each offset of a period's beginning, how well the known cells agree. size: what chance makes of it,
    as a variance. coarse: hops from one offset to the next."""

    values: Floats
    size: float
    coarse: int

    def __add__(self, other: Match) -> Match:
        return Match(self.values + other.values, self.size + other.size, self.coarse)


class Part:
    """A stretch of a recording. first: its first hop, counted from where the recording begins. power: (hops, bins)."""

    def __init__(self, first: int, power: Floats) -> None:
        self.first, self.hops = first, len(power)
        self._power = power
        self._levels: dict[tuple[float, int], Floats] = {}

    @cached_property
    def sounding(self) -> bool:
        """Not silence; 100 dB below full scale nothing is heard."""
        return bool(self._power.sum(dtype="f8") > 1e-6 * self.hops)

    def levels(self, pitch: float, coarse: int) -> Floats:
        """(bands, hops / coarse): the residual levels times their weights, of unit size."""
        import numpy as np

        known = self._levels.get((pitch, coarse))
        if known is not None:
            return known
        power = self._power if coarse == 1 else self._halved
        found = levels(band_weights(pitch) @ power.T, hops=HOPS // coarse)
        weighted = found.residual * found.weight
        weighted /= np.sqrt(np.square(weighted).mean()) + 1e-9
        # Exact pitches are used once, those of the search again and again.
        if pitch == 1.0 or coarse > 1:
            self._levels[pitch, coarse] = weighted
        return weighted

    @cached_property
    def _halved(self) -> Floats:
        even = len(self._power) // 2 * 2
        halved: Floats = self._power[:even:2] + self._power[1:even:2]
        return halved


def fold(parts: Sequence[Part], hypothesis: Hypothesis, coarse: int = 1) -> Floats:
    """(bands, 640 / coarse): the sum over all periods in the parts. Hop 0 is where the recording, played as the
    original was, would begin."""
    import numpy as np

    period = PERIOD // coarse
    total: Floats | int = 0
    for part in parts:
        values = part.levels(hypothesis.pitch, coarse)
        begin = part.first / coarse * hypothesis.tempo
        start = int(np.ceil(begin))
        if hypothesis.tempo != 1.0:
            count = int((values.shape[1] - 1) * hypothesis.tempo + begin) - start
            nearest = np.rint((np.arange(start, start + count) - begin) / hypothesis.tempo).astype(np.intp)
            values = np.take(values, nearest, axis=1)
        lead = start % period
        whole = -(-(lead + values.shape[1]) // period) * period
        padded = np.zeros((len(values), whole), np.float32)
        padded[:, lead : lead + values.shape[1]] = values
        total = total + padded.reshape(len(values), -1, period).sum(axis=1)
    return total  # type: ignore[return-value]


def match(folded: Floats, plan: Layout, coarse: int = 1) -> Match:
    """How well the known cells agree with a fold, for all offsets."""
    import numpy as np

    spectrum = (np.fft.rfft(folded, axis=1) * _pattern(plan, coarse)).sum(axis=0)
    values = np.fft.irfft(spectrum, folded.shape[1]).astype(np.float32)
    return Match(values, float(np.square(folded).sum()) * SYNC_CELLS / folded.shape[1], coarse)


def peaks(one: Match, count: int) -> list[tuple[float, int]]:
    """The highest values, in standard deviations, and their offsets in hops, no two within a cell."""
    import numpy as np

    values, found = one.values / np.sqrt(one.size + 1e-9), []
    for _ in range(count):
        at = int(values.argmax())
        found.append((float(values[at]), at * one.coarse))
        near = np.arange(at - HOPS // one.coarse, at + HOPS // one.coarse + 1) % len(values)
        values[near] = -np.inf
    return found


@lru_cache(maxsize=16)
def _pattern(plan: Layout, coarse: int) -> NDArray[np.complex64]:
    import numpy as np

    cell = HOPS // coarse
    place = np.zeros((len(plan.sync), CELLS * cell), np.float32)
    place[:, cell // 2 :: cell] = plan.sync
    return np.conj(np.fft.rfft(place, axis=1))
