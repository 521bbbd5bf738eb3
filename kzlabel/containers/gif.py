"""GIF: marks in extension blocks (GIF89a specification, sections 24 and 26; XMP Part 3, 1.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UnreadableFile
from ..limits import Limits
from .base import Slot, Slots, Tag
from .reading import Found, Visits, decoded, name_of, read_at
from .splice import Edit, splice

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_C2PA = b"C2PA_GIF\x01\x00\x00"
_LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
# "Magic trailer": whichever byte of the packet a decoder takes for a block's length, it ends up at the final zero.
_MAGIC = b"\x01" + bytes(range(255, -1, -1)) + b"\0"


@dataclass(frozen=True)
class Block:
    """One block. label: of an extension, else 0. name: the 11 bytes of an application. data: where sub-blocks begin."""

    kind: int
    start: int
    data: int
    end: int
    label: int = 0
    name: bytes = b""


class GifContainer:
    """GIF files, still and animated."""

    holds = frozenset({Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        with found.part():
            for block in _blocks(file, limits):
                with found.part():
                    if block.label == _COMMENT:
                        text = _joined(found.block(block.data, block.end - block.data, "a comment"))
                        found.tags.append(Tag("Comment", decoded(text), "GIF comment"))
                    elif block.name == _XMP:
                        data = found.block(block.data, block.end - block.data, "the XMP packet")
                        found.xmp.append(_packet(data))
                    elif block.name[:8] == _C2PA[:8]:
                        found.manifest = True
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        if not slots.xmp:
            return
        new = b"\x21\xff\x0b" + _XMP + slots.xmp[0] + _MAGIC
        with path.open("rb") as file:
            place = _first_place(file, limits)
            present = next((block for block in _walked(file, limits) if block.name == _XMP), None)
        where = Edit(present.start, present.end, new) if present else Edit(place, place, new)
        splice(path, [Edit(0, 6, b"GIF89a"), where])  # extensions are of version 89a

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy comments and foreign application extensions that the target lacks.

        Left behind: the loop count, which the encoder writes, plain text blocks, which are pictures, and C2PA.
        """
        with target.open("rb") as file:
            place = _first_place(file, limits)
            held = Found(file, limits)
            present = [held.block(block.data, block.end - block.data, "the metadata") for block in _marks(file, limits)]
            names = {block.name for block in _marks(file, limits) if block.label == _APPLICATION}
        carried: list[bytes] = []
        with source.open("rb") as file:
            held = Found(file, limits)
            for block in _marks(file, limits):
                data = held.block(block.start, block.end - block.start, "the metadata")
                known = block.name in names if block.name else data[block.data - block.start :] in present
                if not known and block.name not in _LOOPS and block.name[:8] != _C2PA[:8]:
                    carried.append(data)
        version = [Edit(0, 6, b"GIF89a")] if carried else []
        splice(target, [*version, Edit(place, place, b"".join(carried))])


GIF = GifContainer()


def _blocks(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """All blocks up to the trailer. Compressed pictures are stepped over by the lengths of their sub-blocks."""
    visits = Visits(file, limits.max_boxes)
    place = _screen_end(file)
    while True:
        visits.count()
        kind = read_at(file, place, 1)[0]
        if kind == _TRAILER:
            return
        if kind == _IMAGE:
            flags = read_at(file, place + 9, 1)[0]
            data = place + 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1
            block = Block(kind, place, data, _end(file, data))
        elif kind == _EXTENSION:
            block = _extension(file, place)
        else:
            raise UnreadableFile(f"{name_of(file)}: there is no block at byte {place}, where one must be")
        yield block
        place = block.end


def _walked(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    """The blocks as far as they can be walked: pictures that are cut off hide nothing before them."""
    try:
        yield from _blocks(file, limits)
    except UnreadableFile:
        return


def _marks(file: BinaryIO, limits: Limits) -> Iterator[Block]:
    return (block for block in _walked(file, limits) if block.label in (_COMMENT, _APPLICATION))


def _screen_end(file: BinaryIO) -> int:
    head = read_at(file, 0, 13)
    if head[:6] not in (b"GIF87a", b"GIF89a"):
        raise UnreadableFile(f"{name_of(file)}: this is no GIF file")
    return 13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0)


def _extension(file: BinaryIO, place: int) -> Block:
    label = read_at(file, place + 1, 1)[0]
    data, name = place + 2, b""
    if label == _APPLICATION and read_at(file, data, 1) == b"\x0b":
        name = read_at(file, data + 1, 11)
        data += 12
    return Block(_EXTENSION, place, data, _end(file, data), label, name)


def _end(file: BinaryIO, place: int) -> int:
    """Offset after the sub-blocks that begin here. Reads their lengths only."""
    file.seek(place)
    while True:
        length = file.read(1)
        if not length:
            raise UnreadableFile(f"{name_of(file)}: the file ends at byte {place}, in the middle of a block")
        place += 1 + length[0]
        if not length[0]:
            return place
        file.seek(length[0], 1)


def _first_place(file: BinaryIO, limits: Limits) -> int:
    """Where new blocks go: after the loop count, which some decoders want first, before the first picture."""
    place = _screen_end(file)
    for block in _walked(file, limits):
        if block.name not in _LOOPS:
            break
        place = block.end
    return place


def _joined(data: bytes) -> bytes:
    parts, place = [], 0
    while place < len(data) and data[place]:
        parts.append(data[place + 1 : place + 1 + data[place]])
        place += 1 + data[place]
    return b"".join(parts)


def _packet(data: bytes) -> bytes:
    """The packet without the magic trailer; put together from sub-blocks where a writer did not know of it."""
    if (end := data.rfind(_MAGIC[:8])) >= 0:
        return data[:end]
    joined = _joined(data)
    return joined if b"<" in joined[:16] else data
