"""How strong a mark is: what it withstands against what could be noticed."""

from __future__ import annotations

from enum import StrEnum


class Strength(StrEnum):
    """Presets; docs/watermark.md has what each costs and withstands in each medium."""

    LIGHT = "light"
    """For works in which the last detail counts."""
    NORMAL = "normal"
    """Not noticed, and read after what platforms do; the default."""
    STRONG = "strong"
    """May be noticed by who looks for it side by side; for works that will go through much."""
