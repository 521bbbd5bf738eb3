"""For formats whose frames are written one by one: where a frame differs from the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[int, int, int, int]


def changed(before: Image.Image | None, after: Image.Image, *, grid: int = 1) -> Box:
    """The smallest box that holds every pixel in which two frames of one size and mode differ; never empty.

    grid: left and top are multiples of it.
    """
    from PIL import ImageChops

    if before is None:
        return (0, 0, *after.size)
    box = ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)
    return box[0] // grid * grid, box[1] // grid * grid, box[2], box[3]
