"""The waves that a film's mark is made of: which there are, what each carries, and the pattern that they add up to.

All lengths are in units of the film's own size: a film of any size is thought of as one of AREA units, so that a scaled
copy carries the same waves. The waves repeat every PERIOD units; a wave (ky, kx) goes through ky and kx cycles in one
period down and across.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .convolution import ConvolutionalCode
from .keys import WatermarkKey
from .payload import INFORMATION_BITS, Payload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]
    Numbers = NDArray[np.int64]

# Square units in a film: 483 by 272 for one of 16:9.
AREA = 1 << 17
PERIOD = 128
# Cycles in a period. Below, pictures are strong; above, the waves of a 1080p film do not live through 360p.
LONGEST, SHORTEST = 6.0, 32.0
# Waves known to the reader, by which it finds scale and place; where they may lie, and how far apart (squared).
PILOTS = 64
PILOT_LONGEST, PILOT_SHORTEST, PILOT_DISTANCE = 10.0, 30.0, 8
# Amplitudes: pilots over data of the same frequency; above LEVEL cycles they fall with the root of the frequency.
PILOT_GAIN, LEVEL = 2.0, 12.0

CODE = ConvolutionalCode((0o14271, 0o14377, 0o16547), 12)
CODED_BITS = INFORMATION_BITS * len(CODE.generators)


@dataclass(frozen=True)
class Carriers:
    """The waves of one key.

    pilot_places, data_places: (n, 2) ky, kx with kx > 0. pilots: (n,) the pilots' complex amplitudes.
    owner, chips: (2 m,) of the data waves' real parts and negative imaginary parts, in turn: the coded bit, and the
    signed amplitude.
    """

    pilot_places: Numbers
    pilots: Complexes
    data_places: Numbers
    owner: Numbers
    chips: Floats

    @classmethod
    def of(cls, key: WatermarkKey) -> Carriers:
        import numpy as np

        reach = math.floor(SHORTEST)
        down, across = np.mgrid[-reach : reach + 1, 1 : reach + 1].reshape(2, -1)
        radius = np.hypot(down, across)
        inside = (radius >= LONGEST) & (radius <= SHORTEST)
        places = np.stack([down[inside], across[inside]], axis=1)
        radius = radius[inside]
        chosen = _spread(places, radius, key)
        amplitude = np.sqrt(LEVEL / np.maximum(radius, LEVEL))
        turns = np.frombuffer(key.stream("video pilot phases", 2 * PILOTS), ">u2") / 65536.0
        pilots = PILOT_GAIN * math.sqrt(2) * amplitude[chosen] * np.exp(2j * np.pi * turns)
        rest = np.setdiff1d(np.arange(len(places)), chosen)
        count = 2 * len(rest)
        owner = np.empty(count, np.int64)
        owner[key.order("video chip owners", count)] = np.arange(count) % CODED_BITS
        chips = key.chips("video chips", count) * np.repeat(amplitude[rest], 2)
        return cls(places[chosen], pilots.astype(np.complex64), places[rest], owner, chips.astype(np.float32))

    def amplitudes(self, payload: Payload, key: WatermarkKey) -> tuple[Numbers, Complexes]:
        """All waves with their complex amplitudes: the pattern is the sum of Re(amplitude * exp(i phase))."""
        import numpy as np

        signs = 1.0 - 2.0 * CODE.encode(payload.protected(key))
        parts = self.chips * signs[self.owner]
        data = parts[0::2] - 1j * parts[1::2]
        return np.concatenate([self.pilot_places, self.data_places]), np.concatenate([self.pilots, data])

    def soft(self, waves: Complexes) -> Floats:
        """(rows, m) whitened complex amplitudes of the data waves -> (rows, CODED_BITS), positive for a 0."""
        import numpy as np

        parts = np.empty((len(waves), len(self.chips)), np.float32)
        parts[:, 0::2], parts[:, 1::2] = waves.real, -waves.imag
        weighted = np.clip(parts, -CLIP, CLIP) * self.chips
        return np.stack([np.bincount(self.owner, row, CODED_BITS) for row in weighted]).astype(np.float32)


# A wave counts for no more than this many times the noise around it: one strong line in a picture must not outvote all.
CLIP = 2.5


def unit(height: int, width: int) -> float:
    """Units in a pixel of a whole film of this size."""
    return math.sqrt(AREA / (height * width))


def field(height: int, width: int, places: Numbers, amplitudes: Complexes) -> Floats:
    """(height, width) the pattern of a whole film, rms 1; the centre of the film is the origin of all phases."""
    import numpy as np

    step = unit(height, width)
    down, across = ((np.arange(length) + 0.5 - length / 2) * step for length in (height, width))
    return waves_at(down, across, places, amplitudes)


def waves_at(
    down: NDArray[np.floating[Any]], across: NDArray[np.floating[Any]], places: Numbers, amplitudes: Complexes
) -> Floats:
    """(rows, columns) the sum of the waves at these distances from their origin, in units; rms 1."""
    import numpy as np

    reach = int(np.abs(places).max())
    spectrum = np.zeros((2 * reach + 1, reach + 1), np.complex128)
    spectrum[places[:, 0] + reach, places[:, 1]] = amplitudes / np.sqrt((np.abs(amplitudes) ** 2).sum() / 2)
    rows = np.exp(2j * np.pi * np.outer(down, np.arange(-reach, reach + 1)) / PERIOD)
    columns = np.exp(2j * np.pi * np.outer(np.arange(reach + 1), across) / PERIOD)
    # Real parts only: half the work.
    half = rows @ spectrum
    return np.asarray(half.real @ columns.real - half.imag @ columns.imag, np.float32)


def _spread(places: Numbers, radius: NDArray[np.float64], key: WatermarkKey) -> Numbers:
    """Indices of the pilots: in the key's order, each that keeps its distance from those before."""
    import numpy as np

    eligible = np.flatnonzero((radius >= PILOT_LONGEST) & (radius <= PILOT_SHORTEST))
    chosen: list[int] = []
    for index in eligible[key.order("video pilot places", len(eligible))].tolist():
        distances = ((places[chosen] - places[index]) ** 2).sum(axis=1)
        if (distances >= PILOT_DISTANCE).all():
            chosen.append(index)
        if len(chosen) == PILOTS:
            break
    return np.array(chosen)
