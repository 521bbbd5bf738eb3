"""The watermark of one picture, or of all frames of an animation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...watermark.detection import Unmarkable
from ...watermark.record import WatermarkRecord
from ..base import WatermarkPlan
from .difference import Box, Difference, reduced
from .planes import add, add_deep, can_add, luma_of, luma_of_deep, no_shades, visible_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

PICTURE = "picture"
# Frames of an animation that are tried: it may begin with a black or an empty one.
TRIES = 10
# Where a later frame shows something else than the first, its texture does not hide more than this, in 8-bit steps.
CALM = 2


class Mark:
    """Puts the same pattern on every frame, as the first frame that can be marked takes it.

    So what stands still from frame to frame stands still with the mark, too, and costs no byte more.
    frames: how many there are at most.
    """

    def __init__(self, plan: WatermarkPlan, *, frames: int = 1) -> None:
        self._plan = plan
        self._several = frames > 1
        self._tries = min(frames, TRIES)
        self._why: str | None = None
        self._first: Image.Image | None = None
        self._difference: Difference | None = None

    @property
    def hopeless(self) -> bool:
        """Whether no frame took it, and none that comes will."""
        return self._difference is None and not self._tries

    def put(self, picture: Image.Image, *, badge: Box | None = None) -> None:
        """Mark a picture, in place. Where that cannot be, it stays as it is, and the record tells why.

        badge: where a badge stands already.
        """
        if self._difference is None:
            if self._take(picture, badge):
                self._first = picture.copy() if self._several else None
                add(picture, self._rows)
        elif self._first is not None and (picture.size, picture.mode) == (self._first.size, self._first.mode):
            shown = picture.copy()
            add(picture, lambda top, bottom: self._calmed(shown, top, bottom))

    def put_deep(self, pixels: NDArray[np.uint16], *, badge: Box | None = None) -> None:
        """The same for 16-bit samples, (height, width, channels), of which 2 and 4 have alpha."""
        luma, visible = luma_of_deep(pixels)
        values = self._embedded(luma, visible)
        if values is not None:
            self._difference = Difference(values, pixels.shape[1], badge=badge)
            add_deep(pixels, self._rows)

    def record(self) -> WatermarkRecord:
        if self._difference is None:
            return WatermarkRecord(why=self._why or "there was no picture to carry one")
        return WatermarkRecord((PICTURE,), identifier=self._plan.payload.identifier)

    def _take(self, picture: Image.Image, badge: Box | None) -> bool:
        """Whether this picture takes the mark; from then on the difference is set."""
        if not self._tries:
            return False
        small, reduction = reduced(picture)
        luma = luma_of(small) if can_add(picture) else None
        if luma is not None:
            values = self._embedded(luma, visible_in(small))
            if values is not None:
                self._difference = Difference(values, picture.width, reduction, badge)
            return values is not None
        self._tries = 0
        self._why = no_shades(picture.mode) or (
            f"pictures of the kind {picture.mode} take none; convert it to grey or RGB with 8 bits per channel"
        )
        return False

    def _embedded(self, luma: NDArray[np.float32], visible: NDArray[np.bool_] | None) -> NDArray[np.float32] | None:
        from ...watermark.image import embed

        self._tries -= 1
        plan = self._plan
        try:
            return embed(luma, plan.payload, key=plan.key, strength=plan.strength, visible=visible)
        except Unmarkable as error:
            self._why = self._why or str(error).removeprefix("watermark: none, ")
            return None

    def _rows(self, top: int, bottom: int) -> NDArray[np.float32]:
        assert self._difference is not None
        return self._difference.rows(top, bottom)

    def _calmed(self, shown: Image.Image, top: int, bottom: int) -> NDArray[np.float32]:
        """The rows of the difference, held back where this frame is not as the first."""
        import numpy as np

        assert self._first is not None
        box = (0, top, shown.width, bottom)
        other = np.asarray(self._first.crop(box)) != np.asarray(shown.crop(box))
        if other.ndim == 3:
            other = other.any(axis=2)
        wanted = self._rows(top, bottom)
        return np.where(other, np.clip(wanted, -CALM, CALM), wanted)
