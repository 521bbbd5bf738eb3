"""What a container module offers: the named places in a file's bytes where marks live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from ..limits import Limits


class Slot(StrEnum):
    """A kind of place for a mark; formats share them."""

    XMP = "xmp"
    EXIF = "exif"
    TAGS = "tags"


@dataclass(frozen=True)
class Tag:
    """One named text value, such as an ID3 TXXX frame, a Vorbis comment or a PNG tEXt chunk.

    name: the tag's own name in the file. value: its text. place: where it stands, for a person ("ID3 TXXX").
    """

    name: str
    value: str
    place: str = ""


@dataclass(frozen=True)
class Slots:
    """The marks of one file, or those to be written into one.

    xmp: every XMP packet found, in file order, without the xpacket wrapper's trailing padding guaranteed away;
    to be written: at most one. exif: the TIFF-structured EXIF block without any "Exif\\0\\0" prefix.
    tags: text values. manifest: whether a C2PA manifest store is embedded.
    damage: one sentence for each block that was there and could not be parsed; the others are still returned.
    """

    xmp: tuple[bytes, ...] = ()
    exif: bytes | None = None
    tags: tuple[Tag, ...] = ()
    manifest: bool = False
    damage: tuple[str, ...] = ()

    def values(self, name: str) -> Iterable[str]:
        """The values of all tags of this name, letter case aside."""
        return (tag.value for tag in self.tags if tag.name.casefold() == name.casefold())


class Container(Protocol):
    """One container format. Knows bytes, never pixels or samples; raises UnreadableFile or LimitExceeded only."""

    holds: frozenset[Slot]
    """The slots that `write` can fill; `read` may return more."""

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        """Find every slot. A damaged block goes into `damage` and hides no other. Never reads media data."""
        ...

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        """Fill the slots given in place, in a file that is our own temporary copy; keep all that is not named.

        xmp replaces the packet that is there; exif replaces the block; a tag replaces tags of the same name.
        """
        ...


@runtime_checkable
class Carrying(Protocol):
    """Optional: a container whose picture is encoded anew by a library that drops what it does not know."""

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy into `target` what `source` holds beside the picture and `target` lacks, C2PA manifests excepted."""
        ...
