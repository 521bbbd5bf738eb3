"""ID3v2 tags, versions 2.2 to 2.4: frames are found, decoded where they are text, and otherwise kept byte for byte.

Written against the ID3v2.2, 2.3 and 2.4 specifications. A frame that is not replaced is never decoded and encoded
anew, so that pictures, chapters, unknown and even malformed frames survive as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slots, Tag
from .reading import Visits, name_of, read_block

HEADER = 10
MAX_TAG = (1 << 28) - 1  # a synchsafe integer of four bytes
PADDING = 1024  # bytes left free when a tag has to grow, so that the next edit need not move the audio

_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_XMP_OWNER = b"XMP\0"  # XMP specification part 3, 1.1.3
_MANIFEST_TYPES = (b"application/c2pa", b"application/x-c2pa-manifest-store")  # C2PA 2.4, A.3.6; the older name

# Names as people and other containers say them, for the text frames of every day.
_NAMES = {
    b"TIT2": "title",
    b"TPE1": "artist",
    b"TALB": "album",
    b"TCOM": "composer",
    b"TCON": "genre",
    b"TCOP": "copyright",
    b"TDRC": "date",
    b"TYER": "date",
    b"TENC": "encoded_by",
    b"TSSE": "encoder",
    b"TPUB": "publisher",
    b"TRCK": "track",
    b"TLAN": "language",
    b"TT2": "title",
    b"TP1": "artist",
    b"TAL": "album",
    b"TCM": "composer",
    b"TCO": "genre",
    b"TCR": "copyright",
    b"TYE": "date",
    b"TEN": "encoded_by",
    b"TSS": "encoder",
    b"TPB": "publisher",
}
# The frames of ID3v2.2 that have a plain successor (ID3v2.3, section 4), for tags that must be raised to hold XMP.
_SUCCESSIONS = (
    "BUF=RBUF CNT=PCNT COM=COMM CRA=AENC ETC=ETCO GEO=GEOB IPL=IPLS MCI=MCDI MLL=MLLT POP=POPM REV=RVRB SLT=SYLT "
    "STC=SYTC TAL=TALB TBP=TBPM TCM=TCOM TCO=TCON TCR=TCOP TDA=TDAT TDY=TDLY TEN=TENC TFT=TFLT TIM=TIME TKE=TKEY "
    "TLA=TLAN TLE=TLEN TMT=TMED TOA=TOPE TOF=TOFN TOL=TOLY TOR=TORY TOT=TOAL TP1=TPE1 TP2=TPE2 TP3=TPE3 TP4=TPE4 "
    "TPA=TPOS TPB=TPUB TRC=TSRC TRD=TRDA TRK=TRCK TSI=TSIZ TSS=TSSE TT1=TIT1 TT2=TIT2 TT3=TIT3 TXT=TEXT TXX=TXXX "
    "TYE=TYER UFI=UFID ULT=USLT WAF=WOAF WAR=WOAR WAS=WOAS WCM=WCOM WCP=WCOP WPB=WPUB WXX=WXXX TCP=TCMP TS2=TSO2 "
    "TSA=TSOA TSC=TSOC TSP=TSOP TST=TSOT PCS=PCST"
)
_SUCCESSORS = dict(pair.split("=") for pair in _SUCCESSIONS.split())
_PICTURE_TYPES = {b"PNG": b"image/png", b"JPG": b"image/jpeg"}


@dataclass(frozen=True)
class Frame:
    """One frame as it stands: flags are those of its own version; the body is free of unsynchronisation."""

    id: bytes
    flags: int
    body: bytes


@dataclass(frozen=True)
class Id3:
    """One tag. version: 2, 3 or 4. size: bytes in the file, header, padding and footer included.

    rest: what follows the last frame and is not padding; kept, since someone may understand it.
    """

    version: int = 4
    frames: tuple[Frame, ...] = ()
    size: int = 0
    rest: bytes = b""


def read_id3(file: BinaryIO, start: int, limits: Limits) -> Id3 | None:
    """The tag that begins at `start`, or None. Raises LimitExceeded, UnreadableFile."""
    file.seek(start)
    header = file.read(HEADER)
    if len(header) < HEADER or header[:3] != b"ID3":
        return None
    version, flags = header[3], header[5]
    if version not in (2, 3, 4) or max(header[6:10]) > 0x7F or (version == 2 and flags & _EXTENDED):
        raise UnreadableFile(f"{name_of(file)}: the ID3 tag has an unknown version or a malformed size")
    length = _synchsafe(header[6:10])
    data = read_block(file, start + HEADER, length, limits.max_slot_bytes + limits.max_manifest_bytes, "the ID3 tag")
    if flags & _UNSYNCHRONISED and version < 4:
        data = _synchronised(data)
    body = 0
    if flags & _EXTENDED and len(data) >= 4:
        body = 4 + int.from_bytes(data[:4]) if version == 3 else max(_synchsafe(data[:4]), 6)
    whole = HEADER + length + (HEADER if version == 4 and flags & _FOOTER else 0)
    frames, rest = _frames(file, data, body, version, flags, limits)
    return Id3(version, frames, whole, rest)


def id3_slots(tag: Id3, limits: Limits) -> Slots:
    """What a tag holds: texts, XMP packets, whether there is a C2PA manifest store."""
    tags: list[Tag] = []
    packets: list[bytes] = []
    damage: list[str] = []
    manifest = False
    for frame in tag.frames:
        if frame.id in (b"GEOB", b"GEO"):
            manifest = manifest or _payload(tag.version, frame)[1:].startswith(_MANIFEST_TYPES)
            continue
        if frame.id not in (b"PRIV", b"COMM", b"COM", b"USLT", b"ULT") and frame.id[:1] != b"T":
            continue
        body = _payload(tag.version, frame)
        if not body:
            damage.append(f"the ID3 frame {_printable(frame.id)} is empty, compressed or encrypted")
        elif len(body) > limits.max_slot_bytes:
            damage.append(f"the ID3 frame {_printable(frame.id)} is larger than {limits.max_slot_bytes} bytes")
        elif frame.id == b"PRIV":
            if body.startswith(_XMP_OWNER):
                packets.append(body[len(_XMP_OWNER) :])
        else:
            tags.extend(_texts(frame.id, body))
    if tag.rest:
        damage.append("the ID3 tag holds bytes that are no frames")
    return Slots(xmp=tuple(packets), tags=tuple(tags), manifest=manifest, damage=tuple(damage))


def with_slots(tag: Id3, slots: Slots) -> Id3:
    """The tag with the slots filled: frames of the same name replaced, all others as they were, version kept.

    Only ID3v2.2, which has no place for XMP, is raised to 2.3 when a packet is to be written.
    """
    if slots.xmp and tag.version == 2:
        tag = _raised(tag)
    names = {entry.name.casefold() for entry in slots.tags}
    kept = [frame for frame in tag.frames if not (slots.xmp and _is_xmp(tag.version, frame))]
    kept = [frame for frame in kept if names.isdisjoint(name.casefold() for name in _names_of(tag.version, frame))]
    added = [_text_frame(tag.version, entry.name, entry.value) for entry in slots.tags]
    added += [Frame(b"PRIV", 0, _XMP_OWNER + packet) for packet in slots.xmp[:1]]
    return replace(tag, frames=(*kept, *added))


def render(tag: Id3, *, available: int, name: str) -> bytes:
    """The bytes of a tag: exactly `available` where it fits, else with PADDING to spare. Raises LimitExceeded."""
    body = b"".join(_frame_bytes(tag.version, frame) for frame in tag.frames) + tag.rest
    length = available - HEADER if len(body) <= available - HEADER else len(body) + PADDING
    if length > MAX_TAG:
        raise LimitExceeded(f"{name}: the ID3 tag would be longer than {MAX_TAG} bytes")
    header = b"ID3" + bytes([tag.version, 0, 0]) + _to_synchsafe(length)
    return header + body + bytes(length - len(body))


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


def _payload(version: int, frame: Frame) -> bytes:
    """The body behind the format flags' own fields; empty when it is compressed or encrypted.

    Compressed frames are practically unknown, and each could inflate a thousandfold.
    """
    body, skip = frame.body, 0
    if version == 3:
        if frame.flags & 0xC0:
            return b""
        skip = 1 if frame.flags & 0x20 else 0
    elif version == 4:
        if frame.flags & 0x0C:
            return b""
        skip = (1 if frame.flags & 0x40 else 0) + (4 if frame.flags & 0x01 else 0)
    return body[skip:]


def _texts(id: bytes, body: bytes) -> Iterator[Tag]:
    place = f"ID3 {_printable(id)}"
    encoding, text = body[0], body[1:]
    if id in (b"COMM", b"COM", b"USLT", b"ULT"):
        parts = _split(text[3:], encoding, 1)
        name = "comment" if id.startswith(b"COM") else "lyrics"
        name += f":{parts[0]}" if parts[0] else ""
        yield from (Tag(name, value, place) for value in parts[1:])
    elif id in (b"TXXX", b"TXX"):
        parts = _split(text, encoding, -1)
        yield from (Tag(parts[0], value, place) for value in parts[1:])
    else:
        name = _NAMES.get(id, _printable(id))
        yield from (Tag(name, value, place) for value in _split(text, encoding, -1) if value)


def _split(data: bytes, encoding: int, times: int) -> list[str]:
    """Decode and split at terminators; undecodable bytes are replaced. One empty end is dropped."""
    codec = {0: "latin-1", 1: "utf-16", 2: "utf-16-be"}.get(encoding, "utf-8")
    if codec == "utf-16" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16-le"
    text = data.decode(codec, "replace")
    parts = [part.removeprefix("\ufeff") for part in text.split("\0", times)]
    if times > 0:
        return [part.rstrip("\0") for part in parts]
    return parts[:-1] if len(parts) > 1 and not parts[-1] else parts


def _names_of(version: int, frame: Frame) -> Iterable[str]:
    if frame.id[:1] != b"T" and frame.id not in (b"COMM", b"COM"):
        return ()
    body = _payload(version, frame)
    if not body:
        return ()
    if frame.id in (b"TXXX", b"TXX"):
        return (_split(body[1:], body[0], -1)[0],)
    return {tag.name for tag in _texts(frame.id, body)}


def _is_xmp(version: int, frame: Frame) -> bool:
    return frame.id == b"PRIV" and _payload(version, frame).startswith(_XMP_OWNER)


def _text_frame(version: int, name: str, value: str) -> Frame:
    if version == 4:
        encoding, terminator = b"\x03", b"\0"
        encoded = [text.replace("\0", "").encode("utf-8", "replace") for text in (name, value)]
    elif (name + value).isascii():
        encoding, terminator = b"\x00", b"\0"
        encoded = [text.replace("\0", "").encode("ascii") for text in (name, value)]
    else:
        encoding, terminator = b"\x01", b"\0\0"
        encoded = [b"\xff\xfe" + text.replace("\0", "").encode("utf-16-le", "replace") for text in (name, value)]
    if name.casefold() == "comment":
        # The language is not known; "XXX" says so (ID3v2.4, 4.10, by ISO 639-2's reserved codes in use by taggers).
        empty = b"\xff\xfe" if encoding == b"\x01" else b""
        return Frame(b"COM" if version == 2 else b"COMM", 0, encoding + b"XXX" + empty + terminator + encoded[1])
    length = 3 if version == 2 else 4
    for id, known in _NAMES.items():
        if len(id) == length and known == name.casefold() and not (version == 4 and id == b"TYER"):
            return Frame(id, 0, encoding + encoded[1])
    return Frame(b"TXX" if version == 2 else b"TXXX", 0, encoding + encoded[0] + terminator + encoded[1])


def _frame_bytes(version: int, frame: Frame) -> bytes:
    size = len(frame.body)
    if version == 2:
        return frame.id + size.to_bytes(3) + frame.body
    length = _to_synchsafe(size) if version == 4 else size.to_bytes(4)
    return frame.id + length + frame.flags.to_bytes(2) + frame.body


def _raised(tag: Id3) -> Id3:
    frames: list[Frame] = []
    for frame in tag.frames:
        successor = _SUCCESSORS.get(frame.id.decode("latin-1"))
        if successor:
            frames.append(Frame(successor.encode(), 0, frame.body))
        elif frame.id == b"PIC" and len(frame.body) > 5:
            kind = _PICTURE_TYPES.get(frame.body[1:4], b"image/")
            frames.append(Frame(b"APIC", 0, frame.body[:1] + kind + b"\0" + frame.body[4:]))
    return replace(tag, version=3, frames=tuple(frames))


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\x00", b"\xff")


def _synchsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=False))


def _to_synchsafe(value: int) -> bytes:
    return bytes((value >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _printable(id: bytes) -> str:
    return id.decode("latin-1").strip("\0 ")
