"""Reads marks out of summed frames: hypotheses on the mark's changes, poses of its pattern, words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .detection import Detection, Geometry
from .keys import WatermarkKey
from .payload import Payload, read
from .video_carriers import CODE, Carriers, unit, waves_at
from .video_search import Pose, candidates, data, refined, scales
from .video_spectrum import Spectrum
from .video_sums import SWITCH, Section, Sums, total

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

POSES = 4  # of each summed picture that are looked at closely
READ = 12  # poses that are read at once, the likeliest of all
AGAIN = 4  # of them, how many are read again, the sections weighed by their pilots
LIST = 2  # words of each reading
# In sigmas: how much of the mark a section must show to count as marked.
PRESENT = 4.0
PART = 12  # sections that are searched at once where a film is taken apart
SHORTEST_PART = 3


@dataclass(frozen=True)
class Hit:
    """sections: the first and the last that show the mark. geometry: None where it was found turned by a quarter."""

    payload: Payload
    agreement: float
    sections: tuple[int, int]
    geometry: Geometry | None


@dataclass
class Reader:
    """readings: words checked so far, all hypotheses counted. budget: seconds it may still take."""

    key: WatermarkKey
    carriers: Carriers
    budget: float
    thorough: bool = False
    uncut: bool = False
    readings: int = 0

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Time spent within is taken off the budget."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.budget -= time.monotonic() - begun

    @property
    def late(self) -> bool:
        return self.budget <= 0

    def marks(self, sums: Sums) -> list[Detection]:
        """All marks in a stretch of film, in order of time."""
        found: list[Detection] = []
        todo = [sums.sections]
        whole = True
        while todo and not self.late:
            sections = todo.pop(0)
            hit = self._any(sections)
            if hit:
                first, last = hit.sections
                span = [round(sections[first].start, 3), round(sections[last].end, 3)]
                found.append(Detection(hit.payload, self.readings, hit.agreement, {"span": span}, hit.geometry))
                todo += [part for part in (sections[:first], sections[last + 1 :]) if len(part) >= SHORTEST_PART]
            elif whole and self.thorough and len(sections) > PART:
                todo += [sections[start : start + PART] for start in range(0, len(sections) - PART // 3, PART * 2 // 3)]
            whole = False
        return sorted(found, key=lambda one: one.place["span"][0])

    def _any(self, sections: list[Section]) -> Hit | None:
        with self.clock():
            hit = self._search(Sums(sections), scales(near=self.uncut))
        if hit or not self.thorough:
            return hit
        for stretched, turned in ((False, True), (True, False), (True, True)):
            if hit or self.late:
                break
            with self.clock():
                sums = Sums([one.turned() for one in sections] if turned else sections)
                hit = self._search(sums, scales(stretched=stretched))
            if hit and turned:
                hit = replace(hit, geometry=None)
        return hit

    def _search(self, sums: Sums, tried: NDArray[np.float64]) -> Hit | None:
        poses: list[tuple[Pose, Spectrum]] = []
        for picture in _hypotheses(sums):
            spectrum = Spectrum.of(picture)
            poses += [(pose, spectrum) for pose in candidates(spectrum, self.carriers, tried, POSES)]
        poses.sort(key=lambda one: -abs(one[0].peak))
        closer = [(refined(spectrum, self.carriers, pose), spectrum) for pose, spectrum in poses[:READ]]
        closer.sort(key=lambda one: -abs(one[0].peak))
        hit = self._read(closer)
        if not hit and len(sums.sections) > 1:
            hit = self._read([(pose, Spectrum.of(self._weighed(sums, pose))) for pose, _ in closer[:AGAIN]])
        if not hit:
            return None
        payload, agreement, pose = hit
        present = self._presence(sums.sections, payload, pose)
        return Hit(payload, agreement, (present[0], present[-1]), _geometry(sums.sections[0].plain.shape, pose))

    def _read(self, poses: list[tuple[Pose, Spectrum]]) -> tuple[Payload, float, Pose] | None:
        import numpy as np

        if not poses:
            return None
        soft = self.carriers.soft(np.stack([data(spectrum, self.carriers, pose) for pose, spectrum in poses]))
        for (pose, _), row, words in zip(poses, soft, CODE.decode(soft, best=LIST), strict=True):
            for word in words:
                self.readings += 1
                payload = read(word, self.key)
                if payload:
                    agreement = float((np.sign(row) == 1.0 - 2.0 * CODE.encode(word)).mean())
                    return payload, agreement, pose
        return None

    def _weighed(self, sums: Sums, pose: Pose) -> Floats:
        """The sections added up by how much they show of the pilots."""
        import numpy as np

        shown = self._drawn(sums.sections[0], pose, self.carriers.pilot_places, self.carriers.pilots)
        weights = [float(np.vdot(section.whitened, shown)) for section in sums.sections]
        smooth = np.convolve(np.pad(weights, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
        return total(
            [section.whitened * np.float32(weight) for section, weight in zip(sums.sections, smooth, strict=True)]
        )

    def _presence(self, sections: list[Section], payload: Payload, pose: Pose) -> list[int]:
        """The sections in which the mark is seen; all, where the picture drowns it."""
        import numpy as np

        shown = self._drawn(sections[0], pose, *self.carriers.amplitudes(payload, self.key))
        size = float(np.linalg.norm(shown))
        seen = np.array(
            [float(np.vdot(one.whitened, shown)) / (size * float(one.whitened.std()) + 1e-9) for one in sections]
        )
        present = np.abs(seen) > PRESENT
        change = np.abs(seen[SWITCH:] - seen[:-SWITCH]) > PRESENT
        present[SWITCH:] |= change
        present[:-SWITCH] |= change
        return np.flatnonzero(present).tolist() or list(range(len(sections)))

    def _drawn(
        self, section: Section, pose: Pose, places: NDArray[np.int64], amplitudes: NDArray[np.complex64]
    ) -> Floats:
        """The waves as they lie in the frames."""
        import numpy as np

        height, width = section.plain.shape
        step = unit(height, width)
        down = (np.arange(height) - height // 2) * step * pose.down - pose.offset[0]
        across = (np.arange(width) - width // 2) * step * pose.across - pose.offset[1]
        return waves_at(down, across, places, amplitudes)


def _geometry(shape: tuple[int, ...], pose: Pose) -> Geometry:
    height, width = shape
    step = unit(height, width)
    (down, up), (across, left) = (
        # From units to pixels of the frames, whose middle pixel is the origin, and on to fractions.
        (1 / (step * scale * side), (offset / (step * scale) + side // 2 + 0.5) / side)
        for scale, offset, side in ((pose.down, pose.offset[0], height), (pose.across, pose.offset[1], width))
    )
    return Geometry(((across, 0.0, left), (0.0, down, up), (0.0, 0.0, 1.0)))


def _hypotheses(sums: Sums) -> Iterator[Floats]:
    """Summed pictures, one of which shows the mark if there is one."""
    yield sums.constant()
    if len(sums.sections) < 2:
        return
    for phase in range(SWITCH):
        yield sums.changing(phase)
        yield sums.pulses(phase)
        difference = sums.differences(phase)
        if difference is not None:
            yield difference
