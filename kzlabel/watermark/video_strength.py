"""How strong a pattern one film bears: as strong as its encoder codes it without many more bytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .detection import Unmarkable
from .strength import Strength
from .video_sums import SWITCH

MIN_SECONDS = 1.0  # below, too few frames for the changes of the picture to average out
TRIAL_SHARE, MIN_TRIAL, MAX_TRIAL = 0.12, 16, 75  # of a film's frames; frames
# Seconds after each change in which the mark is shown, at the least, on films that do not bear it always: in few frames
# it outlives what a fainter one does not that is always there.
PULSE = 1.1
# Times its budget that a film may grow by for the faintest mark, shown for so short. A film that pans evenly could
# double, and still lose most of the mark.
MOST_OVER = 2.0


# Pixels; and the level, in grey levels rms, that is tried first on a film of fewer. Its Y-PSNR is 47.3 dB.
SMALL, SMALL_LEVEL = 1 << 19, 1.1


@dataclass(frozen=True)
class Dose:
    """level: grey levels, rms. shown: how many of the SWITCH seconds between changes, the first ones, show the mark."""

    level: float
    shown: float = SWITCH


@dataclass(frozen=True)
class Budget:
    """levels: that are tried, the strongest first. share: by which a film may grow, or else by so many kbit/s."""

    levels: tuple[float, ...]
    share: float
    kilobits: float


BUDGETS = {
    Strength.LIGHT: Budget((0.45, 0.35, 0.25), 0.06, 30),
    Strength.NORMAL: Budget((0.85, 0.65, 0.5, 0.35), 0.12, 50),
    Strength.STRONG: Budget((1.1, 0.85, 0.65, 0.45), 0.25, 100),
}

# Shares of a trial: where the sign changes; and up to where no frame is touched by that, though the pause comes before,
# and frames are not coded in order.
CHANGE, CALM = 0.7, 0.4

Trial = Callable[[float | None], Sequence[int]]
"""Encodes `trial_frames` frames out of the middle of the film as the film will be encoded, marked with this strength or
(None) not at all, the sign changing after CHANGE of them. Returns the bytes of each frame, a keyframe first."""


def trial_frames(frames: int) -> int:
    """How many frames a trial takes for a film of so many, so that three of them cost little beside the whole."""
    return min(frames, max(MIN_TRIAL, min(MAX_TRIAL, round(TRIAL_SHARE * frames))))


def choose_strength(
    trial: Trial,
    *,
    frames: int,
    rate: float,
    key_distance: int,
    pixels: int = SMALL,
    strength: Strength = Strength.NORMAL,
) -> Dose:
    """The strongest dose that a film bears, of so many frames, rate a second, keyframes at most so far apart.

    pixels: of a frame; a film of fewer than SMALL may get more, for its short waves outlive less.

    Calls `trial` at most six times, on most films twice. Raises Unmarkable for a film that is too short, or would grow
    too much.
    """
    seconds = frames / rate
    if seconds < MIN_SECONDS:
        raise Unmarkable(f"the clip is {seconds:.1f} s long, too short for a watermark")
    budget = BUDGETS[strength]
    plain = trial(None)
    keys = -(-frames // max(1, key_distance))
    whole = keys * plain[0] + (frames - keys) * _mean(plain[1:])
    allowed = max(budget.share * whole, budget.kilobits * 125 * seconds)
    costs: dict[float, _Cost] = {}
    level = budget.levels[0]
    for level in (*((SMALL_LEVEL,) if pixels < SMALL and strength is Strength.NORMAL else ()), *budget.levels):
        cost = _Cost.of(plain, trial(level))
        if cost.borne(allowed, keys, frames, seconds) >= SWITCH:
            return Dose(level)
        # A level always shown goes before the next stronger one shown for short.
        for earlier, one in costs.items():
            if (shown := one.borne(allowed, keys, frames, seconds)) >= PULSE:
                return Dose(earlier, math.floor(10 * shown) / 10)
        costs[level] = cost
    shown = costs[level].borne(allowed, keys, frames, seconds)
    grown = costs[level].growth(PULSE, keys, frames, seconds)
    if shown < PULSE and grown > MOST_OVER * allowed:
        raise Unmarkable(f"even the faintest one would make the film larger by {grown / whole:.0%}")
    return Dose(level, max(PULSE, math.floor(10 * shown) / 10))


@dataclass(frozen=True)
class _Cost:
    """Bytes that a mark of one level adds: to a keyframe, to each other frame, and for each change."""

    key: float
    frame: float
    change: float

    @classmethod
    def of(cls, plain: Sequence[int], marked: Sequence[int]) -> _Cost:
        grown = [after - before for before, after in zip(plain, marked, strict=False)] or [0]
        calm, changing = grown[1 : round(CALM * len(grown))], grown[round(CALM * len(grown)) :]
        each = _mean(calm or changing)
        return cls(grown[0], each, max(0.0, sum(changing) - len(changing) * each))

    def growth(self, shown: float, keys: int, frames: int, seconds: float) -> float:
        """By how many bytes a film grows that shows the mark for so many of SWITCH seconds."""
        return shown / SWITCH * self._always(keys, frames) + seconds // SWITCH * self.change

    def borne(self, allowed: float, keys: int, frames: int, seconds: float) -> float:
        """Seconds out of SWITCH for which a film may show the mark if it is to grow by no more than `allowed` bytes."""
        always = self._always(keys, frames)
        left = allowed - seconds // SWITCH * self.change
        if always <= left:
            return SWITCH
        return SWITCH * max(0.0, left) / always if always > 0 else 0.0

    def _always(self, keys: int, frames: int) -> float:
        return keys * self.key + (frames - keys) * self.frame


def _mean(sizes: Sequence[int]) -> float:
    return sum(sizes) / max(1, len(sizes))
