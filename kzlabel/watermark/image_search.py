"""The search for marks in a picture, the likeliest ways that they may lie first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .detection import Detection
from .image_candidates import Candidate, refined, spectrum, stretched, turned
from .image_geometry import followed, laid, placed
from .image_pattern import TILE
from .image_reading import Reading, Search, readings
from .image_region import region
from .image_view import WORKING_PIXELS, folded, kinds, whitened, working

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

MOST_MARKS = 4
TURNED, STRETCHED = 5, 4  # candidates that are tried of each map
UNLIKELY = 4.6  # standard deviations of a candidate, below which it is not tried
FIRST_LOOK = 5.2  # what the template must answer in some window, or the candidate is dropped
WHOLE = 0.7  # share of the view in one region from which on nothing is looked for beside it
WORTH = 0.12  # share of the view beside all regions from which on another mark is looked for there


def detections(luma: Floats, search: Search, *, thorough: bool) -> list[Detection]:
    """Every mark in a luma plane (height, width), the surest first."""
    import numpy as np

    view = working(luma)
    zoom = np.diag([luma.shape[1] / view.shape[1], luma.shape[0] / view.shape[0], 1.0])
    weight = np.ones_like(view)
    found: list[Detection] = []
    while len(found) < MOST_MARKS and not search.late:
        more = _one_way(view, weight, search, thorough=thorough)
        if not more:
            break
        for reading, placement, box in more:
            detection = _detection(reading, placement, box, zoom)
            if not any(each.payload == detection.payload and _overlap(each, detection) for each in found):
                found.append(detection)
            x, y, width, height = box
            weight[y : y + height, x : x + width] = 0
        covered = max(box[2] * box[3] for _, _, box in more) / view.size
        if covered > WHOLE or weight.mean() < WORTH:
            break
    return sorted(found, key=lambda each: -each.agreement)


Found = tuple[Reading, "Matrix", tuple[int, int, int, int]]


def _one_way(view: Floats, weight: Floats, search: Search, *, thorough: bool) -> list[Found]:
    """The marks that lie in the first way in which any was found: placement, and box in the view."""
    plane = whitened(view) * weight
    if not plane.any():
        return []
    for placement, tiles in _upright(view, weight, plane):
        here = list(readings(tiles, search))
        if here:
            whole, own = plane, placement
            if not _is_identity(placement):
                whole, kind, own = laid(view, weight, placement)
                here = list(readings(folded(whole, kind), search)) or here
            return [(each, own, region(whole, each, own, view.shape, search)) for each in here]
    for candidate in _candidates(plane, search):
        if search.late:
            break
        here, whole, own = _tried(view, weight, candidate, search)
        if here:
            return [(each, own, region(whole, each, own, view.shape, search)) for each in here]
    return []


def _upright(view: Floats, weight: Floats, plane: Floats) -> Iterator[tuple[Matrix, Floats]]:
    """As embedded; turned by right angles and mirrored; scaled as a whole from what had more pixels."""
    import numpy as np

    tiles = folded(plane, kinds(view))
    down, across = np.indices((TILE, TILE))
    for a, b, c, d in _RIGHT_ANGLES:
        yield (
            placed(np.array([[a, b], [c, d]], float)),
            tiles[:, (c * across + d * down) % TILE, (a * across + b * down) % TILE],
        )
    scale = (view.size / WORKING_PIXELS) ** 0.5
    if 0.3 < scale < 0.99:
        placement = placed(np.eye(2) * scale)
        yield placement, folded(*laid(view, weight, placement)[:2])


_RIGHT_ANGLES = (
    (1, 0, 0, 1),
    (-1, 0, 0, -1),
    (0, -1, 1, 0),
    (0, 1, -1, 0),
    (-1, 0, 0, 1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, -1, 0),
)


def _candidates(plane: Floats, search: Search) -> Iterator[Candidate]:
    power = spectrum(plane)
    for guess, count in ((turned, TURNED), (stretched, STRETCHED)):
        for candidate in guess(power, search.pattern, count):
            if candidate.score < UNLIKELY:
                break
            yield Candidate(candidate.score, refined(power, search.pattern, candidate.matrix))


def _tried(view: Floats, weight: Floats, candidate: Candidate, search: Search) -> tuple[list[Reading], Floats, Matrix]:
    """What is read under a candidate; upright or on its head, and followed through the picture where need be."""
    import numpy as np

    whole, kind, own = laid(view, weight, placed(candidate.matrix))
    best, way = followed(whole, search)
    head = np.ascontiguousarray(whole[::-1, ::-1])
    best_head, way_head = followed(head, search)
    if best_head > best:
        flip = np.array([[-1, 0, whole.shape[1] - 1.0], [0, -1, whole.shape[0] - 1.0], [0, 0, 1]])
        whole, kind, own, best, way = head, kind[::-1, ::-1], own @ flip, best_head, way_head
    if best < FIRST_LOOK:
        return [], whole, own
    for _ in range(2):
        if way is None:
            break
        whole, kind, own = laid(view, weight, own @ way)
        here = list(readings(folded(whole, kind), search))
        if here:
            return here, whole, own
        best, way = followed(whole, search)
    return list(readings(folded(whole, kind), search)), whole, own


def _detection(reading: Reading, placement: Matrix, box: tuple[int, int, int, int], zoom: Matrix) -> Detection:
    import numpy as np

    matrix = (zoom @ placement)[:2, :2]
    scale = abs(float(np.linalg.det(matrix))) ** 0.5
    mirrored = bool(np.linalg.det(matrix) < 0)
    column = matrix[:, 0] * (-1 if mirrored else 1)
    place = {
        "region": [round(side * float(zoom[i % 2, i % 2])) for i, side in enumerate(box)],
        "scale": round(scale, 3),
        "rotation": round(float(-np.degrees(np.arctan2(column[1], column[0]))) % 360, 1) % 360,
        "mirrored": mirrored,
    }
    return Detection(reading.payload, reading.readings, reading.agreement, place)


def _overlap(one: Detection, other: Detection) -> bool:
    x, y, w, h = one.place["region"]
    a, b, c, d = other.place["region"]
    wide, high = min(x + w, a + c) - max(x, a), min(y + h, b + d) - max(y, b)
    return bool(wide > 0 and high > 0 and wide * high > 0.3 * min(w * h, c * d))


def _is_identity(placement: Matrix) -> bool:
    import numpy as np

    return np.array_equal(placement, np.eye(3))
