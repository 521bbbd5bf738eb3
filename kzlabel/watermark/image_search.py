"""The search for marks in a picture, the likeliest ways that they may lie first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from .detection import Detection, Geometry
from .image_candidates import Candidate, refined, spectrum, stretched, turned
from .image_geometry import enlarged, first_look, followed, laid, placed, resampled, scaled_whole
from .image_pattern import TILE
from .image_reading import Reading, Search, readings, seen_whole
from .image_region import region
from .image_view import WORKING_PIXELS, folded, kinds, whitened, working

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

MOST_MARKS = 4
# What people scale pictures by: tried before the search by the spectrum, which misses weak marks that these find.
ROUND_SCALES = (0.5, 0.75, 0.8, 2 / 3, 0.6, 0.7, 0.9, 1.5, 2.0, 1.25)
TURNED, STRETCHED = 10, 8  # candidates that are tried of each map
THOROUGH = 4  # times as many in a thorough search
PROMISING = 2.7  # standard deviations of noise
UNLIKELY = 4.3  # standard deviations of a candidate, below which it is not tried
FIRST_LOOK = 5.0  # what the template must answer in some window, or the candidate is dropped
FOLLOWED = 4  # times that the pattern is followed through a picture, each from where the last one led
SAME_SCALE = 0.1  # within which two finds of one payload are parts of one mark, seen from an angle perhaps
WHOLE = 0.7  # share of the view in one region from which on nothing is looked for beside it
WORTH = 0.12  # share of the view beside all regions from which on another mark is looked for there


def detections(luma: Floats, search: Search, *, thorough: bool) -> list[Detection]:
    """Every mark in a luma plane (height, width), the surest first."""
    import numpy as np

    view = working(luma)
    zoom = enlarged(luma.shape, view.shape)
    weight = np.ones_like(view)
    found: list[Detection] = []
    while len(found) < MOST_MARKS and not search.late:
        more = _one_way(view, weight, luma.shape, search, times=THOROUGH if thorough else 1)
        if not more:
            break
        for reading, placement, box in more:
            _add(found, _detection(reading, placement, box, zoom))
            x, y, width, height = box
            weight[y : y + height, x : x + width] = 0
        covered = max(box[2] * box[3] for _, _, box in more) / view.size
        if (covered > WHOLE and not thorough) or weight.mean() < WORTH:
            break
    return sorted(found, key=lambda each: -each.agreement)


Found = tuple[Reading, "Matrix", tuple[int, int, int, int]]


def followed_through(luma: Floats, found: Detection, search: Search) -> Detection:
    """A mark that was found, with its geometry as the pattern lies from window to window: also stretched or tilted.

    The search leaves a mark that can be read as it was found. As it was where nothing better is read.
    """
    import numpy as np

    if found.geometry is None:
        return found
    view = working(luma)
    zoom, weight = enlarged(luma.shape, view.shape), np.ones_like(view)
    placement = np.linalg.inv(zoom) @ np.array(found.geometry.matrix)
    for _ in range(FOLLOWED):
        whole, _, own = laid(view, weight, placement)
        _, way = followed(whole, search)
        if way is None:
            return found
        placement = own @ way
    whole, kind, own = laid(view, weight, placement)
    for reading in readings(folded(whole, kind), search):
        if reading.payload == found.payload:
            return replace(found, geometry=_geometry(reading, own, zoom))
    return found


def _one_way(view: Floats, weight: Floats, shape: tuple[int, ...], search: Search, *, times: int) -> list[Found]:
    """The marks that lie in the first way in which any was found: placement, and box in the view.

    shape: of the picture that the view was scaled from. times: as many candidates as usual are tried.
    """
    plane = whitened(view) * weight
    if not plane.any():
        return []
    kind = kinds(view)
    for placement, tiles, apart in _upright(view, weight, plane, kind, _whole_scales(view, shape), search):
        here = list(readings(tiles, search, apart=apart, whole=not apart or _is_identity(placement)))
        if here:
            whole, own = plane, placement
            if not _is_identity(placement):
                whole, kind, own = laid(view, weight, placement)
                here = list(readings(folded(whole, kind), search)) or [
                    _moved(each, placement, own) if apart else each for each in here
                ]
            return [(each, own, region(whole, each, own, view.shape, search)) for each in here]
    for candidate in _candidates(plane, search, times):
        if search.late:
            break
        upright, head = first_look(resampled(plane, kind, placed(candidate.matrix))[0], search)
        if max(upright, head) >= FIRST_LOOK:
            matrix = candidate.matrix if upright >= head else -candidate.matrix
            here, whole, own = _tried(view, weight, placed(matrix), search)
            if here:
                return [(each, own, region(whole, each, own, view.shape, search)) for each in here]
    return []


def _upright(
    view: Floats,
    weight: Floats,
    plane: Floats,
    kind: NDArray[np.uint8],
    scales: tuple[float, ...],
    search: Search,
) -> Iterator[tuple[Matrix, Floats, bool]]:
    """As embedded; turned by right angles and mirrored; scaled as a whole. Whether to try kinds of places apart."""
    import numpy as np

    tiles = folded(plane, kind)
    down, across = np.indices((TILE, TILE))
    for a, b, c, d in _RIGHT_ANGLES:
        turned_tiles = tiles[:, (c * across + d * down) % TILE, (a * across + b * down) % TILE]
        yield placed(np.array([[a, b], [c, d]], float)), turned_tiles, True
    for scale in scales:
        placement = scaled_whole(scale)
        tiles = folded(*resampled(plane, kind, placement))
        yield placement, tiles, False
        if seen_whole(tiles, search) > PROMISING:  # then it is worth a closer look
            yield placement, folded(*laid(view, weight, placement)[:2]), False


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


def _whole_scales(view: Floats, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Scales at which a whole picture may have come to this size: from more pixels, or by a round number."""
    shrunk = (view.size / (shape[0] * shape[1])) ** 0.5
    larger = (view.size / WORKING_PIXELS) ** 0.5
    round_ = [scale * shrunk for scale in ROUND_SCALES if (larger if shrunk == 1 else 1.0) <= scale]
    return (*([larger] if 0.3 < larger < 0.99 else []), *round_)


