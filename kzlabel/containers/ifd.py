"""Image file directories of TIFF (revision 6.0, section 2), which TIFF files and EXIF blocks share; BigTIFF is read."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from ..errors import UnreadableFile
from ..limits import Limits
from .reading import Visits, name_of, read_at, read_block, size_of

# Bytes of one value by its type: BYTE ASCII SHORT LONG RATIONAL SBYTE UNDEFINED SSHORT SLONG SRATIONAL FLOAT DOUBLE,
# IFD (TIFF Technical Note 1), LONG8 SLONG8 IFD8 (BigTIFF), UTF-8 (EXIF 3.0).
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_UNITS = {type: size for type, size in _SIZES.items() if size > 1} | {5: 4, 10: 4}  # a rational is two integers
_WIDTH = 256  # ImageWidth, which every picture has
MAX_INTEGERS = 4096  # values of one entry that are unpacked


@dataclass(frozen=True)
class Entry:
    """One entry. start: offset of its 12 (20) bytes. place: offset of its value, inside the entry where it fits."""

    tag: int
    type: int
    count: int
    start: int
    place: int

    @property
    def size(self) -> int:
        """Bytes of the value; 0 for a type that is not known."""
        return _SIZES.get(self.type, 0) * self.count


@dataclass(frozen=True)
class Directory:
    """One directory: the first entry of each tag counts. next: offset of the next one, 0 for none."""

    start: int
    end: int
    entries: Mapping[int, Entry] = field(default_factory=dict)
    next: int = 0


class TiffReader:
    """Reads directories of one file or block. Raises UnreadableFile, LimitExceeded."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.size = size_of(file)
        self._limits = limits
        self._visits = Visits(file, limits.max_boxes)
        head = read_at(file, 0, 8)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None:
            raise UnreadableFile(f"{name_of(file)}: this is no TIFF structure")
        self.order = order
        (magic,) = struct.unpack(order + "H", head[2:4])
        if magic not in (42, 43):
            raise UnreadableFile(f"{name_of(file)}: this is no TIFF structure")
        self.big = magic == 43
        self.pointer = "Q" if self.big else "I"
        self.first_at = 8 if self.big else 4
        self.first = self.number(self.first_at, self.pointer)

    def number(self, place: int, code: str) -> int:
        """One unsigned integer in the file's byte order."""
        data = read_at(self.file, place, struct.calcsize("=" + code))
        (value,) = struct.unpack(self.order + code, data)
        return int(value)

    def directory(self, start: int) -> Directory:
        """The directory at this offset."""
        counter, size = ("Q", 20) if self.big else ("H", 12)
        head = struct.calcsize("=" + counter)
        if start < 8 or start + head > self.size:
            raise UnreadableFile(f"{name_of(self.file)}: a directory lies outside the file")
        count = self.number(start, counter)
        end = start + head + count * size
        if end > self.size:
            raise UnreadableFile(f"{name_of(self.file)}: a directory of {count} entries is cut off")
        entries: dict[int, Entry] = {}
        for place in range(start + head, end, size):
            self._visits.count()
            entry = self._entry(place, size)
            entries.setdefault(entry.tag, entry)
        pointer = struct.calcsize("=" + self.pointer)
        next = self.number(end, self.pointer) if end + pointer <= self.size else 0
        return Directory(start, min(end + pointer, self.size), entries, next)

    def chain(self) -> list[Directory]:
        """The pages: the directories of the main chain that hold a picture. The first one counts in any case.

        C2PA puts its manifest into a directory of its own behind the last page (C2PA 2.4, A.3).
        """
        first, *others = self.directories()
        return [first, *(directory for directory in others if _WIDTH in directory.entries)]

    def directories(self) -> list[Directory]:
        """All directories of the main chain, the first ones where it runs in a circle."""
        found = [self.directory(self.first)]
        seen = {0, self.first}
        while (place := found[-1].next) not in seen:
            seen.add(place)
            found.append(self.directory(place))
        return found

    def value(self, entry: Entry, limit: int | None = None) -> bytes:
        """The bytes of a value, at most `limit` (the slot's limit) or LimitExceeded."""
        limit = self._limits.max_slot_bytes if limit is None else limit
        return read_block(self.file, entry.place, entry.size, limit, f"the TIFF tag {entry.tag}")

    def integers(self, entry: Entry) -> tuple[int, ...]:
        """The values of an entry of whole numbers, at most MAX_INTEGERS; none for another type."""
        code = _INTEGERS.get(entry.type)
        if code is None:
            return ()
        count = min(entry.count, MAX_INTEGERS)
        data = read_at(self.file, entry.place, count * _SIZES[entry.type])
        return struct.unpack(f"{self.order}{count}{code}", data)

    def _entry(self, place: int, size: int) -> Entry:
        data = read_at(self.file, place, size)
        tag, type, count = struct.unpack(self.order + ("HHQ" if self.big else "HHI"), data[: 12 if self.big else 8])
        inside = place + (12 if self.big else 8)
        fits = _SIZES.get(type, 0) * count <= (8 if self.big else 4)
        return Entry(tag, type, count, place, inside if fits else self.number(inside, self.pointer))


@dataclass(frozen=True)
class Field:
    """A value to be written: its bytes in the file's order, or where they stand already.

    raw: the last four bytes of an entry that is kept as it is, in place of `data`.
    """

    type: int
    count: int
    data: bytes = b""
    raw: bytes | None = None

    @classmethod
    def moved(cls, reader: TiffReader, entry: Entry) -> Field:
        """The same entry in another directory of the same file: inline values and offsets stay true."""
        return cls(entry.type, entry.count, raw=read_at(reader.file, entry.start + 8, 4))

    def swapped(self) -> Field:
        """The same value in the other byte order."""
        width = _UNITS.get(self.type, 1)
        data = b"".join(self.data[at : at + width][::-1] for at in range(0, len(self.data), width))
        return Field(self.type, self.count, data)


def render(order: str, fields: Mapping[int, Field], start: int, next: int) -> bytes:
    """A classic directory for the offset `start`, which is even, with its values behind it; of even length."""
    place = start + 2 + 12 * len(fields) + 4
    entries, values = [struct.pack(order + "H", len(fields))], []
    for tag, value in sorted(fields.items()):
        if value.raw is not None:
            inline = value.raw
        elif len(value.data) <= 4:
            inline = value.data.ljust(4, b"\0")
        else:
            inline = struct.pack(order + "I", place)
            values.append(value.data + b"\0" * (len(value.data) & 1))
            place += len(values[-1])
        entries.append(struct.pack(order + "HHI", tag, value.type, value.count) + inline)
    return b"".join((*entries, struct.pack(order + "I", next), *values))
