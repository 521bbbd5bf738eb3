"""Adds up the frames of a film, so that the mark stays and the picture averages or cancels out.

The mark changes its sign every SWITCH seconds. What stands still for longer than that, and so does not average out,
cancels in the difference of the pictures before and after a change.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SWITCH = 4  # seconds
# Seconds without a mark before each change: so it comes in two steps, which are noticed less, by eyes, and by encoders
# that would begin anew with a keyframe.
PAUSE = 0.1
SECTION = 1.0  # seconds whose frames are added up at once
GROUP = 0.125  # seconds whose frames are whitened as one
# Half the side of the squares, in pixels of a frame of 2^17, that are averaged over, twice: for what changes slowly,
# and for how much changes around a place.
SLOW, NEAR = 2.0, 3.0
FLOOR = 4.0  # variance, in grey levels squared: of rounding and coding, where a picture is flat
MOST = 3.0  # deviations that a pixel counts for


@dataclass
class Section:
    """The frames of one second. plain: their sum. whitened: the sum of their whitened groups."""

    start: float
    end: float
    frames: int
    plain: Floats
    whitened: Floats

    def turned(self) -> Section:
        """With rows and columns exchanged."""
        return Section(self.start, self.end, self.frames, self.plain.T.copy(), self.whitened.T.copy())


@dataclass
class Group:
    """Frames that follow closely, which look alike and are whitened as one. plain: their sum."""

    start: float
    end: float
    frames: int
    plain: Floats

    def begin(self) -> Section:
        return Section(self.start, self.end, self.frames, self.plain, self.whitened)

    @property
    def whitened(self) -> Floats:
        import numpy as np

        count = np.float32(self.frames)
        return whiten(self.plain / count) * count


@dataclass
class Sums:
    """Sections of a stretch of film, in order."""

    sections: list[Section] = field(default_factory=list)
    group: Group | None = None

    def add(self, frame: Floats, time: float, duration: float = 0.0) -> None:
        """frame: (h, w) luma, float32 0..255. time, duration: seconds. `close` after the last."""
        group = self.group
        if group and time < group.start + GROUP - 1e-6 and time < self._section_end(group) - 1e-6:
            group.frames += 1
            group.end = time + duration
            group.plain += frame
            return
        self.close()
        self.group = Group(time, time + duration, 1, frame.copy())

    def close(self) -> None:
        """Put the last group into its section."""
        group, self.group = self.group, None
        if group is None:
            return
        last = self.sections[-1] if self.sections else None
        if last is None or group.start >= last.start + SECTION - 1e-6:
            self.sections.append(group.begin())
            return
        last.end = group.end
        last.frames += group.frames
        last.plain += group.plain
        last.whitened += group.whitened

    def _section_end(self, group: Group) -> float:
        begun = self.sections[-1].start if self.sections else group.start
        return begun + SECTION if group.start < begun + SECTION - 1e-6 else group.start + SECTION

    def signs(self, phase: int) -> list[int]:
        """The sign of the mark in each section, if it changed first after `phase` sections."""
        begun = self.sections[0].start
        places = [round((section.start - begun) / SECTION) for section in self.sections]
        return [1 if (place - phase) // SWITCH % 2 else -1 for place in places]

    def constant(self) -> Floats:
        """For a mark that does not change, or a picture."""
        return total([section.whitened for section in self.sections])

    def changing(self, phase: int) -> Floats:
        """For a mark that changes, on a picture that moves."""
        signs = self.signs(phase)
        return total([section.whitened * sign for section, sign in zip(self.sections, signs, strict=True)])

    def pulses(self, phase: int) -> Floats:
        """For a mark that is shown for one section only after each change, on a picture that moves."""
        begun = self.sections[0].start
        shown = [(round((one.start - begun) / SECTION) - phase) % SWITCH == 0 for one in self.sections]
        signs = self.signs(phase)
        return total(
            [one.whitened * (sign * here) for one, sign, here in zip(self.sections, signs, shown, strict=True)]
        )

    def differences(self, phase: int) -> Floats | None:
        """For a mark that changes, on a picture that stands still. None if there was no change."""
        import numpy as np

        signs = self.signs(phase)
        runs: list[tuple[int, list[Section]]] = []
        for section, sign in zip(self.sections, signs, strict=True):
            if not runs or runs[-1][0] != sign:
                runs.append((sign, []))
            runs[-1][1].append(section)
        means = [total([one.plain for one in run]) / np.float32(sum(one.frames for one in run)) for _, run in runs]
        parts = [
            whiten((after - before) * runs[place + 1][0])
            for place, (before, after) in enumerate(itertools.pairwise(means))
        ]
        return total(parts) if parts else None


def whiten(picture: Floats) -> Floats:
    """Take off what changes slowly, and weigh each place by how quiet it is there."""
    import cv2
    import numpy as np

    # Odd numbers of pixels, the same share of a frame of any size.
    scale = math.sqrt(picture.size / (1 << 17))
    slow, near = (2 * round(half * scale) + 1 for half in (SLOW, NEAR))
    rest = picture - cv2.blur(cv2.blur(picture, (slow, slow)), (slow, slow))
    variance = cv2.blur(cv2.blur(rest * rest, (near, near)), (near, near)) + np.float32(FLOOR)
    deviation = cv2.sqrt(variance)
    return np.asarray(np.clip(rest / deviation, -MOST, MOST) / deviation, np.float32)


def total(parts: list[Floats]) -> Floats:
    import numpy as np

    return np.asarray(np.sum(np.stack(parts), axis=0, dtype=np.float32), np.float32)
