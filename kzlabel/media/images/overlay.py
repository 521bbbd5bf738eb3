"""What is laid over a picture in one go: the badge that people see, then the watermark that they do not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...disclosure.plan import DisclosureRecord
from ...watermark.detection import Unmarkable
from ...watermark.record import WatermarkRecord
from ..base import MediaInfo, RenderPlan
from .mark import Mark
from .stamp import Stamp

if TYPE_CHECKING:
    from PIL import Image


class Overlay:
    """Badge and watermark of one work, either of which may be missing: the badge first, the mark over the whole.

    opaque: as for Stamp. Raises RequirementNotMet when the picture is too small for a badge.
    """

    def __init__(self, info: MediaInfo, plan: RenderPlan, *, source: Path, opaque: bool = False) -> None:
        assert info.width
        assert info.height
        self._plan = plan
        self._stamp: Stamp | None = None
        if plan.disclosure:
            self._stamp = Stamp(
                info.width,
                info.height,
                plan.disclosure,
                source=source,
                orientation=info.detail["orientation"],
                opaque=opaque,
            )
        self._mark = Mark(plan.watermark, frames=info.frames or 1) if plan.watermark else None

    @property
    def stamp(self) -> Stamp | None:
        return self._stamp

    @property
    def mark(self) -> Mark | None:
        return self._mark

    def put(self, picture: Image.Image) -> Image.Image:
        """Draw on a picture, whose pixels are loaded. Returns it, or a converted copy (see `palette`).

        Raises Unmarkable where the watermark was all there is to do, and cannot be done.
        """
        picture = lay_over(picture, self._stamp, self._mark)
        self.insist()
        return picture

    def put_apart(self, picture: Image.Image) -> Image.Image:
        """The same for a picture beside the frames, with which it need have nothing in common."""
        return lay_over(picture, self._stamp, Mark(self._plan.watermark) if self._plan.watermark else None)

    def insist(self) -> None:
        """Raises Unmarkable where the watermark was all there is to do, and cannot be done."""
        if self._mark and self._mark.hopeless and not self._stamp:
            raise Unmarkable(self._mark.record().why)

    def disclosed(self) -> DisclosureRecord | None:
        return self._stamp.record() if self._stamp else None

    def marked(self) -> WatermarkRecord | None:
        return self._mark.record() if self._mark else None


def lay_over(picture: Image.Image, stamp: Stamp | None, mark: Mark | None) -> Image.Image:
    """Badge, then mark, then the badge's contrast as it stands."""
    if stamp:
        picture = stamp.draw(picture)
    if mark:
        mark.put(picture, badge=stamp.box if stamp else None)
    if stamp:
        stamp.look_at(picture)
    return picture
