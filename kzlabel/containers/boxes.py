"""ISO-BMFF boxes: a bounded walk over their headers, shared by MP4, MOV, M4A, AVIF and HEIC."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .reading import Visits, name_of, read_at, read_block, size_of


@dataclass(frozen=True)
class Box:
    """One box: file offsets of its header and its end. uuid: the extended type of a `uuid` box.

    header: size of the header in bytes, extended size and extended type included. depth: 0 at the top level.
    cut: whether the file or the parent ends before the box says it does; `end` is then where they end.
    """

    type: bytes
    start: int
    header: int
    end: int
    depth: int = 0
    uuid: bytes | None = None
    cut: bool = False

    @property
    def body(self) -> int:
        """Offset of the first byte after the header."""
        return self.start + self.header


class BoxWalker:
    """Walks the boxes of one file. All walks of one walker together visit at most `limits.max_boxes` boxes.

    Every method raises UnreadableFile on a malformed header and LimitExceeded past max_boxes or max_nesting; what was
    yielded before stays good.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.size = size_of(file)
        self._limits = limits
        self._visits = Visits(file, limits.max_boxes)

    def top(self) -> Iterator[Box]:
        """The boxes of the top level, in file order."""
        return self.between(0, self.size, depth=0)

    def children(self, parent: Box, *, skip: int = 0) -> Iterator[Box]:
        """The boxes inside `parent`, after `skip` bytes of its own fields (4 for a FullBox such as `meta`)."""
        return self.between(parent.body + skip, parent.end, depth=parent.depth + 1)

    def between(self, start: int, end: int, *, depth: int) -> Iterator[Box]:
        """The boxes from `start` to `end`. A rest of fewer than 8 bytes (QuickTime's terminator) is passed over."""
        if depth > self._limits.max_nesting:
            raise LimitExceeded(f"{name_of(self.file)}: boxes nest deeper than {self._limits.max_nesting}")
        end = min(end, self.size)
        while end - start >= 8:
            self._visits.count()
            box = self._box(start, end, depth)
            yield box
            start = box.end

    def find(self, parent: Box | None, type: bytes, *, skip: int = 0) -> Box | None:
        """The first box of this type inside `parent`, or at the top level for None."""
        boxes = self.top() if parent is None else self.children(parent, skip=skip)
        return next((box for box in boxes if box.type == type), None)

    def content(self, box: Box, limit: int) -> bytes:
        """The bytes after the header, if they are no more than `limit`. Raises LimitExceeded."""
        return read_block(self.file, box.body, box.end - box.body, limit, f"the box {box.type.decode('latin-1')!r}")

    def _box(self, start: int, end: int, depth: int) -> Box:
        size, type = struct.unpack(">I4s", read_at(self.file, start, 8))
        header = 8
        if size == 1:
            if end - start < 16:
                raise UnreadableFile(f"{name_of(self.file)}: the box at byte {start} is cut off")
            (size,) = struct.unpack(">Q", read_at(self.file, start + 8, 8))
            header = 16
        elif size == 0:  # to the end of the file, or of the parent where writers misuse it
            size = end - start
        uuid = None
        if type == b"uuid" and end - start >= header + 16:
            uuid = read_at(self.file, start + header, 16)
            header += 16
        if size < header:
            raise UnreadableFile(f"{name_of(self.file)}: the box at byte {start} claims an impossible size of {size}")
        return Box(type, start, header, min(start + size, end), depth, uuid, cut=start + size > end)
