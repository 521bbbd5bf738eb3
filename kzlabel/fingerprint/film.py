"""The fingerprint of films: one frame of each second, by cells as a picture's, and by a code of 64 bits.

The cells lie around the middle of the frame and are a share of its area, so that a scaled film has the same. A film
that was cut, or has bars, is laid as its watermark lies before it is compared.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import UnreadableFile
from ..watermark.detection import Geometry
from ..watermark.video_carriers import PERIOD, unit
from . import iscc
from .image import BITS, cells_of
from .lookup_key import key, least

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Bytes = NDArray[np.uint8]
    Matrix = NDArray[np.float64]

ALGORITHM = "org.kzlabel.fingerprint.film.1"
CELL = 33  # of the watermark's units, of which a frame has 2**17 in square: at most 120 cells, 16 KB a minute
SAMPLES = 16  # pixels of a cell as it is laid; 4 by 4 of them are measured as one
MOST_CELLS = 120
# 4 hours: what a registry keeps of one fingerprint, 4 MiB, holds no more. Of a longer film the rest is left out.
MOST_FRAMES = 4 * 3600
LEAST_CELLS = 60  # fewer, over all frames, say nothing
AGREEING = 0.75  # share of the bits from which on a copy is one of the original; see docs/fingerprints.md
STEP = 0.25  # seconds by which a copy may begin between two seconds of the original: give so many frames of a copy
MOST_SHOWN, KEPT_PIXELS = 1_200, 1 << 17  # frames of a copy that are held, 5 minutes; pixels of each
NEAR = 0.13  # seconds that frames may be apart to be compared
LOOKED = 8  # frames of a copy by which its place is chosen, where the watermark leaves several
LEAST_SEEN = 0.2  # share of the original's cells that a cut copy shows
MOST_KEYS, MOST_QUERY_KEYS = 4_096, 4_096
TURNED = 2  # of a band's bits that a copy's code is least sure of: each is also taken the other way round
BANDS = 2
_HEAD = struct.Struct(">BBBI")
_VERSION = 1


@dataclass(frozen=True)
class FilmFingerprint:
    """One frame a second: codes: (n,) of 64 bits; signs: (n, rows, columns, 16); textured: (n, rows, columns)."""

    codes: NDArray[np.uint64]
    signs: Flags
    textured: Flags

    def to_bytes(self) -> bytes:
        """Version, rows, columns, frames; of each frame its code, which cells are textured, the signs of all."""
        import numpy as np

        count, rows, columns = self.textured.shape
        parts = np.hstack(
            [
                self.codes.astype(">u8").view(np.uint8).reshape(count, 8),
                np.packbits(self.textured.reshape(count, rows * columns), axis=1),
                np.packbits(self.signs.reshape(count, rows * columns * BITS), axis=1),
            ]
        )
        return _HEAD.pack(_VERSION, rows, columns, count) + parts.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> FilmFingerprint:
        """Raises UnreadableFile where these bytes are no such fingerprint."""
        import numpy as np

        if len(data) >= _HEAD.size:
            version, rows, columns, count = _HEAD.unpack_from(data)
            cells = rows * columns
            flags = -(-cells // 8)
            size = 8 + flags + cells * BITS // 8
            known = version == _VERSION and 0 < cells <= MOST_CELLS and 0 < count <= MOST_FRAMES
            if known and len(data) == _HEAD.size + count * size:
                parts = np.frombuffer(data, np.uint8, offset=_HEAD.size).reshape(count, size)
                codes = np.ascontiguousarray(parts[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
                textured = np.unpackbits(parts[:, 8 : 8 + flags], axis=1, count=cells).astype(np.bool_)
                signs = np.unpackbits(parts[:, 8 + flags :], axis=1).astype(np.bool_)
                return cls(codes, signs.reshape(count, rows, columns, BITS), textured.reshape(count, rows, columns))
        raise UnreadableFile("the fingerprint of a film is damaged")


@dataclass(frozen=True)
class Agreement:
    """How far a copy agrees with the original.

    share: of the bits that say the same, 0.5 for another film. cells: how many were compared, over all frames.
    offset: seconds of the original at which the copy's second 0 lies. agreeing: (seconds of the copy, share) of each
    frame that was compared. span: seconds of the copy from the first frame to the last that agrees; None: none does.
    """

    share: float
    cells: int
    offset: float
    agreeing: tuple[tuple[float, float], ...]

    @property
    def same(self) -> bool:
        return self.share >= AGREEING

    @property
    def span(self) -> tuple[float, float] | None:
        seen = [second for second, share in self.agreeing if share >= AGREEING]
        return (min(seen), max(seen)) if seen else None


def fingerprint(frames: Iterable[tuple[float, Floats]]) -> FilmFingerprint | None:
    """frames: (seconds, luma (height, width) of 0..255), in order, of one size, at least one a second.

    The first of each second counts; a second without one repeats the last. None for frames with no cell, or none.
    """
    import numpy as np

    codes: list[int] = []
    signs: list[Flags] = []
    textured: list[Flags] = []
    for second, luma in frames:
        wanted = math.floor(second + 1e-3) + 1 - len(codes)
        rows, columns = _grid(luma.shape)
        if rows * columns == 0 or (signs and signs[0].shape[:2] != (rows, columns)):
            continue
        if wanted > 0 and len(codes) + wanted <= MOST_FRAMES:
            plane, _ = _laid(luma, rows, columns, _upright(luma.shape))
            mixed, says = _measured(plane)
            codes += [iscc.of_pixels(_small(plane)).bits] * wanted
            signs += [mixed] * wanted
            textured += [says] * wanted
    if not codes:
        return None
    return FilmFingerprint(np.array(codes, np.uint64), np.array(signs), np.array(textured))


def agreement(
    original: FilmFingerprint, frames: Iterable[tuple[float, Floats]], geometry: Geometry | None = None
) -> Agreement | None:
    """The best agreement of a copy's frames with any time in the original; None: nothing to compare.

    frames: as for `fingerprint`, at best four a second, or a single one; the first MOST_SHOWN count. geometry: how the
    watermark lies in them; without, or where that agrees better, the whole frame is taken for the original's whole.
    """
    import numpy as np

    shown = [(second, _kept(luma)) for second, luma in islice(frames, MOST_SHOWN) if min(luma.shape) > 1]
    moments = np.array([second for second, _ in shown])
    lumas = [luma for _, luma in shown]
    if not lumas:
        return None
    ways = [_upright(lumas[0].shape)]
    if geometry:
        some = [lumas[at] for at in np.unique(np.linspace(0, len(lumas) - 1, LOOKED).astype(int))]
        periods = _periods(geometry, *original.textured.shape[1:])
        ways += sorted(periods, key=lambda matrix: -_worth(*_matched(original, some, matrix)))[:1]
    found = [_in_time(moments, *_matched(original, lumas, matrix)) for matrix in ways]
    return max((one for one in found if one), key=lambda one: (one.share - 0.5) * one.cells**0.5, default=None)


def _kept(luma: Floats) -> Bytes:
    """A frame as small as it may be, so that many can be held: (h, w) uint8."""
    import cv2
    import numpy as np

    plane = np.clip(np.rint(np.nan_to_num(luma)), 0, 255).astype(np.uint8)
    scale = (KEPT_PIXELS / plane.size) ** 0.5
    if scale >= 1:
        return plane
    size = max(2, round(plane.shape[1] * scale)), max(2, round(plane.shape[0] * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _worth(beyond: Floats, counts: Floats) -> float:
    """How far frames agree, each with the second that it agrees best with."""
    import numpy as np

    return float((beyond / np.sqrt(np.maximum(counts, 1))).max(axis=1).sum())


def keys(fingerprint: FilmFingerprint) -> tuple[int, ...]:
    """What is kept: a key for each half of each frame's code, but for frames that show next to nothing."""
    telling = fingerprint.textured.mean(axis=(1, 2)) > 0.2
    codes = set(fingerprint.codes[telling].tolist())
    return least((key(ALGORITHM, band, half) for code in codes for band, half in enumerate(_halves(code))), MOST_KEYS)


