"""What stands beside the sound: tags, covers, chapters, carried over byte for byte, times moved by the notice.

ffmpeg is not asked to do it: it joins values of the same name, and knows neither PRIV, GEOB and USLT frames nor
free-form iTunes items. C2PA manifests are not carried; they bind to the sound as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ...containers import moov
from ...containers.boxes import Box, BoxWalker
from ...containers.isobmff import MAX_MOOV, XMP_UUID
from ...containers.offsets import Overflow, Shift, shifted_moov
from ...containers.reading import Visits, name_of, read_at, read_block, size_of
from ...containers.splice import Edit, splice
from ...containers.tag_bytes import Comments, Frame, Id3, parse_comments, read_id3, render_comments, render_id3
from ...containers.tags import Ogg
from ...errors import UnreadableFile, UnsupportedFormat
from ...limits import Limits

# ID3 frames that point at bytes or frames of the sound as it was encoded before: seek tables of no use any more.
_POINTING = (b"MLLT", b"MLL", b"ASPI", b"SEEK")
# ID3 frames with times of their own in forms that are not moved; a note says so.
_TIMED = (b"SYLT", b"SLT", b"ETCO", b"ETC", b"SYTC", b"STC")
# iTunes' note on how many samples to cut at both ends: true of the old encoding only, and players obey it.
_GAPLESS = b"iTunSMPB"
_MANIFEST = re.compile(rb".(application/c2pa|application/x-c2pa-manifest-store)\0", re.DOTALL)
_ID3_TAGS = 8  # in a row that are looked at
_ID3V1, _APE_FOOTER = 128, 32

_STREAMINFO, _PADDING, _SEEKTABLE, _COMMENTS, _CUESHEET = 0, 1, 3, 4, 5  # RFC 9639, 8.1
_LEAST_PADDING = 4096  # bytes left free, so that marks fit without moving the sound
_CHAPTER = re.compile(rb"(CHAPTER\d{1,4}=)(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)\s*", re.IGNORECASE)


def keep_id3(source: Path, target: Path, seconds: float, limits: Limits) -> tuple[str, ...]:
    """MP3: the ID3v2 tag at the head, APEv2 and ID3v1 at the end. `target` must have none. Returns notes.

    seconds: by how much chapters move. Raises UnreadableFile, LimitExceeded, OutputError.
    """
    with source.open("rb") as file:
        head, notes = _kept_tags(file, seconds, limits)
        tail = _tail(file, limits)
    with target.open("rb") as file:
        end = size_of(file)
    splice(target, [Edit(0, 0, head), Edit(end, end, tail)])
    return notes


def keep_blocks(source: Path, target: Path, samples: int, rate: int, limits: Limits) -> tuple[str, ...]:
    """FLAC: every metadata block but those that describe the stream. samples: by how much cue sheets move."""
    kept: list[tuple[int, bytes]] = []
    with source.open("rb") as file:
        before, notes = _kept_tags(file, samples / rate, limits)
        padding = 0
        for kind, body, size in _flac_blocks(file, sum(tag.size for tag in _id3_tags(file, limits)), limits):
            if kind == _PADDING:
                padding += size
            elif kind not in (_STREAMINFO, _SEEKTABLE):
                data = read_block(file, body, size, limits.max_slot_bytes, "a metadata block")
                kept.append((kind, _moved_block(kind, data, samples, rate, source.name)))
    kept.append((_PADDING, bytes(max(padding, _LEAST_PADDING))))
    with target.open("rb") as file:
        _, _, size = next(_flac_blocks(file, 0, limits))
        end = max(body + size for _, body, size in _flac_blocks(file, 0, limits))
        info = read_at(file, 8, size)
    blocks = [(_STREAMINFO, info), *kept]
    parts = [bytes([kind | (0x80 if place == len(blocks) - 1 else 0)]) + len(data).to_bytes(3) + data
             for place, (kind, data) in enumerate(blocks)]  # fmt: skip
    splice(target, [Edit(0, end, before + b"fLaC" + b"".join(parts))])
    return notes


def keep_comments(ogg: Ogg, source: Path, target: Path, seconds: float, limits: Limits) -> tuple[str, ...]:
    """Ogg: all comments, covers among them; the vendor's name stays the encoder's own."""
    with source.open("rb") as file:
        old = ogg.comments(file, limits)
    with target.open("rb") as file:
        own = ogg.comments(file, limits)
    ogg.put(target, replace(own, entries=_moved_comments(old, seconds).entries), limits)
    return ()


def keep_items(source: Path, target: Path, limits: Limits) -> tuple[str, ...]:
    """M4A: user data and metadata boxes of the index, and XMP packets. Chapters are ffmpeg's to write."""
    with source.open("rb") as file:
        walker = BoxWalker(file, limits)
        old = _opened_moov(walker, source.name)[1]
        packets = [walker.content(box, limits.max_slot_bytes) for box in walker.top() if box.uuid == XMP_UUID]
    with target.open("rb") as file:
        walker = BoxWalker(file, limits)
        box, new = _opened_moov(walker, target.name)
        end = walker.size
    chapters = [child for child in _user_data(new, target.name) if child.type == b"chpl"]
    kept = [child for child in _user_data(old, source.name) if child.type != b"chpl"]
    for meta in (child for child in kept if child.type == b"meta"):
        if items := meta.opened(source.name).child(b"ilst"):
            items.children = [item for item in items.opened(source.name).children or () if _GAPLESS not in item.body]
    beside = [child for child in old.children or () if child.type == b"meta"]
    new.children = [child for child in new.children or () if child.type not in (b"udta", b"meta")]
    if kept or chapters:
        new.children.append(moov.Box(b"udta", children=[*kept, *chapters]))
    new.children += beside
    data = new.render()
    edit = Edit(box.start, box.end, data)
    try:
        edit = replace(edit, data=shifted_moov(data, Shift([edit]), target.name))
    except Overflow:
        raise UnsupportedFormat(f"{source.name}: the file is too long for its kind of index; split it first") from None
    splice(
        target, [edit, Edit(end, end, b"".join(moov.Box(b"uuid", XMP_UUID + packet).render() for packet in packets))]
    )
    return ()


