"""Recordings whose marks stand in tags: MP3, FLAC, Ogg Vorbis and Opus, and the ID3 chunk inside a WAV.

MP3: texts in ID3v2 TXXX frames, XMP in a PRIV frame. FLAC, Ogg: texts in the Vorbis comments; the ID3 tag that c2pa
puts before a FLAC stream is read. What a tag says is read and made by mutagen (`tag_library.py`), what is not replaced
is carried over as bytes (`tag_bytes.py`), and the audio stays where it is or is moved once.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots, Tag
from .reading import Visits, name_of, read_at, read_block
from .splice import Edit, splice
from .tag_bytes import (
    Comments,
    Frame,
    Id3,
    comment_tags,
    parse_comments,
    read_id3,
    render_comments,
    render_id3,
    with_tags,
)
from .tag_library import (
    XMP_OWNER,
    contained,
    flac_with_comments,
    frame_texts,
    ogg_paged,
    ogg_pages,
    raised,
    text_frame,
    xmp_frame,
)

_XMP = XMP_OWNER.encode() + b"\0"
_MAX_ID3_TAGS = 3  # in a row before the audio; more than one is already a writer's mistake
_MANIFEST_TYPES = (b"application/c2pa", b"application/x-c2pa-manifest-store")  # C2PA 2.4, A.3.6; the older name
_C2PA_STREAM = b"\x00c2pa"  # C2PA 2.4, A.3.5: a logical Ogg stream of its own that begins so
_COMMENTS, _MAX_BLOCK = 4, (1 << 24) - 1  # METADATA_BLOCK type and size, RFC 9639, 8.1
_MAX_FLAC_BLOCKS = 8  # times max_slot_bytes: a FLAC may have a picture of 16 MiB or two
_VENDOR = b"kzlabel"


def read_id3_slots(file: BinaryIO, start: int, limits: Limits) -> Slots:
    """What the ID3 tag at `start` holds, such as in the `id3 ` chunk of a WAV; damage instead of an error."""
    try:
        tag = read_id3(file, start, limits)
    except InputError as error:
        return Slots(damage=(str(error),))
    return _id3_slots(tag) if tag else Slots()


def id3_with_slots(old: bytes, slots: Slots, limits: Limits, name: str) -> bytes:
    """An ID3 tag as bytes, for a WAV's `id3 ` chunk: `old` (empty for none) with the slots filled.

    Raises UnreadableFile, LimitExceeded.
    """
    tag = read_id3(io.BytesIO(old), 0, limits) or Id3()
    return render_id3(_with_slots(tag, slots, limits, name), available=0, name=name)


class Mp3:
    """MPEG audio with ID3v2 at its head."""

    holds = frozenset({Slot.TAGS, Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found, damage = _id3_at_head(file, limits)
        return _merged([_id3_slots(tag) for tag in found], damage)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            tag = read_id3(file, 0, limits) or Id3()
        data = render_id3(_with_slots(tag, slots, limits, path.name), available=tag.size, name=path.name)
        splice(path, [Edit(0, tag.size, data)])


class Flac:
    """FLAC in its own container (RFC 9639)."""

    holds = frozenset({Slot.TAGS})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found, damage = _id3_at_head(file, limits)
        parts = [_id3_slots(tag) for tag in found]
        try:
            for kind, start, size in _flac_blocks(file, sum(tag.size for tag in found), limits):
                if kind == _COMMENTS:
                    data = read_block(file, start, size, limits.max_slot_bytes, "the Vorbis comment block")
                    parts.append(Slots(tags=comment_tags(parse_comments(data, name_of(file)))))
        except InputError as error:
            damage = (*damage, str(error))
        return _merged(parts, damage)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            found, damage = _id3_at_head(file, limits)
            if damage:
                raise UnreadableFile(f"{path.name}: {damage[0]}")
            head = sum(tag.size for tag in found)
            blocks = list(_flac_blocks(file, head, limits))
            end = blocks[-1][1] + blocks[-1][2]
            data = read_block(file, head, end - head, _MAX_FLAC_BLOCKS * limits.max_slot_bytes, "the FLAC metadata")
        old = next((data[start - head :][:size] for kind, start, size in blocks if kind == _COMMENTS), None)
        splice(path, [Edit(head, end, _flac_with_tags(data, old, slots.tags, path.name))])


class Ogg:
    """An Ogg file (RFC 3533) whose first stream of this codec bears the comments.

    identification, comments: what the first two packets begin with. headers: how many packets follow the first.
    """

    holds = frozenset({Slot.TAGS})

    def __init__(self, identification: bytes, comments: bytes, headers: int) -> None:
        self._identification = identification
        self._mark = comments
        self._count = headers

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        try:
            headers = self._headers(file, limits)
            return Slots(tags=comment_tags(self._parsed(headers, name_of(file))), manifest=headers.manifest)
        except InputError as error:
            return Slots(damage=(str(error),))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            comments = self.comments(file, limits)
        self.put(path, with_tags(comments, slots.tags), limits)

    def comments(self, file: BinaryIO, limits: Limits) -> Comments:
        """All comments as they stand, covers among them. Raises UnreadableFile, LimitExceeded."""
        return self._parsed(self._headers(file, limits), name_of(file))

    def put(self, path: Path, comments: Comments, limits: Limits) -> None:
        """Put comments in place of those that are there. Raises UnreadableFile, LimitExceeded, OutputError."""
        with path.open("rb") as file:
            headers = self._headers(file, limits)
            packets = [self._mark + render_comments(comments), *headers.packets[1:]]
            edits = _page_edits(file, headers.pages, packets, limits)
        splice(path, edits)

    def _parsed(self, headers: _Headers, name: str) -> Comments:
        return parse_comments(headers.packets[0].removeprefix(self._mark), name)

    def _headers(self, file: BinaryIO, limits: Limits) -> _Headers:
        serial: int | None = None
        manifest = False
        pages: list[Any] = []
        ended = total = 0
        for page in ogg_pages(file, 0, limits):
            if page.first:
                opening = page.packets[0] if page.packets else b""
                manifest = manifest or opening.startswith(_C2PA_STREAM)
                if serial is None and opening.startswith(self._identification):
                    serial = page.serial
                continue
            if serial is None:
                break  # all streams open before any goes on
            total += page.size
            if total > limits.max_slot_bytes:
                raise UnreadableFile(f"{name_of(file)}: the Ogg headers are larger than {limits.max_slot_bytes} bytes")
            if page.serial == serial:
                pages.append(page)
                ended += len(page.packets) - (not page.complete)
            if ended >= self._count:
                break
        if ended != self._count or not pages[-1].complete:
            raise UnreadableFile(f"{name_of(file)}: the Ogg headers are missing, cut off or run into the sound")
        with contained(name_of(file)):
            packets = pages[0].to_packets(pages, strict=True)
        if not packets[0].startswith(self._mark):
            raise UnreadableFile(f"{name_of(file)}: the Ogg stream has no comments where they belong")
        return _Headers(tuple(pages), tuple(packets), manifest)


MP3: Container = Mp3()
FLAC: Container = Flac()
OGG = Ogg(b"\x01vorbis", b"\x03vorbis", 2)
OPUS = Ogg(b"OpusHead", b"OpusTags", 1)


@dataclass(frozen=True)
class _Headers:
    """The header packets after the identification, comments first, and the OggPages that hold them and nothing else."""

    pages: tuple[Any, ...]
    packets: tuple[bytes, ...]
    manifest: bool


def _id3_at_head(file: BinaryIO, limits: Limits) -> tuple[list[Id3], tuple[str, ...]]:
    found: list[Id3] = []
    try:
        while len(found) < _MAX_ID3_TAGS and (tag := read_id3(file, sum(tag.size for tag in found), limits)):
            found.append(tag)
    except InputError as error:
        return found, (str(error),)
    return found, ()


def _merged(parts: list[Slots], damage: tuple[str, ...]) -> Slots:
    whole = Slots(damage=damage)
    for part in parts:
        whole = replace(
            whole,
            xmp=whole.xmp + part.xmp,
            tags=whole.tags + part.tags,
            manifest=whole.manifest or part.manifest,
            damage=whole.damage + part.damage,
        )
    return whole


def _id3_slots(tag: Id3) -> Slots:
    tags: list[Tag] = []
    damage: list[str] = []
    for frame, name, values, defect in frame_texts(tag):
        id = frame.id.decode("latin-1").strip("\0 ")
        tags += [Tag(name, value, f"ID3 {id}") for value in values]
        if defect:
            damage.append(f"the ID3 frame {id} {defect}")
    if tag.rest:
        damage.append("the ID3 tag holds bytes that are no frames")
    geobs = [frame.payload(tag.version) for frame in tag.frames if frame.id in (b"GEOB", b"GEO")]
    manifest = any(body[1:].startswith(_MANIFEST_TYPES) for body in geobs)
    packets = tuple(frame.payload(tag.version)[len(_XMP) :] for frame in tag.frames if _is_xmp(tag.version, frame))
    return Slots(xmp=packets, tags=tuple(tags), manifest=manifest, damage=tuple(dict.fromkeys(damage)))


def _with_slots(tag: Id3, slots: Slots, limits: Limits, name: str) -> Id3:
    """The tag with the slots filled: frames of the same name replaced, all others as they were, version kept.

    Only ID3v2.2, which has no place for XMP, is raised to 2.3 when a packet is to be written.
    """
    with contained(name):
        if slots.xmp and tag.version == 2:
            tag = raised(tag)
        names = {entry.name.casefold() for entry in slots.tags}
        gone = {id(frame) for frame, known, _, _ in frame_texts(tag) if known and known.casefold() in names}
        kept = [
            frame for frame in tag.frames if id(frame) not in gone and not (slots.xmp and _is_xmp(tag.version, frame))
        ]
        for entry in slots.tags:
            kept += text_frame(tag.version, entry, limits)
        for packet in slots.xmp[:1]:
            kept += xmp_frame(tag.version, packet, limits)
        return replace(tag, frames=tuple(kept))


def _is_xmp(version: int, frame: Frame) -> bool:
    return frame.id == b"PRIV" and frame.payload(version).startswith(_XMP)


def _flac_blocks(file: BinaryIO, start: int, limits: Limits) -> Iterator[tuple[int, int, int]]:
    """Type, offset and size of the body of each metadata block."""
    if read_at(file, start, 4) != b"fLaC":
        raise UnreadableFile(f"{name_of(file)}: no FLAC stream at byte {start}")
    start += 4
    visits = Visits(file, limits.max_boxes)
    last = False
    while not last:
        visits.count()
        header = read_at(file, start, 4)
        last = bool(header[0] & 0x80)
        yield header[0] & 0x7F, start + 4, int.from_bytes(header[1:])
        start += 4 + int.from_bytes(header[1:])


def _flac_with_tags(head: bytes, old: bytes | None, tags: Iterable[Tag], name: str) -> bytes:
    comments = parse_comments(old, name) if old is not None else Comments(_VENDOR)
    body = render_comments(with_tags(comments, tags))
    if len(body) > _MAX_BLOCK:
        raise LimitExceeded(f"{name}: the Vorbis comments would be longer than {_MAX_BLOCK} bytes")
    return flac_with_comments(head, body, name)


def _page_edits(file: BinaryIO, old: tuple[Any, ...], packets: list[bytes], limits: Limits) -> list[Edit]:
    """Put the packets where the old header pages were; where there are more or fewer pages then, number all anew."""
    with contained(name_of(file)):
        new = ogg_paged(packets, old)
        edits = [Edit(page.offset, page.offset + page.size, b"") for page in old]
        edits[0] = replace(edits[0], data=b"".join(page.write() for page in new))
    shift = len(new) - len(old)
    return [*edits, *_renumbered(file, old[-1], shift, limits)] if shift else edits


def _renumbered(file: BinaryIO, last: Any, shift: int, limits: Limits) -> Iterator[Edit]:
    """The later pages of the stream; another one that follows, even under the same serial number, is not touched."""
    for page in ogg_pages(file, last.offset + last.size, limits):
        if page.serial != last.serial:
            continue
        if page.first:
            return
        page.sequence = (page.sequence + shift) & 0xFFFFFFFF
        with contained(name_of(file)):
            yield Edit(page.offset + 18, page.offset + 26, page.write()[18:26])  # number and checksum
        if page.last:
            return
