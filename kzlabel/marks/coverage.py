"""What the hard binding of a manifest leaves out, and whether it could be a part of the work itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..containers.boxes import BoxWalker
from ..errors import LimitExceeded, UnreadableFile
from ..limits import DEFAULT_LIMITS
from .binding import DataHash

_MAX_PLACES = 200  # byte ranges listed

# What a hash over a film may leave out and still be one over all that is seen and heard: by the rules of C2PA the
# boxes of the format itself, of free space and of events. Not so the tables that say where frames or a picture stand,
# which older writers left out: with them changed, other frames are played, from free space.
_NO_CONTENT = frozenset({"/ftyp", "/styp", "/free", "/skip", "/mfra", "/sidx", "/ssix", "/emsg"})
_FOREIGN, _FRAMES = "/uuid", "/mdat"

# Tag 52545, under which C2PA puts a manifest into a TIFF, of the type UNDEFINED, in both byte orders; behind it stands
# the number of bytes.
_TIFF_ENTRIES = (b"\x41\xcd\x07\x00", b"\xcd\x41\x00\x07")
_SIZES = (4, 8)  # of that number, in TIFF and BigTIFF


@dataclass(frozen=True)
class Coverage:
    """kind: of the hard binding. uncovered: byte ranges (start, length) that it leaves out, the manifest's own aside.

    whole: whether nothing else than the manifest, free space and the like can be changed unnoticed.
    """

    kind: str
    uncovered: tuple[tuple[int, int], ...]
    whole: bool

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, "uncovered": [list(place) for place in self.uncovered]}


def coverage(
    kind: str, assertion: Mapping[str, Any], bound: DataHash | None, file: BinaryIO, *, displaced: bool
) -> Coverage:
    """Of a binding. bound: a hash over bytes, read. displaced: the manifest stands in none of its exclusions."""
    if kind == "bmffHash":
        named = list(_named(assertion))
        return Coverage(kind, _boxes(named, file), all(path in _NO_CONTENT for path in named))
    if kind == "boxesHash":
        return Coverage(kind, (), not any(_left_out(box) for box in _mappings(assertion.get("boxes"))))
    if bound is None:
        return Coverage(kind, (), True)
    # c2pa makes sure that the manifest stands in an exclusion, unless it says that it does not.
    own = None if displaced else max(bound.exclusions, key=lambda place: place[1], default=None)
    places = tuple(place for place in bound.exclusions if place != own)
    return Coverage(kind, places[:_MAX_PLACES], all(_no_content(place, file) for place in places))


def _no_content(place: tuple[int, int], file: BinaryIO) -> bool:
    """Nothing at all, or in a TIFF the size of the manifest, in the entry of its own tag."""
    start, length = place
    if length not in _SIZES or start < len(_TIFF_ENTRIES[0]):
        return length == 0
    file.seek(start - len(_TIFF_ENTRIES[0]))
    return file.read(len(_TIFF_ENTRIES[0])) in _TIFF_ENTRIES


def _named(assertion: Mapping[str, Any]) -> Iterator[str]:
    """Paths of boxes that are left out of all that is hashed.

    Boxes of other programs are, as the manifest's own is, only where their data match; that some `mdat` do not match
    says nothing about those that do. Where a tree of hashes covers the frames, c2pa holds every `mdat` against it.
    """
    covered = any(True for _ in _mappings(assertion.get("merkle")))
    for entry in _mappings(assertion.get("exclusions")):
        path = entry.get("xpath")
        if not isinstance(path, str) or (path == _FOREIGN and entry.get("data")) or (path == _FRAMES and covered):
            continue
        yield path


def _left_out(box: Mapping[str, Any]) -> bool:
    """Whether the hash over boxes names this one only to leave it out, and it is not the manifest's own."""
    return bool(box.get("excluded")) and box.get("names") != ["C2PA"]


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (entry for entry in (value if isinstance(value, list) else ()) if isinstance(entry, dict))


def _boxes(named: list[str], file: BinaryIO) -> tuple[tuple[int, int], ...]:
    """Those of the top level: by the rules `ftyp` and `mfra`, often `free` and `skip`."""
    types = {path[1:].encode() for path in named}
    found: list[tuple[int, int]] = []
    with suppress(UnreadableFile, LimitExceeded):
        for box in BoxWalker(file, DEFAULT_LIMITS).top():
            if box.type in types:
                found.append((box.start, box.end - box.start))
    return tuple(found[:_MAX_PLACES])
