"""The fingerprint of pictures: for each cell of a grid a few signs of what its surroundings look like.

The grid is that of the watermark: cells of 32 pixels of the working picture, 4 by 4 in a tile. So a copy that the
watermark's reader has laid as the pattern lies has its cells where the original has them, up to whole tiles, and a crop
compares with its part of the original. Each bit is the sign of one random mixture of a cell's low frequencies, its mean
and its amplitude left out: enough to agree or not, too little for a picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import shake_256
from typing import TYPE_CHECKING

from ..errors import UnreadableFile
from ..watermark.image_pattern import TILE
from ..watermark.image_view import MIN_SIDE, WORKING_PIXELS, working

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Matrix = NDArray[np.float64]

ALGORITHM = "org.kzlabel.fingerprint.image.1"
CELL, BITS = 32, 16  # pixels of the working picture; bits of a cell
STEP = TILE // CELL  # cells by which a copy may be off: it is known where a tile begins, not which
MOST_CELLS = 7_000  # so that a fingerprint has at most 16 KB: more than a working picture has, but for ribbons
MOST_SIDE = (1 << 16) - 1  # pixels of the working picture that are written; what is beyond is left out
ROUNDED = 1.01  # by which a working picture may be larger than it should be: its sides are rounded
LEAST_CELLS = 20  # fewer say nothing
STRETCHED = 0.03  # by which the sides of a whole copy may be off, for rounding
LEAST_INNER = 24  # cells whose surroundings both show whole: where there are so many, they alone are counted
# From which on a copy is one of the original: share of its bits that agree, and share of its cells of which CLOSE bits
# do. Two pictures blended agree with both a little everywhere; an edited copy agrees wholly but where it was edited.
AGREEING, CLOSE, CLOSE_CELLS = 0.88, 14, 0.72
BESIDE = 16  # pixels beside a cell that belong to its surroundings
_SAMPLE, _WINDOW = 8, 8  # pixels of a sample; samples of a window, each side, twice those of a cell
_HIGHEST = 4  # half periods in a window, across and down together
# What the mixtures must measure, in grey levels, in a cell that counts: flat ones agree with anything.
TEXTURED = 20.0
_HEAD = struct.Struct(">BHH")
_VERSION = 1


@dataclass(frozen=True)
class ImageFingerprint:
    """signs: (rows, columns, 16), of True and False. textured: (rows, columns), which cells say anything.

    height, width: pixels of the working picture, or of the plane, that was measured. inner: (rows, columns), the cells
    whose surroundings are seen whole; not written, but known of a whole picture.
    """

    signs: Flags
    textured: Flags
    height: int
    width: int
    inner: Flags

    def to_bytes(self) -> bytes:
        """Version, height and width; which cells are textured; the signs of those."""
        import numpy as np

        packed = np.packbits(self.textured).tobytes() + np.packbits(self.signs[self.textured]).tobytes()
        return _HEAD.pack(_VERSION, self.height, self.width) + packed

    @classmethod
    def from_bytes(cls, data: bytes) -> ImageFingerprint:
        """Raises UnreadableFile where these bytes are no such fingerprint."""
        import numpy as np

        wrong = UnreadableFile("the fingerprint of a picture is damaged")
        if len(data) < _HEAD.size:
            raise wrong
        version, height, width = _HEAD.unpack_from(data)
        rows, columns = _grid(height, width)
        cells = rows * columns
        if version != _VERSION or not cells or len(data) < _HEAD.size + -(-cells // 8):
            raise wrong
        # A copy may be scaled to this size to be compared.
        if height * width > max(ROUNDED * WORKING_PIXELS, MIN_SIDE * max(height, width)):
            raise wrong
        flags = np.frombuffer(data, np.uint8, -(-cells // 8), _HEAD.size)
        textured = np.unpackbits(flags, count=cells).astype(np.bool_).reshape(rows, columns)
        rest = np.frombuffer(data, np.uint8, offset=_HEAD.size + len(flags))
        count = int(textured.sum())
        if len(rest) != count * BITS // 8:
            raise wrong
        signs = np.zeros((rows, columns, BITS), np.bool_)
        signs[textured] = np.unpackbits(rest).astype(np.bool_).reshape(count, BITS)
        return cls(signs, textured, height, width, _inner(textured.shape))


@dataclass(frozen=True)
class Agreement:
    """How far a copy agrees with the original.

    share: of the bits that say the same, 0.5 for another picture. close: share of the cells that say nearly the same.
    cells: of how many, those with whole surroundings if there are LEAST_INNER, else all that were compared.
    at: (row, column) of the copy's first cell in the original's grid. agreeing: (rows, columns), the share in each cell
    of the copy, NaN where nothing was compared.
    """

    share: float
    close: float
    cells: int
    at: tuple[int, int]
    agreeing: Floats

    @property
    def same(self) -> bool:
        return self.share >= AGREEING and self.close >= CLOSE_CELLS


def fingerprint(luma: Floats) -> ImageFingerprint | None:
    """(height, width), 0..255, float32, as labelled; None for a picture too small for one cell each way."""
    return of_view(working(luma))


def of_view(view: Floats, seen: Flags | None = None) -> ImageFingerprint | None:
    """The same of a working picture, or of a plane that lies as its pattern lies, from the beginning of a tile on.

    seen: (height, width), False where the plane shows nothing; cells that are not seen whole are left out. Without, the
    plane is a whole picture, which ends where it ends.
    """
    import cv2
    import numpy as np

    height, width = (min(side, MOST_SIDE) for side in view.shape)
    rows, columns = _grid(height, width)
    if rows * columns == 0:
        return None
    part = np.ascontiguousarray(view[: rows * CELL, : columns * CELL], np.float32)
    side = CELL // _SAMPLE
    small = cv2.resize(part, (columns * side, rows * side), interpolation=cv2.INTER_AREA)
    signs, textured = cells_of(np.asarray(small, np.float32))
    inner = _inner(textured.shape)
    if seen is not None:
        flags = np.zeros((rows * CELL + 2 * BESIDE, columns * CELL + 2 * BESIDE), np.bool_)
        part_seen = seen[: rows * CELL + BESIDE, : columns * CELL + BESIDE]
        flags[BESIDE : BESIDE + part_seen.shape[0], BESIDE : BESIDE + part_seen.shape[1]] = part_seen
        halves = flags.reshape(2 * rows + 2, BESIDE, 2 * columns + 2, BESIDE).all(axis=(1, 3))
        around = np.lib.stride_tricks.sliding_window_view(halves, (4, 4))[::2, ::2]
        textured &= around[:, :, 1:3, 1:3].all(axis=(2, 3))
        inner = np.asarray(around.all(axis=(2, 3)))
    return ImageFingerprint(signs, textured, height, width, inner)


def cells_of(samples: Floats) -> tuple[Flags, Flags]:
    """(4 rows, 4 columns) samples -> (rows, columns, 16) signs; (rows, columns), which cells say anything."""
    import cv2
    import numpy as np

    side = CELL // _SAMPLE
    margin = (_WINDOW - side) // 2
    wide = cv2.copyMakeBorder(samples, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (_WINDOW, _WINDOW))[::side, ::side]
    values = windows.reshape(*windows.shape[:2], -1) @ _mixtures().T
    return values > 0, np.sqrt(np.mean(values * values, axis=2)) > TEXTURED


def agreement(original: ImageFingerprint, copy: ImageFingerprint, *, step: int = STEP) -> Agreement | None:
    """The best agreement of a copy with any place in the original, in steps of whole tiles; None: nothing to compare.

    The best is the one that chance would give least often: a few cells that agree by chance count less than many.
    """
    best: tuple[float, Agreement] | None = None
    rows, columns = original.textured.shape
    height, width = copy.textured.shape
    for top in _places(rows, height, step):
        for left in _places(columns, width, step):
            here = _compared(original, copy, top, left)
            if here.cells >= LEAST_CELLS:
                surprise = (here.share - 0.5) * here.cells**0.5
                if best is None or surprise > best[0]:
                    best = surprise, here
    return best[1] if best else None


def whole_agreement(original: ImageFingerprint, view: Floats) -> Agreement | None:
    """Of a copy that shows the whole picture, at whatever size: for those without a watermark that tells its place.

    view: the copy's working picture. None: nothing to compare, or sides of another proportion.
    """
    import cv2
    import numpy as np

    height, width = original.height, original.width
    if abs(view.shape[1] * height / (view.shape[0] * width) - 1) > STRETCHED:
        return None
    copy = of_view(np.asarray(cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA), np.float32))
    found = _compared(original, copy, 0, 0) if copy else None
    return found if found and found.cells >= LEAST_CELLS else None


def _inner(shape: tuple[int, ...]) -> Flags:
    """All but the outermost cells."""
    import numpy as np

    inner = np.zeros(shape, np.bool_)
    inner[1:-1, 1:-1] = True
    return inner


def _grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of whole cells, as many as are kept."""
    rows, columns = height // CELL, width // CELL
    if rows and columns:
        rows = min(rows, max(1, MOST_CELLS // columns))
        columns = min(columns, MOST_CELLS // rows)
    return rows, columns


def keys(_: ImageFingerprint) -> tuple[int, ...]:
    """None: the watermark leads to it, or the ISCC code of the whole picture does."""
    return ()


def _places(cells: int, length: int, step: int) -> range:
    """Where a copy of this length may begin, at least half of it within, or half of the original in a larger one."""
    shared = min(cells, length) // 2
    first = -((length - shared) // step * step)
    return range(first, max(cells - shared, 0) + 1, step)


def _compared(original: ImageFingerprint, copy: ImageFingerprint, top: int, left: int) -> Agreement:
    import numpy as np

    rows, columns = original.textured.shape
    height, width = copy.textured.shape
    first, last = max(0, -top), min(height, rows - top)
    begin, end = max(0, -left), min(width, columns - left)
    agreeing = np.full((height, width), np.nan, np.float32)
    inner = np.zeros((height, width), np.bool_)
    if last > first and end > begin:
        ours = slice(first, last), slice(begin, end)
        theirs = slice(first + top, last + top), slice(begin + left, end + left)
        both = copy.textured[ours] & original.textured[theirs]
        same = (copy.signs[ours] == original.signs[theirs]).mean(axis=2, dtype=np.float32)
        agreeing[ours] = np.where(both, same, np.float32(np.nan))
        inner[ours] = both & copy.inner[ours] & original.inner[theirs]
    if inner.sum() >= LEAST_INNER:
        agreeing[~inner] = np.nan
    counted = agreeing[np.isfinite(agreeing)]
    share = float(counted.mean()) if len(counted) else 0.5
    close = float((counted * BITS > CLOSE - 0.5).mean()) if len(counted) else 0.0
    return Agreement(share, close, len(counted), (top, left), agreeing)


@lru_cache(maxsize=1)
def _mixtures() -> Floats:
    """(16, 64): mixtures of the low frequencies of a window, each weighed by its frequency as pictures ask for."""
    import numpy as np

    place = np.arange(_WINDOW) + 0.5
    waves = [np.cos(np.pi * place * order / _WINDOW) * (2 / _WINDOW) ** 0.5 for order in range(_HIGHEST + 1)]
    waves[0] /= 2**0.5
    orders = [(down, across) for down in range(_HIGHEST + 1) for across in range(_HIGHEST + 1 - down)][1:]
    parts = np.array([np.outer(waves[down], waves[across]).ravel() * np.hypot(down, across) for down, across in orders])
    drawn = np.frombuffer(shake_256(ALGORITHM.encode()).digest(BITS * len(orders)), np.uint8)
    return np.asarray(np.where(drawn.reshape(BITS, len(orders)) & 1, 1.0, -1.0) @ parts, np.float32)
