"""RIFF: one walk over chunks, and the marks of WebP, WAV and AVI.

WebP  `XMP `, `EXIF`, announced in the flags of `VP8X` (RFC 9649).
WAV   `_PMX` for XMP (XMP Part 3, 1.2.7), `AIGC` (TC260-PG-202510A), `id3 ` for other texts, LIST INFO ICMT for a
      comment, which players show.
AVI   is read only: `_PMX`, LIST INFO with `AIGC` among the rest (TC260-PG-20257A).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slot, Slots, Tag
from .reading import Found, Visits, decoded, name_of, read_at, size_of
from .splice import Edit, splice
from .tags import id3_with_slots, read_id3_slots

_MAX_SIZE = 0xFFFFFFFF - 8  # what RIFF's 32-bit size can tell; longer recordings are RF64, which is only read
C2PA = b"C2PA"  # C2PA 2.4, A.3.4
_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02  # flags of VP8X, RFC 9649, 2.7
_INFO_NAMES = {"ICMT": "Comment", "INAM": "Title", "IART": "Artist", "ISFT": "Software", "ISBJ": "Subject"}


@dataclass(frozen=True)
class Chunk:
    """One chunk. start: offset of its header. end: after its data and the padding byte. form: type of RIFF and LIST."""

    id: bytes
    start: int
    size: int
    end: int
    form: bytes = b""

    @property
    def body(self) -> int:
        return self.start + 8


class RiffWalker:
    """Walks the chunks of one file. Raises UnreadableFile, LimitExceeded past max_boxes."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.size = size_of(file)
        self._visits = Visits(file, limits.max_boxes)

    def forms(self) -> Iterator[Chunk]:
        """The RIFF chunks of the file: one, or several in a long AVI. A last one that is cut ends with the file."""
        place = 0
        while place + 12 <= self.size:
            id = read_at(self.file, place, 4)
            if id not in (b"RIFF", b"RF64", b"BW64"):
                if place == 0:
                    raise UnreadableFile(f"{name_of(self.file)}: this is no RIFF file")
                return
            chunk = self._chunk(place, self.size)
            if id != b"RIFF":  # the real size stands in the ds64 chunk; there is only one form in such a file
                chunk = Chunk(id, place, self.size - 8, self.size, chunk.form)
            yield chunk
            place = chunk.end

    def chunks(self, parent: Chunk) -> Iterator[Chunk]:
        """The chunks inside a RIFF or LIST chunk. A chunk that is cut ends where the file does."""
        wide = self._data_size(parent) if parent.id in (b"RF64", b"BW64") else None
        return self._between(parent.body + 4, parent.body + parent.size, wide)

    def between(self, start: int, end: int) -> Iterator[Chunk]:
        """The chunks from one offset to another, such as those of a frame. One that is cut ends where the file does."""
        return self._between(start, end, None)

    def form(self, form: bytes) -> Chunk:
        """The first RIFF chunk. Raises UnreadableFile where its form is another."""
        first = next(self.forms(), None)
        if first is None or first.form != form:
            raise UnreadableFile(f"{name_of(self.file)}: this is no RIFF file of the form {form.decode().strip()}")
        return first

    def _between(self, place: int, end: int, wide: int | None) -> Iterator[Chunk]:
        """wide: the size of the data chunk, where 32 bits cannot tell it."""
        end = min(end, self.size)
        while place + 8 <= end:
            chunk = self._chunk(place, end)
            if chunk.id == b"data" and wide is not None:
                chunk = Chunk(chunk.id, place, wide, min(place + 8 + wide + (wide & 1), end))
            yield chunk
            place = chunk.end

    def _chunk(self, place: int, end: int) -> Chunk:
        self._visits.count()
        head = read_at(self.file, place, 8)
        id, size = head[:4], int.from_bytes(head[4:], "little")
        form = b""
        if id in (b"RIFF", b"LIST", b"RF64", b"BW64") and place + 12 <= self.size:
            form = read_at(self.file, place + 8, 4)
        return Chunk(id, place, size, min(place + 8 + size + (size & 1), end), form)

    def _data_size(self, parent: Chunk) -> int | None:
        """The 64-bit size of the data chunk, from the ds64 chunk that comes first (EBU Tech 3306)."""
        place = parent.body + 4
        if place + 24 > self.size or read_at(self.file, place, 4) != b"ds64":
            return None
        return int.from_bytes(read_at(self.file, place + 16, 8), "little")


def packed(id: bytes, data: bytes) -> bytes:
    """A chunk in bytes: id, size, data, padding byte."""
    return id + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) & 1)


