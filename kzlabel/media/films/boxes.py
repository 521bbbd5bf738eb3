"""What ffmpeg does not tell about an MP4 or MOV: how its boxes are laid out, and how its tracks are turned."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ...containers.boxes import Box, BoxWalker
from ...errors import UnreadableFile
from ...limits import Limits

Matrix = tuple[int, int, int, int]
"""a, b, c, d of a track's display matrix, each -1, 0 or 1: the stored point (p, q) is shown at (ap + cq, bp + dq)."""

UPRIGHT: Matrix = (1, 0, 0, 1)


@dataclass(frozen=True)
class Boxes:
    """index_first: the index stands before the media ("faststart"). fragmented: the media stand in fragments.

    matrices: of each video track, in file order. cut: the file ends before its last box does.
    """

    index_first: bool
    fragmented: bool
    matrices: tuple[Matrix, ...]
    cut: bool


def read_boxes(path: Path, limits: Limits) -> Boxes:
    """Walk the boxes of an MP4 or MOV. Raises UnreadableFile, LimitExceeded."""
    with path.open("rb") as file:
        walker = BoxWalker(file, limits)
        order: list[bytes] = []
        matrices: list[Matrix] = []
        cut = False
        for box in walker.top():
            if box.type not in order:
                order.append(box.type)
            cut = cut or box.cut
            if box.type == b"moov":
                matrices += [matrix for trak in walker.children(box) if (matrix := _matrix(walker, trak, limits))]
        places = {type: order.index(type) if type in order else len(order) for type in (b"moov", b"mdat", b"moof")}
        return Boxes(places[b"moov"] < places[b"mdat"], b"moof" in order, tuple(matrices), cut)


def _matrix(walker: BoxWalker, trak: Box, limits: Limits) -> Matrix | None:
    if trak.type != b"trak":
        return None
    media = walker.find(trak, b"mdia")
    handler = media and walker.find(media, b"hdlr")
    header = walker.find(trak, b"tkhd")
    if not handler or not header or walker.content(handler, limits.max_slot_bytes)[8:12] != b"vide":
        return None
    # ISO/IEC 14496-12, 8.3.2: the matrix stands after times and layers, whose width depends on the version.
    body = walker.content(header, limits.max_slot_bytes)
    start = 52 if body[:1] == b"\1" else 40
    if len(body) < start + 20:
        raise UnreadableFile(f"{walker.file.name}: the header of a track is cut off")
    a, b, _, c, d = struct.unpack(">5i", body[start : start + 20])
    one = 1 << 16
    known = {one: 1, -one: -1, 0: 0}
    turned = (known.get(a), known.get(b), known.get(c), known.get(d))
    if None in turned or abs(turned[0] * turned[3] - turned[1] * turned[2]) != 1:  # type: ignore[operator]
        raise UnreadableFile(
            f"{Path(walker.file.name).name}: its picture is turned by an odd angle or stretched; turn it upright first"
        )
    return turned  # type: ignore[return-value]
