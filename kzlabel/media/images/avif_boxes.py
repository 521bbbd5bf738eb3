"""What Pillow does not tell of an AVIF, or writes otherwise than it came: depth, sampling, timing, repetition."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...containers.boxes import Box, BoxWalker
from ...limits import Limits

_ENDLESS = (1 << 64) - 1  # a track's duration where it repeats for ever (ISO/IEC 14496-12, 8.3.2)


@dataclass(frozen=True)
class Structure:
    """configurations: the av1C boxes, at least four bytes each. milliseconds: of each frame of a sequence.

    plays: how often a sequence is shown, 0 for ever or unsaid, None for a still.
    """

    configurations: tuple[bytes, ...]
    milliseconds: tuple[int, ...] = ()
    plays: int | None = None

    @property
    def deep(self) -> bool:
        """Whether a channel has more than 8 bits (AV1 in ISO-BMFF, 2.3.3: high_bitdepth)."""
        return any(configuration[2] & 0x40 for configuration in self.configurations)

    @property
    def subsampling(self) -> str:
        """As Pillow names it; the finest of all items, since a layer of transparency is monochrome."""
        # The same place: monochrome, chroma_subsampling_x and _y are bits 4, 3 and 2 of the third byte.
        kinds = {
            "4:0:0" if c[2] & 0x10 else {0: "4:4:4", 8: "4:2:2", 12: "4:2:0"}.get(c[2] & 12)
            for c in self.configurations
        }
        return next((kind for kind in ("4:4:4", "4:2:2", "4:2:0", "4:0:0") if kind in kinds), "4:4:4")


def structure(file: BinaryIO, limits: Limits) -> Structure:
    """Walk the boxes without decoding. Raises UnreadableFile, LimitExceeded, struct.error."""
    walker = BoxWalker(file, limits)
    configurations: list[bytes] = []
    milliseconds: list[int] = []
    plays: int | None = None
    for box in walker.top():
        if box.type == b"meta":
            for properties in _down(walker, box, b"iprp", b"ipco", skip=4):
                configurations += _configurations(walker, properties)
        elif box.type == b"moov":
            for track in _down(walker, box, b"trak"):
                # ISO/IEC 14496-12, 12.1.3: a visual sample entry has 78 bytes of fields of its own.
                for entries in _down(walker, track, b"mdia", b"minf", b"stbl", b"stsd"):
                    for entry in walker.children(entries, skip=8):
                        configurations += _configurations(walker, entry, skip=78)
                if not milliseconds:
                    milliseconds = _timing(walker, track, limits)
                    plays = _plays(walker, track)
    return Structure(tuple(configurations), tuple(milliseconds), plays)


def settle(path: Path, plays: int, limits: Limits) -> None:
    """In a sequence that Pillow wrote: set how often it is shown, and blank the times of day, which differ each run."""
    with path.open("r+b") as file:
        walker = BoxWalker(file, limits)
        movie = walker.find(None, b"moov")
        if movie is None:
            return
        once = 0
        headers = [(box, 24) for box in _down(walker, movie, b"mvhd")]
        for track in _down(walker, movie, b"trak"):
            headers += [(box, 28) for box in _down(walker, track, b"tkhd")]
            for header in _down(walker, track, b"mdia", b"mdhd"):
                _patch(file, header, 4, bytes(16))
            for edits in _down(walker, track, b"edts", b"elst"):
                once = struct.unpack_from(">Q", walker.content(edits, 4096), 8)[0]
                _patch(file, edits, 3, bytes([plays != 1]))
        for header, duration in headers:
            _patch(file, header, 4, bytes(16))
            if plays:
                _patch(file, header, duration, struct.pack(">Q", once * plays))


def _patch(file: BinaryIO, box: Box, offset: int, data: bytes) -> None:
    """Overwrite bytes of a FullBox of version 1, which is what libavif writes."""
    file.seek(box.body)
    if file.read(1) == b"\x01":
        file.seek(box.body + offset)
        file.write(data)


def _down(walker: BoxWalker, box: Box, *path: bytes, skip: int = 0) -> Iterator[Box]:
    for child in walker.children(box, skip=skip):
        if child.type == path[0]:
            if path[1:]:
                yield from _down(walker, child, *path[1:])
            else:
                yield child


def _configurations(walker: BoxWalker, box: Box, *, skip: int = 0) -> list[bytes]:
    found = [walker.content(child, 4096) for child in walker.children(box, skip=skip) if child.type == b"av1C"]
    return [content for content in found if len(content) >= 4]


def _timing(walker: BoxWalker, track: Box, limits: Limits) -> list[int]:
    header = next(_down(walker, track, b"mdia", b"mdhd"), None)
    table = next(_down(walker, track, b"mdia", b"minf", b"stbl", b"stts"), None)
    if header is None or table is None:
        return []
    head = walker.content(header, 4096)
    (scale,) = struct.unpack_from(">I", head, 20 if head[:1] == b"\x01" else 12)
    data = walker.content(table, limits.max_slot_bytes)
    durations: list[int] = []
    for start in range(8, len(data) - 7, 8):
        count, delta = struct.unpack_from(">II", data, start)
        durations += [round(1000 * (delta / (scale or 1)))] * min(count, limits.max_frames + 1 - len(durations))
    return durations


def _plays(walker: BoxWalker, track: Box) -> int:
    header = next(_down(walker, track, b"tkhd"), None)
    edits = next(_down(walker, track, b"edts", b"elst"), None)
    if header is None or edits is None:
        return 0
    head, list = walker.content(header, 4096), walker.content(edits, 4096)
    if not list[3] & 1:
        return 1
    total = struct.unpack_from(">Q", head, 28)[0] if head[0] == 1 else struct.unpack_from(">I", head, 20)[0]
    (once,) = struct.unpack_from(">Q" if list[0] == 1 else ">I", list, 8)
    endless = _ENDLESS if head[0] == 1 else 0xFFFFFFFF
    return 0 if total == endless or not once else -(-total // once)
