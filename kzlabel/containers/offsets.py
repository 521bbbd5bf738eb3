"""Offsets within a film that point at other bytes of the file, and what becomes of them when bytes are inserted."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from ..errors import UnreadableFile
from .boxes import Box, BoxWalker
from .reading import name_of, read_at
from .splice import Edit

MAX_INDEX = 64 << 20  # bytes of one `tfra` or `sidx`: an entry has 19 bytes at most, a day of fragments fits many times
_AT_ONCE = 1 << 14  # offsets turned into numbers at a time, to spare memory
_PATH = (b"trak", b"mdia", b"minf", b"stbl")


class Shift:
    """Where a byte of the old file stands in the new one."""

    def __init__(self, edits: Iterable[Edit]) -> None:
        moving = sorted((edit for edit in edits if edit.growth), key=lambda edit: edit.end)
        self._ends = [edit.end for edit in moving]
        self._totals = [0, *accumulate(edit.growth for edit in moving)]

    def moved(self, offset: int) -> int:
        return offset + self._totals[bisect_right(self._ends, offset)]


class Overflow(Exception):
    """A 32-bit offset would grow past its range; the caller leaves the media data where they are."""


def shifted_moov(moov: bytes, shift: Shift, name: str) -> bytes:
    """The whole `moov` box with its chunk offsets (stco, co64, saio) moved, same length.

    Raises Overflow, UnreadableFile.
    """
    data = bytearray(moov)
    for type, start, end in _tables(moov, 8 if moov[:4] != b"\0\0\0\x01" else 16, len(moov), 0, name):
        if type == b"saio":
            version, flags = moov[start], int.from_bytes(moov[start + 1 : start + 4])
            start += 12 if flags & 1 else 4
            wide = version == 1
        else:
            wide = type == b"co64"
            start += 4
        count = int.from_bytes(moov[start : start + 4])
        start += 4
        width = 8 if wide else 4
        if count * width > end - start:
            raise UnreadableFile(f"{name}: a table of chunk offsets is cut off")
        for first in range(0, count, _AT_ONCE):
            layout = f">{min(_AT_ONCE, count - first)}{'Q' if wide else 'I'}"
            place = start + first * width
            try:
                struct.pack_into(layout, data, place, *map(shift.moved, struct.unpack_from(layout, moov, place)))
            except struct.error:
                raise Overflow from None
    return bytes(data)


def shifted_fragments(walker: BoxWalker, top: Iterable[Box], shift: Shift) -> Iterator[Edit]:
    """Edits of the same length for the offsets outside `moov`: tfhd, tfra, sidx. Raises Overflow, UnreadableFile."""
    for box in top:
        if box.type == b"moof":
            for traf in walker.children(box):
                if traf.type == b"traf":
                    yield from _fragment_header(walker, traf, shift)
        elif box.type == b"mfra":
            for child in walker.children(box):
                if child.type == b"tfra":
                    yield from _random_access(walker, child, shift)
        elif box.type == b"sidx":
            yield from _segment_index(walker, box, shift)


def _tables(data: bytes, start: int, end: int, depth: int, name: str) -> Iterator[tuple[bytes, int, int]]:
    while end - start >= 8:
        size, type = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        elif size == 0:
            if depth:  # QuickTime's end of a list
                return
            size = end - start
        if size < header or start + size > end:
            raise UnreadableFile(f"{name}: a box of the film's index is malformed")
        if depth < len(_PATH) and type == _PATH[depth]:
            yield from _tables(data, start + header, start + size, depth + 1, name)
        elif depth == len(_PATH) and type in (b"stco", b"co64", b"saio") and size >= header + 8:
            yield type, start + header, start + size
        start += size


def _fragment_header(walker: BoxWalker, traf: Box, shift: Shift) -> Iterator[Edit]:
    header = walker.find(traf, b"tfhd")
    if header is None or header.end - header.body < 16:
        return
    place = header.body + 8
    if read_at(walker.file, header.body, 4)[3] & 1:  # base-data-offset-present
        old = int.from_bytes(read_at(walker.file, place, 8))
        if shift.moved(old) != old:
            yield Edit(place, place + 8, _packed(">Q", shift.moved(old)))


def _random_access(walker: BoxWalker, box: Box, shift: Shift) -> Iterator[Edit]:
    old = walker.content(box, MAX_INDEX)
    if len(old) < 16:
        return
    data = bytearray(old)
    sizes = int.from_bytes(old[8:12])
    entry = (16 if old[0] == 1 else 8) + sum(((sizes >> bits) & 3) + 1 for bits in (4, 2, 0))
    layout, inner = (">Q", 8) if old[0] == 1 else (">I", 4)
    count = int.from_bytes(old[12:16])
    if 16 + count * entry > len(old):
        raise UnreadableFile(f"{name_of(walker.file)}: the index of fragments is cut off")
    for place in range(16 + inner, 16 + inner + count * entry, entry):
        (value,) = struct.unpack_from(layout, old, place)
        data[place : place + inner] = _packed(layout, shift.moved(value))
    if data != old:
        yield Edit(box.body, box.end, bytes(data))


def _segment_index(walker: BoxWalker, box: Box, shift: Shift) -> Iterator[Edit]:
    """first_offset counts from the end of the index, which may move by another amount than what it points at."""
    head = read_at(walker.file, box.body, min(32, box.end - box.body))
    layout, place = (">Q", 20) if head[:1] == b"\x01" else (">I", 16)
    if len(head) < place + struct.calcsize(layout):
        return
    (old,) = struct.unpack_from(layout, head, place)
    new = shift.moved(box.end + old) - shift.moved(box.end)
    if new != old:
        yield Edit(box.body + place, box.body + place + struct.calcsize(layout), _packed(layout, new))


def _packed(layout: str, value: int) -> bytes:
    try:
        return struct.pack(layout, value)
    except struct.error:
        raise Overflow from None
