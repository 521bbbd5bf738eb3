"""How a mark may lie in a picture: turned, mirrored, scaled, stretched. Guessed from where its template shows up.

The template's sinusoids stand out of the spectrum of a whitened picture. Over the logarithm of the radius, and the
angle, turning and scaling only shift it; over the two combinations of the logarithms of both frequencies, scaling and
stretching do. So one sum of shifted maps tries all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .image_pattern import TILE, Pattern

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

SIZE = 2048  # of the spectrum: twice the picture's side, so that no sinusoid falls between two places
AROUND = 41  # places over which the loudness of the spectrum is evened out
LOUDEST = 8.0  # of one place, over the mean around it

SCALES = (0.36, 3.2)
STEP = 0.0044  # of the logarithm of the scale, and of angles in radians
ANGLES = 714  # over half a turn
LOWEST, HIGHEST = 0.017, 0.5  # frequencies that are looked at, periods per pixel
MOST_STRETCH = 0.30  # of the logarithm of width over height
NEAR_AXIS = 2.5  # periods per tile: waves nearer to an axis say nothing about stretching


@dataclass(frozen=True)
class Candidate:
    """score: standard deviations over the rest of its map. matrix: (2, 2), from the pattern to the picture, (x, y)."""

    score: float
    matrix: Matrix


def spectrum(plane: Floats) -> Floats:
    """(h, w), whitened -> (2048, 1025): evened out power, frequency zero in the middle of the first column."""
    import cv2
    import numpy as np

    height, width = min(plane.shape[0], SIZE), min(plane.shape[1], SIZE)
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    part = plane[top : top + height, left : left + width]
    faded = part * np.sqrt(np.outer(_hann(height), _hann(width)))
    half = np.fft.fft(np.fft.rfft(faded, SIZE, axis=1), SIZE, axis=0)  # rows that are empty need no transform
    power = np.fft.fftshift(half.real**2 + half.imag**2, axes=0).astype(np.float32)
    around = cv2.blur(power, (AROUND, AROUND)) + np.float32(1e-9)
    return np.asarray(np.minimum(power / around, LOUDEST), np.float32)


def turned(power: Floats, marked: Pattern, count: int) -> list[Candidate]:
    """The likeliest of all angles, scales and their mirror images, upright or not; the angle up to half a turn."""
    import cv2
    import numpy as np

    radii = np.arange(np.log(LOWEST), np.log(HIGHEST), STEP)
    angles = (np.arange(ANGLES) / ANGLES - 0.5) * np.pi
    x = np.exp(radii) * np.cos(angles)[:, None] * SIZE
    y = np.exp(radii) * np.sin(angles)[:, None] * SIZE + SIZE // 2
    wide = cv2.dilate(power, np.ones((3, 3), np.uint8))
    once = cv2.remap(wide, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderValue=1.0)
    map_ = np.asarray(np.concatenate([once, once, once]), np.float32)
    scales = _scales()
    found = []
    for mirrored in (False, True):
        waves = marked.template_waves * np.array([-1 if mirrored else 1, 1], np.float32)
        total = np.zeros((ANGLES, len(scales)), np.float32)
        rows = np.rint((np.arctan2(waves[:, 1], waves[:, 0]) / np.pi + 0.5) * ANGLES).astype(int) % ANGLES
        columns = np.rint((np.log(np.hypot(*waves.T) / TILE) - scales[-1] - radii[0]) / STEP).astype(int)
        for row, column in zip((rows + ANGLES).tolist(), columns.tolist(), strict=True):
            _add(total, map_[row : row + ANGLES], column)
        for score, angle, scale in _peaks(total[:, ::-1], count, around=True):
            turn = angle * np.pi / ANGLES
            matrix = np.exp(scales[scale]) * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            found.append(Candidate(score, matrix @ np.diag([-1.0 if mirrored else 1.0, 1.0])))
    return sorted(found, key=lambda each: -each.score)[:count]


def stretched(power: Floats, marked: Pattern, count: int) -> list[Candidate]:
    """The likeliest of all scales and stretches along the axes, also mirrored."""
    import cv2
    import numpy as np

    waves = marked.template_waves
    waves = waves[np.minimum(np.abs(waves[:, 0]), np.abs(waves[:, 1])) >= NEAR_AXIS]
    scales = _scales()
    means = np.arange(np.log(LOWEST / 4), np.log(HIGHEST), STEP)
    logs = np.log(np.abs(waves) / TILE)
    mean, ratio = logs.mean(axis=1), logs[:, 0] - logs[:, 1]
    reach = float(np.abs(ratio).max()) + MOST_STRETCH + 2 * STEP
    ratios = np.arange(-reach, reach, 2 * STEP)
    stretches = np.arange(-MOST_STRETCH, MOST_STRETCH, 2 * STEP)
    x = np.exp(means + ratios[:, None] / 2) * SIZE
    wide = cv2.dilate(power, np.ones((3, 3), np.uint8))
    halves = []
    for side in (1, -1):
        y = side * np.exp(means - ratios[:, None] / 2) * SIZE + SIZE // 2
        half = cv2.remap(wide, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderValue=1.0)
        halves.append(np.asarray(half, np.float32))
    rows = np.rint((ratio - stretches[-1] - ratios[0]) / (2 * STEP)).astype(int)
    columns = np.rint((mean - scales[-1] - means[0]) / STEP).astype(int)
    upper = waves[:, 1] > 0
    found = []
    for mirrored in (False, True):
        total = np.zeros((len(stretches), len(scales)), np.float32)
        for row, column, up in zip(rows.tolist(), columns.tolist(), (upper != mirrored).tolist(), strict=True):
            _add(total, halves[0 if up else 1][max(row, 0) : row + len(stretches)], column)
        for score, stretch, scale in _peaks(total[::-1, ::-1], count, around=False):
            half = stretches[stretch] / 2
            sides = np.exp([scales[scale] + half, scales[scale] - half])
            found.append(Candidate(score, np.diag([-sides[0] if mirrored else sides[0], sides[1]])))
    return sorted(found, key=lambda each: -each.score)[:count]


def refined(power: Floats, marked: Pattern, matrix: Matrix) -> Matrix:
    """The matrix near this one under which most of the template stands out."""
    import numpy as np

    step = STEP
    best = matrix
    while step > 0.0004:
        tries = np.array([best] + [(np.eye(2) + sign * step * way) @ best for way in _ways() for sign in (1, -1)])
        values = _standing_out(power, marked, tries)
        index = int(values.argmax())
        best = tries[index]
        if index == 0:
            step /= 2
    return best


def _standing_out(power: Floats, marked: Pattern, matrices: Matrix) -> Floats:
    import cv2
    import numpy as np

    at = marked.template_waves @ np.linalg.inv(matrices) / TILE * SIZE
    at = np.where(at[..., :1] < 0, -at, at)
    x, y = at[..., 0].astype(np.float32), (at[..., 1] + SIZE // 2).astype(np.float32)
    return np.asarray(cv2.remap(power, x, y, cv2.INTER_LINEAR, borderValue=1.0).sum(axis=-1), np.float32)


def _ways() -> Matrix:
    """Scale, stretch, turn, shear, and each axis alone."""
    import numpy as np

    ways = ((1, 0, 0, 1), (1, 0, 0, -1), (0, -1, 1, 0), (0, 1, 1, 0), (1, 0, 0, 0), (0, 0, 0, 1))
    return np.array(ways, np.float64).reshape(-1, 2, 2)


def _scales() -> Matrix:
    import numpy as np

    return np.arange(np.log(SCALES[0]), np.log(SCALES[1]), STEP)


def _add(total: Floats, map_: Floats, column: int) -> None:
    """Add a map from this column on; what lies outside of it counts as much as noise."""
    low, high = max(column, 0), min(column + total.shape[1], map_.shape[1])
    if high > low:
        total[:, low - column : high - column] += map_[:, low:high]


def _peaks(total: Floats, count: int, *, around: bool) -> list[tuple[float, int, int]]:
    """The highest places (score, row, column) of a map, once the mean of each scale is taken out."""
    import numpy as np

    score = total - np.median(total, axis=0)
    score /= score.std() + 1e-9
    found = []
    for _ in range(count):
        row, column = np.unravel_index(int(score.argmax()), score.shape)
        found.append((float(score[row, column]), int(row), int(column)))
        rows = np.arange(row - 4, row + 5)
        rows = rows % len(score) if around else rows[(rows >= 0) & (rows < len(score))]
        score[rows, max(0, column - 4) : column + 5] = -np.inf
    return found


def _hann(size: int) -> Floats:
    import numpy as np

    return np.hanning(size + 2)[1:-1].astype(np.float32)
