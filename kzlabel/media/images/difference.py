"""The difference that marks a picture, by rows: enlarged where it was reckoned on a smaller one, calm in the badge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Floats = NDArray[np.float32]

Box = tuple[int, int, int, int]

# Pixels from which on a mark is reckoned, and looked for, on a smaller picture: luma and difference take 8 bytes of
# memory a pixel, and the pattern is so coarse there (watermark.image_view works on 2^19 pixels) that nothing is lost.
LARGE = 1 << 25
# What a mark may change in the badge, whose edges would hide more of it: the letters are to stay crisp.
IN_BADGE = 4.0
_AROUND = 2  # rows that cubic interpolation looks at


def reduced(picture: Image.Image) -> tuple[Image.Image, int]:
    """The picture, as many times smaller as LARGE asks for, and that number; 1 for most pictures."""
    reduction = 1
    while picture.width * picture.height > LARGE * reduction * reduction:
        reduction += 1
    if reduction == 1 or picture.mode not in ("L", "LA", "RGB", "RGBX", "RGBA", "YCbCr", "CMYK"):
        return picture, 1
    return picture.reduce(reduction), reduction


@dataclass(frozen=True)
class Difference:
    """values: (height, width), in steps of 8 bits, of a picture that is `reduction` times larger and `width` wide."""

    values: Floats
    width: int
    reduction: int = 1
    badge: Box | None = None

    def rows(self, top: int, bottom: int) -> Floats:
        """(bottom - top, width), a new array."""
        import numpy as np

        found = self._enlarged(top, bottom) if self.reduction > 1 else self.values[top:bottom].copy()
        if self.badge:
            left, upper, right, lower = self.badge
            inside = found[max(upper - top, 0) : max(lower - top, 0), left:right]
            np.clip(inside, -IN_BADGE, IN_BADGE, out=inside)
        return found

    def _enlarged(self, top: int, bottom: int) -> Floats:
        import cv2
        import numpy as np

        first = max(0, top // self.reduction - _AROUND)
        part = self.values[first : -(-bottom // self.reduction) + _AROUND]
        height, width = part.shape
        size = (width * self.reduction, height * self.reduction)
        whole = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.float32)
        above = top - first * self.reduction
        return whole[above : above + bottom - top, : self.width]
