"""Puts the badge onto pictures of any mode and orientation, touching no pixel outside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...disclosure import badge
from ...disclosure.contrast import LEAST
from ...disclosure.plan import DisclosurePlan, DisclosureRecord
from ...errors import InternalError, RequirementNotMet, UnsupportedFormat
from .palette import put_on_palette

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_GREY = 20  # the plate's luma
# Mode of Pillow -> colours of plate and ink.
_PAINTS: dict[str, tuple[Any, Any]] = {
    "RGB": (badge.PLATE, badge.INK),
    "RGBX": ((*badge.PLATE, 255), (*badge.INK, 255)),
    "RGBA": ((*badge.PLATE, 255), (*badge.INK, 255)),
    "L": (_GREY, 255),
    "LA": ((_GREY, 255), (255, 255)),
    "CMYK": ((0, 0, 0, 255 - _GREY), (0, 0, 0, 0)),
    "YCbCr": ((_GREY, 128, 128), (255, 128, 128)),
}
_DEEP = ("I;16", "I;16L", "I;16N")
# The badge must be drawn turned back so that it is upright once a viewer has obeyed the EXIF orientation.
TURNED_BACK = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_90",
    7: "TRANSVERSE",
    8: "ROTATE_270",
}
_STEP = 51  # ink comes in six shades where colours are scarce


class Stamp:
    """The badge for pictures of one size.

    width, height: as displayed. orientation: EXIF, 1..8. opaque: nothing shines through, as transparency and
    animations need it. few: hard edges and six shades, for palettes. `box` is in stored pixels.
    Raises RequirementNotMet when the picture is too small.
    """

    def __init__(
        self,
        width: int,
        height: int,
        plan: DisclosurePlan,
        *,
        source: Path,
        orientation: int = 1,
        opaque: bool = False,
        few: bool = False,
    ) -> None:
        try:
            self.layout = badge.lay_out(width, height, plan)
        except RequirementNotMet as error:
            raise RequirementNotMet(f"{source.name}: {error}") from None
        self.contrast = 21.0
        self._source = source
        self._orientation = orientation
        self._plan = plan
        self._opaque = opaque or few
        self.box = stored_box(self.layout.box, width, height, orientation)
        self.plate, self.ink = badge.masks(self.layout, opaque=opaque or few)
        if orientation in TURNED_BACK:
            from PIL import Image

            turn = Image.Transpose[TURNED_BACK[orientation]]
            self.plate, self.ink = self.plate.transpose(turn), self.ink.transpose(turn)
        if few:
            self.plate = self.plate.point(lambda value: 255 if value >= 128 else 0)
            self.ink = self.ink.point(lambda value: (value + _STEP // 2) // _STEP * _STEP)
        self._masks = self.plate, self.ink  # those that were drawn last

    def put(self, picture: Image.Image) -> Image.Image:
        """`draw`, then `look_at`: for pictures on which nothing else is laid."""
        picture = self.draw(picture)
        self.look_at(picture)
        return picture

    def draw(self, picture: Image.Image) -> Image.Image:
        """Draw the badge into `picture`, whose pixels are loaded. Returns it, or a converted copy (see `palette`)."""
        self._masks = self.plate, self.ink
        if picture.mode == "P":
            few = self._sibling(few=True)
            picture = put_on_palette(picture, few.box, few.plate, few.ink)
            if picture.mode == "P":
                self._masks = few.plate, few.ink
                return picture
        if picture.mode in ("RGBA", "LA") and not self._opaque:
            opaque = self._sibling()
            self._masks = opaque.plate, opaque.ink
        self._paint(picture, *self._masks)
        return picture

    def look_at(self, picture: Image.Image) -> None:
        """Take note of the badge's contrast in a picture on which it was drawn, as it is now."""
        self.measure(picture.crop(self.box))

    def measure(self, region: Image.Image) -> None:
        """Take note of the contrast in `region`, the badge as it stands in the picture it was drawn on last."""
        seen = _eight_bits(region) if region.mode in _DEEP else region.convert("RGBA" if region.mode == "P" else "RGB")
        self.contrast = min(self.contrast, badge.contrast_in(seen, *self._masks))
        if self.contrast < LEAST:
            raise InternalError(f"{self._source.name}: the badge's contrast is {self.contrast:.2f}, below {LEAST}")

    def record(self) -> DisclosureRecord:
        """What was drawn; contrast is the least over all pictures that were looked at."""
        return badge.record(self.layout, self.contrast)

    def _paint(self, picture: Image.Image, plate: Image.Image, ink: Image.Image) -> None:
        region = picture.crop(self.box)
        if picture.mode == "1":
            region.paste(0, (0, 0), plate.point(lambda value: 255 if value >= 128 else 0))
            region.paste(255, (0, 0), ink.point(lambda value: 255 if value >= badge.SEPARATOR_OPACITY else 0))
        elif picture.mode in _DEEP:
            region = _paint_deep(region, plate, ink)
        elif picture.mode in _PAINTS:
            plate_paint, ink_paint = _PAINTS[picture.mode]
            region.paste(plate_paint, (0, 0), plate)
            region.paste(ink_paint, (0, 0), ink)
        else:
            raise UnsupportedFormat(
                f"{self._source.name}: pictures of the kind {picture.mode} cannot be labelled yet; "
                "convert it to 8 bits per channel, RGB or grey"
            )
        picture.paste(region, self.box)

    def _sibling(self, *, few: bool = False) -> Stamp:
        size = self.layout.picture_width, self.layout.picture_height
        return Stamp(*size, self._plan, source=self._source, orientation=self._orientation, opaque=True, few=few)


def stored_box(box: tuple[int, int, int, int], width: int, height: int, orientation: int) -> tuple[int, int, int, int]:
    """Where a box of the displayed picture (of this width and height) lies in the stored pixels."""
    left, top, right, bottom = box
    across, down = (left, right), (top, bottom)
    if orientation in (2, 3, 6, 7):
        across = (width - right, width - left)
    if orientation in (3, 4, 7, 8):
        down = (height - bottom, height - top)
    if orientation >= 5:
        across, down = down, across
    return across[0], down[0], across[1], down[1]


def _paint_deep(region: Image.Image, plate: Image.Image, ink: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    return Image.fromarray(blend(np.asarray(region, dtype=np.uint16)[..., None], plate, ink)[..., 0])


def blend(samples: np.ndarray[Any, np.dtype[np.uint16]], plate: Image.Image, ink: Image.Image) -> Any:
    """The badge over 16-bit samples, (height, width, channels) of the badge's size; returns a new array."""
    import numpy as np

    values = samples.astype(np.float64)
    for mask, paint in ((plate, _GREY * 257), (ink, 65535)):
        cover = np.asarray(mask, dtype=np.float64)[..., None] / 255
        values = values * (1 - cover) + paint * cover
    return np.rint(values).astype(np.uint16)


def _eight_bits(region: Image.Image) -> Image.Image:
    import numpy as np
    from PIL import Image

    return Image.fromarray((np.asarray(region) >> 8).astype(np.uint8)).convert("RGB")
