"""How many marks came through: rows of a trial's table, the same for every medium."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_Z = 1.959964  # standard deviations on both sides that hold 95 % of a normal distribution


@dataclass(frozen=True)
class Row:
    """attack: its name, or "" for a whole group. read: of n works or frames. missed: names of works."""

    attack: str
    group: str
    read: int
    n: int
    missed: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %, of the share that was read (Wilson, 1927)."""
        if not self.n:
            return 0.0, 1.0
        share, weight = self.read / self.n, 1 + _Z * _Z / self.n
        middle = (share + _Z * _Z / (2 * self.n)) / weight
        half = _Z / weight * math.sqrt(share * (1 - share) / self.n + _Z * _Z / (4 * self.n * self.n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "attack": self.attack,
            "group": self.group,
            "read": self.read,
            "n": self.n,
            "low": round(low, 4),
            "high": round(high, 4),
            "missed": list(self.missed),
        }

    def __str__(self) -> str:
        low, high = self.interval
        share = f"{self.read / self.n:7.1%}" if self.n else "      -"
        name = self.attack or f"all of {self.group}"
        missed = f"  {', '.join(self.missed)}" if self.missed else ""
        return f"{name:<38} {self.read:>5} of {self.n:<5} {share} ({low:.1%} to {high:.1%}){missed}"


def total(group: str, rows: Sequence[Row]) -> Row:
    """All rows of a group as one."""
    own = [row for row in rows if row.group == group]
    return Row("", group, sum(row.read for row in own), sum(row.n for row in own))


def identifier_of(name: str) -> str:
    """An identifier for a work in a trial, the same each time."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]
