"""A copy against its original: laid as the watermark's pattern lies, compared there, and its place in the frame.

The watermark's reader knows how its pattern lies in the copy. So a crop, a scaled, turned or mirrored copy is brought
back to the grid of the original's cells, up to whole tiles, and those are few enough to try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..watermark.detection import Detection, Geometry
from ..watermark.image import followed
from ..watermark.image_geometry import enlarged, softened
from ..watermark.image_pattern import TILE
from ..watermark.image_view import working
from ..watermark.keys import WatermarkKey
from .image import CELL, Agreement, ImageFingerprint, agreement, of_view

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Matrix = NDArray[np.float64]

# A plane holds what a working picture does when it is turned, and a collage of which the original is a 16th: 34 MB.
MOST_SIDE, MOST_PIXELS = 6_000, 1 << 23
FOLLOWED = 0.94  # share of bits below which it is tried whether the copy was stretched or tilted
LEAST_SCALE, MOST_SCALE = 0.05, 50.0  # a copy in which the pattern is smaller or larger cannot have been read


@dataclass(frozen=True)
class Aligned:
    """A copy as its pattern lies, from the beginning of a tile on.

    plane: (height, width), 0..255. seen: the same shape, False where the copy has ended. corners: (4, 2), where the
    copy's own corners lie in the plane, (x, y), the upper left one first, clockwise.
    """

    plane: Floats
    seen: Flags
    corners: Matrix


@dataclass(frozen=True)
class Compared:
    """agreement: with the original, at the copy's place in it.

    frame: where the copy's corners lie in the original, (x, y) as fractions of its width and height, the upper left one
    first, clockwise; beyond 0 to 1 where the copy shows more than the original did.
    cells: (x, y, side, share) of each cell that was compared: its upper left corner and its size, in the same fractions
    (side: of width and of height), and the share of its bits that agree.
    """

    agreement: Agreement
    frame: tuple[tuple[float, float], ...]
    cells: tuple[tuple[float, float, tuple[float, float], float], ...]


def compared(
    original: ImageFingerprint, luma: Floats, mark: Detection, *, key: WatermarkKey | None = None
) -> Compared | None:
    """A copy (height, width), 0..255, with the original's fingerprint; None where there is nothing to compare.

    mark: as `detect` found it in this very plane with this key.
    """
    best = _compared(original, luma, mark.geometry)
    if best is None or best.agreement.share < FOLLOWED:
        again = _compared(original, luma, followed(luma, mark, key=key).geometry)
        if again and (best is None or again.agreement.share > best.agreement.share):
            return again
    return best


def _compared(original: ImageFingerprint, luma: Floats, geometry: Geometry | None) -> Compared | None:
    if geometry is None:
        return None
    laid = aligned(luma, geometry)
    copy = of_view(laid.plane, laid.seen) if laid else None
    found = agreement(original, copy) if copy else None
    if laid is None or found is None:
        return None
    top, left = found.at[0] * CELL, found.at[1] * CELL
    width, height = original.width, original.height
    frame = tuple(((float(x) + left) / width, (float(y) + top) / height) for x, y in laid.corners)
    side = CELL / width, CELL / height
    cells = tuple(
        ((column * CELL + left) / width, (row * CELL + top) / height, side, float(share))
        for (row, column), share in _told(found.agreeing)
    )
    return Compared(found, frame, cells)


def aligned(luma: Floats, geometry: Geometry) -> Aligned | None:
    """None where the geometry is none that a reader finds."""
    import cv2
    import numpy as np

    view = working(luma)
    # From the pattern's plane to the view.
    matrix = np.linalg.inv(enlarged(luma.shape, view.shape)) @ np.array(geometry.matrix)
    height, width = view.shape
    scale = abs(float(np.linalg.det(matrix))) ** 0.5 if np.isfinite(matrix).all() else 0.0
    if not LEAST_SCALE < scale < MOST_SCALE:
        return None
    edges = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    whole = np.column_stack([edges, np.ones(4)]) @ np.linalg.inv(matrix).T
    if not (whole[:, 2] > 0).all():
        return None
    corners = whole[:, :2] / whole[:, 2:]
    start = np.floor(corners.min(axis=0) / TILE) * TILE
    size = np.ceil(corners.max(axis=0) - start)
    if size.max() > MOST_SIDE or size.prod() > MOST_PIXELS:
        return None
    here = matrix @ np.array([[1, 0, start[0]], [0, 1, start[1]], [0, 0, 1.0]])
    shape = int(size[0]), int(size[1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    plane = cv2.warpPerspective(softened(view, here), here, shape, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    seen = cv2.warpPerspective(np.full(view.shape, 255, np.uint8), here, shape, flags=flags)
    return Aligned(np.asarray(plane, np.float32), np.asarray(seen > 127), corners - start + 0.5)


def _told(agreeing: Floats) -> list[tuple[tuple[int, int], float]]:
    import numpy as np

    return [((int(row), int(column)), float(agreeing[row, column])) for row, column in np.argwhere(agreeing >= 0)]
