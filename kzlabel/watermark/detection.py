"""What a reader found in a carrier, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import RequirementNotMet
from .payload import Payload, false_positive

# Probability that a mark is reported where there is none: up to the first `found`, up to the second `weak`.
FOUND, WEAK = 1e-9, 1e-5


class Certainty(StrEnum):
    FOUND = "found"
    WEAK = "weak"
    """A hint: counts only where a registry knows the identifier."""


@dataclass(frozen=True)
class Geometry:
    """How a pattern lies in a picture or in the frames of a film.

    matrix: (3, 3), rows of a map from points (x, y, 1) of the pattern's plane to the copy. In a picture: from pixels of
    the working picture as it was marked, a tile beginning at (0, 0), to pixels. In a film: from the units of its
    waves, (0, 0) its middle up to whole periods, to fractions of the frame's width and height.
    """

    matrix: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Detection:
    """A mark that was read.

    readings: how many were tried on this carrier up to and with this one, all hypotheses of the search counted.
    place: where it stands, as the medium tells (`region`, `span`), may be empty. agreement: share of the coded bits
    that were read as they were written, 0.5 to 1. geometry: of a mark in a picture or film, how it lies there.
    speed: of one in a recording, the recording's pitch and tempo over those that it was marked at.
    """

    payload: Payload
    readings: int
    agreement: float
    place: Mapping[str, Any] = field(default_factory=dict)
    geometry: Geometry | None = field(default=None, compare=False)
    speed: tuple[float, float] = field(default=(1.0, 1.0), compare=False)

    @property
    def false_positive(self) -> float:
        return false_positive(self.readings)

    @property
    def certainty(self) -> Certainty:
        return Certainty.FOUND if self.false_positive <= FOUND else Certainty.WEAK


@dataclass
class Tally:
    """What the searches of one work come to together.

    readings: that were tried so far. late: whether a search was given up for want of time.
    """

    readings: int = 0
    late: bool = False


class Unmarkable(RequirementNotMet):
    """The carrier is too small, too short or too plain for a mark; the sentence says which."""
