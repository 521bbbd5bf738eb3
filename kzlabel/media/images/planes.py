"""The brightness of pictures of any mode, and how a difference in brightness is added to them.

Alphas, what is wholly transparent, size and mode stay as they are. Pictures are worked on in bands of rows, so that the
memory needed beside the picture is that of its luma.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

ROWS = 256  # of a band
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
# What a transparent pixel shows is not known; the middle is equally far from a white page and from a black one.
BEHIND = 128
_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and JPEG reckon luma


def luma_of(picture: Image.Image) -> Floats | None:
    """(height, width), 0..255, with transparency over mid-grey; None for a mode of which it cannot be told."""
    import numpy as np

    if picture.mode in DEEP:
        return np.asarray(picture).astype(np.float32) / np.float32(257)
    if picture.mode in ("P", "PA", "La", "RGBa"):
        picture = picture.convert("RGBA" if picture.has_transparency_data or picture.mode != "P" else "RGB")
    if picture.mode in ("YCbCr", "LAB"):
        return np.asarray(picture.getchannel(0)).astype(np.float32)
    if picture.mode not in ("1", *_ADDING):
        return None
    luma = np.asarray(picture.convert("L")).astype(np.float32)
    if picture.mode in ("LA", "RGBA"):
        alpha = np.asarray(picture.getchannel("A"))
        if alpha.min() < 255:
            _over_grey(luma, alpha, 255)
    return luma


def visible_in(picture: Image.Image) -> Bools | None:
    """(height, width), False where a pixel is wholly transparent; None where none is."""
    import numpy as np

    if picture.mode not in ("LA", "RGBA"):
        return None
    shown: Bools = np.asarray(picture.getchannel("A")) > 0
    return None if shown.all() else shown


def no_shades(mode: str) -> str | None:
    """Why pictures of a mode with a palette take no watermark; None for the others."""
    if mode in ("1", "P", "PA"):
        return "a picture with a palette has no shades for one; convert it to grey or RGB with 8 bits per channel"
    return None


def can_add(picture: Image.Image) -> bool:
    """Whether `add` knows the picture's mode: L, LA, RGB, RGBX, RGBA, YCbCr, CMYK and 16-bit grey."""
    return picture.mode in _ADDING or (picture.mode in DEEP and picture.mode != "I;16B")


def add(picture: Image.Image, difference: Callable[[int, int], Floats]) -> None:
    """Add to the brightness of `picture`, in place.

    difference: gives that of the rows from `top` up to `bottom`, (bottom - top, width), in steps of 8 bits.
    """
    import numpy as np
    from PIL import Image

    adding = _ADDING.get(picture.mode)
    for top in range(0, picture.height, ROWS):
        box = (0, top, picture.width, min(top + ROWS, picture.height))
        region = np.asarray(picture.crop(box))
        wanted = difference(box[1], box[3])
        if adding is None:
            drawn = Image.fromarray(_deepened(region, wanted).astype(np.uint16))
        else:
            values = adding(region, np.rint(wanted).astype(np.int16))
            drawn = Image.frombytes(picture.mode, (box[2], box[3] - top), values.tobytes())
        picture.paste(drawn, box)


def luma_of_deep(pixels: NDArray[np.uint16]) -> tuple[Floats, Bools | None]:
    """The same for 16-bit samples, (height, width, channels), 2 or 4 channels with alpha: luma, and what is visible."""
    import numpy as np

    height, width, channels = pixels.shape
    luma = np.empty((height, width), np.float32)
    for top in range(0, height, ROWS):
        band = pixels[top : top + ROWS]
        if channels == 2:
            luma[top : top + ROWS] = band[..., 0]
        else:
            luma[top : top + ROWS] = band[..., :3].astype(np.float32) @ np.array(_WEIGHTS, np.float32)
    luma /= np.float32(257)
    if channels == 3:
        return luma, None
    _over_grey(luma, pixels[..., -1], 65535)
    visible = pixels[..., -1] > 0
    return luma, None if visible.all() else visible


def add_deep(pixels: NDArray[np.uint16], difference: Callable[[int, int], Floats]) -> None:
    """The same as `add` for 16-bit samples, in place; finer than 8 bits, so that nothing is lost by rounding."""
    height, _, channels = pixels.shape
    colours = {2: 1, 3: 3, 4: 3}[channels]
    for top in range(0, height, ROWS):
        band = pixels[top : top + ROWS]
        wanted = difference(top, top + len(band))
        if channels != 3:
            wanted = wanted * (band[..., -1] > 0)
        band[..., :colours] = _deepened(band[..., :colours], wanted[..., None])


def _over_grey(luma: Floats, alpha: Any, most: int) -> None:
    """Blend what is not opaque with BEHIND, in place. most: the alpha of an opaque pixel."""
    for top in range(0, len(luma), ROWS):
        band = luma[top : top + ROWS]
        band += (BEHIND - band) * (1 - alpha[top : top + ROWS] / band.dtype.type(most))


def _deepened(samples: Any, difference: Floats) -> Any:
    import numpy as np

    return np.clip(np.rint(samples.astype(np.float32) + difference * np.float32(257)), 0, 65535)


def _add_to_all(values: Any, steps: Any) -> Any:
    """values: (rows, width) or (rows, width, 3), uint8. steps: (rows, width), int16."""
    import cv2

    return cv2.add(values, steps if values.ndim == 2 else cv2.merge([steps] * 3), dtype=cv2.CV_8U)


def _add_to_colours(values: Any, steps: Any) -> Any:
    """Where the last channel is of no colour: padding."""
    import cv2

    *colours, last = cv2.split(values)
    return cv2.merge([*(cv2.add(colour, steps, dtype=cv2.CV_8U) for colour in colours), last])


def _add_where_visible(values: Any, steps: Any) -> Any:
    return _add_to_colours(values, steps * (values[..., -1] > 0))


def _add_to_first(values: Any, steps: Any) -> Any:
    import cv2

    first, *others = cv2.split(values)
    return cv2.merge([cv2.add(first, steps, dtype=cv2.CV_8U), *others])


def _take_ink_away(values: Any, steps: Any) -> Any:
    """Cyan, magenta and yellow as far as they show through black, and black itself for the rest.

    So bright parts get no dots of black, and dark ones, where colours show nothing, are not left out.
    """
    import numpy as np

    black = values[..., 3].astype(np.float32)
    shown = 1 - black / np.float32(255)
    colours = np.rint(steps * shown)
    rest = np.rint(steps - colours * shown)
    inks = np.concatenate([np.repeat(colours[..., None], 3, axis=2), rest[..., None]], axis=2)
    return np.clip(values - inks, 0, 255).astype(np.uint8)


_ADDING: dict[str, Callable[[Any, Any], Any]] = {
    "L": _add_to_all,
    "LA": _add_where_visible,
    "RGB": _add_to_all,
    "RGBX": _add_to_colours,
    "RGBA": _add_where_visible,
    "YCbCr": _add_to_first,
    "CMYK": _take_ink_away,
}
