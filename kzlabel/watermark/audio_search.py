"""Looking for marks in a recording as it comes: where a period begins, and how much faster or slower it runs.

The levels of a part of ten seconds, laid over each other period by period, are compared with the known cells at every
offset. The likeliest places are measured again by the energy of their coded bits, and the best of them are read.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .audio_cells import (
    HOP,
    HOPS,
    PERIOD,
    SYNC_CELLS,
    WINDOW,
    Layout,
    band_weights,
    bands,
    layout,
    levels,
    spectra,
)
from .audio_rate import RATE
from .audio_reading import decode
from .detection import Detection
from .keys import WatermarkKey
from .payload import Payload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PATIENCE = 120.0  # s
PART = 2 * PERIOD  # hops that are searched together, 10.24 s; the last part is up to half as long again
SHORTEST = PERIOD // 2  # hops

# Speeds (pitch and time) and tempi (time alone) that are tried besides the unchanged one: +-5.4 %, in steps that move
# the ends of a part by less than a quarter of a cell; and pitches, in steps of a sixth of a band.
RANGE, STEP, PITCH_STEP = 18, 0.003, 0.01
FINER = (-0.002, -0.0015, -0.001, -0.0005, 0.0, 0.0005, 0.001, 0.0015, 0.002)
COARSE = 2  # hops that are one in the search

# How far the energy of the coded bits must exceed chance to be worth decoding, standard deviations.
WORTH = 3.0
EPSILON, QUANTILE = 0.2, 0.1


@dataclass(frozen=True)
class Hypothesis:
    """pitch: of the recording over that of the original; tempo: the same of time, 1.05 is faster."""

    pitch: float = 1.0
    tempo: float = 1.0


@dataclass(frozen=True)
class Candidate:
    likely: float
    hypothesis: Hypothesis
    offset: int
    folded: Floats = field(repr=False, compare=False)


class Search:
    """push samples at 16 kHz, then finish; `found` at any time."""

    def __init__(self, key: WatermarkKey, *, patience: float, thorough: bool) -> None:
        import numpy as np

        self._key = key
        self._plan = layout(key)
        self._patience, self._thorough = patience, thorough
        self._began = time.monotonic()
        self._samples = np.zeros(WINDOW // 2, np.float32)  # frame 0 lies around sample 0
        self._hop = 0
        self._readings = 0
        self._detections: list[Detection] = []
        self._known: list[Hypothesis] = []
        self._earlier: Spectrogram | None = None

    @property
    def spent(self) -> bool:
        return time.monotonic() - self._began > self._patience

    def push(self, samples: Floats) -> None:
        import numpy as np

        self._samples = np.concatenate([self._samples, samples])
        while len(self._samples) >= (PART + PART // 2) * HOP + WINDOW and not self.spent:
            self._take(PART)

    def finish(self) -> None:
        hops = (len(self._samples) - WINDOW) // HOP + 1
        if hops >= SHORTEST and not self.spent:
            self._take(hops)

    def found(self) -> list[Detection]:
        return list(self._detections)

    def _take(self, hops: int) -> None:
        """Search the next part, alone and together with the one before it."""
        part = Spectrogram(self._hop, spectra(self._samples[: (hops - 1) * HOP + WINDOW]), self._plan)
        self._samples = self._samples[hops * HOP :]
        self._hop += hops
        self._search(part)
        self._earlier = part

    def _search(self, part: Spectrogram) -> None:
        if not part.sounding:
            return
        both = [part] if self._earlier is None else [part, self._earlier]
        for hypothesis in (Hypothesis(), *self._known):
            for parts in (both[:1], both)[: len(both)]:
                if self._read(_best(_folded(parts, hypothesis), hypothesis, self._plan, 2), parts):
                    return
        if time.monotonic() - self._began > self._patience / 2:
            return
        count = 24 if self._thorough else 8
        for likely in self._changed(part)[:count]:
            parts = both
            refined = self._refined(likely, parts)
            if self._read([refined], parts):
                self._known.append(refined.hypothesis)
                return

    def _read(self, candidates: list[Candidate], parts: list[Spectrogram]) -> bool:
        for candidate in candidates:
            if candidate.likely < WORTH:
                continue
            reading = decode(candidate.folded, candidate.offset, self._plan, self._key)
            self._readings += reading.tried
            if reading.payload:
                self._note(reading.payload, reading.agreement, parts)
                return True
        return False

    def _note(self, payload: Payload, agreement: float, parts: list[Spectrogram]) -> None:
        begin = min(p.first for p in parts) * HOP / RATE
        end = max(p.first + p.hops for p in parts) * HOP / RATE
        for i, known in enumerate(self._detections):
            if known.payload == payload:
                span = [min(begin, known.place["span"][0]), max(end, known.place["span"][1])]
                self._detections[i] = Detection(
                    payload, known.readings, max(agreement, known.agreement), {"span": [round(s, 2) for s in span]}
                )
                return
        place = {"span": [round(begin, 2), round(end, 2)]}
        self._detections.append(Detection(payload, self._readings, agreement, place))

    def _changed(self, part: Spectrogram) -> list[Candidate]:
        """All speeds and tempi of one part, the likeliest first."""
        steps = [k * STEP for k in range(-RANGE, RANGE + 1) if k]
        hypotheses = [Hypothesis(1 + round(s / PITCH_STEP) * PITCH_STEP, 1 + s) for s in steps]
        hypotheses += [Hypothesis(1.0, 1 + s) for s in steps]
        found = []
        for hypothesis in hypotheses:
            folded = part.fold(hypothesis, COARSE)
            found += _best(folded, hypothesis, self._plan, 2, COARSE)
        return sorted(found, key=lambda c: -c.likely)

    def _refined(self, candidate: Candidate, parts: list[Spectrogram]) -> Candidate:
        pitch, tempo = candidate.hypothesis.pitch, candidate.hypothesis.tempo
        best = candidate
        found = []
        for finer in FINER:
            same = pitch == 1.0 and abs(tempo - 1) > PITCH_STEP / 2
            hypothesis = Hypothesis(1.0 if same else round(tempo + finer, 4), tempo + finer)
            found += _best(_folded(parts, hypothesis), hypothesis, self._plan, 1)
        best = max(found, key=lambda c: c.likely)
        return best


class Spectrogram:
    """One part of a recording. first: its first hop. power: (hops, bins)."""

    def __init__(self, first: int, power: Floats, plan: Layout) -> None:
        self.first, self.hops = first, len(power)
        self._power = power
        self._plan = plan
        self._levels: dict[tuple[float, int], Floats] = {}

    @cached_property
    def sounding(self) -> bool:
        return bool(self._power.sum(dtype="f8") > 1e-6 * self.hops)

    def fold(self, hypothesis: Hypothesis, coarse: int = 1) -> Floats:
        """(bands, 640 / coarse): the weighted levels, period over period, of unit size; hops counted from where the
        recording begins."""
        import numpy as np

        values = self._weighted(hypothesis.pitch, coarse)
        tempo, period = hypothesis.tempo, PERIOD // coarse
        begin = self.first / coarse * tempo
        start = int(np.ceil(begin))
        count = int((values.shape[1] - 1) * tempo + begin) - start
        if tempo != 1.0:
            index = np.rint((start + np.arange(count) - begin) / tempo).astype(np.intp)
            values = values[:, np.minimum(index, values.shape[1] - 1)]
        lead = start % period
        padded = np.zeros((len(values), -(-(lead + values.shape[1]) // period) * period), np.float32)
        padded[:, lead : lead + values.shape[1]] = values
        return padded.reshape(len(values), -1, period).sum(axis=1)

    def _weighted(self, pitch: float, coarse: int) -> Floats:
        import numpy as np

        pitch = round(pitch, 3)
        if (pitch, coarse) not in self._levels:
            if len(self._levels) > 24:
                self._levels.clear()
            power = self._power if coarse == 1 else self._halved
            found = levels(band_weights(pitch) @ power.T, hops=HOPS // coarse)
            floor = np.quantile(found.smooth[:, ::4], QUANTILE, axis=1, keepdims=True)
            weight = found.weight * (EPSILON + np.clip(1 - floor / (found.smooth + 1e-20), 0, 1))
            weighted = found.residual * weight
            weighted /= np.sqrt(np.square(weighted).mean()) + 1e-9
            self._levels[pitch, coarse] = weighted.astype(np.float32)
        return self._levels[pitch, coarse]

    @cached_property
    def _halved(self) -> Floats:
        even = len(self._power) // COARSE * COARSE
        halved: Floats = self._power[:even:2] + self._power[1:even:2]
        return halved


def _folded(parts: list[Spectrogram], hypothesis: Hypothesis) -> Floats:
    total = parts[0].fold(hypothesis)
    for part in parts[1:]:
        total = total + part.fold(hypothesis)
    return total


def _best(folded: Floats, hypothesis: Hypothesis, plan: Layout, count: int, coarse: int = 1) -> list[Candidate]:
    """The likeliest offsets of one fold."""
    import numpy as np

    period = PERIOD // coarse
    pattern = _pattern(plan, coarse)
    match = np.fft.irfft((np.fft.rfft(folded, axis=1) * pattern).sum(axis=0), period)
    found = []
    size = np.sqrt(np.square(folded).sum() / period * SYNC_CELLS) + 1e-9
    for _ in range(count):
        offset = int(match.argmax())
        near = np.arange(offset - HOPS // coarse, offset + HOPS // coarse + 1) % period
        found.append(Candidate(float(match[offset] / size), hypothesis, offset * coarse, folded))
        match[near] = -np.inf
    return found


def _pattern(plan: Layout, coarse: int) -> NDArray[np.complex64]:
    import numpy as np

    place = np.zeros((bands(), PERIOD // coarse), np.float32)
    place[:, HOPS // coarse // 2 :: HOPS // coarse] = plan.sync
    return np.conj(np.fft.rfft(place, axis=1))
