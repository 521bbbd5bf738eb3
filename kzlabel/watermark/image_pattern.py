"""The pattern that carries a payload in a picture: a square tile, drawn in the frequency domain, repeated without seam.

A tile holds sinusoids of whole periods. Some are the same for every payload (the template: it shows a reader where and
how the tile lies), all others carry coded bits. docs/watermark-spec.md says the same for a second implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .convolution import ConvolutionalCode
from .keys import WatermarkKey
from .payload import INFORMATION_BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]

TILE = 128  # pixels of the working picture, each side

# Radii, in periods per tile. Below, a picture's own shapes are too strong; above, scaling and JPEG leave nothing.
BAND = (4.0, 28.0)
KNEE, TILT = 8.0, 0.5  # from the knee on, amplitudes fall with the radius to the power of -TILT

TEMPLATE = 72  # sinusoids at most; with 40 one search in twenty missed
TEMPLATE_APART = 3.0  # periods per tile between any two of them
TEMPLATE_GAIN = 2.2  # amplitude over that of a sinusoid that carries bits

PILOT_WIDTH = 5.0  # radii over which the template tells how far the carriers beside it can be trusted

# Rate 1/4, constraint length 11, of the greatest free distance (29): Larsen, 1973.
CODE = ConvolutionalCode((0o2327, 0o2353, 0o2671, 0o3175), 10)
CODED_BITS = INFORMATION_BITS * len(CODE.generators)  # 368


@dataclass(frozen=True)
class Pattern:
    """What a key makes of the tile.

    rows, columns: (n,) places of the sinusoids that carry bits, in a (128, 65) half spectrum. owner, signs, amplitudes:
    (2 n,) for the real and imaginary part of each, in turn: the coded bit, +1 or -1, its size.
    template_*: the same for the template, of up to 72 sinusoids; template_phases: of modulus 1; template_waves:
    (72, 2) periods per tile along x and y.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    owner: NDArray[np.int64]
    signs: Floats
    amplitudes: Floats
    template_rows: NDArray[np.int64]
    template_columns: NDArray[np.int64]
    template_phases: Complexes
    template_amplitudes: Floats
    template_waves: Floats
    pilots: Floats
    """(n, 72): how near, in radius, each sinusoid of the template is to one that carries bits; each row sums to 1."""

    def tile(self, strengths: Floats, template: float = 1.0) -> Floats:
        """(368,) signed strength of each coded bit, positive for 0, and that of the template -> (128, 128).

        Of variance 1.
        """
        import numpy as np

        spectrum = self.carried(strengths)
        spectrum[self.template_rows, self.template_columns] = self.template_phases * self.template_amplitudes * template
        tile = np.fft.irfft2(spectrum)
        return np.asarray(tile / tile.std(), np.float32)

    def carried(self, strengths: Floats) -> NDArray[np.complex128]:
        """(368,) -> the half spectrum (128, 65) of the bits alone, without the template."""
        import numpy as np

        parts = strengths[self.owner] * self.signs * self.amplitudes
        spectrum = np.zeros((TILE, TILE // 2 + 1), np.complex128)
        spectrum[self.rows, self.columns] = parts[0::2] + 1j * parts[1::2]
        return spectrum


@lru_cache(maxsize=8)
def pattern(key: WatermarkKey) -> Pattern:
    """The pattern of this key."""
    import numpy as np

    rows, columns = np.indices((TILE, TILE // 2 + 1)).reshape(2, -1)
    up = np.where(rows < TILE // 2, rows, rows - TILE)
    square = up * up + columns * columns
    inside = (columns > 0) & (columns < TILE // 2) & (square >= BAND[0] ** 2) & (square <= BAND[1] ** 2)
    # From the lowest radius up, then by row and column of the half spectrum.
    places = np.flatnonzero(inside)[np.argsort(square[inside], kind="stable")]
    template = _spread(columns[places], up[places], key.order("image template", len(places)))
    carriers = np.setdiff1d(np.arange(len(places)), template)
    chosen, other = places[template], places[carriers]
    turns = np.frombuffer(key.stream("image template phases", 2 * TEMPLATE), ">u2")[: len(template)] / 65536
    parts = 2 * len(other)
    deals = range(-(-parts // CODED_BITS))
    # Dealt out from the lowest radius up, so that each coded bit has its share of every radius.
    owner = np.concatenate([key.order(f"image owners {deal}", CODED_BITS) for deal in deals])[:parts]
    return Pattern(
        rows[other],
        columns[other],
        owner,
        key.chips("image chips", parts).astype(np.float32),
        np.repeat(_amplitude(square[other]), 2),
        rows[chosen],
        columns[chosen],
        np.exp(2j * np.pi * turns).astype(np.complex64),
        _amplitude(square[chosen]) * np.float32(TEMPLATE_GAIN * 2**0.5),
        np.stack([columns[chosen], up[chosen]], axis=1).astype(np.float32),
        _nearness(np.sqrt(square[other]), np.sqrt(square[chosen])),
    )


def _spread(x: NDArray[np.int64], y: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first places, in this order, that keep their distance to all taken before."""
    import numpy as np

    taken: list[int] = []
    free = np.ones(len(x), np.bool_)
    for place in order.tolist():
        if free[place]:
            taken.append(place)
            if len(taken) == TEMPLATE:
                break
            free &= (x - x[place]) ** 2 + (y - y[place]) ** 2 >= TEMPLATE_APART**2
    return np.array(taken)


def _amplitude(square: NDArray[np.int64]) -> Floats:
    import numpy as np

    return np.asarray((KNEE / np.maximum(np.sqrt(square), KNEE)) ** TILT, np.float32)


def _nearness(radii: NDArray[np.float64], template: NDArray[np.float64]) -> Floats:
    import numpy as np

    near = np.exp(-0.5 * ((radii[:, None] - template) / PILOT_WIDTH) ** 2)
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)
