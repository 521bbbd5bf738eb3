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
# A strip as low as that cannot be scaled down; so many pixels are 44,000 in a row, and take some 10 s to mark.
LONGEST_STRIP = 1 << 23

# What a mark may add where nothing hides it, in grey levels squared: with the rounding to 8 bits (1/12), 0.76 rms.
FLAT_VARIANCE = 0.50
MOST_FLAT = 0.78  # where nothing is rich: with the rounding, 0.93 rms
# Where a picture is all white, only half of the mark is left of it; twice the power makes up for that. Where it is all
# black, what is left of it also lifts the black, which SSIM takes ill.
SATURATED, WHITE_GAIN, BLACK_GAIN = 2.0, 2.0, 0.7
MOST_SHARE = 0.15  # of the variance around: what a mark may add to that at most
# More variance hides more, but a reader gains least where a picture is loudest: the first of these bounds is taken with
# which the power is used up.
VARIANCES = (12.0**2, 17.0**2)
WINDOW = 7
ERODED = 3
# Of a picture that is scaled down, each pixel tells by the range of the 7 by 7 around what it hides by itself: the
# range of 49 values of noise is 4.5 deviations. Where a mark is scaled up, it spreads over 2 pixels of the view.
RANGE_DEVIATIONS, SPREAD = 4.5, 2
# What the mark may take from SSIM, by its formula with C2 = 58.5, noise of power n on a variance v taking n/(2v + C2).
SSIM_LOSS, SSIM_C2 = 0.0138, 58.5

# Whitening: what a bilateral filter takes for the picture goes, so that edges and letters, too, leave the mark alone.
FILTER_SIZE, FILTER_RANGE, FILTER_REACH = 11, 12.0, 3.5  # pixels across, grey levels, pixels
REST_BLUR, ENERGY_BLUR, ENERGY_FLOOR, CLIP = 0.7, 2.5, 4.0, 3.0
# Deviations, in grey levels, that part flat, calm and rich places: each of the three is trusted by itself, for
# compression takes the mark from the flat ones first.
RICHNESS, RICHNESS_SMOOTHED = (3.0, 12.0), 9
KINDS = len(RICHNESS) + 1


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


def beginning(luma: Floats) -> Floats:
    """(h, w) -> of a strip so long that its view has more than LONGEST_STRIP pixels, the first of them."""
    height, width = working_size(*luma.shape)
    share = LONGEST_STRIP / (height * width)
    if share >= 1:
        return luma
    return luma[: int(len(luma) * share)] if height > width else luma[:, : int(luma.shape[1] * share)]


def room(view: Floats, power: float, hiding: Floats | None = None) -> Floats:
    """How strong a mark may be, in grey levels rms at each pixel: least where any window near is flat.

    power: what its mean square may be, in grey levels squared. What flat areas leave of it, and of what SSIM allows,
    goes where the picture is rich, in proportion to its variance there. hiding: (h, w), a further bound of
    the variance that hides a mark, see `detail`.
    """
    import cv2
    import numpy as np

    variance = _variance(view)
    calm = cv2.erode(variance, np.ones((ERODED, ERODED), np.uint8))
    bound = calm if hiding is None else np.minimum(calm, hiding)
    flat = min(FLAT_VARIANCE, power)
    loss = 1 / (2 * variance + SSIM_C2)
    left, ssim_left = power - flat, SSIM_LOSS - flat * float(loss.mean())
    share, held = 0.0, bound
    for most in VARIANCES:
        held = np.minimum(bound, most)
        share = min(left / max(float(held.mean()), 1e-6), ssim_left / max(float((held * loss).mean()), 1e-6))
        if share <= MOST_SHARE:
            break
    share = max(min(share, MOST_SHARE), 0.0)
    # What is left over when rich places have all they may have goes to the flat ones.
    more = (ssim_left - share * float((held * loss).mean())) / float(loss.mean())
    flat += max(0.0, min(more, left - share * float(held.mean()), MOST_FLAT - flat))
    full = flat + share * held
    full = np.where(view > 255 - SATURATED, full * WHITE_GAIN, np.where(view < SATURATED, full * BLACK_GAIN, full))
    return np.asarray(np.sqrt(full), np.float32)


def detail(luma: Floats, shape: tuple[int, ...]) -> Floats:
    """The least variance that any pixel of a picture (h, w) has around it, where each pixel of its view will lie."""
    import cv2
    import numpy as np

    whole = luma.astype(np.uint8)  # only the range counts
    window = np.ones((WINDOW, WINDOW), np.uint8)
    span = cv2.subtract(cv2.dilate(whole, window), cv2.erode(whole, window))
    reach = 2 * int(SPREAD * luma.shape[0] / shape[0] + 1.5) + 1
    least = cv2.erode(span, np.ones((reach, reach), np.uint8))
    least = cv2.resize(least, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray((least / RANGE_DEVIATIONS) ** 2, np.float32)


def whitened(view: Floats) -> Floats:
    """The part of a view that may be the mark, as loud everywhere."""
    import cv2
    import numpy as np

    whole = np.clip(np.rint(view), 0, 255).astype(np.uint8)
    smooth = np.asarray(cv2.bilateralFilter(whole, FILTER_SIZE, FILTER_RANGE, FILTER_REACH), np.float32)
    rest = cv2.GaussianBlur(view - smooth, (0, 0), REST_BLUR)
    energy = cv2.GaussianBlur(rest * rest, (0, 0), ENERGY_BLUR)
    loud = np.sqrt(np.maximum(energy, 0) + np.float32(ENERGY_FLOOR))
    return np.asarray(np.clip(rest / loud, -CLIP, CLIP), np.float32)


def kinds(view: Floats) -> NDArray[np.uint8]:
    """(h, w) of 0, 1 and 2: where a view is flat, calm, rich."""
    import cv2
    import numpy as np

    deviation = cv2.blur(np.sqrt(_variance(view)), (RICHNESS_SMOOTHED, RICHNESS_SMOOTHED))
    return np.asarray((deviation > RICHNESS[0]).astype(np.uint8) + (deviation > RICHNESS[1]))


def folded(plane: Floats, kind: NDArray[np.uint8]) -> Floats:
    """(h, w) -> (3, 128, 128): all tiles on top of each other, each kind of place by itself."""
    import numpy as np

    height, width = plane.shape
    down, across = -(-height // TILE), -(-width // TILE)
    whole = np.zeros((KINDS, down * TILE, across * TILE), np.float32)
    for index in range(KINDS):
        np.multiply(plane, kind == index, out=whole[index, :height, :width])
    return np.asarray(whole.reshape(KINDS, down, TILE, across, TILE).sum(axis=(1, 3)))


def _variance(view: Floats) -> Floats:
    import cv2
    import numpy as np

    mean = cv2.blur(view, (WINDOW, WINDOW))
    return np.asarray(np.maximum(cv2.blur(view * view, (WINDOW, WINDOW)) - mean * mean, 0), np.float32)


def tiled(tile: Floats, height: int, width: int) -> Floats:
    import numpy as np

    return np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width]
