"""The badge as it must lie in the stored picture: turned, stretched and lit like the film itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...disclosure.plan import DisclosurePlan, DisclosureRecord
from ..programs.probe import Stream
from .boxes import Matrix

if TYPE_CHECKING:
    from PIL.Image import Image

    from ...disclosure import badge

# ITU-R BT.2408-7, 2.2: graphics white is 203 cd/m2, that is 58 % of the PQ signal and 75 % of the HLG signal.
PQ_WHITE = 0.58
HLG_WHITE = 0.75


@dataclass(frozen=True)
class Stamp:
    """A picture to be laid over each frame. x, y: of its top left corner, in stored samples."""

    picture: Image
    x: int
    y: int
    record: DisclosureRecord


def display_size(stream: Stream, matrix: Matrix) -> tuple[int, int]:
    """Width and height in pixels as a player shows the film: stretched to square pixels, and turned."""
    width = max(1, round(stream.width * stream.sar))
    return (stream.height, width) if matrix[0] == 0 else (width, stream.height)


def stamp(stream: Stream, matrix: Matrix, plan: DisclosurePlan) -> Stamp:
    """Draw the badge for one film. Raises RequirementNotMet when the film is too small for it."""
    from ...disclosure import badge

    width, height = display_size(stream, matrix)
    # Chroma samples cover two pixels, and four lines where fields are interlaced.
    layout = badge.lay_out(width, height, plan, grid=4 if "first" in stream.field_order else 2)
    picture = badge.draw(layout)
    record = badge.record(layout, _worst_contrast(layout, picture))
    return _laid(_lit(picture, stream.transfer), layout.x, layout.y, stream, matrix, record)


def _worst_contrast(layout: badge.Layout, picture: Image) -> float:
    """Contrast over a white frame: the plate lets some of it through, so that no frame can make it less."""
    from PIL import Image

    from ...disclosure import badge

    ground = Image.new("RGBA", picture.size, "white")
    return badge.contrast_in(Image.alpha_composite(ground, picture).convert("RGB"), *badge.masks(layout))


def _laid(picture: Image, x: int, y: int, stream: Stream, matrix: Matrix, record: DisclosureRecord) -> Stamp:
    """Carry a picture at (x, y) of the display into stored samples: the display matrix undone."""
    from PIL import Image

    shown_width, shown_height = display_size(stream, matrix)
    left, top, right, bottom = x, y, x + picture.width, y + picture.height
    a, b, c, d = matrix
    if a == 0:  # undo a quarter turn: exchange the axes, then it is upright up to mirroring
        picture = picture.transpose(Image.Transpose.TRANSPOSE)
        left, top, right, bottom = top, left, bottom, right
        shown_width, shown_height = shown_height, shown_width
        a, d = b, c
    if a < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        left, right = shown_width - right, shown_width - left
    if d < 0:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        top, bottom = shown_height - bottom, shown_height - top
    if stream.sar != 1:
        width = max(2, round(picture.width / stream.sar))
        picture = picture.resize((width, picture.height), Image.Resampling.LANCZOS)
        left = min(round(left / stream.sar), stream.width - width)
    return Stamp(picture, left - left % 2, top - top % 2, record)


def _lit(picture: Image, transfer: str) -> Image:
    """Bring the badge's white to the level of graphics white in high dynamic range."""
    white = {"smpte2084": PQ_WHITE, "arib-std-b67": HLG_WHITE}.get(transfer)
    if white is None:
        return picture
    table = [round(level * white) for level in range(256)]
    return picture.point(table * 3 + list(range(256)))
