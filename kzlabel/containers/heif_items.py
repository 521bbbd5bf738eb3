"""Items of HEIF and AVIF (ISO/IEC 14496-12, 8.11): which there are, where their bytes stand, and one more of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .boxes import Box, BoxWalker
from .reading import Visits, name_of

XMP_TYPE = b"application/rdf+xml"
IN_FILE, IN_IDAT = 0, 1  # construction methods


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


def with_xmp(
    walker: BoxWalker, meta: Meta, place: int, length: int, moved: Callable[[int], int], limits: Limits
) -> bytes:
    """The whole `meta` box with the XMP item at `place` of the new file, `length` bytes long.

    moved: where a byte of the old file stands in the new one. Other items keep their bytes.
    Raises UnreadableFile, LimitExceeded.
    """
    present = meta.item(lambda item: item.is_xmp)
    id = present.id if present else max((item.id for item in meta.items), default=0) + 1
    others = [_moved(location, moved) for location in meta.locations if location.id != id]
    locations = _iloc([*others, Location(id, IN_FILE, 0, ((0, place, length),))])
    parts: list[bytes] = [walker.content(meta.box, limits.max_slot_bytes)[:4]]
    referenced = False
    for child in walker.children(meta.box, skip=4):
        whole = _bytes(walker, child, limits)
        body = whole[child.header :]
        if child.type == b"iloc":
            parts.append(locations)
        elif child.type == b"iinf" and not present:
            parts.append(_iinf_with(body, id))
        elif child.type == b"iref" and not present and meta.primary:
            parts.append(_iref_with(body, id, meta.primary))
            referenced = True
        else:
            parts.append(whole)
    if not present and meta.primary and not referenced:
        wide = max(id, meta.primary) > 0xFFFF
        parts.append(_iref_with(bytes([wide, 0, 0, 0]), id, meta.primary))
    return _box(b"meta", b"".join(parts))


def shifted_locations(data: bytes, file: BinaryIO, moved: Callable[[int], int], limits: Limits) -> bytes:
    """The content of an item location box, of the same length, with its offsets into the file moved.

    Raises UnreadableFile, LimitExceeded.
    """
    numbers = _Numbers(data, file, limits)
    locations = numbers.locations()
    places = iter(numbers.places)
    changed = bytearray(data)
    for location in locations:
        for _, offset, _ in location.extents:
            place, width = next(places)
            growth = moved(offset) - offset
            if location.method != IN_FILE or location.reference or not growth:
                continue
            value = int.from_bytes(data[place : place + width]) + growth
            if value >= 1 << 8 * width:
                raise LimitExceeded(f"{name_of(file)}: its item locations leave no room; convert it to JPEG")
            changed[place : place + width] = value.to_bytes(width)
    return bytes(changed)


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
        self.places: list[tuple[int, int]] = []
        """Where each extent's offset stands in the data, and its width, in the order of `locations`."""

    def locations(self) -> tuple[Location, ...]:
        version = self._next(4) >> 24
        if version > 2:
            raise UnreadableFile(f"{self._name}: the item locations are of an unknown version")
        sizes = self._next(2)
        offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
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
                self.places.append((self._place, offset_size))
                extents.append((index, base + self._next(offset_size), self._next(length_size)))
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
    size = 2 if body[0] == 0 else 4
    count = int.from_bytes(body[4 : 4 + size]) + 1
    if count >= 1 << 8 * size:
        raise LimitExceeded("the picture has too many items for one more")
    version = 2 if id <= 0xFFFF else 3
    entry = bytes([version, 0, 0, 1]) + id.to_bytes(2 if version == 2 else 4) + b"\0\0mimeXMP\0" + XMP_TYPE + b"\0"
    return _box(b"iinf", body[:4] + count.to_bytes(size) + body[4 + size :] + _box(b"infe", entry))


def _iref_with(body: bytes, id: int, primary: int) -> bytes:
    """The item references with one more: this item describes the picture."""
    size = 2 if body[0] == 0 else 4
    if max(id, primary) >= 1 << 8 * size:
        raise LimitExceeded("the picture has too many items for one more")
    return _box(b"iref", body + _box(b"cdsc", id.to_bytes(size) + b"\0\1" + primary.to_bytes(size)))


def _bytes(walker: BoxWalker, box: Box, limits: Limits) -> bytes:
    body = walker.content(box, limits.max_slot_bytes)
    return _box(box.type, body) if box.header == 8 else _box(box.type, (box.uuid or b"") + body)


def _box(type: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4) + type + body
