"""What mutagen does with tags: decode and make ID3 frames, read and write FLAC blocks and Ogg pages; bytes in and out.

Nothing is saved by it into files. Its saving would rewrite or remove an ID3v1 tag at the end, raise every ID3 tag to
2.3 or 2.4, and leave an Ogg file half renumbered where a later page is broken; here it works in memory, within bounds.

This is the only module that imports mutagen, which is GPL-2.0-or-later.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from ..errors import KzlabelError, UnreadableFile
from ..limits import Limits
from .base import Tag
from .reading import Visits, name_of, size_of
from .tag_bytes import PADDING, Frame, Id3, read_id3, render_id3

XMP_OWNER = "XMP"  # of a PRIV frame; XMP specification part 3, 1.1.3

_MAX_TEXTS = 1 << 20  # bytes of all ID3 texts of a tag: mutagen reads UTF-16 byte by byte, about 1 MB in a second
_FRAME_COST = 100  # bytes that could be read while a frame is set up
_MAX_VALUES = 1000  # of one ID3 text: mutagen copies what is left of it at each
_MAX_PAGE_SHARE = 31_000  # bytes: OggPage.from_packets may fill a page to twice as much, and it holds 65,025
_COMMENTS = 4  # METADATA_BLOCK type, RFC 9639, 8.1
# Names as people and other containers say them, for the text frames of every day.
_NAMES = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TCOM": "composer",
    "TCON": "genre",
    "TCOP": "copyright",
    "TDRC": "date",
    "TYER": "date",
    "TENC": "encoded_by",
    "TSSE": "encoder",
    "TPUB": "publisher",
    "TRCK": "track",
    "TLAN": "language",
}


def frame_texts(tag: Id3) -> Iterator[tuple[Frame, str, list[str], str]]:
    """Every text frame with its name, its values and what is wrong with it; the name is empty where it is unknown."""
    left = _MAX_TEXTS
    for frame in tag.frames:
        if frame.id[:1] != b"T" and frame.id not in (b"COMM", b"COM", b"USLT", b"ULT"):
            continue
        body = frame.payload(tag.version)
        cost = len(body) + _FRAME_COST
        if not body:
            yield frame, "", [], "is empty, compressed or encrypted"
            continue
        if cost > left or body.count(b"\0\0" if body[0] in (1, 2) else b"\0") > _MAX_VALUES:
            yield frame, "", [], "is too long, or one of too many"
            continue
        left -= cost
        if (parsed := _decoded(tag.version, frame.id, body)) is None:
            yield frame, "", [], "cannot be decoded"
        else:
            yield frame, *_name_and_values(frame.id, parsed), ""


def text_frame(version: int, tag: Tag, limits: Limits) -> tuple[Frame, ...]:
    """The frame for a text: COMM for "comment", the frame of an everyday name, else TXXX; none for an empty value."""
    id3 = _id3()
    name, value = (text.replace("\0", "").encode("utf-8", "replace").decode() for text in (tag.name, tag.value))
    encoding = 3 if version == 4 else 0 if (name + value).isascii() else 1  # UTF-8, Latin-1, UTF-16
    known = {said: id for id, said in _NAMES.items() if id != ("TYER" if version == 4 else "TDRC")}
    if name.casefold() == "comment":
        made = id3.COMM(encoding=encoding, lang="XXX", desc="", text=[value])  # "XXX": the language is not known
    elif name.casefold() in known:
        made = id3.Frames[known[name.casefold()]](encoding=encoding, text=[value])
    else:
        made = id3.TXXX(encoding=encoding, desc=name, text=[value])
    return _encoded(version, made, limits)


def xmp_frame(version: int, packet: bytes, limits: Limits) -> tuple[Frame, ...]:
    """The PRIV frame for an XMP packet. version: 3 or 4."""
    return _encoded(version, _id3().PRIV(owner=XMP_OWNER, data=packet), limits)


def raised(tag: Id3) -> Id3:
    """ID3v2.2 as ID3v2.3: ids change, bodies do not, but for pictures. Frames without a successor cannot be kept."""
    frames: list[Frame] = []
    for frame in tag.frames:
        successor = _successor(frame.id)
        if successor == "APIC" and len(frame.body) > 5:
            kind = {b"PNG": b"image/png", b"JPG": b"image/jpeg"}.get(frame.body[1:4], b"image/")
            frames.append(Frame(b"APIC", 0, frame.body[:1] + kind + b"\0" + frame.body[4:]))
        elif len(successor) == 4:
            frames.append(Frame(successor.encode(), 0, frame.body))
    return Id3(3, tuple(frames), tag.size, tag.rest)


def flac_with_comments(head: bytes, comments: bytes, name: str) -> bytes:
    """`head`, the mark and the metadata blocks of a FLAC stream, with this comment block; its padding gives the room.

    Raises UnreadableFile.
    """
    from mutagen import flac as typed_in_part

    flac: Any = typed_in_part
    # All blocks but the first are carried as bytes: mutagen would write pictures, cue sheets and comments anew.
    opaque = type("FLAC", (flac.FLAC,), {"METADATA_BLOCKS": [flac.StreamInfo, flac.Padding]})
    file = io.BytesIO(head)
    with contained(name):
        stream = opaque(file)
        block = next((block for block in stream.metadata_blocks if block.code == _COMMENTS), None)
        if block is None:
            block = flac.MetadataBlock(None)
            block.code = _COMMENTS
            stream.metadata_blocks.insert(1, block)
        block.data = comments
        file.seek(0)
        stream.save(file, padding=lambda room: room.padding if room.padding >= 0 else PADDING)
    return file.getvalue()


def ogg_pages(file: BinaryIO, start: int, limits: Limits) -> Iterator[Any]:
    """mutagen's OggPage for each page from `start` on. Raises UnreadableFile, LimitExceeded."""
    from mutagen import ogg as typed_in_part

    ogg: Any = typed_in_part
    visits = Visits(file, limits.max_boxes)
    end = size_of(file)
    while start < end:
        visits.count()
        file.seek(start)
        with contained(name_of(file)):
            page = ogg.OggPage(file)
        start += page.size
        yield page


