"""What happens to pictures on their way: each attack as data, from one (height, width, 3) uint8 picture to another."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Attack:
    """group: "usual", "hard" (both for pictures of 512 px and more) or "small" (192 to 511 px)."""

    name: str
    group: str
    apply: Callable[[Picture], Picture]


def jpeg(picture: Picture, quality: int) -> Picture:
    return _coded(picture, "JPEG", quality=quality)


def webp(picture: Picture, quality: int) -> Picture:
    return _coded(picture, "WEBP", quality=quality)


def avif(picture: Picture, quality: int) -> Picture:
    return _coded(picture, "AVIF", quality=quality, max_threads=1)


def scaled(picture: Picture, across: float, down: float | None = None) -> Picture:
    import cv2

    height, width = picture.shape[:2]
    size = max(1, round(width * across)), max(1, round(height * (across if down is None else down)))
    smaller = size[0] * size[1] < width * height
    return _bytes(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def cropped(picture: Picture, side: float, x: float = 0.5, y: float = 0.5) -> Picture:
    """side: of what is kept, over the whole side. x, y: where it lies, 0 to 1."""
    height, width = picture.shape[:2]
    high, wide = int(height * side), int(width * side)
    top, left = int((height - high) * y), int((width - wide) * x)
    return picture[top : top + high, left : left + wide].copy()


def turned(picture: Picture, degrees: float) -> Picture:
    import cv2

    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return _bytes(cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR))


def tilted(picture: Picture, share: float) -> Picture:
    """As seen from the side: two corners move in by this share of the sides."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inward = [[share, share], [0, 0], [0, 0], [share * 0.7, -share * 0.5]]
    after = before + np.array(inward, np.float32) * np.array([width, height], np.float32)
    return _bytes(cv2.warpPerspective(picture, cv2.getPerspectiveTransform(before, after), (width, height)))


def shaded(picture: Picture, gain: float, offset: float = 0.0, about: float = 0.0) -> Picture:
    import numpy as np

    return _bytes((picture.astype(np.float32) - about) * gain + about + offset)


def noisy(picture: Picture, deviation: float) -> Picture:
    import numpy as np

    return _bytes(picture + np.random.default_rng(1).normal(0, deviation, picture.shape))


def blurred(picture: Picture, deviation: float) -> Picture:
    import cv2

    return _bytes(cv2.GaussianBlur(picture, (0, 0), deviation))


def framed(picture: Picture, across: int, down: int, shade: int = 0) -> Picture:
    """Bars at the left and right, at the top and bottom, in pixels."""
    import numpy as np

    return np.pad(picture, ((down, down), (across, across), (0, 0)), constant_values=shade)


def _median(picture: Picture) -> Picture:
    import cv2

    return _bytes(cv2.medianBlur(picture, 3))


def _grey(picture: Picture) -> Picture:
    import cv2

    return _bytes(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def _gamma(picture: Picture) -> Picture:
    import numpy as np

    return _bytes(255 * (picture.astype(np.float32) / 255) ** 1.5)


def _captioned(picture: Picture) -> Picture:
    import cv2

    made = picture.copy()
    height, width = made.shape[:2]
    cv2.rectangle(
        made, (int(0.05 * width), int(0.8 * height)), (int(0.6 * width), int(0.95 * height)), (20, 20, 20), -1
    )
    place = (int(0.06 * width), int(0.92 * height))
    cv2.putText(made, "CAPTION", place, cv2.FONT_HERSHEY_SIMPLEX, height / 300, (255, 255, 255), 2)
    return made


def _social(picture: Picture) -> Picture:
    longest = max(picture.shape[:2])
    return jpeg(scaled(picture, 1080 / longest) if longest > 1080 else picture, 75)


def _letterboxed(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    return jpeg(framed(scaled(picture, 0.8), int(0.02 * width), int(0.15 * height), 12), 80)


def _collage(picture: Picture) -> Picture:
    """Beside another picture of the same size, which is a blurred and mirrored one of it."""
    import numpy as np

    other = np.rot90(blurred(picture, 1.0), 2)
    return _bytes(np.concatenate([picture, noisy(_bytes(other), 6)], axis=1))


def _sharpened(picture: Picture) -> Picture:
    import cv2
    import numpy as np

    soft = cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.float32)
    return _bytes(picture + (picture.astype(np.float32) - soft))


def _denoised(picture: Picture) -> Picture:
    import cv2

    return _bytes(cv2.bilateralFilter(picture, 5, 20, 3))


def _posterised(picture: Picture) -> Picture:
    import numpy as np

    return _bytes(np.rint(picture / 255 * 15) / 15 * 255)


def _mirrored(picture: Picture) -> Picture:
    return picture[:, ::-1].copy()


def _quarters(picture: Picture, count: int) -> Picture:
    import numpy as np

    return np.rot90(picture, count).copy()


def _coded(picture: Picture, container: str, **options: Any) -> Picture:
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, container, **options)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded.convert("RGB"))


def _bytes(values: Any) -> Picture:
    import numpy as np

    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


