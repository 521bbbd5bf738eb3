"""Items of HEIF and AVIF (ISO/IEC 14496-12, 8.11): which there are, where their bytes stand, and one more of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .boxes import Box, BoxWalker
from .reading import Visits, name_of, read_block

XMP_TYPE = b"application/rdf+xml"
IN_FILE, IN_IDAT = 0, 1  # construction methods
MAX_OFFSET = (1 << 63) - 1


@dataclass(frozen=True)
class Item:
    """One item of the item information box. content_type: of a `mime` item."""

    id: int
    type: bytes
    content_type: bytes = b""

    @property
    def is_xmp(self) -> bool:
        return self.type == b"mime" and self.content_type.lower() == XMP_TYPE


@dataclass(frozen=True)
class Location:
    """Where an item's bytes stand. extents: (index, offset, length), the base offset added; length 0: to the end."""

    id: int
    method: int
    reference: int
    extents: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Meta:
    """The `meta` box of the file and its parts; `idat` is the box itself."""

    box: Box
    items: tuple[Item, ...]
    locations: tuple[Location, ...]
    primary: int
    idat: Box | None

    def item(self, wanted: Callable[[Item], bool]) -> Item | None:
        return next((item for item in self.items if wanted(item)), None)

    def location(self, item: Item) -> Location | None:
        return next((location for location in self.locations if location.id == item.id), None)

    def ranges(self, location: Location) -> list[tuple[int, int]]:
        """(offset, length) in the file. Raises UnreadableFile for a method that is not supported."""
        if location.reference or location.method not in (IN_FILE, IN_IDAT):
            raise UnreadableFile("an item is stored in a way that is not supported")
        base = 0
        if location.method == IN_IDAT:
            if self.idat is None:
                raise UnreadableFile("an item lies in a box that is missing")
            base = self.idat.body
        return [(base + offset, length) for _, offset, length in location.extents]


def read_meta(walker: BoxWalker, box: Box, limits: Limits) -> Meta:
    """The parts of a `meta` box. Raises UnreadableFile, LimitExceeded."""
    items: tuple[Item, ...] = ()
    locations: tuple[Location, ...] = ()
    primary, idat = 0, None
    for child in walker.children(box, skip=4):
        if child.type == b"iinf":
            items = tuple(_items(walker, child, limits))
        elif child.type == b"iloc":
            locations = _Numbers(walker.content(child, limits.max_slot_bytes), walker.file, limits).locations()
        elif child.type == b"pitm":
            data = walker.content(child, 64)
            primary = int.from_bytes(data[4:6] if data[:1] == b"\0" else data[4:8])
        elif child.type == b"idat":
            idat = child
    return Meta(box, items, locations, primary, idat)


def with_offsets(walker: BoxWalker, meta: Meta, moved: Callable[[int], int], limits: Limits) -> bytes:
    """The whole `meta` box with the places of its items moved: where a byte of the old file stands in the new one.

    Raises UnreadableFile, LimitExceeded.
    """
    locations = _iloc([_moved(location, moved) for location in meta.locations])
    return _rewritten(walker, meta, limits, {b"iloc": lambda _: locations})


def with_xmp(
    walker: BoxWalker, meta: Meta, place: int, length: int, moved: Callable[[int], int], limits: Limits
) -> bytes:
    """As `with_offsets`, with the XMP item at `place` of the new file, `length` bytes long."""
    present = meta.item(lambda item: item.is_xmp)
    id = present.id if present else max((item.id for item in meta.items), default=0) + 1
    others = [_moved(location, moved) for location in meta.locations if location.id != id]
    locations = _iloc([*others, Location(id, IN_FILE, 0, ((0, place, length),))])
    changes: dict[bytes, Callable[[bytes], bytes]] = {b"iloc": lambda _: locations}
    if not present:
        changes[b"iinf"] = lambda body: _iinf_with(body, id)
        if meta.primary:
            wide = max(id, meta.primary) > 0xFFFF
            changes[b"iref"] = lambda body: _iref_with(body or bytes([wide, 0, 0, 0]), id, meta.primary)
    return _rewritten(walker, meta, limits, changes)


def anchored(walker: BoxWalker, meta: Meta, limits: Limits) -> bytes:
    """The whole `meta` box with all items inside it: nothing that moves parts of the file can lose them.

    For the metadata of a sequence's tracks, which tools that sign or edit a file do not know of.
    """
    inside = walker.content(meta.idat, limits.max_slot_bytes) if meta.idat else b""
    locations = []
    for location in meta.locations:
        if location.method == IN_FILE and not location.reference:
            data = b"".join(
                read_block(walker.file, place, size, limits.max_slot_bytes, "an item")
                for place, size in meta.ranges(location)
            )
            location = Location(location.id, IN_IDAT, 0, ((0, len(inside), len(data)),))
            inside += data
            if len(inside) > limits.max_slot_bytes:
                raise LimitExceeded(
                    f"{name_of(walker.file)}: the items of a track have more bytes than the limits allow"
                )
        locations.append(location)
    changes: dict[bytes, Callable[[bytes], bytes]] = {b"iloc": lambda _: _iloc(locations)}
    if inside:
        changes[b"idat"] = lambda _: _box(b"idat", inside)
    return _rewritten(walker, meta, limits, changes)


