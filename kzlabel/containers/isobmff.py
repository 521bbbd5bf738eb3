"""MP4, MOV, M4V and M4A: marks in `moov` metadata and in a `uuid` box, written without touching the media data.

Cost is bounded by the index (`moov`, at most MAX_MOOV) and not by the film: where the index stands before the media
data and outgrows the free space behind it, the media data are copied piece by piece and every offset is moved.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, UnreadableFile
from ..limits import Limits
from . import moov as metadata
from .base import Container, Slot, Slots
from .boxes import Box, BoxWalker
from .moov import edit_metadata, read_metadata
from .offsets import Overflow, Shift, shifted_fragments, shifted_moov
from .reading import name_of, read_at
from .splice import Edit, splice

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP specification part 3, 1.2.7.1
C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA 2.4, A.5.1
MAX_MOOV = 64 << 20  # a day of video at 30 frames a second has an index of about 40 MB
SPARE = 2048  # bytes left free behind an index that had to grow, so that the next edit moves nothing

_MEDIA = (b"mdat", b"moof", b"imda")
_MAX_SIZE = (1 << 32) - 1


class Isobmff:
    """One film or recording in ISO base media or QuickTime form."""

    holds = frozenset({Slot.TAGS, Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        walker = BoxWalker(file, limits)
        parts: list[metadata.Box] = []
        damage: list[str] = []
        manifest = False
        # A cover picture may stand beside the texts, so all together may be larger than one slot.
        left = limits.max_slot_bytes + limits.max_manifest_bytes
        try:
            for box in _metadata_boxes(walker):
                if box.uuid == C2PA_UUID:
                    manifest = True
                    continue
                try:
                    content = walker.content(box, min(left, limits.max_slot_bytes) if box.uuid else left)
                except InputError as error:
                    damage.append(str(error))
                    continue
                left -= len(content)
                parts.append(metadata.Box(b"XMP_" if box.uuid else box.type, content))
        except InputError as error:
            damage.append(str(error))
        found = read_metadata(parts, name_of(file))
        return Slots(
            xmp=tuple(found.xmp),
            tags=tuple(found.tags),
            manifest=manifest,
            damage=(*damage, *found.damage),
        )

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            edits = _edits(file, slots, limits)
        splice(path, edits)


MP4: Container = Isobmff()
M4A: Container = Isobmff()


def _metadata_boxes(walker: BoxWalker) -> Iterator[Box]:
    for box in walker.top():
        if box.uuid in (C2PA_UUID, XMP_UUID):
            yield box
        elif box.type == b"moov":
            for child in walker.children(box):
                if child.type in (b"udta", b"meta") or child.uuid == XMP_UUID:
                    yield child


def _edits(file: BinaryIO, slots: Slots, limits: Limits) -> list[Edit]:
    name = name_of(file)
    walker = BoxWalker(file, limits)
    top = list(walker.top())
    moov = next((box for box in top if box.type == b"moov"), None)
    if moov is None or any(box.cut for box in top):
        raise UnreadableFile(f"{name}: the film's index is missing or the file is cut off, so it cannot be labelled")
    old = walker.content(moov, MAX_MOOV)
    tree = metadata.Box(b"moov", old).opened(name)
    packet = slots.xmp[0] if slots.xmp else None
    uuids = [box for box in top if box.uuid == XMP_UUID]
    inside = bool((udta := tree.child(b"udta")) and udta.opened(name).child(b"XMP_"))
    if slots.tags or (packet is not None and inside):
        edit_metadata(tree, slots.tags, packet, name, quicktime=_is_quicktime(file, top))
    new = tree.render()
    _must_hold(new, slots, name)
    outside = packet if packet is not None and (uuids or not inside) else None
    packet_edits, appended = _packet_edits(uuids, top, outside)

    def replaced(index: bytes) -> list[Edit]:
        return [*_moov_edits(top, moov, index), *packet_edits, *_appending(file, top, appended, rewritten=moov)]

    def moved_to_the_end(index: bytes) -> list[Edit]:
        renamed = Edit(moov.start + 4, moov.start + 8, b"free")
        return [renamed, *packet_edits, *_appending(file, top, index + appended)]

    for layout in (replaced, moved_to_the_end):
        try:
            return _settled(walker, top, new, layout)
        except Overflow:
            continue
    raise UnreadableFile(f"{name}: the offsets in the film's index are out of range, so it cannot be labelled")


def _must_hold(moov: bytes, slots: Slots, name: str) -> None:
    """Read the new index back in memory: in a damaged one, new items can end up where no reader finds them."""
    found = read_metadata(metadata.Box(b"moov", moov[8:]).opened(name).children or (), name)
    held = Slots(tags=tuple(found.tags))
    if any(tag.value not in held.values(tag.name) for tag in slots.tags):
        raise UnreadableFile(f"{name}: the film's metadata are damaged, so it cannot be labelled; remux it first")


def _is_quicktime(file: BinaryIO, top: list[Box]) -> bool:
    brand = next(
        (read_at(file, box.body, 4) for box in top if box.type == b"ftyp" and box.end - box.body >= 4), b"qt  "
    )
    return brand == b"qt  "


def _packet_edits(uuids: list[Box], top: list[Box], packet: bytes | None) -> tuple[list[Edit], bytes]:
    """Edits for the boxes that hold XMP now, and what is to be appended to the file."""
    if packet is None:
        return [], b""
    new = metadata.Box(b"uuid", XMP_UUID + packet).render()
    edits = [Edit(box.start + 4, box.start + 8, b"free") for box in uuids[1:]]
    if not uuids:
        return edits, new
    first = uuids[0]
    spare = first.end - first.start - len(new)
    if spare == 0 or spare >= 8:
        return [*edits, Edit(first.start, first.end, new + _free(spare))], b""
    if not any(box.type in _MEDIA for box in top if box.start > first.start):
        return [*edits, Edit(first.start, first.end, new)], b""
    return [*edits, Edit(first.start + 4, first.start + 8, b"free")], new


def _moov_edits(top: list[Box], moov: Box, new: bytes) -> list[Edit]:
    """The index where it stands, using up or leaving free space behind it."""
    end = moov.end
    for box in top:
        if box.start == end and box.type in (b"free", b"skip"):
            end = box.end
    spare = end - moov.start - len(new)
    if spare == 0 or spare >= 8:
        return [Edit(moov.start, end, new + _free(spare))]
    if not any(box.type in _MEDIA for box in top if box.start > moov.start):
        return [Edit(moov.start, moov.end, new)]
    return [Edit(moov.start, end, new + _free(SPARE))]


def _appending(file: BinaryIO, top: list[Box], data: bytes, *, rewritten: Box | None = None) -> list[Edit]:
    """Append boxes: before a trailing `mfra`, which must stay last.

    A last box without a size gets its real one, unless it is `rewritten` by another edit.
    """
    if not data:
        return []
    last = top[-1]
    if last.type == b"mfra":
        return [Edit(last.start, last.start, data)]
    edits = [Edit(last.end, last.end, data)]
    size = last.end - last.start
    if last is not rewritten and read_at(file, last.start, 4) == bytes(4):
        if size <= _MAX_SIZE:
            edits.append(Edit(last.start, last.start + 4, size.to_bytes(4)))
        else:
            edits.append(Edit(last.start, last.start + 8, struct.pack(">I4sQ", 1, last.type, size + 8)))
    return edits


def _settled(walker: BoxWalker, top: list[Box], index: bytes, layout: Callable[[bytes], list[Edit]]) -> list[Edit]:
    """The edits of a layout, with every offset corrected if the layout moves media data. Raises Overflow."""
    edits = layout(index)
    shift = Shift(edits)
    if all(shift.moved(box.start) == box.start for box in top if box.type in _MEDIA):
        return edits
    if any(box.type == b"meta" for box in top):
        raise Overflow  # items of a file-level `meta` have offsets of their own (iloc): leave the media where they are
    corrected = layout(shifted_moov(index, shift, name_of(walker.file)))
    return [*corrected, *shifted_fragments(walker, top, shift)]


def _free(size: int) -> bytes:
    return struct.pack(">I4s", size, b"free") + bytes(size - 8) if size else b""
