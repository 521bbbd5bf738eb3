"""ID3v2 frames and Vorbis comments as bytes: taken apart and put together again without losing any of them.

mutagen reads and makes single frames (`tag_library.py`). What is not replaced is carried over here, since mutagen 1.48
drops or alters some of it: ID3 frames that it cannot decode, flags of frames, comments with names beyond ASCII (kept as
"???"), in other encodings than UTF-8 (kept as U+FFFD) or without "=" (renamed). It also takes a time that grows with
the square of the number of ID3 frames, minutes for a tag of 16 MiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Tag
from .reading import Visits, name_of, read_block

PADDING = 1024  # bytes left free when a tag has to grow, so that the next edit need not move the audio
MAX_COMMENTS = 100_000  # a real file holds a few dozen; each costs an object

_PICTURES = ("metadata_block_picture", "coverart")  # base64 of a picture, no text for a person
_HEADER = 10
_MAX_TAG = (1 << 28) - 1  # a synchsafe integer of four bytes
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True)
class Frame:
    """One ID3 frame: flags are those of its own version; the body is free of unsynchronisation."""

    id: bytes
    flags: int
    body: bytes

    def payload(self, version: int) -> bytes:
        """The body behind the fields of the format flags; empty when it is compressed or encrypted.

        Compressed frames are practically unknown, and each could inflate a thousandfold.
        """
        skip = 0
        if version == 3:
            if self.flags & 0xC0:
                return b""
            skip = 1 if self.flags & 0x20 else 0
        elif version == 4:
            if self.flags & 0x0C:
                return b""
            skip = (1 if self.flags & 0x40 else 0) + (4 if self.flags & 0x01 else 0)
        return self.body[skip:]


@dataclass(frozen=True)
class Id3:
    """One tag. version: 2, 3 or 4. size: bytes in the file, header, padding and footer included.

    rest: what follows the last frame and is not padding; kept, since someone may understand it.
    """

    version: int = 4
    frames: tuple[Frame, ...] = ()
    size: int = 0
    rest: bytes = b""


@dataclass(frozen=True)
class Comments:
    """vendor, entries ("NAME=value"): raw bytes, so that what is not replaced stays as it is.

    rest: what follows the last entry (framing bit, padding or binary data of Opus).
    """

    vendor: bytes
    entries: tuple[bytes, ...] = ()
    rest: bytes = b""


def read_id3(file: BinaryIO, start: int, limits: Limits) -> Id3 | None:
    """The ID3v2 tag (2.2 to 2.4) that begins at `start`, or None. Raises LimitExceeded, UnreadableFile."""
    file.seek(start)
    header = file.read(_HEADER)
    if len(header) < _HEADER or header[:3] != b"ID3":
        return None
    version, flags = header[3], header[5]
    if version not in (2, 3, 4) or max(header[6:10]) > 0x7F or (version == 2 and flags & _EXTENDED):
        raise UnreadableFile(f"{name_of(file)}: the ID3 tag has an unknown version or a malformed size")
    length = _synchsafe(header[6:10])
    data = read_block(file, start + _HEADER, length, limits.max_slot_bytes + limits.max_manifest_bytes, "the ID3 tag")
    if flags & _UNSYNCHRONISED and version < 4:
        data = _synchronised(data)
    body = 0
    if flags & _EXTENDED and len(data) >= 4:
        body = 4 + int.from_bytes(data[:4]) if version == 3 else max(_synchsafe(data[:4]), 6)
    whole = _HEADER + length + (_HEADER if version == 4 and flags & _FOOTER else 0)
    frames, rest = _frames(file, data, body, version, flags, limits)
    return Id3(version, frames, whole, rest)


def render_id3(tag: Id3, *, available: int, name: str) -> bytes:
    """The bytes of a tag: exactly `available` where it fits, else with PADDING to spare. Raises LimitExceeded."""
    body = b"".join(_frame_bytes(tag.version, frame) for frame in tag.frames) + tag.rest
    length = available - _HEADER if len(body) <= available - _HEADER else len(body) + PADDING
    if length > _MAX_TAG:
        raise LimitExceeded(f"{name}: the ID3 tag would be longer than {_MAX_TAG} bytes")
    header = b"ID3" + bytes([tag.version, 0, 0]) + _to_synchsafe(length)
    return header + body + bytes(length - len(body))


def parse_comments(data: bytes, name: str) -> Comments:
    """Read a Vorbis comment block that begins with the vendor's length. name: the file's. Raises UnreadableFile."""
    vendor, place = _field(data, 0, name)
    count = int.from_bytes(data[place : place + 4], "little")
    place += 4
    if count > MAX_COMMENTS or place > len(data):
        raise UnreadableFile(f"{name}: the Vorbis comments are cut off or claim an impossible count of {count}")
    entries = []
    for _ in range(count):
        entry, place = _field(data, place, name)
        entries.append(entry)
    return Comments(vendor, tuple(entries), data[place:])


def render_comments(comments: Comments) -> bytes:
    """The block as bytes, `rest` included."""
    parts = [len(comments.vendor).to_bytes(4, "little"), comments.vendor, len(comments.entries).to_bytes(4, "little")]
    for entry in comments.entries:
        parts += (len(entry).to_bytes(4, "little"), entry)
    return b"".join((*parts, comments.rest))


def comment_tags(comments: Comments) -> tuple[Tag, ...]:
    """Every textual comment; pictures are passed over."""
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in comments.entries)
    return tuple(
        Tag(name, value, "Vorbis comment") for name, sign, value in pairs if sign and name.casefold() not in _PICTURES
    )


def with_tags(comments: Comments, tags: Iterable[Tag]) -> Comments:
    """The comments with those of the same names replaced."""
    tags = tuple(tags)
    names = {tag.name.casefold() for tag in tags}
    kept = [e for e in comments.entries if e.partition(b"=")[0].decode("utf-8", "replace").casefold() not in names]
    added = [f"{_field_name(tag.name)}={tag.value}".encode("utf-8", "replace") for tag in tags]
    return replace(comments, entries=(*kept, *added))


def _frames(
    file: BinaryIO, data: bytes, start: int, version: int, tag_flags: int, limits: Limits
) -> tuple[tuple[Frame, ...], bytes]:
    visits = Visits(file, limits.max_boxes)
    frames: list[Frame] = []
    head = 6 if version == 2 else 10
    while start + head <= len(data) and data[start] != 0:
        visits.count()
        id = data[start : start + (3 if version == 2 else 4)]
        size = _frame_size(data, start, version)
        if not _is_id(id) or start + head + size > len(data):
            return tuple(frames), data[start:].rstrip(b"\0")
        flags = 0 if version == 2 else int.from_bytes(data[start + 8 : start + 10])
        body = data[start + head : start + head + size]
        if version == 4 and (flags & 0x02 or tag_flags & _UNSYNCHRONISED):
            body, flags = _synchronised(body), flags & ~0x02
        frames.append(Frame(id, flags, body))
        start += head + size
    rest = data[start:].strip(b"\0")
    return tuple(frames), data[start:].rstrip(b"\0") if rest else b""


def _frame_size(data: bytes, start: int, version: int) -> int:
    """Size of a frame's body. iTunes wrote plain sizes into ID3v2.4, so the reading that meets a next frame wins."""
    if version == 2:
        return int.from_bytes(data[start + 3 : start + 6])
    raw = data[start + 4 : start + 8]
    plain = int.from_bytes(raw)
    if version == 3 or plain < 0x80:
        return plain
    if max(raw) > 0x7F or (not _meets(data, start + 10 + _synchsafe(raw)) and _meets(data, start + 10 + plain)):
        return plain
    return _synchsafe(raw)


