"""JPEG: marks in the segments before the first scan (ITU-T T.81, Annex B; XMP Part 3, 1.1.3; CIPA DC-008)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slot, Slots, Tag
from .reading import Found, Visits, decoded, name_of, read_at
from .splice import Edit, splice

_SOI, _SOS, _EOI, _COM, _APP0 = 0xD8, 0xDA, 0xD9, 0xFE, 0xE0
_EXIF = b"Exif\0"  # and one more byte, which is zero in all but a few files
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_ICC = b"ICC_PROFILE\0"
_MPF = b"MPF\0"
_JUMBF = b"JP"
_C2PA = bytes.fromhex("6332706100110010800000aa00389b71")  # the type of a C2PA manifest store (C2PA 2.2, 11.1.4.2)
HEAD = 40  # bytes of a segment that are enough to tell what it holds
MAX_BODY = 65533  # what the two bytes of a segment's length leave


@dataclass(frozen=True)
class Segment:
    """One marker segment. start: offset of its 0xFF. body: offset after the length. head: its first bytes."""

    marker: int
    start: int
    body: int
    end: int
    head: bytes

    @property
    def size(self) -> int:
        return self.end - self.body

    @property
    def kind(self) -> str:
        """What it holds: "exif", "xmp", "extended xmp", "icc", "mpf", "jumbf", "comment", "app0" …, "" for others."""
        if self.marker == 0xE1:
            return "exif" if self.head.startswith(_EXIF) else self._xmp_kind
        if self.marker == 0xE2:
            return "icc" if self.head.startswith(_ICC) else "mpf" if self.head.startswith(_MPF) else "app2"
        if self.marker == 0xEB and self.head.startswith(_JUMBF):
            return "jumbf"
        if self.marker == _COM:
            return "comment"
        return f"app{self.marker - _APP0}" if _APP0 <= self.marker <= 0xEF else ""

    @property
    def _xmp_kind(self) -> str:
        if self.head.startswith(_EXTENDED):
            return "extended xmp"
        return "xmp" if self.head.startswith(_XMP) else "app1"


class JpegContainer:
    """JPEG files. XMP and EXIF are written; comments and an Extended XMP are read, and kept when written."""

    holds = frozenset({Slot.XMP, Slot.EXIF})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        extended: dict[bytes, _Extended] = {}
        with found.part():
            for segment in _segments(file, limits):
                with found.part():
                    _take(segment, found, extended)
        for packet in extended.values():
            with found.part():
                found.xmp.append(packet.whole(name_of(file)))
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        edits: list[Edit] = []
        with path.open("rb") as file:
            segments = list(_segments(file, limits))
        if slots.exif is not None:
            new = _segment(0xE1, b"Exif\0\0" + slots.exif, path.name)
            edits.append(_replacing(segments, "exif", new, _after(segments, ("app0",))))
        for packet in slots.xmp[:1]:
            room = MAX_BODY - len(_XMP)
            new = _segment(0xE1, _XMP + (packet if len(packet) <= room else _without_padding(packet)), path.name)
            edits.append(_replacing(segments, "xmp", new, _after(segments, ("app0", "exif"))))
        splice(path, _joined(edits))

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy the segments that describe the picture or its colours.

        Left behind: JFIF and Adobe headers, which the encoder writes itself; JFXX thumbnails; the MPF index, whose
        offsets point at pictures that are no longer where they were; JUMBF (C2PA, and residuals of JPEG XT, which
        belong to the old samples); and what the target has already.
        """
        with target.open("rb") as file:
            present = list(_segments(file, limits))
        kinds = {segment.kind for segment in present}
        left = {"app0", "app14", "app11", "jumbf", "mpf", *(kinds & {"exif", "icc", "comment"})}
        if "xmp" in kinds:
            left |= {"xmp", "extended xmp"}
        carried: list[bytes] = []
        with source.open("rb") as file:
            held = Found(file, limits)
            for segment in _segments(file, limits):
                if segment.kind and segment.kind not in left:
                    carried.append(held.block(segment.start, segment.end - segment.start, "the metadata"))
        place = _after(present, ("app0",))
        splice(target, [Edit(place, place, b"".join(carried))])


JPEG = JpegContainer()


@dataclass
class _Extended:
    """An Extended XMP, put together from its parts: offset -> bytes."""

    size: int
    parts: dict[int, bytes] = field(default_factory=dict)

    def whole(self, name: str) -> bytes:
        packet = b"".join(self.parts[offset] for offset in sorted(self.parts))
        offset = 0
        for start in sorted(self.parts):
            if start != offset:
                break
            offset += len(self.parts[start])
        if offset != self.size or len(packet) != self.size:
            raise UnreadableFile(f"{name}: a part of the Extended XMP is missing")
        return packet


