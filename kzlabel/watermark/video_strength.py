"""How strong a pattern one film bears: as strong as its encoder codes it without many more bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .detection import Unmarkable
from .strength import Strength

MIN_SECONDS = 1.0  # below, too few frames for the changes of the picture to average out
TRIAL_SHARE, MIN_TRIAL, MAX_TRIAL = 0.08, 8, 60  # of a film's frames; frames


@dataclass(frozen=True)
class Budget:
    """levels: grey levels, rms, the strongest first. share: by which a film may grow, or else by so many kbit/s."""

    levels: tuple[float, ...]
    share: float
    kilobits: float


BUDGETS = {
    Strength.LIGHT: Budget((0.45, 0.35, 0.25), 0.06, 30),
    Strength.NORMAL: Budget((0.85, 0.65, 0.45, 0.35, 0.25), 0.12, 60),
    Strength.STRONG: Budget((1.1, 0.85, 0.65, 0.45, 0.35), 0.25, 120),
}

Trial = Callable[[float | None], Sequence[int]]
"""Encodes the first `trial_frames` frames at a place in the film, marked with this strength or (None) not at all,
as the film will be encoded. Returns the bytes of each frame, a keyframe first."""


def trial_frames(frames: int) -> int:
    """How many frames a trial takes for a film of so many, so that three of them cost little beside the whole."""
    return min(frames, max(MIN_TRIAL, min(MAX_TRIAL, round(TRIAL_SHARE * frames))))


def choose_strength(
    trial: Trial, *, frames: int, rate: float, key_distance: int, strength: Strength = Strength.NORMAL
) -> float:
    """The strength, in grey levels rms, for a film of so many frames, rate a second, keyframes at most so far apart.

    Calls `trial` at most four times, on an ordinary film twice. Raises Unmarkable for a film that is too short.
    """
    if frames / rate < MIN_SECONDS:
        raise Unmarkable(f"the clip is {frames / rate:.1f} s long, too short for a watermark")
    budget = BUDGETS[strength]
    plain = _expected(trial(None), frames, key_distance)
    allowed = max(budget.share * plain, budget.kilobits * 125 * frames / rate)
    # Bisection; most films bear the strongest, so begin there.
    levels = budget.levels
    fits, fails = len(levels) - 1, -1
    tried = 0
    while fits - fails > 1:
        if _expected(trial(levels[tried]), frames, key_distance) - plain <= allowed:
            fits = tried
        else:
            fails = tried
        tried = (fits + fails + 1) // 2
    return levels[fits]


def _expected(sizes: Sequence[int], frames: int, key_distance: int) -> float:
    """Bytes of the whole film, from those of the first frames."""
    keys = -(-frames // max(1, key_distance))
    rest = sizes[1:] or sizes
    return keys * sizes[0] + (frames - keys) * sum(rest) / max(1, len(rest))