def ogg_paged(packets: list[bytes], old: tuple[Any, ...]) -> list[Any]:
    """New pages for header packets, as many as the old ones where they fit, so that no later page is numbered anew."""
    fair = min(sum(map(len, packets)) // len(old) + 255, _MAX_PAGE_SHARE)
    layouts = [
        old[0].from_packets(packets, old[0].sequence, default_size=share, wiggle_room=255)
        for share in (_MAX_PAGE_SHARE, fair)
    ]
    new: list[Any] = next((pages for pages in layouts if len(pages) == len(old)), layouts[0])
    for page in new:
        page.serial = old[0].serial
    return new


@contextmanager
def contained(name: str) -> Iterator[None]:
    """Whatever mutagen stumbles over in hostile bytes, and it may be of any type, becomes UnreadableFile."""
    try:
        yield
    except KzlabelError:
        raise
    except Exception as error:
        raise UnreadableFile(f"{name}: the tags are damaged ({type(error).__name__})") from None


def _decoded(version: int, id: bytes, body: bytes) -> Any:
    """The frame as mutagen reads it, None if it cannot: it gets a tag of this frame alone, plain text where unknown."""
    id3 = _id3()
    kind = {"TXXX": id3.TXXX, "COMM": id3.COMM, "USLT": id3.USLT}.get(_successor(id), id3.TextFrame)
    name = "TXX" if version == 2 else "TXXX"  # whatever it is called, so that odd names are no hindrance
    alone = render_id3(Id3(version, (Frame(name.encode(), 0, body),)), available=0, name="")
    try:
        with contained(""):
            tag = id3.ID3(io.BytesIO(alone), known_frames={name: kind}, translate=False, load_v1=False)
            return next(iter(tag.values()), None)
    except UnreadableFile:
        return None


def _name_and_values(id: bytes, parsed: Any) -> tuple[str, list[str]]:
    kind = _successor(id)
    values = [parsed.text] if isinstance(parsed.text, str) else list(parsed.text)
    if kind == "TXXX":
        return parsed.desc, values
    if kind in ("COMM", "USLT"):
        name = "comment" if kind == "COMM" else "lyrics"
        return name + (f":{parsed.desc}" if parsed.desc else ""), values
    return _NAMES.get(kind, kind), [value for value in values if value]


def _encoded(version: int, frame: Any, limits: Limits) -> tuple[Frame, ...]:
    """The frame as mutagen writes it into a tag of its own; none for an empty text."""
    id3 = _id3()
    file = io.BytesIO()
    tag = id3.ID3()
    tag.add(frame)
    # Saving ends with a look for "TAG" in the last bytes, which therefore must be padding.
    tag.save(file, v1=0, v2_version=max(version, 3), v23_sep=None, padding=lambda _: PADDING)
    written = read_id3(file, 0, limits)
    frames = written.frames if written else ()
    return frames if version > 2 else tuple(Frame(_predecessor(made.id), 0, made.body) for made in frames)


def _successor(id: bytes) -> str:
    """The id of ID3v2.3 for one of ID3v2.2; any other id as it is."""
    name = id.decode("latin-1").strip("\0 ")
    kind = _id3().Frames_2_2.get(name)
    return kind.__base__.__name__ if kind and kind.__base__ is not _id3().Frame else name


def _predecessor(id: bytes) -> bytes:
    older: list[str] = [old for old in _id3().Frames_2_2 if _successor(old.encode()) == id.decode()]
    return older[0].encode()


def _id3() -> Any:
    from mutagen import id3

    return id3