def _segments(file: BinaryIO, limits: Limits) -> Iterator[Segment]:
    """The segments from SOI to the first scan. Raises UnreadableFile where there is no marker."""
    if read_at(file, 0, 2) != b"\xff\xd8":
        raise UnreadableFile(f"{name_of(file)}: this is no JPEG file")
    visits = Visits(file, limits.max_boxes)
    place = 2
    while True:
        visits.count()
        file.seek(place)
        window = file.read(4 + HEAD)  # one read for all: this is done a dozen times in every picture
        if len(window) < 2:
            raise UnreadableFile(f"{name_of(file)}: the file ends at byte {place}, before its picture")
        if window[0] != 0xFF:
            raise UnreadableFile(f"{name_of(file)}: there is no marker at byte {place}, where one must be")
        marker = window[1]
        if marker == 0xFF:  # a fill byte, B.1.1.2
            place += 1
            continue
        if marker in (_SOS, _EOI):
            return
        if marker == 0x01 or 0xD0 <= marker <= _SOI:
            place += 2
            continue
        size = int.from_bytes(window[2:4])
        if size < 2:
            raise UnreadableFile(f"{name_of(file)}: the segment at byte {place} claims an impossible size of {size}")
        yield Segment(marker, place, place + 4, place + 2 + size, window[4 : 2 + size])
        place += 2 + size


def _take(segment: Segment, found: Found, extended: dict[bytes, _Extended]) -> None:
    kind = segment.kind
    if kind == "exif" and found.exif is None:
        found.exif = found.block(segment.body + 6, max(segment.size - 6, 0), "the EXIF block")
    elif kind == "xmp":
        found.xmp.append(found.block(segment.body + len(_XMP), segment.size - len(_XMP), "the XMP packet"))
    elif kind == "extended xmp":
        _take_extended(segment, found, extended)
    elif kind == "comment":
        text = found.block(segment.body, segment.size, "the comment").rstrip(b"\0")
        found.tags.append(Tag("Comment", decoded(text), "JPEG comment"))
    elif kind == "jumbf":
        # CI, En, Z; then LBox "jumb", LBox "jumd" and the type: ISO/IEC 19566-5.
        found.manifest = found.manifest or (segment.head[12:16] == b"jumb" and segment.head[24:40].startswith(_C2PA))


def _take_extended(segment: Segment, found: Found, extended: dict[bytes, _Extended]) -> None:
    """GUID (32), full length, offset, data: XMP Part 3, 1.1.3.1."""
    place, size = segment.body + len(_EXTENDED), segment.size - len(_EXTENDED)
    if size < 40:
        raise UnreadableFile(f"{name_of(found.file)}: a part of the Extended XMP is cut off")
    data = found.block(place, size, "the Extended XMP")
    whole, offset = int.from_bytes(data[32:36]), int.from_bytes(data[36:40])
    extended.setdefault(data[:32], _Extended(whole)).parts.setdefault(offset, data[40:])


def _segment(marker: int, body: bytes, name: str) -> bytes:
    if len(body) > MAX_BODY:
        raise LimitExceeded(f"{name}: the metadata to write has {len(body)} bytes, a JPEG segment holds {MAX_BODY}")
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def _without_padding(packet: bytes) -> bytes:
    """The packet without the white space before its end, where that is what makes it too large."""
    body, mark, rest = packet.rpartition(b"<?xpacket end=")
    return body.rstrip() + b"\n" + mark + rest if mark else packet


def _after(segments: list[Segment], kinds: tuple[str, ...]) -> int:
    """Where a new segment goes: after the leading ones of these kinds."""
    place = 2
    for segment in segments:
        if segment.kind not in kinds:
            break
        place = segment.end
    return place


def _replacing(segments: list[Segment], kind: str, new: bytes, otherwise: int) -> Edit:
    present = next((segment for segment in segments if segment.kind == kind), None)
    return Edit(present.start, present.end, new) if present else Edit(otherwise, otherwise, new)


def _joined(edits: list[Edit]) -> list[Edit]:
    """Insertions at the same place become one, in the order given."""
    joined: list[Edit] = []
    for edit in edits:
        same = next((each for each in joined if each.start == each.end == edit.start == edit.end), None)
        if same is None:
            joined.append(edit)
        else:
            joined[joined.index(same)] = Edit(edit.start, edit.end, same.data + edit.data)
    return joined
