"""PNG and APNG: marks in ancillary chunks (PNG Specification, Third Edition)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slot, Slots, Tag
from .reading import Found, Visits, name_of, read_at, size_of
from .splice import Edit, splice

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = "XML:com.adobe.xmp"  # XMP Part 3, 1.1.5
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# Marked unsafe to copy, since they tell how to see the samples; the samples keep their colours, so they stay true.
_COLOURS = frozenset({b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI"})
# They hold values of samples or palette entries, or belong to the animation, or sign the file.
_OF_THE_PIXELS = frozenset(
    {b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"dSIG", b"caBX", b"gIFg"}
)


@dataclass(frozen=True)
class Chunk:
    """One chunk. start: offset of its length. body: of its data. end: after its checksum."""

    type: bytes
    start: int
    body: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.body - 4


class PngContainer:
    """PNG files. Texts given to `write` become tEXt or iTXt, though XMP is what a mark should use here."""

    holds = frozenset({Slot.XMP, Slot.EXIF})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        with found.part():
            for chunk in chunks_of(file, limits):
                with found.part():
                    _take(chunk, found)
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        wanted = [_text_chunk(tag.name, tag.value, path.name) for tag in slots.tags]
        keywords = [tag.name.casefold() for tag in slots.tags]
        if slots.xmp:
            wanted.append(packed(b"iTXt", _XMP.encode() + b"\0\0\0\0\0" + slots.xmp[0]))
            keywords.append(_XMP.casefold())
        with path.open("rb") as file:
            chunks = list(chunks_of(file, limits))
            edits = [Edit(each.start, each.end, b"") for each in chunks if _keyword(file, each).casefold() in keywords]
        if slots.exif is not None:
            edits += [Edit(each.start, each.end, b"") for each in chunks if each.type == b"eXIf"]
            wanted.append(packed(b"eXIf", slots.exif))
        splice(path, [*edits, _insertion(chunks, b"".join(wanted))])

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy the ancillary chunks: colours, sizes, times, texts, EXIF, and others that are marked safe to copy.

        Left behind: what the target has (texts by keyword, else by type), what depends on the encoding of the pixels
        (tRNS, bKGD, sBIT, the animation …), unknown chunks that are unsafe to copy, and the C2PA store (caBX).
        """
        with target.open("rb") as file:
            present = list(chunks_of(file, limits))
            types = {chunk.type for chunk in present}
            keywords = {_keyword(file, chunk) for chunk in present if chunk.type in _TEXTS}
        carried: list[bytes] = []
        with source.open("rb") as file:
            held = Found(file, limits)
            for chunk in chunks_of(file, limits):
                if not _may_be_carried(chunk.type):
                    continue
                known = _keyword(file, chunk) in keywords if chunk.type in _TEXTS else chunk.type in types
                if not known:
                    carried.append(held.block(chunk.start, chunk.end - chunk.start, "the metadata"))
        splice(target, [_insertion(present, b"".join(carried))])


PNG = PngContainer()


def chunks_of(file: BinaryIO, limits: Limits) -> Iterator[Chunk]:
    """All chunks, IEND included. Raises UnreadableFile at one that is cut off, LimitExceeded past max_boxes."""
    if read_at(file, 0, 8) != SIGNATURE:
        raise UnreadableFile(f"{name_of(file)}: this is no PNG file")
    visits = Visits(file, limits.max_boxes)
    end = size_of(file)
    place = 8
    while place < end:
        visits.count()
        head = read_at(file, place, 8)
        size, type = int.from_bytes(head[:4]), head[4:]
        if not type.isalpha() or place + 12 + size > end:
            raise UnreadableFile(f"{name_of(file)}: the chunk at byte {place} is damaged or cut off")
        yield Chunk(type, place, place + 8, place + 12 + size)
        if type == b"IEND":
            return
        place += 12 + size
    raise UnreadableFile(f"{name_of(file)}: the file ends without its IEND chunk")


def packed(type: bytes, data: bytes) -> bytes:
    """A chunk in bytes: length, type, data, checksum."""
    return len(data).to_bytes(4) + type + data + zlib.crc32(type + data).to_bytes(4)


def _take(chunk: Chunk, found: Found) -> None:
    if chunk.type == b"caBX":
        found.manifest = True
    elif chunk.type == b"eXIf" and found.exif is None:
        found.exif = found.block(chunk.body, chunk.size, "the EXIF block").removeprefix(b"Exif\0\0")
    elif chunk.type in _TEXTS:
        keyword, value = _text(chunk, found)
        if keyword == _XMP:
            found.xmp.append(value)
        else:
            encoding = "utf-8" if chunk.type == b"iTXt" else "latin-1"
            text = value.decode(encoding, "replace")
            found.tags.append(Tag(keyword, _repaired(text), f"PNG {chunk.type.decode()}"))


def _text(chunk: Chunk, found: Found) -> tuple[str, bytes]:
    """Keyword and value of a text chunk, inflated within the limit."""
    data = found.block(chunk.body, chunk.size, "a text chunk")
    keyword, mark, rest = data.partition(b"\0")
    if not mark:
        raise UnreadableFile(f"{name_of(found.file)}: a text chunk has no keyword")
    deflated = chunk.type == b"zTXt"
    if deflated:
        rest = rest[1:]
    elif chunk.type == b"iTXt":
        deflated = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]  # language, translated keyword
    return keyword.decode("latin-1"), _inflated(rest, found) if deflated else rest


def _inflated(data: bytes, found: Found) -> bytes:
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(data, found.left + 1)
    except zlib.error:
        raise UnreadableFile(f"{name_of(found.file)}: a packed text chunk cannot be inflated") from None
    found.hold(len(text), "a packed text chunk")
    return text


def _repaired(text: str) -> str:
    """UTF-8 that was put into a tEXt chunk, which is Latin-1 by the book."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _keyword(file: BinaryIO, chunk: Chunk) -> str:
    """The keyword of a text chunk, "" for other chunks."""
    if chunk.type not in _TEXTS:
        return ""
    return read_at(file, chunk.body, min(chunk.size, 80)).partition(b"\0")[0].decode("latin-1")


def _may_be_carried(type: bytes) -> bool:
    ancillary, safe = bool(type[0] & 0x20), bool(type[3] & 0x20)
    return ancillary and type not in _OF_THE_PIXELS and (safe or type in _COLOURS)


def _text_chunk(keyword: str, value: str, name: str) -> bytes:
    try:
        key = keyword.encode("latin-1")
    except UnicodeEncodeError:
        key = b""
    if not 0 < len(key) < 80 or b"\0" in key:
        raise LimitExceeded(f"{name}: {keyword[:80]!r} cannot be a PNG keyword, which is 1 to 79 Latin letters")
    if value.isascii():
        return packed(b"tEXt", key + b"\0" + value.encode())
    return packed(b"iTXt", key + b"\0\0\0\0\0" + value.encode())


def _insertion(chunks: list[Chunk], data: bytes) -> Edit:
    """After IHDR: before palette and pixels, where colours and EXIF must be."""
    place = chunks[0].end
    return Edit(place, place, data)