_USUAL: tuple[tuple[str, Callable[[Picture], Picture]], ...] = (
    ("none", lambda a: a),
    ("JPEG 90", lambda a: jpeg(a, 90)),
    ("JPEG 70", lambda a: jpeg(a, 70)),
    ("JPEG 50", lambda a: jpeg(a, 50)),
    ("JPEG 30", lambda a: jpeg(a, 30)),
    ("JPEG 20", lambda a: jpeg(a, 20)),
    ("WebP 60", lambda a: webp(a, 60)),
    ("AVIF 60", lambda a: avif(a, 60)),
    ("scaled 0.5", lambda a: scaled(a, 0.5)),
    ("scaled 0.75", lambda a: scaled(a, 0.75)),
    ("scaled 1.5", lambda a: scaled(a, 1.5)),
    ("scaled 2", lambda a: scaled(a, 2)),
    ("crop to 56 % of area", lambda a: cropped(a, 0.75)),
    ("crop to 50 % of area", lambda a: cropped(a, 0.7071, 0.7, 0.2)),
    ("crop to 25 % of area", lambda a: cropped(a, 0.5)),
    ("turned by 2", lambda a: turned(a, 2)),
    ("turned by 5", lambda a: turned(a, 5)),
    ("turned by 10", lambda a: turned(a, 10)),
    ("brighter by 20 %", lambda a: shaded(a, 1.2)),
    ("darker by 30 %", lambda a: shaded(a, 0.7)),
    ("contrast 1.5", lambda a: shaded(a, 1.5, about=128)),
    ("contrast 0.6", lambda a: shaded(a, 0.6, about=128)),
    ("gamma 1.5", _gamma),
    ("noise 5", lambda a: noisy(a, 5)),
    ("noise 15", lambda a: noisy(a, 15)),
    ("blur 1", lambda a: blurred(a, 1)),
    ("blur 2", lambda a: blurred(a, 2)),
    ("median 3", _median),
    ("grey", _grey),
    ("caption", _captioned),
    ("screenshot: 0.8, JPEG 80", lambda a: jpeg(scaled(a, 0.8), 80)),
    ("social: 1080 px, JPEG 75", _social),
    ("social: 0.7, JPEG 60", lambda a: jpeg(scaled(a, 0.7), 60)),
    ("crop, 0.7, JPEG 70", lambda a: jpeg(scaled(cropped(a, 0.75, 0.6, 0.3), 0.7), 70)),
)
_HARD: tuple[tuple[str, Callable[[Picture], Picture]], ...] = (
    ("turned by 30", lambda a: turned(a, 30)),
    ("turned by 45", lambda a: turned(a, 45)),
    ("turned by 137", lambda a: turned(a, 137)),
    ("turned by 90", lambda a: _quarters(a, 1)),
    ("turned by 180", lambda a: _quarters(a, 2)),
    ("mirrored", _mirrored),
    ("mirrored, turned by 8", lambda a: turned(_mirrored(a), 8)),
    ("width + 10 %", lambda a: scaled(a, 1.1, 1.0)),
    ("width - 10 %", lambda a: scaled(a, 0.9, 1.0)),
    ("height + 5 %", lambda a: scaled(a, 1.0, 1.05)),
    ("perspective 2 %", lambda a: tilted(a, 0.02)),
    ("perspective 5 %", lambda a: tilted(a, 0.05)),
    ("letterboxed screenshot", _letterboxed),
    ("bars", lambda a: framed(a, 37, 61, 255)),
    ("crop to 49 %, 0.8, JPEG 70", lambda a: jpeg(scaled(cropped(a, 0.7, 0.1, 0.8), 0.8), 70)),
    ("0.5, JPEG 30", lambda a: jpeg(scaled(a, 0.5), 30)),
    ("crop to 15 % of area", lambda a: cropped(a, 0.387, 0.4, 0.6)),
    ("collage, half of the area", _collage),
    ("WebP 40", lambda a: webp(a, 40)),
    ("AVIF 40", lambda a: avif(a, 40)),
    ("sharpened", _sharpened),
    ("denoised", _denoised),
    ("posterised to 16 levels", _posterised),
)
_SMALL: tuple[tuple[str, Callable[[Picture], Picture]], ...] = (
    ("none", lambda a: a),
    ("JPEG 70", lambda a: jpeg(a, 70)),
    ("JPEG 50", lambda a: jpeg(a, 50)),
    ("scaled 0.7", lambda a: scaled(a, 0.7)),
    ("scaled 0.85", lambda a: scaled(a, 0.85)),
    ("scaled 1.25", lambda a: scaled(a, 1.25)),
    ("scaled 1.5", lambda a: scaled(a, 1.5)),
    ("crop to 70 % of area", lambda a: cropped(a, 0.837, 0.3, 0.8)),
)

ATTACKS: tuple[Attack, ...] = tuple(
    Attack(name, group, apply)
    for group, attacks in (("usual", _USUAL), ("hard", _HARD), ("small", _SMALL))
    for name, apply in attacks
)
