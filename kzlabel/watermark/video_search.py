"""Finds the pilots of a mark in a picture: how much it was scaled, and where the pattern lies."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .video_carriers import CLIP, PERIOD, PILOTS, Carriers
from .video_spectrum import Spectrum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]
    Numbers = NDArray[np.int64]

# Frequencies of the waves over those of an uncut film: below 1 in a cut one, above in one with borders.
SMALLEST, LARGEST = 0.42, 2.1
STEP = 0.003
BATCH = 64
# Height over width, against what it was: formats that were confused, and the pixels of DVD and broadcast.
STRETCHES = (3 / 4, 4 / 3, 8 / 9, 9 / 8, 11 / 12, 12 / 11, 15 / 16, 16 / 15, 27 / 32, 32 / 27, 45 / 64, 64 / 45)
# The clip of waves when poses are compared closely: no pose may be as good as the best because both are clipped.
WIDE_CLIP = 8.0


@dataclass(frozen=True)
class Pose:
    """Where the pattern lies. down, across: frequencies over those of an uncut film, negative where it is mirrored.

    offset: of the pattern's origin from the picture's, in units of the pattern. peak: the pilots' response in sigmas,
    negative where it is inverted.
    """

    down: float
    across: float
    offset: tuple[float, float]
    peak: float


def scales(*, stretched: bool = False, near: bool = False) -> NDArray[np.float64]:
    """(n, 2) down and across, all that are searched: each scale as it is and mirrored.

    stretched: those of stretched films, and upside down, instead. near: those of uncut films alone, which may be a step
    off for the rounding of their sides.
    """
    import numpy as np

    if near:
        return np.exp(STEP * np.repeat([[0.0], [-1.0], [1.0]], 2, axis=1))
    steps = np.arange(math.ceil(math.log(SMALLEST) / STEP), math.floor(math.log(LARGEST) / STEP) + 1)
    scale = np.exp(STEP * steps[np.argsort(np.abs(steps), kind="stable")])
    square = np.stack([scale, scale], axis=1)
    if not stretched:
        return np.concatenate([square, square * (1, -1)])
    upside = [square * (-1, 1), square * (-1, -1)]
    wide = [square * (stretch**0.5 * up, stretch**-0.5) for stretch in STRETCHES for up in (1, -1)]
    return np.concatenate([*upside, *wide])


def candidates(spectrum: Spectrum, carriers: Carriers, tried: NDArray[np.float64], count: int) -> list[Pose]:
    """The best poses among these (n, 2) scales down and across, the best first; roughly."""
    import numpy as np

    found: list[Pose] = []
    for start in range(0, len(tried), BATCH):
        batch = tried[start : start + BATCH]
        response = responses(pilots(spectrum, carriers, batch), carriers)
        flat = np.abs(response).reshape(len(batch), -1)
        for (down, across), row, place in zip(batch.tolist(), response, flat.argmax(axis=1).tolist(), strict=True):
            y, x = divmod(place, PERIOD)
            found.append(Pose(down, across, (float(y), float(x)), float(row[y, x])))
    found.sort(key=lambda pose: -abs(pose.peak))
    distinct: list[Pose] = []
    for pose in found:
        if all(_apart(pose, other) for other in distinct):
            distinct.append(pose)
        if len(distinct) == count:
            break
    return distinct


def _apart(one: Pose, other: Pose) -> bool:
    down, across = one.down / other.down, one.across / other.across
    return down <= 0 or across <= 0 or abs(math.log(down)) + abs(math.log(across)) > 0.016


def refined(spectrum: Spectrum, carriers: Carriers, pose: Pose) -> Pose:
    """The same pose, more exactly: both scales to 0.05 %, the offset to a quarter of a unit."""
    import numpy as np

    for step, reach in ((0.001, 4), (0.0005, 2)):
        steps = np.exp(step * np.arange(-reach, reach + 1))
        tried = np.stack(np.meshgrid(pose.down * steps, pose.across * steps, indexing="ij"), axis=-1).reshape(-1, 2)
        response = responses(pilots(spectrum, carriers, tried, WIDE_CLIP), carriers) * np.sign(pose.peak)
        # Only around the offset already found: elsewhere is another pose's peak.
        near = (np.arange(-3, 4) + round(pose.offset[0])) % PERIOD, (np.arange(-3, 4) + round(pose.offset[1])) % PERIOD
        around = response[:, near[0]][:, :, near[1]].reshape(len(tried), -1)
        best, place = divmod(int(around.argmax()), 49)
        y, x = near[0][place // 7], near[1][place % 7]
        pose = Pose(
            float(tried[best, 0]),
            float(tried[best, 1]),
            (float(y), float(x)),
            math.copysign(float(around[best, place]), pose.peak),
        )
    waves = pilots(spectrum, carriers, np.array([[pose.down, pose.across]]), WIDE_CLIP)[0]
    fine = np.arange(-1, 1.01, 0.25)
    places = np.stack(np.meshgrid(pose.offset[0] + fine, pose.offset[1] + fine, indexing="ij"), axis=-1).reshape(-1, 2)
    turned = np.exp(2j * np.pi * places @ carriers.pilot_places.T / PERIOD) @ waves
    peaks = turned.real / math.sqrt(PILOTS / 2)
    best = int((peaks * np.sign(pose.peak)).argmax())
    return replace(pose, offset=(float(places[best, 0]), float(places[best, 1])), peak=float(peaks[best]))


def pilots(spectrum: Spectrum, carriers: Carriers, tried: NDArray[np.float64], clip: float = CLIP) -> Complexes:
    """(n, PILOTS): what stands where the pilots should, their own phases taken off."""
    import numpy as np

    down = tried[:, :1] * carriers.pilot_places[:, 0]
    across = tried[:, 1:] * carriers.pilot_places[:, 1]
    found = spectrum.at(down, across) * np.exp(-1j * np.angle(carriers.pilots)).astype(np.complex64)
    return np.asarray(found / np.maximum(1, np.abs(found) / clip), np.complex64)


def responses(waves: Complexes, carriers: Carriers) -> Floats:
    """(n, PERIOD, PERIOD): the pilots' common response, in sigmas, at every offset of whole units."""
    import numpy as np

    places = carriers.pilot_places
    grid = np.zeros((len(waves), PERIOD, int(places[:, 1].max()) + 1), np.complex64)
    grid[:, places[:, 0], places[:, 1]] = waves
    # Down first, where few columns are not empty. The transforms count each wave twice and divide by the size.
    rows = np.fft.irfft(np.fft.ifft(grid, axis=1), PERIOD, axis=2)
    return np.asarray(rows * (PERIOD**2 / 2 / math.sqrt(PILOTS / 2)), np.float32)


def data(spectrum: Spectrum, carriers: Carriers, pose: Pose) -> Complexes:
    """(m,): the data waves of a pattern that lies so, upright."""
    import numpy as np

    places = carriers.data_places
    found = spectrum.at(places[None, :, 0] * pose.down, places[None, :, 1] * pose.across)[0]
    turn = np.exp(2j * np.pi * (places @ np.array(pose.offset)) / PERIOD) * math.copysign(1, pose.peak)
    return np.asarray(found * turn, np.complex64)
