"""The Vorbis comment block, which FLAC, Ogg Vorbis and Opus share (Vorbis I specification, section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UnreadableFile
from .base import Tag

MAX_COMMENTS = 100_000  # a real file holds a few dozen; each costs an object
_PICTURES = ("metadata_block_picture", "coverart")  # base64 of a picture, no text for a person


@dataclass(frozen=True)
class Comments:
    """vendor, entries ("NAME=value"): raw bytes, so that what is not replaced stays as it is.

    rest: what follows the last entry (framing bit, padding or binary data of Opus).
    """

    vendor: bytes
    entries: tuple[bytes, ...] = ()
    rest: bytes = b""


def parse_comments(data: bytes, name: str) -> Comments:
    """Read a comment block that begins with the vendor's length. name: the file's, for the message."""
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


def render_comments(comments: Comments) -> bytes:
    """The block as bytes, `rest` included."""
    parts = [len(comments.vendor).to_bytes(4, "little"), comments.vendor, len(comments.entries).to_bytes(4, "little")]
    for entry in comments.entries:
        parts += (len(entry).to_bytes(4, "little"), entry)
    return b"".join((*parts, comments.rest))


def _field(data: bytes, place: int, name: str) -> tuple[bytes, int]:
    size = int.from_bytes(data[place : place + 4], "little")
    end = place + 4 + size
    if place + 4 > len(data) or end > len(data):
        raise UnreadableFile(f"{name}: the Vorbis comments are cut off")
    return data[place + 4 : end], end


def _field_name(name: str) -> str:
    # Field names are ASCII 0x20 to 0x7D without "=".
    return "".join(letter if 0x20 <= ord(letter) <= 0x7D and letter != "=" else "_" for letter in name)
