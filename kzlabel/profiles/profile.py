"""One regime's rules, read from the data file of its name."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..errors import UsageError


@dataclass(frozen=True)
class Rule:
    """One requirement. status: "law", "mandatory standard", "voluntary code" or "own choice"."""

    id: str
    text: str
    source: str
    status: str


@dataclass(frozen=True)
class Profile:
    """What one regime asks of a labelled file.

    languages: of the disclosure, in order. layers: what must be there. glyph_share: least height of the badge's
    capitals over the shorter side. glyph_pixels: the same in pixels. crop_safe: see DisclosurePlan.
    aigc: whether the GB 45438 AIGC field is written.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    layers: tuple[str, ...]
    glyph_share: float
    glyph_pixels: int
    crop_safe: bool
    aigc: bool
    rules: tuple[Rule, ...]

    def rule(self, id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == id), None)


def profile_names() -> tuple[str, ...]:
    """The names of all regimes known, sorted."""
    folder = resources.files(__package__)
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def load_profile(name: str) -> Profile:
    """The profile of this name. Raises UsageError that names the known ones."""
    if name not in profile_names():
        raise UsageError(f"there is no profile {name!r}; choose one of {', '.join(profile_names())}")
    data = tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text("utf-8"))
    return Profile(
        name=name,
        title=data["title"],
        languages=tuple(data["languages"]),
        layers=tuple(data["layers"]),
        glyph_share=data["glyph_share"],
        glyph_pixels=data["glyph_pixels"],
        crop_safe=data["crop_safe"],
        aigc=data["aigc"],
        rules=tuple(Rule(**rule) for rule in data["rules"]),
    )