def query_keys(frames: Iterable[tuple[float, Floats]]) -> tuple[int, ...]:
    """What a copy is looked up by, frames as for `agreement`: also with the least sure bits turned.

    A copy that was cut or has bars is not found by these, but by its watermark.
    """
    import numpy as np

    found: set[tuple[int, int]] = set()
    for _, luma in frames:
        rows, columns = _grid(luma.shape)
        if rows * columns == 0:
            continue
        plane, _ = _laid(luma, rows, columns, _upright(luma.shape))
        if _measured(plane)[1].mean() <= 0.2:
            continue
        above = iscc.above_median(_small(plane))
        code = int.from_bytes(np.packbits(above > 0).tobytes())
        for band, half in enumerate(_halves(code)):
            own = np.abs(above[band::BANDS])
            unsure = np.argsort(own)[:TURNED].tolist()
            for turned in range(1 << TURNED):
                flips = sum(1 << (len(own) - 1 - bit) for at, bit in enumerate(unsure) if turned >> at & 1)
                found.add((band, half ^ flips))
    return least((key(ALGORITHM, band, half) for band, half in found), MOST_QUERY_KEYS)


def _halves(code: int) -> list[int]:
    written = f"{code:0{iscc.BITS}b}"
    return [int(written[band::BANDS], 2) for band in range(BANDS)]


