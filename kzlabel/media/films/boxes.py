"""What ffmpeg does not tell about an MP4 or MOV: how its boxes are laid out, and how its tracks are turned."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ...containers.boxes import Box, BoxWalker
from ...limits import Limits

Matrix = tuple[int, int, int, int]
"""a, b, c, d of a track's display matrix, each -1, 0 or 1: the stored point (p, q) is shown at (ap + cq, bp + dq)."""

UPRIGHT: Matrix = (1, 0, 0, 1)


@dataclass(frozen=True)
class Boxes:
    """index_first: the index stands before the media ("faststart"). fragmented: the media stand in fragments.

    matrices: of each video track, in file order, None for an odd angle or a stretch.
    cut: the file ends before its last box does.
    """

    index_first: bool
    fragmented: bool
    matrices: tuple[Matrix | None, ...]
    cut: bool


def read_boxes(path: Path, limits: Limits) -> Boxes:
    """Walk the boxes of an MP4 or MOV. Raises UnreadableFile, LimitExceeded."""
    with path.open("rb") as file:
        walker = BoxWalker(file, limits)
        order: list[bytes] = []
        matrices: list[Matrix | None] = []
        cut = False
        for box in walker.top():
            if box.type not in order:
                order.append(box.type)
            cut = cut or box.cut
            if box.type == b"moov":
                tracks = [trak for trak in walker.children(box) if trak.type == b"trak"]
                matrices += [_matrix(walker, trak, limits) for trak in tracks if _is_film(walker, trak, limits)]
        places = {type: order.index(type) if type in order else len(order) for type in (b"moov", b"mdat", b"moof")}
        return Boxes(places[b"moov"] < places[b"mdat"], b"moof" in order, tuple(matrices), cut)


def _is_film(walker: BoxWalker, trak: Box, limits: Limits) -> bool:
    media = walker.find(trak, b"mdia")
    handler = media and walker.find(media, b"hdlr")
    return handler is not None and walker.content(handler, limits.max_slot_bytes)[8:12] == b"vide"


def _matrix(walker: BoxWalker, trak: Box, limits: Limits) -> Matrix | None:
    header = walker.find(trak, b"tkhd")
    body = walker.content(header, limits.max_slot_bytes) if header else b""
    # ISO/IEC 14496-12, 8.3.2: the matrix stands after times and layers, whose width depends on the version.
    start = 52 if body[:1] == b"\1" else 40
    if len(body) < start + 20:
        return None
    a, b, _, c, d = struct.unpack(">5i", body[start : start + 20])
    if a == b == c == d == 0:
        return UPRIGHT  # some writers leave it out
    turned = tuple(_ONE.get(value) for value in (a, b, c, d))
    return turned if turned in _TURNS else None


_ONE = {1 << 16: 1, -(1 << 16): -1, 0: 0}  # fixed point, 16.16
_TURNS = [*((a, 0, 0, d) for a in (1, -1) for d in (1, -1)), *((0, b, c, 0) for b in (1, -1) for c in (1, -1))]
