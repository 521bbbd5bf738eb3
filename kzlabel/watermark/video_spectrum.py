"""What a picture holds at any frequency, measured against the noise around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .video_carriers import PERIOD, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]

# Size of the transform over that of the picture: what interpolation in between needs.
OVERSAMPLING = 1.9
# Waves over which the noise is averaged, down and across, in cycles per PERIOD of an uncut film.
NEIGHBOURHOOD = 9


@dataclass(frozen=True)
class Spectrum:
    """values: (rows, columns, 2) real and imaginary part, frequency 0 in the middle, of noise 1. cycles: cycles per
    PERIOD of an uncut film -> bins, down and across."""

    values: Floats
    cycles: tuple[float, float]

    @classmethod
    def of(cls, picture: Floats) -> Spectrum:
        """Of a whitened picture, (height, width) float32. The middle pixel is the origin of all phases."""
        import cv2
        import numpy as np

        height, width = picture.shape
        rows, columns = (2 * cv2.getOptimalDFTSize(math.ceil(OVERSAMPLING * side / 2)) for side in (height, width))
        padded = np.zeros((rows, columns), np.float32)
        # The middle comes to the corner: then the spectrum is smooth enough to be interpolated.
        up, left = height // 2, width // 2
        padded[: height - up, : width - left] = picture[up:, left:]
        padded[: height - up, columns - left :] = picture[up:, :left]
        padded[rows - up :, : width - left] = picture[:up, left:]
        padded[rows - up :, columns - left :] = picture[:up, :left]
        transformed = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
        values = np.asarray(np.roll(transformed, (rows // 2, columns // 2), (0, 1)), np.float32)
        scale = unit(height, width) / PERIOD
        cycles = (scale * rows, scale * columns)
        power = values[..., 0] ** 2 + values[..., 1] ** 2
        window = (round(NEIGHBOURHOOD * cycles[1]) | 1, round(NEIGHBOURHOOD * cycles[0]) | 1)
        noise = np.sqrt(cv2.blur(power, window, borderType=cv2.BORDER_REFLECT))
        values /= np.maximum(noise, 1e-9 * max(1.0, float(noise.max())))[..., None]
        return cls(values, cycles)

    def at(self, down: NDArray[np.floating[Any]], across: NDArray[np.floating[Any]]) -> Complexes:
        """Values at (n, m) frequencies, in cycles per PERIOD of an uncut film."""
        import cv2
        import numpy as np

        rows, columns = self.values.shape[:2]
        y = (down * self.cycles[0] + rows // 2).astype(np.float32)
        x = (across * self.cycles[1] + columns // 2).astype(np.float32)
        found = cv2.remap(self.values, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_CONSTANT)
        return np.ascontiguousarray(found.reshape(*x.shape, 2)).view(np.complex64)[..., 0]