def index_first(source: Path, limits: Limits) -> bool:
    """Whether an M4A has its index before its sound, so that it plays while it loads."""
    with source.open("rb") as file:
        order = [box.type for box in BoxWalker(file, limits).top()]
    return b"moov" in order and b"mdat" in order and order.index(b"moov") < order.index(b"mdat")


@dataclass(frozen=True)
class FlacHeader:
    """STREAMINFO: bits of a sample, and the number of samples, 0 where it is not told."""

    depth: int
    samples: int


def flac_header(source: Path, limits: Limits) -> FlacHeader:
    """Raises UnreadableFile, LimitExceeded."""
    with source.open("rb") as file:
        _, body, size = next(_flac_blocks(file, sum(tag.size for tag in _id3_tags(file, limits)), limits))
        packed = int.from_bytes(read_at(file, body, min(size, 18))[10:18])
    return FlacHeader((packed >> 36 & 31) + 1, packed & ((1 << 36) - 1))


def _id3_tags(file: BinaryIO, limits: Limits) -> list[Id3]:
    """The tags at the head; more than one is a writer's mistake, and no reason to lose any."""
    found: list[Id3] = []
    while len(found) < _ID3_TAGS and (tag := read_id3(file, sum(one.size for one in found), limits)):
        found.append(tag)
    return found


def _kept_tags(file: BinaryIO, seconds: float, limits: Limits) -> tuple[bytes, tuple[str, ...]]:
    data = b""
    notes: tuple[str, ...] = ()
    for tag in _id3_tags(file, limits):
        kept, notes_of_one = _kept_frames(tag, seconds)
        notes = notes or notes_of_one
        if kept.frames or kept.rest:
            data += render_id3(kept, available=0, name=name_of(file))
    return data, notes


def _kept_frames(tag: Id3, seconds: float) -> tuple[Id3, tuple[str, ...]]:
    frames = []
    timed = False
    for frame in tag.frames:
        if frame.id in _POINTING or (frame.id in (b"GEOB", b"GEO") and _MANIFEST.match(frame.body)):
            continue
        if frame.id in (b"COMM", b"COM") and _GAPLESS in frame.body.replace(b"\0", b""):
            continue
        timed = timed or frame.id in _TIMED
        if frame.id == b"CHAP":
            frame = _moved_chapter(frame, seconds)
        elif frame.id in (b"TLEN", b"TLE"):
            frame = _longer(frame, seconds)
        frames.append(frame)
    notes = ("Lyrics or events with times of their own were kept, but not moved by the notice.",) if timed else ()
    return replace(tag, frames=tuple(frames)), notes


