"""What the watermark of pictures withstands, and what it costs: counted over works and attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..detection import Unmarkable
from ..image import detect, embed
from ..keys import WatermarkKey
from ..payload import Payload
from ..strength import Strength
from .counting import Row, identifier_of, total
from .image_attacks import ATTACKS, Attack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

SMALL_SIDE = 512  # a picture whose longer side has less goes through the attacks for small ones
FLAT = 2.0  # grey levels of local deviation (7 by 7 pixels) below which a pixel counts as flat


@dataclass(frozen=True)
class Quality:
    """Of one marked picture. ssim: over luma, windows of 7 by 7. flat_rms, flat_most: where it is flat, grey levels."""

    psnr: float
    ssim: float
    flat_rms: float
    flat_most: float


def run(
    works: Iterable[tuple[str, Picture]],
    *,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    attacks: Sequence[Attack] = ATTACKS,
    report: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Mark each work, (height, width, 3) uint8, attack it, read it; one row for each attack, then one for each group.

    report: told one line for each work.
    """
    counted: dict[Attack, tuple[list[str], list[str]]] = {attack: ([], []) for attack in attacks}
    for name, picture in works:
        payload = Payload(identifier_of(name))
        small = max(picture.shape[:2]) < SMALL_SIDE
        try:
            marked = mark(picture, payload, key=key, strength=strength)
        except Unmarkable as error:
            report(f"{name}: {error}")
            continue
        held, missed = quality(picture, marked), []
        for attack, (read, lost) in counted.items():
            if (attack.group == "small") != small:
                continue
            found = detect(luma(attack.apply(marked)), key=key)
            hit = any(each.payload == payload for each in found)
            (read if hit else lost).append(name)
            missed += [] if hit else [attack.name]
        report(
            f"{name}: PSNR {held.psnr:.1f} dB, SSIM {held.ssim:.4f}, flat {held.flat_rms:.2f} rms "
            f"{held.flat_most:.0f} at most; lost after: {', '.join(missed) or 'nothing'}"
        )
    rows = [
        Row(attack.name, attack.group, len(read), len(read) + len(lost), tuple(lost))
        for attack, (read, lost) in counted.items()
    ]
    return rows + [total(group, rows) for group in dict.fromkeys(row.group for row in rows)]


def mark(
    picture: Picture, payload: Payload, *, key: WatermarkKey | None = None, strength: Strength = Strength.NORMAL
) -> Picture:
    """(height, width, 3) uint8 -> the same, marked. Raises Unmarkable."""
    import numpy as np

    difference = embed(luma(picture), payload, key=key, strength=strength)
    return np.asarray(np.clip(np.rint(picture + difference[..., None]), 0, 255), np.uint8)


def luma(picture: Picture) -> NDArray[np.float32]:
    import cv2
    import numpy as np

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), np.float32)


def quality(picture: Picture, marked: Picture) -> Quality:
    import cv2
    import numpy as np

    one, other = luma(picture), luma(marked)
    psnr = 10 * np.log10(255**2 / max(float(np.mean((picture.astype(np.float32) - marked) ** 2)), 1e-9))

    def mean(plane: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(cv2.blur(plane.astype(np.float64), (7, 7)), np.float64)[3:-3, 3:-3]

    mean_one, mean_other = mean(one), mean(other)
    share = 49 / 48  # the variance of a sample
    variance_one = share * (mean(one * one) - mean_one**2)
    variance_other = share * (mean(other * other) - mean_other**2)
    both = share * (mean(one * other) - mean_one * mean_other)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = (2 * mean_one * mean_other + c1) * (2 * both + c2)
    ssim /= (mean_one**2 + mean_other**2 + c1) * (variance_one + variance_other + c2)
    flat = variance_one < FLAT**2
    change = np.abs(other - one)[3:-3, 3:-3][flat]
    rms, most = (float(np.sqrt(np.mean(change**2))), float(change.max())) if change.size else (0.0, 0.0)
    return Quality(float(psnr), float(ssim.mean()), rms, most)
