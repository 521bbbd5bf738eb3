"""The picture's code of ISO 24138 (ISCC), listed as the soft binding `io.iscc.v0`: 64 bits of the whole picture.

Computed here and not by the package iscc-core, which reads settings out of the working folder; the tests hold that both
say the same. A copy that shows the whole picture differs in a few bits; a crop is not known by it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from math import cos, pi
from typing import TYPE_CHECKING

from ..errors import UnreadableFile
from .lookup_key import key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Matrix = NDArray[np.float64]

ALGORITHM = "io.iscc.v0"
BITS = 64
SIDE, LOW = 32, 8  # pixels of the picture that is measured; its lowest frequencies, each way
# Two codes of one picture differ in no more; see docs/fingerprints.md for how often those of others do.
MOST_DIFFERING = 7
BANDS = 4  # with one bit of each band turned as well, whatever differs in up to 7 bits shares a key
_HEADER = bytes([0x21, 0x01])  # content, picture, version 0, 64 bits
_WRITTEN = re.compile(rb"ISCC:[A-Z2-7]{16}")


@dataclass(frozen=True)
class ImageCode:
    """bits: 0 <= bits < 2**64."""

    bits: int

    def __str__(self) -> str:
        """As the standard writes it: `ISCC:EE…`."""
        return "ISCC:" + base64.b32encode(_HEADER + self.bits.to_bytes(BITS // 8)).decode()

    def to_bytes(self) -> bytes:
        return str(self).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> ImageCode:
        """Raises UnreadableFile where these bytes are no such code."""
        if _WRITTEN.fullmatch(data):
            try:
                code = base64.b32decode(data.removeprefix(b"ISCC:"))
            except binascii.Error:
                code = b""
            if code.startswith(_HEADER):
                return cls(int.from_bytes(code[len(_HEADER) :]))
        raise UnreadableFile("the ISCC code of a picture is damaged")

    def differing(self, other: ImageCode) -> int:
        """In how many of 64 bits."""
        return (self.bits ^ other.bits).bit_count()


def code(luma: Floats) -> ImageCode:
    """Of a picture (height, width), 0..255, upright, with what is transparent on white."""
    import numpy as np
    from PIL import Image

    plain = np.clip(np.rint(np.nan_to_num(luma)), 0, 255).astype(np.uint8)
    small = Image.fromarray(plain).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return of_pixels(np.asarray(small, np.float64))


def of_pixels(pixels: Matrix) -> ImageCode:
    """Of (32, 32) grey levels: which of the lowest 8 by 8 frequencies are above their median."""
    import numpy as np

    return ImageCode(int.from_bytes(np.packbits(above_median(pixels) > 0).tobytes()))


def above_median(pixels: Matrix) -> Matrix:
    """(32, 32) grey levels -> (64,): how far each bit's frequency is above the median, below it where negative."""
    import numpy as np

    low = _frequencies(_frequencies(pixels).T).T[:LOW, :LOW]
    return np.asarray(low - np.median(low)).reshape(-1)


def keys(code: ImageCode) -> tuple[int, ...]:
    """What is kept: one key for each band."""
    return tuple(key(ALGORITHM, band, value) for band, value in enumerate(_bands(code)))


def query_keys(code: ImageCode) -> tuple[int, ...]:
    """What a copy is looked up by: also with each one bit turned."""
    turns = [0, *(1 << bit for bit in range(BITS // BANDS))]
    return tuple(key(ALGORITHM, band, value ^ turn) for band, value in enumerate(_bands(code)) for turn in turns)


def _bands(code: ImageCode) -> list[int]:
    """Every fourth bit each, so that each band has its share of every frequency."""
    written = f"{code.bits:0{BITS}b}"
    return [int(written[band::BANDS], 2) for band in range(BANDS)]


def _frequencies(rows: Matrix) -> Matrix:
    """The cosine transform of each row by Lee's halving (1984), in the order of operations that the standard's has.

    So rounding falls alike, where frequencies are as high as their median.
    """
    import numpy as np

    length = rows.shape[1]
    if length == 1:
        return rows
    first, last = rows[:, : length // 2], rows[:, : length // 2 - 1 : -1]
    twiddles = np.array([cos((place + 0.5) * pi / length) * 2.0 for place in range(length // 2)])
    made = np.empty_like(rows)
    made[:, 0::2] = _frequencies(first + last)
    odd = _frequencies((first - last) / twiddles)
    made[:, 1::2] = odd
    made[:, 1:-1:2] += odd[:, 1:]
    return made