def _moved_chapter(frame: Frame, seconds: float) -> Frame:
    """ID3v2 chapter frame addendum, 3.1: name, start and end in ms, start and end in bytes, sub-frames."""
    name, _, rest = frame.body.partition(b"\0")
    if len(rest) < 16 or frame.flags & 0xFF:
        return frame
    shift = round(seconds * 1000)
    times = b"".join(min(int.from_bytes(rest[place : place + 4]) + shift, 0xFFFFFFFF).to_bytes(4) for place in (0, 4))
    return replace(frame, body=name + b"\0" + times + b"\xff" * 8 + rest[16:])


def _longer(frame: Frame, seconds: float) -> Frame:
    """ID3v2.4, 4.2.1: the length in ms."""
    digits = frame.body[1:].removeprefix(b"\xff\xfe").replace(b"\0", b"")
    if not digits.isdigit() or len(digits) > 12:
        return frame
    return replace(frame, body=b"\0%d" % (int(digits) + round(seconds * 1000)))


def _tail(file: BinaryIO, limits: Limits) -> bytes:
    """APEv2 and ID3v1 tags at the end of a file, as they are."""
    end = size_of(file)
    start = end
    if end >= _ID3V1 and read_at(file, end - _ID3V1, 3) == b"TAG":
        start -= _ID3V1
    if start >= _APE_FOOTER:
        footer = read_at(file, start - _APE_FOOTER, _APE_FOOTER)
        size = int.from_bytes(footer[12:16], "little")
        with_header = _APE_FOOTER if int.from_bytes(footer[20:24], "little") >> 31 else 0
        whole = size + with_header
        if footer[:8] == b"APETAGEX" and size >= _APE_FOOTER and whole <= min(start, limits.max_slot_bytes):
            start -= whole
    return read_at(file, start, end - start)


def _flac_blocks(file: BinaryIO, start: int, limits: Limits) -> Iterator[tuple[int, int, int]]:
    """(type, offset of the body, size of the body) of each metadata block."""
    if read_at(file, start, 4) != b"fLaC":
        raise UnreadableFile(f"{name_of(file)}: no FLAC stream at byte {start}")
    visits = Visits(file, limits.max_boxes)
    start += 4
    last = False
    while not last:
        visits.count()
        head = read_at(file, start, 4)
        last = bool(head[0] & 0x80)
        size = int.from_bytes(head[1:])
        yield head[0] & 0x7F, start + 4, size
        start += 4 + size


def _moved_block(kind: int, data: bytes, samples: int, rate: int, name: str) -> bytes:
    if kind == _COMMENTS:
        return render_comments(_moved_comments(parse_comments(data, name), samples / rate))
    return _moved_cues(data, samples) if kind == _CUESHEET and samples else data


def _moved_comments(comments: Comments, seconds: float) -> Comments:
    """Chapters as Ogg and FLAC files have them: CHAPTER001=00:01:02.000."""

    def moved(entry: bytes) -> bytes:
        match = _CHAPTER.fullmatch(entry)
        if not match:
            return entry
        total = int(match[2]) * 3600 + int(match[3]) * 60 + float(match[4]) + seconds
        whole, fraction = divmod(round(total * 1000), 1000)
        return match[1] + b"%02d:%02d:%02d.%03d" % (whole // 3600, whole // 60 % 60, whole % 60, fraction)

    return replace(comments, entries=tuple(moved(entry) for entry in comments.entries))


def _moved_cues(data: bytes, samples: int) -> bytes:
    """RFC 9639, 8.7: the offset of each track. The sheet is no longer that of a CD, whose tracks begin on sectors."""
    if len(data) < 396:
        return data
    moved = bytearray(data)
    moved[136] &= 0x7F
    place = 396
    for _ in range(data[395]):
        if place + 36 > len(data):
            return data
        moved[place : place + 8] = (int.from_bytes(data[place : place + 8]) + samples & (1 << 64) - 1).to_bytes(8)
        place += 36 + 12 * data[place + 35]
    return bytes(moved)


def _opened_moov(walker: BoxWalker, name: str) -> tuple[Box, moov.Box]:
    box = walker.find(None, b"moov")
    if box is None or box.cut:
        raise UnreadableFile(f"{name}: the index of the recording is missing or cut off")
    return box, moov.Box(b"moov", walker.content(box, MAX_MOOV)).opened(name)


def _user_data(index: moov.Box, name: str) -> list[moov.Box]:
    box = index.child(b"udta")
    return list(box.opened(name).children or ()) if box else []