def _candidates(plane: Floats, search: Search, times: int) -> Iterator[Candidate]:
    power = spectrum(plane)
    for guess, count in ((turned, times * TURNED), (stretched, times * STRETCHED)):
        for candidate in guess(power, search.pattern, count):
            if candidate.score < UNLIKELY:
                break
            yield Candidate(candidate.score, refined(power, search.pattern, candidate.matrix))


def _tried(view: Floats, weight: Floats, placement: Matrix, search: Search) -> tuple[list[Reading], Floats, Matrix]:
    """What is read under a placement, and what is when the pattern is followed through the picture."""
    whole, kind, own = laid(view, weight, placement)
    for _ in range(2):
        best, way = followed(whole, search)
        if best < FIRST_LOOK or way is None:
            break
        whole, kind, own = laid(view, weight, own @ way)
        here = list(readings(folded(whole, kind), search))
        if here:
            return here, whole, own
    return list(readings(folded(whole, kind), search)), whole, own


def _moved(reading: Reading, before: Matrix, after: Matrix) -> Reading:
    """A reading of a plane that lies by one placement, as one of the same plane that begins elsewhere."""
    import numpy as np

    start = np.linalg.solve(before, after)[:2, 2]
    return replace(reading, shift=(reading.shift[0] - float(start[1]), reading.shift[1] - float(start[0])))


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
    geometry = _geometry(reading, placement, zoom)
    return Detection(reading.payload, reading.readings, reading.agreement, place, geometry)


def _geometry(reading: Reading, placement: Matrix, zoom: Matrix) -> Geometry:
    import numpy as np

    origin = np.array([[1, 0, reading.shift[1]], [0, 1, reading.shift[0]], [0, 0, 1.0]])
    return Geometry(tuple(tuple(row) for row in (zoom @ placement @ origin).tolist()))


def _add(found: list[Detection], new: Detection) -> None:
    """A payload that was found before, in the same size, is one mark in two parts."""
    for index, known in enumerate(found):
        if known.payload == new.payload and abs(known.place["scale"] / new.place["scale"] - 1) < SAME_SCALE:
            (x, y, w, h), (a, b, c, d) = known.place["region"], new.place["region"]
            left, top = min(x, a), min(y, b)
            both = [left, top, max(x + w, a + c) - left, max(y + h, b + d) - top]
            found[index] = replace(known, place={**known.place, "region": both})
            return
    found.append(new)


def _is_identity(placement: Matrix) -> bool:
    import numpy as np

    return np.array_equal(placement, np.eye(3))
