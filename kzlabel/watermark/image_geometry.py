"""Laying a picture as its pattern lies: resampled by a matrix, which then follows the pattern from place to place.

A placement is a (3, 3) matrix, float64, from points (x, y) of the pattern to points of the view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .image_pattern import TILE
from .image_reading import Search, answers, spectra_of
from .image_view import kinds, whitened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

MOST_PIXELS, MOST_SIDE = 3 << 19, 6000  # of a plane; what is beyond its middle is left out
WINDOW, STRIDE = 256, 128  # pixels of the windows in which the pattern is followed
REACH = 8.0  # pixels that the pattern may be off from one window to the next
SEEN = 3.8  # what the template must answer in a window near to one where it was seen


def placed(matrix: Matrix) -> Matrix:
    """(2, 2) -> (3, 3)."""
    import numpy as np

    whole = np.eye(3)
    whole[:2, :2] = matrix
    return whole


def scaled_whole(scale: float) -> Matrix:
    """How the pattern lies in a whole picture that was scaled: pixels are areas, so centres move by half of one."""
    import numpy as np

    offset = (scale - 1) / 2
    return np.array([[scale, 0, offset], [0, scale, offset], [0, 0, 1.0]])


def enlarged(shape: tuple[int, ...], view: tuple[int, ...]) -> Matrix:
    """(3, 3): from points of a view to those of the picture of this shape that it was scaled from; pixels are areas."""
    import numpy as np

    down, across = shape[0] / view[0], shape[1] / view[1]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def laid(view: Floats, weight: Floats, placement: Matrix) -> tuple[Floats, NDArray[np.uint8], Matrix]:
    """The whitened plane of a view, the kinds of its places, and its own placement: that of the plane's points.

    weight: (h, w), what counts in the view.
    """
    import cv2
    import numpy as np

    here, shape = _canvas(view, placement)
    soft = softened(view, placement)
    inverse = cv2.WARP_INVERSE_MAP
    plane = cv2.warpPerspective(soft, here, shape, flags=cv2.INTER_CUBIC | inverse, borderMode=cv2.BORDER_REFLECT_101)
    counts = cv2.warpPerspective(weight, here, shape, flags=cv2.INTER_LINEAR | inverse)
    whole = np.asarray(plane, np.float32)
    return whitened(whole) * np.asarray(counts, np.float32), kinds(whole), here


def resampled(plane: Floats, kind: NDArray[np.uint8], placement: Matrix) -> tuple[Floats, NDArray[np.uint8]]:
    """Much like `laid`, but from what is whitened already: nearly as good, and quick."""
    import cv2
    import numpy as np

    here, shape = _canvas(plane, placement)
    inverse = cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(softened(plane, placement), here, shape, flags=cv2.INTER_LINEAR | inverse)
    kinds_moved = cv2.warpPerspective(kind, here, shape, flags=cv2.INTER_NEAREST | inverse)
    return np.asarray(moved, np.float32), np.asarray(kinds_moved, np.uint8)


def first_look(plane: Floats, search: Search) -> tuple[float, float]:
    """The best answer of the template in any window of a plane, and of the plane on its head."""
    import numpy as np

    windows, _ = _windows(plane, WINDOW)
    if not len(windows):
        return 0.0, 0.0
    spectra, loud = spectra_of(windows, search.pattern)
    upright, head = (answers(each, loud, search.pattern, TILE).max() for each in (spectra, np.conj(spectra)))
    return float(upright), float(head)


def followed(plane: Floats, search: Search) -> tuple[float, Matrix | None]:
    """The best answer of the template in any window, and the correction that fits where it was seen in the others.

    The correction is a (3, 3) matrix from where the pattern should be in the plane to where it is; None: nowhere.
    """
    import numpy as np

    windows, places = _windows(plane, STRIDE)
    if not places:
        return 0.0, None
    fits = dict(zip(places, answers(*spectra_of(windows, search.pattern), search.pattern, TILE), strict=True))
    start = max(places, key=lambda place: float(fits[place].max()))
    best = float(fits[start].max())
    first = np.unravel_index(int(fits[start].argmax()), fits[start].shape)
    seen = {start: np.array([first[1], first[0]], float) + _between(fits[start], (int(first[0]), int(first[1])))}
    scores = {start: best}
    # From window to window, the nearest to the first one first.
    order = sorted(places, key=lambda place: (place[0] - start[0]) ** 2 + (place[1] - start[1]) ** 2)
    for place in order[1:]:
        near = sorted(seen, key=lambda other: (place[0] - other[0]) ** 2 + (place[1] - other[1]) ** 2)[:3]
        guess = np.mean([seen[other] for other in near], axis=0)
        shift, score = _nearest_peak(fits[place], guess)
        if score >= SEEN:
            seen[place], scores[place] = shift, score
    if len(seen) < 4:
        return best, None
    at = np.array([(x + WINDOW / 2, y + WINDOW / 2) for y, x in seen])
    return best, _fitted(at, np.array(list(seen.values())), np.array([scores[place] for place in seen]))


def _fitted(at: Matrix, shifts: Matrix, scores: Matrix) -> Matrix:
    """The affine map, or where enough windows say so the perspective, from points of the pattern to `at`."""
    import cv2
    import numpy as np

    shifts = shifts - np.average(shifts, axis=0, weights=scores)
    target = at - shifts
    trust = scores.copy()
    for _ in range(4):
        system = np.column_stack([target, np.ones(len(at))]) * trust[:, None]
        solution = np.linalg.lstsq(system, at * trust[:, None], rcond=None)[0]
        off = np.hypot(*(np.column_stack([target, np.ones(len(at))]) @ solution - at).T)
        trust = scores / (1 + (off / 1.5) ** 2)
    affine = np.vstack([solution.T, [0, 0, 1]])
    off = np.hypot(*(_moved(affine, target) - at).T)
    kept = off < 6
    if kept.sum() >= 9 and np.median(off[kept]) > 0.35:
        perspective, _ = cv2.findHomography(target[kept], at[kept], 0)
        if perspective is not None and np.abs(perspective[2, :2]).max() < 3e-4:
            return np.asarray(perspective, np.float64)
    return affine


def _windows(plane: Floats, stride: int) -> tuple[Floats, list[tuple[int, int]]]:
    """(n, 128, 128), windows with something in them, folded; and (y, x) of each."""
    import numpy as np

    found, places = [], []
    height, width = plane.shape
    for y in range(0, max(height - WINDOW // 2, 1), stride):
        for x in range(0, max(width - WINDOW // 2, 1), stride):
            part = plane[y : y + WINDOW, x : x + WINDOW]
            if part.any():
                whole = np.zeros((WINDOW, WINDOW), np.float32)
                whole[: part.shape[0], : part.shape[1]] = part
                found.append(whole.reshape(WINDOW // TILE, TILE, WINDOW // TILE, TILE).sum(axis=(0, 2)))
                places.append((y, x))
    return np.array(found, np.float32), places


def _canvas(view: Floats, placement: Matrix) -> tuple[Matrix, tuple[int, int]]:
    """The placement of the points of a plane that holds the view, and its (width, height)."""
    import numpy as np

    height, width = view.shape
    inverse = np.asarray(np.linalg.inv(placement))
    corners = _moved(inverse, np.array([[0, 0], [width, 0], [0, height], [width, height]], float))
    low, high = np.rint(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    size = np.minimum(high - low, MOST_SIDE)
    size[1] = min(size[1], max(MOST_PIXELS // size[0], 1))
    # By whole tiles, so that the pattern begins where it did.
    start = low + np.floor(((high - low) - size) / 2 / TILE) * TILE
    return placement @ np.array([[1, 0, start[0]], [0, 1, start[1]], [0, 0, 1.0]]), (int(size[0]), int(size[1]))


def softened(plane: Floats, placement: Matrix) -> Floats:
    """So that nothing is left that shows up as something else when the plane is scaled down."""
    import cv2
    import numpy as np

    scale = abs(float(np.linalg.det(placement[:2, :2]))) ** 0.5
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.35 * scale), np.float32) if scale > 1.3 else plane


def _nearest_peak(fit: Floats, guess: Matrix) -> tuple[Matrix, float]:
    """The highest place within reach of a guess (x, y), which may lie beyond the tile, and its height."""
    import numpy as np

    offsets = np.arange(-int(REACH), int(REACH) + 1)
    base = np.rint(guess).astype(int)
    part = fit[np.ix_((base[1] + offsets) % TILE, (base[0] + offsets) % TILE)]
    y, x = np.unravel_index(int(part.argmax()), part.shape)
    corner = base + np.array([int(x), int(y)]) - int(REACH)
    return corner + _between(fit, (corner[1] % TILE, corner[0] % TILE)), float(part[y, x])


def _between(fit: Floats, place: tuple[int, ...]) -> Matrix:
    """(x, y): where between its neighbours a peak lies, by a parabola through three."""
    import numpy as np

    y, x = int(place[0]), int(place[1])
    middle = float(fit[y, x])
    found = []
    for before, after in (
        (fit[y, (x - 1) % TILE], fit[y, (x + 1) % TILE]),
        (fit[(y - 1) % TILE, x], fit[(y + 1) % TILE, x]),
    ):
        bend = float(before) - 2 * middle + float(after)
        found.append(0.5 * (float(before) - float(after)) / bend if bend < 0 else 0.0)
    return np.asarray(np.clip(np.array(found), -0.5, 0.5))


def _moved(matrix: Matrix, points: Matrix) -> Matrix:
    import numpy as np

    whole = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(whole[:, :2] / whole[:, 2:], np.float64)
