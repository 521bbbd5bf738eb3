"""Where the mark of a recording stands: cells of time and pitch, what is measured in them, and what each carries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from .convolution import ConvolutionalCode
from .keys import WatermarkKey
from .payload import INFORMATION_BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Ints = NDArray[np.int64]

WINDOW, HOP = 512, 128  # samples at 16 kHz: 32 ms, every 8 ms
HOPS = 4  # in a cell: 32 ms
CELLS = 160  # in a period: 5.12 s
PERIOD = HOPS * CELLS  # hops

# Lowest and highest edge of the bands, Hz; 62.5 Hz wide, above 2.1 kHz 3 % of their frequency. Low-rate speech codecs
# keep what lies below 4 kHz, and the strongest part of it lies at the bottom; codecs of music cut near 7 kHz.
LOWEST, HIGHEST, WIDTH, RELATIVE_WIDTH = 250.0, 6700.0, 62.5, 0.03

# Rate 1/4 and constraint length 15: the code that the probe Galileo was given in flight (Dolinar, 1988).
CODE = ConvolutionalCode((0o46321, 0o51271, 0o63667, 0o70535), 14)
CODED_BITS = 4 * INFORMATION_BITS

# Cells of each band, of 160, that carry no bit but are known, to find the beginning and the speed; in so many groups,
# the strength of which is levelled like that of the bits.
SYNC_CELLS, SYNC_GROUPS = 16, 36

# What neighbouring cells tell of a cell's level: weights of the cells 0, 1, 2 away in time and in frequency, chosen on
# speech and music. Those over the bands add up to nothing: a filter that is smooth over pitch changes no residual.
ACROSS_TIME = (1.0, -0.25, -0.165)
ACROSS_BANDS = (1.0, -0.35, -0.15)
CLIP = 4.0  # dB; beyond, a cell tells of the sound, not of the mark
# Of the energy around a cell, what is added to that of the cell: what is 20 dB softer than its neighbours is noise.
FLOOR = 0.01


@cache
def edges() -> Floats:
    """(bands + 1,) Hz."""
    import numpy as np

    found = [LOWEST]
    while found[-1] < HIGHEST:
        found.append(found[-1] + max(WIDTH, RELATIVE_WIDTH * found[-1]))
    return np.array(found[:-1], np.float32)


@cache
def bands() -> int:
    return len(edges()) - 1


@lru_cache(maxsize=256)
def band_weights(pitch: float = 1.0) -> Floats:
    """(bands, bins): how much of each bin of a spectrum lies in each band; all edges are multiplied by `pitch`."""
    import numpy as np

    places = np.clip(edges() * pitch / (16_000 / WINDOW) + 0.5, 0, WINDOW // 2 + 1)
    covered = np.clip(places[:, None] - np.arange(WINDOW // 2 + 1), 0, 1)
    weights: Floats = np.diff(covered, axis=0).astype(np.float32)
    return weights


def spectra(samples: Floats) -> Floats:
    """(n,) at 16 kHz -> (hops, bins) power. Frame k lies around sample 128 * k + 256; n = 128 * (hops + 3)."""
    import numpy as np

    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    found = np.fft.rfft(frames * hann(), axis=1)
    power: Floats = np.square(found.real) + np.square(found.imag)
    return power


@cache
def hann() -> Floats:
    """(512,) the periodic Hann window."""
    import numpy as np

    window: Floats = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    return window


@dataclass(frozen=True)
class Levels:
    """All (bands, hops); hop k stands for the cell of the hops k-2..k+1.

    residual: dB, how much louder a cell is than its neighbours foretell, clipped to +-4. weight: how much that counts,
    0 where the band is silent. answer: how many dB the level follows when the cell gains one.
    """

    residual: Floats
    weight: Floats
    answer: Floats


def levels(energy: Floats, *, hops: int = HOPS) -> Levels:
    """energy: (bands, hops) float32. hops: of `energy` in a cell, even."""
    import cv2
    import numpy as np

    near = cv2.BORDER_REPLICATE
    usual: Any = cv2.blur(energy.mean(axis=1, keepdims=True), (1, 5), borderType=near)
    smooth: Any = cv2.blur(energy, (3 * hops + 1, 5), borderType=near)
    cell: Any = cv2.blur(energy, (hops, 1), borderType=near)
    floor = FLOOR * smooth + (1e-6 * float(energy.mean()) + 1e-12)
    decibels = (10 / np.log(10)) * np.log(cell + floor)
    time = np.zeros(4 * hops + 1, np.float32)
    time[::hops] = [ACROSS_TIME[abs(i)] for i in range(-2, 3)]
    frequency = np.array([ACROSS_BANDS[abs(i)] for i in range(-2, 3)], np.float32)
    residual = np.clip(cv2.sepFilter2D(decibels, -1, time, frequency, borderType=near), -CLIP, CLIP)
    weight = smooth / (smooth + 6e-3 * usual + (1e-6 * float(usual.max()) + 1e-9))
    return Levels(residual.astype(np.float32), weight.astype(np.float32), cell / (cell + floor))


def at_cells(values: Floats, cells: int) -> Floats:
    """(bands, hops) -> (bands, cells): what stands for each cell of 4 hops."""
    return values[:, HOPS // 2 : HOPS // 2 + cells * HOPS : HOPS]


@dataclass(frozen=True, eq=False)
class Layout:
    """What each cell of a period carries.

    owner: (bands, 160), the coded bit 0..367, or 368 + the group of a known cell. sign: (bands, 160) of +1 and -1, by
    which the coded bit is multiplied. sync: the sign in known cells, 0 elsewhere.
    """

    owner: Ints
    sign: Floats
    sync: Floats

    def chips(self, coded: NDArray[np.uint8]) -> Floats:
        """(bands, 160) of +1 (louder) and -1 (softer): a coded bit 0 is +1, and so is a known cell."""
        import numpy as np

        values = np.concatenate([1 - 2 * coded.astype(np.float32), np.ones(SYNC_GROUPS, np.float32)])
        return values[self.owner] * self.sign


@lru_cache(maxsize=16)
def layout(key: WatermarkKey) -> Layout:
    """In each band, in the order that the key gives its 160 cells, the first 16 are known; the others take the coded
    bits in turn, in the key's order of bits and from band to band, so that each bit stands in bands of all heights."""
    import numpy as np

    count, free = bands(), CELLS - SYNC_CELLS
    bit = key.order("audio bits", CODED_BITS)
    owner = np.empty((count, CELLS), np.int64)
    for band in range(count):
        cells = key.order(f"audio cells {band}", CELLS)
        owner[band, cells[:SYNC_CELLS]] = CODED_BITS + (band * SYNC_CELLS + np.arange(SYNC_CELLS)) % SYNC_GROUPS
        owner[band, cells[SYNC_CELLS:]] = bit[(band * free + np.arange(free)) % CODED_BITS]
    sign = key.chips("audio signs", count * CELLS).reshape(count, CELLS).astype(np.float32)
    return Layout(owner, sign, np.where(owner >= CODED_BITS, sign, 0).astype(np.float32))
