"""Where a mark stands in a picture: the rectangle in which the picture says what the mark says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .image_pattern import TILE
from .image_reading import Reading, Search
from .image_view import tiled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

BLOCK = 32  # pixels; the rectangle is made of such blocks
SUREST = 3.0  # standard deviations; what a flat block says beyond counts no more than what a rich one may
SHARE = 0.3  # of the mean within, which a block must exceed to belong there; noise has a mean of 0


def region(
    plane: Floats, reading: Reading, placement: Matrix, shape: tuple[int, ...], search: Search
) -> tuple[int, int, int, int]:
    """x, y, width, height in the view of this shape; placement: from the plane's points to those of the view."""
    import numpy as np

    height, width = plane.shape
    top, left, bottom, right = (each * BLOCK for each in _rectangle(_agreement(plane, reading, search)))
    x = np.array([left, min(right, width), left, min(right, width)], float)
    y = np.array([top, top, min(bottom, height), min(bottom, height)], float)
    corners = np.column_stack([x, y, np.ones(4)]) @ placement.T
    corners = corners[:, :2] / corners[:, 2:]
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low + 1, limit).astype(int)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _agreement(plane: Floats, reading: Reading, search: Search) -> Floats:
    """For each block: how far it says what the mark says, in standard deviations of noise."""
    import numpy as np

    # The template says nothing: other marks have it, too. The tile begins at the shift, maybe between two pixels.
    turn = np.outer(
        np.exp(-2j * np.pi * np.fft.fftfreq(TILE) * reading.shift[0]),
        np.exp(-2j * np.pi * np.fft.rfftfreq(TILE) * reading.shift[1]),
    )
    tile = np.fft.irfft2(search.pattern.carried(reading.codeword) * turn, (TILE, TILE)).astype(np.float32)
    product = plane * tiled(tile, *plane.shape)
    sums, squares = _blocks(product), _blocks(product * product)
    return np.asarray(np.clip(sums / np.sqrt(squares + np.float32(1e-9)), -SUREST, SUREST))


def _blocks(plane: Floats) -> Floats:
    import numpy as np

    down, across = -(-plane.shape[0] // BLOCK), -(-plane.shape[1] // BLOCK)
    whole = np.zeros((down * BLOCK, across * BLOCK), np.float32)
    whole[: plane.shape[0], : plane.shape[1]] = plane
    return np.asarray(whole.reshape(down, BLOCK, across, BLOCK).sum(axis=(1, 3)))


def _rectangle(blocks: Floats) -> tuple[int, int, int, int]:
    """top, left, bottom, right of the rectangle that has most of what exceeds a share of the mean within."""
    import numpy as np

    mean = float(np.sort(blocks.reshape(-1))[blocks.size // 2 :].mean())
    best = (0, 0, *blocks.shape)
    for _ in range(2):
        worth = blocks - np.float32(mean * SHARE)
        best = _heaviest(worth)
        mean = max(float(blocks[best[0] : best[2], best[1] : best[3]].mean()), 0.05)
    return best


def _heaviest(worth: Floats) -> tuple[int, int, int, int]:
    """The rectangle of the greatest sum: for each pair of rows, the greatest run of columns."""
    import numpy as np

    rows, columns = worth.shape
    if rows > columns:  # pairs of the shorter side: a long strip has billions of the other
        turned = _heaviest(worth.T)
        return turned[1], turned[0], turned[3], turned[2]
    down = np.zeros((rows + 1, columns), np.float64)
    down[1:] = np.cumsum(worth, axis=0)
    tops, bottoms = np.triu_indices(rows, 0)
    strips = down[bottoms + 1] - down[tops]
    across = np.concatenate([np.zeros((len(strips), 1)), np.cumsum(strips, axis=1)], axis=1)
    lowest = np.minimum.accumulate(across, axis=1)
    gains = across[:, 1:] - lowest[:, :-1]
    strip, right = np.unravel_index(int(gains.argmax()), gains.shape)
    left = int(np.argmin(across[strip, : right + 1]))
    return int(tops[strip]), left, int(bottoms[strip]) + 1, int(right) + 1
