"""Looks for watermarks in the pictures of a file, within the seconds that the limits allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...limits import Limits
from ...watermark.detection import Detection
from ...watermark.keys import WatermarkKey
from ..base import Watermarks
from ..patience import Patience, given_up
from .mark import PICTURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def search(
    luma: Callable[[int], tuple[NDArray[np.float32] | None, tuple[int, int]]],
    frames: int,
    keys: tuple[WatermarkKey, ...],
    limits: Limits,
) -> Watermarks:
    """Look for the marks of each key in the first frame, and for those not found there in the one in the middle.

    luma: gives the brightness of a frame, None where it cannot be told, and the width and height of the
    frame, of which it may be a smaller copy.
    """
    from ...watermark.image import detect

    found: list[Detection] = []
    wanted = list(keys)
    looked_at = dict.fromkeys((0, frames // 2))
    patience = Patience(limits.watermark_seconds, len(keys) * len(looked_at))
    for frame in looked_at:
        if not wanted:
            break
        plane, size = luma(frame)
        if plane is None:
            return Watermarks(why="pictures of this kind are not searched; convert it to 8 bits per channel")
        missed = []
        for key in wanted:
            with patience.turn() as seconds:
                marks = detect(plane, key=key, patience=seconds, tally=patience.tally)
            found += [_enlarged(mark, round(size[0] / plane.shape[1]), size) for mark in marks]
            missed += [] if marks else [key]
        wanted = missed
    why = given_up(limits.watermark_seconds) if patience.tally.late and not found else None
    return Watermarks(tuple((PICTURE, detection) for detection in found), why)


def _enlarged(detection: Detection, reduction: int, size: tuple[int, int]) -> Detection:
    """The same, its place as in the picture at full size, which is so many times larger but for its last pixels."""
    if reduction == 1:
        return detection
    place = dict(detection.place)
    if "region" in place:
        left, top, width, height = (side * reduction for side in place["region"])
        place["region"] = [left, top, min(width, size[0] - left), min(height, size[1] - top)]
    if "scale" in place:
        place["scale"] = round(place["scale"] * reduction, 3)
    return replace(detection, place=place)