def _rewritten(
    walker: BoxWalker, meta: Meta, limits: Limits, changes: Mapping[bytes, Callable[[bytes], bytes]]
) -> bytes:
    """The box with some of its parts made anew from their bodies; a part that was not there is made of nothing."""
    parts = [walker.content(meta.box, limits.max_slot_bytes)[:4]]
    left = dict(changes)
    for child in walker.children(meta.box, skip=4):
        change = left.pop(child.type, None)
        parts.append(
            change(walker.content(child, limits.max_slot_bytes)) if change else whole_box(walker, child, limits)
        )
    return _box(b"meta", b"".join((*parts, *(change(b"") for change in left.values()))))


def whole_box(walker: BoxWalker, box: Box, limits: Limits) -> bytes:
    """A box in bytes, with a short header. Raises LimitExceeded, UnreadableFile."""
    return _box(box.type, (box.uuid or b"") + walker.content(box, limits.max_slot_bytes))


def _items(walker: BoxWalker, box: Box, limits: Limits) -> list[Item]:
    version = walker.content(box, limits.max_slot_bytes)[:1]
    found: list[Item] = []
    for child in walker.children(box, skip=6 if version == b"\0" else 8):
        data = walker.content(child, limits.max_slot_bytes)
        if child.type != b"infe" or len(data) < 12 or data[0] not in (2, 3):
            continue
        size = 2 if data[0] == 2 else 4
        id, rest = int.from_bytes(data[4 : 4 + size]), data[6 + size :]
        content_type = rest[4:].split(b"\0", 2)[1] if rest[:4] == b"mime" and rest.count(b"\0", 4) else b""
        found.append(Item(id, rest[:4], content_type))
    return found


class _Numbers:
    """Reads an item location box, integers of varying width one after the other (8.11.3)."""

    def __init__(self, data: bytes, file: BinaryIO, limits: Limits) -> None:
        self._data, self._place = data, 0
        self._name = name_of(file)
        self._visits = Visits(file, limits.max_boxes)

    def locations(self) -> tuple[Location, ...]:
        version = self._next(4) >> 24
        if version > 2:
            raise UnreadableFile(f"{self._name}: the item locations are of an unknown version")
        sizes = self._next(2)
        offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        if not {offset_size, length_size, base_size, index_size if version else 0} <= {0, 4, 8}:
            raise UnreadableFile(f"{self._name}: the item locations have numbers of a size that there is not")
        id_size = 4 if version == 2 else 2
        found = []
        for _ in range(self._next(id_size)):
            self._visits.count()
            id = self._next(id_size)
            method = self._next(2) & 15 if version else 0
            reference, base = self._next(2), self._next(base_size)
            extents = []
            for _ in range(self._next(2)):
                self._visits.count()
                index = self._next(index_size if version else 0)
                offset, length = base + self._next(offset_size), self._next(length_size)
                if max(offset, length) > MAX_OFFSET:
                    raise UnreadableFile(f"{self._name}: an item lies beyond the end of any file")
                extents.append((index, offset, length))
            found.append(Location(id, method, reference, tuple(extents)))
        return tuple(found)

    def _next(self, width: int) -> int:
        end = self._place + width
        if end > len(self._data):
            raise UnreadableFile(f"{self._name}: the item locations are cut off")
        value = int.from_bytes(self._data[self._place : end])
        self._place = end
        return value


def _moved(location: Location, moved: Callable[[int], int]) -> Location:
    if location.method != IN_FILE or location.reference:
        return location
    return replace(
        location, extents=tuple((index, moved(offset), length) for index, offset, length in location.extents)
    )


def _iloc(locations: list[Location]) -> bytes:
    """Locations in one plain form: no base offsets, 32 bits where they suffice."""
    numbers = [number for location in locations for extent in location.extents for number in extent]
    width = 8 if max(numbers, default=0) > 0xFFFFFFFF else 4
    indexed = any(extent[0] for location in locations for extent in location.extents)
    wide = any(location.id > 0xFFFF for location in locations) or len(locations) > 0xFFFF
    version, id_size = (2, 4) if wide else (1, 2)
    parts = [bytes([version, 0, 0, 0, width << 4 | width, width if indexed else 0]), len(locations).to_bytes(id_size)]
    for location in locations:
        parts.append(location.id.to_bytes(id_size))
        parts.append(struct.pack(">HHH", location.method, location.reference, len(location.extents)))
        for index, offset, length in location.extents:
            parts.append((index.to_bytes(width) if indexed else b"") + offset.to_bytes(width) + length.to_bytes(width))
    return _box(b"iloc", b"".join(parts))


def _iinf_with(body: bytes, id: int) -> bytes:
    """The item information box with one more entry, hidden from slide shows (flag 1)."""
    size = _width(body)
    count = int.from_bytes(body[4 : 4 + size]) + 1
    if count >= 1 << 8 * size:
        raise LimitExceeded("the picture has too many items for one more")
    version = 2 if id <= 0xFFFF else 3
    entry = bytes([version, 0, 0, 1]) + id.to_bytes(2 if version == 2 else 4) + b"\0\0mimeXMP\0" + XMP_TYPE + b"\0"
    return _box(b"iinf", body[:4] + count.to_bytes(size) + body[4 + size :] + _box(b"infe", entry))


def _width(body: bytes) -> int:
    """Bytes of an item's number, by the version of the box."""
    if len(body) < 4:
        raise UnreadableFile("the items of the picture are cut off")
    return 2 if body[0] == 0 else 4


def _iref_with(body: bytes, id: int, primary: int) -> bytes:
    """The item references with one more: this item describes the picture."""
    size = _width(body)
    if max(id, primary) >= 1 << 8 * size:
        raise LimitExceeded("the picture has too many items for one more")
    return _box(b"iref", body + _box(b"cdsc", id.to_bytes(size) + b"\0\1" + primary.to_bytes(size)))


def _box(type: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + type + body
