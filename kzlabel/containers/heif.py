"""HEIC and AVIF: XMP and EXIF as items of the `meta` box (ISO/IEC 23008-12, annex A). XMP is written without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slot, Slots
from .boxes import Box, BoxWalker
from .heif_items import IN_FILE, Item, Meta, anchored, read_meta, whole_box, with_offsets, with_xmp
from .isobmff import C2PA_UUID
from .offsets import Overflow, Shift, shifted_moov
from .reading import Found, name_of
from .splice import Edit, splice


class HeifContainer:
    """HEIC, HEIF and AVIF files, sequences too."""

    holds = frozenset({Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        with found.part():
            walker = _walker(file, limits)
            for box in walker.top():
                found.manifest = found.manifest or box.uuid == C2PA_UUID
                with found.part():
                    for each in _metas(walker, box):
                        meta = read_meta(walker, each, limits)
                        for item in meta.items:
                            with found.part():
                                _take(item, meta, found)
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        """Put the packet where the old one is if it fits there, else at the end of the file.

        The metadata of a sequence's tracks is put where no later move of the media data, such as signing, can lose it.
        """
        if slots.xmp:
            _edit(path, slots.xmp[0], limits)

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy XMP that the target lacks. EXIF and colour profile belong to the encoder, which writes them itself."""
        with source.open("rb") as file, target.open("rb") as other:
            held, present = self.read(file, limits), self.read(other, limits)
        _edit(target, held.xmp[0] if held.xmp and not present.xmp else None, limits)


HEIF = HeifContainer()


def _walker(file: BinaryIO, limits: Limits) -> BoxWalker:
    walker = BoxWalker(file, limits)
    first = next(walker.top(), None)
    if first is None or first.type != b"ftyp":
        raise UnreadableFile(f"{name_of(file)}: this is no HEIC or AVIF file")
    return walker


def _metas(walker: BoxWalker, box: Box) -> Iterator[Box]:
    """The `meta` boxes at the top level, or those of a sequence and its tracks."""
    if box.type == b"meta":
        yield box
    elif box.type in (b"moov", b"trak"):
        for child in walker.children(box):
            yield from _metas(walker, child)


def _take(item: Item, meta: Meta, found: Found) -> None:
    if not (item.is_xmp or item.type == b"Exif"):
        return
    location = meta.location(item)
    if location is None:
        raise UnreadableFile(f"{name_of(found.file)}: an item of the picture has no place")
    data = b"".join(found.block(place, size, "an item") for place, size in meta.ranges(location))
    if item.is_xmp:
        if data not in found.xmp:  # a sequence has it in its track, too
            found.xmp.append(data)
    elif found.exif is None:
        # The first four bytes tell how far the TIFF header is away (ISO/IEC 23008-12, A.2.1).
        found.exif = data[4 + int.from_bytes(data[:4]) :].removeprefix(b"Exif\0\0")


def _edit(path: Path, packet: bytes | None, limits: Limits) -> None:
    with path.open("rb") as file:
        walker = _walker(file, limits)
        try:
            edits = _edits(walker, packet, limits)
        except Overflow:
            raise LimitExceeded(f"{path.name}: it would grow over 4 GB, which its offsets cannot hold") from None
    splice(path, edits)


def _edits(walker: BoxWalker, packet: bytes | None, limits: Limits) -> list[Edit]:
    top = list(walker.top())
    box = next((box for box in top if box.type == b"meta"), None)
    if box is None:
        raise UnreadableFile(f"{name_of(walker.file)}: there is no picture in it")
    meta = read_meta(walker, box, limits)
    movie = next((box for box in top if box.type == b"moov"), None)
    index = _anchored(walker, movie, limits) if movie else b""
    grown = movie is not None and len(index) != movie.end - movie.start
    room = _room(meta, len(packet)) if packet else None
    edits: list[Edit] = []
    if packet and room:
        edits = [Edit(room[0], room[0] + room[1], packet.ljust(room[1]))]
        packet = None
    if packet is None and not grown:
        return edits

    def rewritten(place: int, moved: Callable[[int], int]) -> bytes:
        if packet is None:
            return with_offsets(walker, meta, moved, limits)
        return with_xmp(walker, meta, place, len(packet), moved, limits)

    # The boxes keep their lengths whatever the offsets are, unless they need more than 32 bits.
    length = len(rewritten(walker.size, lambda offset: offset))
    moving = [Edit(box.start, box.end, bytes(length))]
    if movie:
        moving.append(Edit(movie.start, movie.end, bytes(len(index))))
    shift = Shift(moving)
    new = rewritten(shift.moved(walker.size) + 8, shift.moved)
    if len(new) != length:
        raise Overflow
    edits.append(Edit(box.start, box.end, new))
    if movie:
        edits.append(Edit(movie.start, movie.end, shifted_moov(index, shift, name_of(walker.file))))
    if packet is not None:
        edits.append(Edit(walker.size, walker.size, (8 + len(packet)).to_bytes(4) + b"mdat" + packet))
        edits += _closed(walker.file, top[-1])
    return edits


def _anchored(walker: BoxWalker, box: Box, limits: Limits) -> bytes:
    """The index of a sequence with the metadata of its tracks inside."""
    if box.type == b"meta":
        return anchored(walker, read_meta(walker, box, limits), limits)
    if box.type not in (b"moov", b"trak"):
        return whole_box(walker, box, limits)
    body = b"".join(_anchored(walker, child, limits) for child in walker.children(box))
    return (8 + len(body)).to_bytes(4) + box.type + body


def _room(meta: Meta, length: int) -> tuple[int, int] | None:
    """Place and length of the old packet, if the new one fits and no other item shares its bytes."""
    item = meta.item(lambda item: item.is_xmp)
    location = meta.location(item) if item else None
    if location is None or location.method != IN_FILE or location.reference or len(location.extents) != 1:
        return None
    _, place, size = location.extents[0]
    for other in meta.locations:
        if other is not location and other.method == IN_FILE:
            for _, start, extent in other.extents:
                if start < place + size and (place < start + extent or not extent):
                    return None
    return (place, size) if length <= size else None


def _closed(file: BinaryIO, last: Box) -> list[Edit]:
    """The size of a last box that runs to the end of the file, now that something follows it."""
    file.seek(last.start)
    if file.read(4) != b"\0\0\0\0":
        return []
    size = last.end - last.start
    if size > 0xFFFFFFFF:
        raise Overflow
    return [Edit(last.start, last.start + 4, size.to_bytes(4))]