class WebpContainer:
    """WebP files, still and animated. A simple file becomes an extended one."""

    holds = frozenset({Slot.XMP, Slot.EXIF})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        with found.part():
            walker = RiffWalker(file, limits)
            for chunk in walker.chunks(walker.form(b"WEBP")):
                with found.part():
                    if chunk.id == b"XMP ":
                        found.xmp.append(found.block(chunk.body, chunk.size, "the XMP packet"))
                    elif chunk.id == b"EXIF" and found.exif is None:
                        found.exif = found.block(chunk.body, chunk.size, "the EXIF block").removeprefix(b"Exif\0\0")
                    elif chunk.id == C2PA:
                        found.manifest = True
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        new: dict[bytes, bytes] = {}
        if slots.exif is not None:
            new[b"EXIF"] = slots.exif
        if slots.xmp:
            new[b"XMP "] = slots.xmp[0]
        self._put(path, new, limits)

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy EXIF, XMP and the colour profile where the target lacks them. Unknown chunks stay behind, C2PA too."""
        kept: dict[bytes, bytes] = {}
        with target.open("rb") as file:
            walker = RiffWalker(file, limits)
            present = {chunk.id for chunk in walker.chunks(walker.form(b"WEBP"))}
        with source.open("rb") as file:
            found = Found(file, limits)
            walker = RiffWalker(file, limits)
            for chunk in walker.chunks(walker.form(b"WEBP")):
                if chunk.id in (b"ICCP", b"EXIF", b"XMP ") and chunk.id not in present and chunk.id not in kept:
                    kept[chunk.id] = found.block(chunk.body, chunk.size, "the metadata")
        self._put(target, kept, limits)

    def _put(self, path: Path, new: dict[bytes, bytes], limits: Limits) -> None:
        """Put chunks in: the profile right behind VP8X, EXIF and XMP behind the pictures, in this order."""
        if not new:
            return
        with path.open("rb") as file:
            walker = RiffWalker(file, limits)
            form = walker.form(b"WEBP")
            chunks = list(walker.chunks(form))
            header, edits = _extended_header(file, chunks, new)
        for id, data in new.items():
            present = next((chunk for chunk in chunks if chunk.id == id), None)
            if present:
                edits.append(Edit(present.start, present.end, packed(id, data)))
        fresh = {id: packed(id, data) for id, data in new.items() if all(chunk.id != id for chunk in chunks)}
        header += fresh.pop(b"ICCP", b"")
        if header:
            place = chunks[0].end if chunks[0].id == b"VP8X" else chunks[0].start
            edits.append(Edit(place, place, header))
        before = next((chunk.start for chunk in chunks if chunk.id == b"XMP "), form.end)
        for id, place in ((b"EXIF", before), (b"XMP ", form.end)):
            if id in fresh:
                edits.append(Edit(place, place, fresh[id]))
        _resized(path, form, edits)


class WavContainer:
    """WAV and Broadcast WAV; RF64 is read only."""

    holds = frozenset({Slot.XMP, Slot.TAGS})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        return _read_sound_or_film(file, limits, b"WAVE")

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        """XMP into `_PMX`, AIGC into `AIGC`, a comment into LIST INFO, all texts but AIGC into the ID3 chunk."""
        with path.open("rb") as file:
            walker = RiffWalker(file, limits)
            form = walker.form(b"WAVE")
            if form.id != b"RIFF":
                raise LimitExceeded(f"{path.name}: a recording over 4 GB (RF64) cannot be labelled; split it")
            chunks = list(walker.chunks(form))
            if any(chunk.id == b"data" and chunk.body + chunk.size > walker.size for chunk in chunks):
                raise UnreadableFile(f"{path.name}: its sound is cut off")
            new = _wav_chunks(file, chunks, slots, limits)
        edits = []
        tail = b""
        for id, data in new.items():
            same = [chunk for chunk in chunks if (chunk.form or chunk.id.lower()) == id.lower() or chunk.form == id]
            chunk = packed(b"LIST" if id == b"INFO" else id, data)
            if same:
                edits.append(Edit(same[0].start, same[0].end, chunk))
            else:
                tail += chunk
        end = form.end
        if chunks and chunks[-1].size & 1 and chunks[-1].body + chunks[-1].size == end:
            tail = b"\0" + tail if tail else b""  # the last chunk lacks its padding byte
        if tail:
            edits.append(Edit(end, end, tail))
        _resized(path, form, edits)


class AviContainer:
    """AVI films, read only: appending to one would break the indexes of a long film."""

    holds: frozenset[Slot] = frozenset()

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        return _read_sound_or_film(file, limits, b"AVI ")

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        if slots != Slots():
            raise UnreadableFile(f"{path.name}: AVI films are read only; convert it to MP4")


WEBP = WebpContainer()
WAV = WavContainer()
AVI = AviContainer()


def _read_sound_or_film(file: BinaryIO, limits: Limits, form: bytes) -> Slots:
    found = Found(file, limits)
    with found.part():
        walker = RiffWalker(file, limits)
        for each in [walker.form(form)] if form == b"WAVE" else walker.forms():
            for chunk in walker.chunks(each):
                with found.part():
                    _take(chunk, walker, found, limits)
    return found.slots()


def _take(chunk: Chunk, walker: RiffWalker, found: Found, limits: Limits) -> None:
    if chunk.id == b"_PMX":
        found.xmp.append(found.block(chunk.body, chunk.size, "the XMP packet"))
    elif chunk.id == C2PA:
        found.manifest = True
    elif chunk.id == b"AIGC":
        text = found.block(chunk.body, chunk.size, "the AIGC chunk")
        found.tags.append(Tag("AIGC", decoded(text.rstrip(b"\0")), "RIFF AIGC"))
    elif chunk.id.lower() == b"id3 ":
        found.hold(chunk.size, "the ID3 chunk")
        tagged = read_id3_slots(walker.file, chunk.body, limits)
        found.tags += tagged.tags
        found.xmp += tagged.xmp
        found.damage += tagged.damage
    elif chunk.form == b"INFO":
        for each in walker.chunks(chunk):
            text = found.block(each.body, each.size, "a text of LIST INFO")
            id = each.id.decode("latin-1")
            found.tags.append(Tag(_INFO_NAMES.get(id, id), decoded(text.rstrip(b"\0")), "RIFF INFO"))


def _wav_chunks(file: BinaryIO, chunks: list[Chunk], slots: Slots, limits: Limits) -> dict[bytes, bytes]:
    """Chunk id -> data to write; "INFO" for the list of that form."""
    new: dict[bytes, bytes] = {}
    if slots.xmp:
        new[b"_PMX"] = slots.xmp[0]
    aigc = next(iter(slots.values("AIGC")), None)
    if aigc is not None:
        new[b"AIGC"] = aigc.encode()
    texts = tuple(tag for tag in slots.tags if tag.name.casefold() != "aigc")
    if texts:
        old = next((chunk for chunk in chunks if chunk.id.lower() == b"id3 "), None)
        data = Found(file, limits).block(old.body, old.size, "the ID3 chunk") if old else b""
        new[b"id3 "] = id3_with_slots(data, Slots(tags=texts), limits, name_of(file))
    comment = next((tag.value for tag in texts if tag.name.casefold() == "comment"), None)
    if comment is not None:
        listed = next((chunk for chunk in chunks if chunk.form == b"INFO"), None)
        new[b"INFO"] = _info_with_comment(file, listed, comment, limits)
    return new


def _info_with_comment(file: BinaryIO, listed: Chunk | None, comment: str, limits: Limits) -> bytes:
    parts = [b"INFO"]
    if listed:
        held = Found(file, limits)
        for chunk in RiffWalker(file, limits).chunks(listed):
            if chunk.id != b"ICMT":
                parts.append(packed(chunk.id, held.block(chunk.body, chunk.size, "a text of LIST INFO")))
    parts.append(packed(b"ICMT", comment.encode() + b"\0"))
    return b"".join(parts)


def _extended_header(file: BinaryIO, chunks: list[Chunk], new: dict[bytes, bytes]) -> tuple[bytes, list[Edit]]:
    """The VP8X chunk to put first, or the edit of its flags where it is there already."""
    flags = (_ICC if b"ICCP" in new else 0) | (_EXIF if b"EXIF" in new else 0) | (_XMP if b"XMP " in new else 0)
    if not chunks:
        raise UnreadableFile(f"{name_of(file)}: there is no picture in it")
    first = chunks[0]
    head = read_at(file, first.body, 10)
    if first.id == b"VP8X":
        return b"", [Edit(first.body, first.body + 1, bytes([head[0] | flags]))]
    if first.id == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":  # RFC 6386, 9.1
        width = int.from_bytes(head[6:8], "little") & 0x3FFF
        height = int.from_bytes(head[8:10], "little") & 0x3FFF
    elif first.id == b"VP8L" and head[0] == 0x2F:  # RFC 9649, 3.4
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags |= _ALPHA if bits >> 28 & 1 else 0
    else:
        raise UnreadableFile(f"{name_of(file)}: its first chunk is no picture")
    body = bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return packed(b"VP8X", body), []


def _resized(path: Path, form: Chunk, edits: list[Edit]) -> None:
    size = form.end - form.body + sum(edit.growth for edit in edits)
    if size > _MAX_SIZE:
        raise LimitExceeded(f"{path.name}: it would grow over 4 GB, which RIFF cannot hold")
    splice(path, [*edits, Edit(form.start + 4, form.start + 8, size.to_bytes(4, "little"))])
