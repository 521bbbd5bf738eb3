"""How strong a pattern one film bears: as strong as its encoder codes it without many more bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .detection import Unmarkable
from .strength import Strength
from .video_sums import SWITCH

MIN_SECONDS = 1.0  # below, too few frames for the changes of the picture to average out
TRIAL_SHARE, MIN_TRIAL, MAX_TRIAL = 0.08, 16, 60  # of a film's frames; frames


@dataclass(frozen=True)
class Budget:
    """levels: grey levels, rms, the strongest first. share: by which a film may grow, or else by so many kbit/s."""

    levels: tuple[float, ...]
    share: float
    kilobits: float


BUDGETS = {
    Strength.LIGHT: Budget((0.45, 0.35, 0.25), 0.06, 30),
    Strength.NORMAL: Budget((0.85, 0.65, 0.55, 0.45, 0.35, 0.25), 0.12, 50),
    Strength.STRONG: Budget((1.1, 0.85, 0.65, 0.55, 0.45, 0.35), 0.25, 120),
}

# Shares of a trial: where the sign changes; and up to where no frame is touched by that, in the order of coding and with
# the pause before the change.
CHANGE, CALM = 0.7, 0.4

Trial = Callable[[float | None], Sequence[int]]
"""Encodes `trial_frames` frames out of the middle of the film as the film will be encoded, marked with this strength or
(None) not at all, the sign changing after CHANGE of them. Returns the bytes of each frame, a keyframe first."""


def trial_frames(frames: int) -> int:
    """How many frames a trial takes for a film of so many, so that three of them cost little beside the whole."""
    return min(frames, max(MIN_TRIAL, min(MAX_TRIAL, round(TRIAL_SHARE * frames))))


def choose_strength(
    trial: Trial, *, frames: int, rate: float, key_distance: int, strength: Strength = Strength.NORMAL
) -> float:
    """The strength, in grey levels rms, for a film of so many frames, rate a second, keyframes at most so far apart.

    Calls `trial` at most four times, on most films twice. Raises Unmarkable for a film that is too short.
    """
    seconds = frames / rate
    if seconds < MIN_SECONDS:
        raise Unmarkable(f"the clip is {seconds:.1f} s long, too short for a watermark")
    budget = BUDGETS[strength]
    plain = trial(None)
    keys = -(-frames // max(1, key_distance))
    whole = keys * plain[0] + (frames - keys) * _mean(plain[1:])
    allowed = max(budget.share * whole, budget.kilobits * 125 * seconds)

    def fits(level: float) -> bool:
        marked = trial(level)
        grown = [after - before for before, after in zip(plain, marked, strict=False)]
        calm, changing = grown[1 : round(CALM * len(grown))], grown[round(CALM * len(grown)) :]
        each = _mean(calm or changing)
        change = max(0.0, sum(changing) - len(changing) * each)
        return keys * grown[0] + (frames - keys) * each + seconds // SWITCH * change <= allowed

    # Most films bear the strongest, so begin there; then by halves. The weakest need not fit.
    low, high, place = 0, len(budget.levels) - 1, 0
    while low < high:
        if fits(budget.levels[place]):
            high = place
        else:
            low = place + 1
        place = (low + high) // 2
    return budget.levels[high]


def _mean(sizes: Sequence[int]) -> float:
    return sum(sizes) / max(1, len(sizes))