def _meets(data: bytes, place: int) -> bool:
    return place == len(data) or (place < len(data) and (data[place] == 0 or _is_id(data[place : place + 4])))


def _is_id(id: bytes) -> bool:
    # A few writers leave ids of ID3v2.2 with a zero or a space behind them in later versions.
    return (
        id[:3].isalnum() and id[:3] == id[:3].upper() and (len(id) == 3 or id[3:].isalnum() or id[3:] in (b"\0", b" "))
    )


def _frame_bytes(version: int, frame: Frame) -> bytes:
    size = len(frame.body)
    if version == 2:
        return frame.id + size.to_bytes(3) + frame.body
    length = _to_synchsafe(size) if version == 4 else size.to_bytes(4)
    return frame.id + length + frame.flags.to_bytes(2) + frame.body


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\x00", b"\xff")


def _synchsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=False))


def _to_synchsafe(value: int) -> bytes:
    return bytes((value >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _field(data: bytes, place: int, name: str) -> tuple[bytes, int]:
    size = int.from_bytes(data[place : place + 4], "little")
    end = place + 4 + size
    if place + 4 > len(data) or end > len(data):
        raise UnreadableFile(f"{name}: the Vorbis comments are cut off")
    return data[place + 4 : end], end


def _field_name(name: str) -> str:
    # Field names are ASCII 0x20 to 0x7D without "=".
    return "".join(letter if 0x20 <= ord(letter) <= 0x7D and letter != "=" else "_" for letter in name)
