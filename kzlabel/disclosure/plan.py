"""What is to be disclosed, and the record of what was: pure data, shared by every medium."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..declaration import Source


class Position(StrEnum):
    """Where a badge stands."""

    TOP_RIGHT = "top-right"
    TOP = "top"
    TOP_LEFT = "top-left"
    BOTTOM_RIGHT = "bottom-right"
    BOTTOM = "bottom"
    BOTTOM_LEFT = "bottom-left"


class TextPlace(StrEnum):
    """Where a line of text is disclosed."""

    TOP = "top"
    BOTTOM = "bottom"
    BOTH = "both"


@dataclass(frozen=True)
class DisclosurePlan:
    """How one work is to be disclosed to people.

    source: chooses the wording. languages: in order of preference, each known to disclosure/wording.
    texts: own wording per language, in place of the shipped one. glyph_share: least height of the capitals over the
    picture's shorter side. glyph_pixels: the same in pixels. size: factor on the least height, at least 1.
    crop_safe: keep the badge whole in centred 1:1, 4:5 and 9:16 crops where the shape allows.
    notice: own recording in place of the shipped spoken notice.
    """

    source: Source = Source.GENERATED
    languages: tuple[str, ...] = ("kk", "ru", "en")
    texts: Mapping[str, str] = field(default_factory=dict)
    position: Position = Position.TOP_RIGHT
    size: float = 1.0
    glyph_share: float = 0.03
    glyph_pixels: int = 12
    crop_safe: bool = True
    text_place: TextPlace = TextPlace.TOP
    notice: Path | None = None


class Form(StrEnum):
    """How people perceive a disclosure."""

    BADGE = "badge"
    BORDER = "border"
    NOTICE = "notice"
    LINE = "line"


@dataclass(frozen=True)
class Region:
    """A rectangle in pixels of the picture as displayed, origin top left, with the picture's own size."""

    x: int
    y: int
    width: int
    height: int
    picture_width: int
    picture_height: int


@dataclass(frozen=True)
class DisclosureRecord:
    """What was drawn, said or written, and where; goes into the manifest, so that its removal is provable.

    languages, wording: what was really used, in order, after any fall-back. place: "top-right", "top", "start" ….
    region: pictures and films. seconds: (start, end) in films and recordings. glyph_height: pixels, measured on the
    capitals drawn. contrast: WCAG ratio, the least that was measured. loudness: LUFS of the notice.
    short: whether the short wording had to be taken. notes: what a person should know, such as a fall-back.
    """

    form: Form
    source: Source
    languages: tuple[str, ...]
    wording: tuple[str, ...]
    place: str
    region: Region | None = None
    seconds: tuple[float, float] | None = None
    glyph_height: int | None = None
    contrast: float | None = None
    loudness: float | None = None
    short: bool = False
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest and in `--json`: unset fields left out, numbers rounded."""
        region = self.region and {
            "x": self.region.x,
            "y": self.region.y,
            "width": self.region.width,
            "height": self.region.height,
            "pictureWidth": self.region.picture_width,
            "pictureHeight": self.region.picture_height,
        }
        values: dict[str, Any] = {
            "form": str(self.form),
            "source": str(self.source),
            "languages": list(self.languages),
            "wording": list(self.wording),
            "place": self.place,
            "region": region,
            "seconds": self.seconds and [round(second, 3) for second in self.seconds],
            "glyphHeight": self.glyph_height,
            "contrast": self.contrast and round(self.contrast, 2),
            "loudness": self.loudness and round(self.loudness, 1),
            "short": self.short or None,
            "notes": list(self.notes) or None,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DisclosureRecord:
        """Read what `to_json` writes, or a manifest recorded. Raises ValueError when it is no such record."""
        try:
            region, seconds = data.get("region"), data.get("seconds")
            return cls(
                form=Form(data["form"]),
                source=Source(data["source"]),
                languages=tuple(map(str, data["languages"])),
                wording=tuple(map(str, data["wording"])),
                place=str(data["place"]),
                region=region and Region(*(int(region[key]) for key in _REGION)),
                seconds=seconds and (float(seconds[0]), float(seconds[1])),
                glyph_height=data.get("glyphHeight"),
                contrast=data.get("contrast"),
                loudness=data.get("loudness"),
                short=bool(data.get("short", False)),
                notes=tuple(map(str, data.get("notes") or ())),
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"this is no record of a disclosure: {error!r}") from None


_REGION = ("x", "y", "width", "height", "pictureWidth", "pictureHeight")