def _grid(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of a frame's cells."""
    if min(shape) < 2:
        return 0, 0
    step = unit(*shape)
    return int(shape[0] * step / CELL + 1e-6), int(shape[1] * step / CELL + 1e-6)


def _upright(shape: tuple[int, ...]) -> Matrix:
    """From units around the middle to fractions of a whole frame."""
    import numpy as np

    step = unit(*shape)
    return np.array([[1 / (step * shape[1]), 0, 0.5], [0, 1 / (step * shape[0]), 0.5], [0, 0, 1.0]])


def _periods(geometry: Geometry, rows: int, columns: int) -> list[Matrix]:
    """The ways in which a copy may lie in the original: the watermark tells its place up to whole periods."""
    import numpy as np

    matrix = np.array(geometry.matrix)
    if not np.isfinite(matrix).all() or abs(float(np.linalg.det(matrix))) < 1e-12:
        return []
    height, width = rows * CELL, columns * CELL
    corners = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]]) - np.array([[matrix[0, 2]], [matrix[1, 2]], [0]])
    x, y = np.linalg.solve(matrix[:2, :2], corners[:2])
    found = []
    # The copy's frame, from its corners in units, is moved by whole periods over that of the original.
    for down in range(math.ceil((-height / 2 - y.max()) / PERIOD), math.floor((height / 2 - y.min()) / PERIOD) + 1):
        for across in range(math.ceil((-width / 2 - x.max()) / PERIOD), math.floor((width / 2 - x.min()) / PERIOD) + 1):
            left, right = x.min() + across * PERIOD, x.max() + across * PERIOD
            top, bottom = y.min() + down * PERIOD, y.max() + down * PERIOD
            seen = max(0.0, min(right, width / 2) - max(left, -width / 2))
            seen *= max(0.0, min(bottom, height / 2) - max(top, -height / 2))
            if seen >= LEAST_SEEN * width * height:
                back = np.array([[1, 0, -across * PERIOD], [0, 1, -down * PERIOD], [0, 0, 1.0]])
                found.append(matrix @ back)
    return found


