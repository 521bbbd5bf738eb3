"""Looking for marks in a recording as it comes: where a period begins, and how much faster or slower it runs.

The levels of a part of ten seconds, laid over each other period by period, are compared with the known cells at every
offset: first as they are, then for other speeds and tempi. The likeliest places are measured again more finely, and
the best of them are read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .audio_cells import HOP, PERIOD, WINDOW, layout, spectra
from .audio_folding import Hypothesis, Match, Part, fold, match, peaks
from .audio_rate import RATE
from .audio_reading import decode
from .detection import Detection, Tally
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


@dataclass(frozen=True)
class Effort:
    """refined: candidates of the search that are measured finely. read: of these, how many are read. sure: how far the
    known cells must stand out to be worth it, standard deviations: at unchanged speed, and in the search, in which
    chance alone reaches 4 in most parts. Where a mark can just be read, it is 5 on the average."""

    refined: int = 10
    read: int = 4
    sure: tuple[float, float] = (3.0, 3.9)


THOROUGH = Effort(refined=24, read=8, sure=(2.8, 3.6))


@dataclass(frozen=True)
class Candidate:
    likely: float
    hypothesis: Hypothesis
    offset: int = field(compare=False)
    parts: Sequence[Part] = field(compare=False, repr=False)


class Search:
    """push samples at 16 kHz, then finish; `found` at any time."""

    def __init__(self, key: WatermarkKey, *, patience: float, thorough: bool, tally: Tally) -> None:
        import numpy as np

        self._key = key
        self._plan = layout(key)
        self._patience, self._effort = patience, THOROUGH if thorough else Effort()
        self._began = time.monotonic()
        self._samples = np.zeros(WINDOW // 2, np.float32)  # frame 0 lies around sample 0
        self._hop = 0
        self._tally = tally
        self._detections: list[Detection] = []
        self._known: list[Hypothesis] = [Hypothesis()]
        self._earlier: Part | None = None
        self._matches: dict[Hypothesis, Match] = {}  # of the part before
        self._all: Floats | None = None  # every part at unchanged speed, laid over each other
        self._count = 0

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
        if self._count > 2 and not self._detections and self._all is not None:
            best = peaks(match(self._all, self._plan), 1)[0]
            if best[0] >= self._effort.sure[0]:
                self._decode(self._all, best[1], 0, self._hop, Hypothesis())

    def found(self) -> list[Detection]:
        return list(self._detections)

    def _take(self, hops: int) -> None:
        power = spectra(self._samples[: (hops - 1) * HOP + WINDOW])
        self._samples = self._samples[hops * HOP :]
        part = Part(self._hop, power)
        self._hop += hops
        if part.sounding:
            self._search(part)
            self._count += 1
        else:
            self._matches = {}
        self._earlier = part if part.sounding else None

    def _search(self, part: Part) -> None:
        """The part alone, and together with the one before it."""
        runs = [[part]] if self._earlier is None else [[part], [part, self._earlier]]
        before, self._matches = self._matches, {}  # of the part just before, and of no other
        usual = fold([part], Hypothesis())
        self._all = usual if self._all is None else self._all + usual
        for hypothesis in self._known:
            found = [self._candidate(run, hypothesis) for run in runs]
            if self._read(sorted(found, key=_likely), self._effort.sure[0]):
                return
        if time.monotonic() - self._began > self._patience / 2:
            return
        finer = [self._refined(candidate) for candidate in self._changed(runs, before)[: self._effort.refined]]
        best = sorted((self._candidate(run, h) for h in dict.fromkeys(finer) for run in runs), key=_likely)
        if read := self._read(best[: self._effort.read], self._effort.sure[1]):
            # The last ones only: a recording that changes its speed all the time must not become slow to read.
            self._known = [Hypothesis(), *self._known[1:][-2:], read.hypothesis]

    def _candidate(self, run: Sequence[Part], hypothesis: Hypothesis) -> Candidate:
        likely, offset = peaks(match(fold(run, hypothesis), self._plan), 1)[0]
        return Candidate(likely, hypothesis, offset, run)

    def _changed(self, runs: Sequence[Sequence[Part]], before: Mapping[Hypothesis, Match]) -> list[Candidate]:
        """All speeds and tempi, the likeliest first. before: how well the part before this one fits each of them."""
        found = []
        for hypothesis in _hypotheses():
            alone = self._matches[hypothesis] = match(fold(runs[0], hypothesis, COARSE), self._plan, COARSE)
            found += [Candidate(likely, hypothesis, offset, runs[0]) for likely, offset in peaks(alone, 1)]
            if hypothesis in before:
                both = alone + before[hypothesis]
                found += [Candidate(likely, hypothesis, offset, runs[1]) for likely, offset in peaks(both, 1)]
        return sorted(found, key=_likely)

    def _refined(self, candidate: Candidate) -> Hypothesis:
        pitch, tempo = candidate.hypothesis.pitch, candidate.hypothesis.tempo
        finer = [Hypothesis(pitch, round(tempo + step, 4)) for step in FINER]
        folded = [fold(candidate.parts, h, COARSE) for h in finer]
        best = max(range(len(finer)), key=lambda i: peaks(match(folded[i], self._plan, COARSE), 1)[0][0])
        return Hypothesis(1.0 if pitch == 1.0 else finer[best].tempo, finer[best].tempo)

    def _read(self, candidates: Iterable[Candidate], sure: float) -> Candidate | None:
        for one in candidates:
            if one.likely < sure:
                continue
            begin, end = min(p.first for p in one.parts), max(p.first + p.hops for p in one.parts)
            if self._decode(fold(one.parts, one.hypothesis), one.offset, begin, end, one.hypothesis):
                return one
        return None

    def _decode(self, folded: Floats, offset: int, begin: int, end: int, hypothesis: Hypothesis) -> bool:
        reading = decode(folded, offset, self._plan, self._key)
        self._tally.readings += reading.tried
        if reading.payload:
            span = begin * HOP / RATE, end * HOP / RATE
            self._note(reading.payload, reading.agreement, span, (hypothesis.pitch, hypothesis.tempo))
        return reading.payload is not None

    def _note(self, payload: Payload, agreement: float, span: tuple[float, float], speed: tuple[float, float]) -> None:
        known = next((d for d in self._detections if d.payload == payload), None)
        readings = self._tally.readings
        if known:
            span = min(span[0], known.place["span"][0]), max(span[1], known.place["span"][1])
            readings, agreement, speed = known.readings, max(agreement, known.agreement), known.speed
        found = Detection(payload, readings, agreement, {"span": [round(s, 2) for s in span]}, speed=speed)
        self._detections = [found if d is known else d for d in self._detections]
        if not known:
            self._detections.append(found)


def _hypotheses() -> list[Hypothesis]:
    steps = [round(k * STEP, 4) for k in range(-RANGE, RANGE + 1) if k]
    speeds = [Hypothesis(1 + round(round(s / PITCH_STEP) * PITCH_STEP, 4), 1 + s) for s in steps]
    return list(dict.fromkeys(speeds + [Hypothesis(1.0, 1 + s) for s in steps]))


def _likely(candidate: Candidate) -> float:
    return -candidate.likely
