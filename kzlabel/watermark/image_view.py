"""A picture as embedder and reader see it: at working size, whitened, weighted, folded to a tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .image_pattern import TILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# Pixels of the working picture: larger ones are scaled down to it, so that a mark keeps its place in the spectrum.
WORKING_PIXELS = 1 << 19
MIN_SIDE = 192  # one tile and a half: less holds too few tiles for one reading

# What a mark may add where nothing hides it, and how that grows with the variance around, in grey levels squared: both
# by SSIM, whose constant C2 is 58.5: 0.015 * (58.5 + 2 * variance) costs 0.015 everywhere alike.
FLAT_VARIANCE, VARIANCE_SHARE = 0.80, 0.03
MOST_VARIANCE = 12.0**2  # more hides more, but a reader gains nothing where the picture is that loud
WINDOW, ERODED = 7, 3

# Whitening: what is wider than the first blur goes, then the energy around (second blur) is evened out.
PASS_BLUR, ENERGY_BLUR, ENERGY_FLOOR, CLIP = 3.0, 2.5, 4.0, 3.0


def working_size(height: int, width: int) -> tuple[int, int]:
    factor = min(1.0, max((WORKING_PIXELS / (height * width)) ** 0.5, MIN_SIDE / min(height, width)))
    return max(1, round(height * factor)), max(1, round(width * factor))


def working(luma: Floats) -> Floats:
    """(h, w) -> at working size, never larger, finite, 0..255."""
    import cv2
    import numpy as np

    height, width = working_size(*luma.shape)
    if (height, width) != luma.shape:
        luma = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(np.clip(np.nan_to_num(luma, nan=0.0, posinf=255.0, neginf=0.0), 0, 255), np.float32)


def room(view: Floats) -> Floats:
    """How strong a mark may be, in grey levels rms at each pixel: least where any window near is flat."""
    import cv2
    import numpy as np

    mean = cv2.blur(view, (WINDOW, WINDOW))
    variance = np.clip(cv2.blur(view * view, (WINDOW, WINDOW)) - mean * mean, 0, MOST_VARIANCE)
    variance = cv2.erode(variance, np.ones((ERODED, ERODED), np.uint8))
    return np.asarray(np.sqrt(FLAT_VARIANCE + VARIANCE_SHARE * variance), np.float32)


def whitened(view: Floats) -> Floats:
    """The part of a view that may be the mark, as loud everywhere as it can be trusted."""
    import cv2
    import numpy as np

    rest = view - cv2.GaussianBlur(view, (0, 0), PASS_BLUR)
    energy = cv2.GaussianBlur(rest * rest, (0, 0), ENERGY_BLUR)
    spread = np.sqrt(np.maximum(energy, 0) + np.float32(ENERGY_FLOOR))
    smooth = cv2.GaussianBlur(view, (0, 0), 3.0)
    loud = np.sqrt(np.maximum(cv2.GaussianBlur((view - smooth) ** 2, (0, 0), 4.0), 0))
    weight = (1 + np.minimum(loud, 24)) ** np.float32(0.6)
    return np.asarray(np.clip(rest / spread, -CLIP, CLIP) / spread * weight, np.float32)


def folded(plane: Floats) -> Floats:
    """(h, w) -> (128, 128): all tiles on top of each other."""
    import numpy as np

    height, width = plane.shape
    down, across = -(-height // TILE), -(-width // TILE)
    whole = np.zeros((down * TILE, across * TILE), np.float32)
    whole[:height, :width] = plane
    return np.asarray(whole.reshape(down, TILE, across, TILE).sum(axis=(0, 2)))


def tiled(tile: Floats, height: int, width: int) -> Floats:
    import numpy as np

    return np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width]