def _laid(luma: Floats | Bytes, rows: int, columns: int, matrix: Matrix) -> tuple[Floats, Flags]:
    """The cells' part of a frame, (16 rows, 16 columns), and which of its pixels the frame shows.

    matrix: from units to fractions of the frame.
    """
    import cv2
    import numpy as np

    height, width = luma.shape
    plane = np.asarray(np.clip(np.nan_to_num(luma), 0, 255), np.float32)
    # First to about the size that is wanted, so that nothing finer is left to show up as something else.
    size = (
        min(width, max(2, round(SAMPLES / CELL / abs(float(matrix[0, 0]))))),
        min(height, max(2, round(SAMPLES / CELL / abs(float(matrix[1, 1]))))),
    )
    if size != (width, height):
        plane = np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
    scale = CELL / SAMPLES
    units = np.array([[scale, 0, scale / 2 - columns * CELL / 2], [0, scale, scale / 2 - rows * CELL / 2], [0, 0, 1]])
    pixels = np.array([[size[0], 0, -0.5], [0, size[1], -0.5], [0, 0, 1.0]])
    whole = (pixels @ matrix @ units)[:2]
    shape = columns * SAMPLES, rows * SAMPLES
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(plane, whole, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpAffine(np.full(plane.shape, 255, np.uint8), whole, shape, flags=flags)
    return np.asarray(laid, np.float32), np.asarray(seen > 100)


def _measured(plane: Floats) -> tuple[Flags, Flags]:
    import cv2
    import numpy as np

    size = plane.shape[1] * 4 // SAMPLES, plane.shape[0] * 4 // SAMPLES
    return cells_of(np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32))


def _small(plane: Floats) -> Matrix:
    import cv2
    import numpy as np

    return np.rint(np.asarray(cv2.resize(plane, (iscc.SIDE, iscc.SIDE), interpolation=cv2.INTER_AREA), np.float64))


def _matched(original: FilmFingerprint, lumas: Sequence[Floats | Bytes], matrix: Matrix) -> tuple[Floats, Floats]:
    """(copy's frames, seconds): the bits that agree less those that do not, over 16; and the cells compared."""
    import numpy as np

    count, rows, columns = original.textured.shape
    theirs = _weighed(original.signs, original.textured).reshape(count, -1)
    says = original.textured.reshape(count, -1).astype(np.float32)
    beyond, counts = [], []
    for luma in lumas:
        plane, seen = _laid(luma, rows, columns, matrix)
        signs, textured = _measured(plane)
        textured &= seen.reshape(rows, SAMPLES, columns, SAMPLES).all(axis=(1, 3))
        beyond.append(theirs @ _weighed(signs, textured).reshape(-1) / BITS)
        counts.append(says @ textured.reshape(-1).astype(np.float32))
    return np.array(beyond, np.float32), np.array(counts, np.float32)


def _weighed(signs: Flags, textured: Flags) -> Floats:
    """-1 and 1; 0 where a cell says nothing."""
    import numpy as np

    return np.where(textured[..., None], signs * np.float32(2) - np.float32(1), np.float32(0)).astype(np.float32)


def _in_time(moments: Matrix, beyond: Floats, counts: Floats) -> Agreement | None:
    """The offset at which most agrees: the one that chance would give least often."""
    import numpy as np

    seconds = beyond.shape[1]
    first, last = -float(moments.max()), seconds - float(moments.min())
    best: tuple[float, float, Flags, NDArray[np.int64]] | None = None
    for offset in np.arange(math.floor(first), math.ceil(last) + STEP, STEP):
        places = moments + offset
        at = np.rint(places).astype(np.int64)
        near = (np.abs(places - at) <= NEAR) & (at >= 0) & (at < seconds)
        if not near.any():
            continue
        cells = float(counts[near, at[near]].sum())
        if cells >= LEAST_CELLS:
            worth = float(beyond[near, at[near]].sum()) / cells**0.5
            if best is None or worth > best[0]:
                best = worth, float(offset), near, at
    if best is None:
        return None
    _, offset, near, at = best
    agree, cells_of_each = beyond[near, at[near]], counts[near, at[near]]
    told = tuple(
        (float(moment), float(0.5 + 0.5 * good / cells))
        for moment, good, cells in zip(moments[near], agree, cells_of_each, strict=True)
        if cells
    )
    total = float(cells_of_each.sum())
    return Agreement(0.5 + 0.5 * float(agree.sum()) / total, int(total), offset, told)
