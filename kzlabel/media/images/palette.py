"""The badge on a picture of at most 256 colours: with free entries of its palette, else on a picture without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...disclosure.badge import INK, PLATE

if TYPE_CHECKING:
    from PIL import Image


def put_on_palette(
    picture: Image.Image, box: tuple[int, int, int, int], plate: Image.Image, ink: Image.Image
) -> Image.Image:
    """Draw the badge into a picture of mode P; every other pixel keeps its index, every used index its colour.

    plate: mask of 0 and 255. ink: mask of few levels. Returns a picture of mode P, or, when too few entries are free,
    the picture converted to RGB or RGBA without the badge.
    """
    levels = [value for value, count in enumerate(ink.histogram()) if count]
    colours = list(picture.getpalette("RGB") or [])
    free = _free_entries(picture, len(colours) // 3)
    if picture.palette is None or picture.palette.mode != "RGB" or len(free) < len(levels):
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    indices = dict(zip(levels, free, strict=False))
    for level, index in indices.items():
        colours += [0] * (3 * index + 3 - len(colours))
        colours[3 * index : 3 * index + 3] = shade(level)
    region = picture.crop(box)
    region.paste(_as_indices(ink, indices), (0, 0), plate)
    picture.paste(region, box)
    picture.putpalette(colours, "RGB")
    alphas = picture.info.get("transparency")
    if isinstance(alphas, bytes):
        picture.info["transparency"] = bytes(
            255 if index in indices.values() else alpha for index, alpha in enumerate(alphas)
        )
    return picture


def shade(level: int) -> tuple[int, int, int]:
    """The colour of the badge where the ink covers `level` / 255 of the plate."""
    red, green, blue = ((p * (255 - level) + i * level + 127) // 255 for p, i in zip(PLATE, INK, strict=True))
    return red, green, blue


def _free_entries(picture: Image.Image, size: int) -> list[int]:
    """Indices that no pixel uses; those behind the palette's end first, so that its own entries stay what they are."""
    clear = picture.info.get("transparency")
    free = [index for index, count in enumerate(picture.histogram()) if not count and index != clear]
    return [index for index in free if index >= size] + [index for index in free if index < size]


def _as_indices(ink: Image.Image, indices: dict[int, int]) -> Image.Image:
    from PIL import Image

    table = [indices.get(level, 0) for level in range(256)]
    return Image.frombytes("P", ink.size, ink.point(table).tobytes())
