"""Ogg (RFC 3533): the comment header of its first Vorbis or Opus stream, read and written page by page."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, UnreadableFile
from ..limits import Limits
from .base import Slot, Slots
from .reading import Visits, name_of, read_at, size_of
from .splice import Edit, splice
from .vorbis import Comments, comment_tags, parse_comments, render_comments, with_tags

_HEAD = 27  # bytes of a page header before the segment table
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_NO_PACKET_ENDS = (1 << 64) - 1  # granule position of a page on which no packet ends
_MAX_SEGMENTS = 255
_C2PA = b"\x00c2pa"  # C2PA 2.4, A.3.5: a logical stream of its own that begins so


@dataclass(frozen=True)
class _Codec:
    """identification, comments: what the first two packets begin with. headers: how many header packets there are."""

    identification: bytes
    comments: bytes
    headers: int


_VORBIS = _Codec(b"\x01vorbis", b"\x03vorbis", 3)
_OPUS = _Codec(b"OpusHead", b"OpusTags", 2)


class Ogg:
    """An Ogg file whose first stream of this codec bears the comments."""

    holds = frozenset({Slot.TAGS})

    def __init__(self, codec: _Codec) -> None:
        self._codec = codec

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        try:
            headers = _headers(file, self._codec, limits)
            tags = comment_tags(self._comments(headers, name_of(file)))
            return Slots(tags=tags, manifest=headers.manifest)
        except InputError as error:
            return Slots(damage=(str(error),))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            comments = with_tags(self.comments(file, limits), slots.tags)
        self.put(path, comments, limits)

    def comments(self, file: BinaryIO, limits: Limits) -> Comments:
        """All comments as they stand, covers among them. Raises UnreadableFile, LimitExceeded."""
        return self._comments(_headers(file, self._codec, limits), name_of(file))

    def put(self, path: Path, comments: Comments, limits: Limits) -> None:
        """Put comments in place of those that are there. Raises UnreadableFile, LimitExceeded, OutputError."""
        with path.open("rb") as file:
            headers = _headers(file, self._codec, limits)
            packet = self._codec.comments + render_comments(comments)
            edits = _page_edits(file, headers, [packet, *headers.packets[1:]], limits)
        splice(path, edits)

    def _comments(self, headers: _Headers, name: str) -> Comments:
        return parse_comments(headers.packets[0].removeprefix(self._codec.comments), name)


OGG = Ogg(_VORBIS)
OPUS = Ogg(_OPUS)


@dataclass(frozen=True)
class _Page:
    start: int
    flags: int
    serial: int
    sequence: int
    lacing: bytes

    @property
    def body(self) -> int:
        return self.start + _HEAD + len(self.lacing)

    @property
    def end(self) -> int:
        return self.body + sum(self.lacing)


@dataclass(frozen=True)
class _Headers:
    """The header packets after the identification, comments first, and the pages that hold them and nothing else."""

    serial: int
    pages: tuple[_Page, ...]
    packets: tuple[bytes, ...]
    manifest: bool


def _pages(file: BinaryIO, start: int, limits: Limits) -> Iterator[_Page]:
    visits = Visits(file, limits.max_boxes)
    end = size_of(file)
    while start < end:
        visits.count()
        head = read_at(file, start, _HEAD)
        if head[:5] != b"OggS\0":
            raise UnreadableFile(f"{name_of(file)}: no Ogg page at byte {start}")
        lacing = read_at(file, start + _HEAD, head[26])
        page = _Page(
            start, head[5], int.from_bytes(head[14:18], "little"), int.from_bytes(head[18:22], "little"), lacing
        )
        yield page
        start = page.end


def _headers(file: BinaryIO, codec: _Codec, limits: Limits) -> _Headers:
    serial: int | None = None
    manifest = False
    pages: list[_Page] = []
    packets: list[bytes] = []
    pending: list[bytes] = []
    total = 0
    for page in _pages(file, 0, limits):
        if page.flags & _FIRST:
            opening = read_at(file, page.body, min(sum(page.lacing), 16))
            manifest = manifest or opening.startswith(_C2PA)
            if serial is None and opening.startswith(codec.identification):
                serial = page.serial
            continue
        if page.serial != serial:
            continue
        total += sum(page.lacing)
        if total > limits.max_slot_bytes:
            raise UnreadableFile(f"{name_of(file)}: the stream's headers are larger than {limits.max_slot_bytes} bytes")
        pages.append(page)
        place = page.body
        for length in page.lacing:
            pending.append(read_at(file, place, length))
            place += length
            if length < 255:
                packets.append(b"".join(pending))
                pending = []
        if len(packets) >= codec.headers - 1:
            break
    if serial is None or len(packets) != codec.headers - 1 or pending or not packets[0].startswith(codec.comments):
        raise UnreadableFile(
            f"{name_of(file)}: the headers of the Ogg stream are missing, cut off or run into the sound"
        )
    return _Headers(serial, tuple(pages), tuple(packets), manifest)


def _page_edits(file: BinaryIO, headers: _Headers, packets: list[bytes], limits: Limits) -> list[Edit]:
    """Put the packets where the old header pages were, on as many pages where they fit; else number all anew."""
    first = headers.pages[0]
    new = _paged(packets, headers.serial, first.sequence, len(headers.pages))
    edits = [Edit(first.start, first.end, b"".join(new))]
    edits += [Edit(page.start, page.end, b"") for page in headers.pages[1:]]
    shift = len(new) - len(headers.pages)
    if shift:
        edits += _renumbered(file, headers, shift, limits)
    return edits


def _paged(packets: list[bytes], serial: int, sequence: int, count: int) -> list[bytes]:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    data = b"".join(packets)
    count = min(max(count, -(-len(lacing) // _MAX_SEGMENTS)), len(lacing))
    share = -(-len(lacing) // count)
    pages: list[bytes] = []
    place = 0
    for start in range(0, len(lacing), share):
        part = lacing[start : start + share]
        flags = _CONTINUED if start and lacing[start - 1] == 255 else 0
        granule = 0 if min(part) < 255 else _NO_PACKET_ENDS
        head = b"OggS\0" + bytes([flags]) + granule.to_bytes(8, "little") + serial.to_bytes(4, "little")
        head += ((sequence + len(pages)) & 0xFFFFFFFF).to_bytes(4, "little") + bytes(4) + bytes([len(part)]) + part
        size = sum(part)
        pages.append(_checked(head + data[place : place + size]))
        place += size
    return pages


def _renumbered(file: BinaryIO, headers: _Headers, shift: int, limits: Limits) -> Iterator[Edit]:
    last = headers.pages[-1]
    for page in _pages(file, last.end, limits):
        if page.serial != headers.serial or page.start < last.end:
            continue
        if page.flags & _FIRST:
            return
        data = bytearray(read_at(file, page.start, page.end - page.start))
        data[18:22] = ((page.sequence + shift) & 0xFFFFFFFF).to_bytes(4, "little")
        yield Edit(page.start + 18, page.start + 26, _checked(bytes(data))[18:26])
        if page.flags & _LAST:
            return


def _checked(page: bytes) -> bytes:
    """The page with its checksum (RFC 3533, 6: CRC 0x04c11db7, unreflected, from zero)."""
    page = page[:22] + bytes(4) + page[26:]
    # zlib's CRC has the same polynomial with bits reflected, and inverts before and after.
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    crc = mirrored.to_bytes(4, "little").translate(_MIRRORED)
    return page[:22] + crc[::-1] + page[26:]


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
