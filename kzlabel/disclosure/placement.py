"""Where a badge may stand in a picture: inside the crops that platforms make, off the edges, on the grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from .plan import Position

# Width over height of the centred crops that the badge should survive, in the order in which they are given up: the
# EU's code of practice on marking names 1:1, 4:5 and 9:16, and the narrowest costs a landscape picture most.
CROPS = (Fraction(9, 16), Fraction(4, 5), Fraction(1, 1))


@dataclass(frozen=True)
class Area:
    """Part of a picture, pixels; right and bottom are the first ones outside. given_up: crops that may cut it."""

    left: int
    top: int
    right: int
    bottom: int
    given_up: tuple[Fraction, ...] = ()


def areas(width: int, height: int, *, crop_safe: bool) -> Iterator[Area]:
    """The areas to try, the strictest first: inside all crops; without 9:16; without 4:5; the whole picture."""
    if crop_safe:
        for given_up in range(len(CROPS)):
            yield _inside(width, height, CROPS[given_up:], CROPS[:given_up])
        yield Area(0, 0, width, height, CROPS)
    else:
        yield Area(0, 0, width, height)


def place(
    width: int, height: int, area: Area, picture: tuple[int, int], position: Position, *, margin: int, grid: int
) -> tuple[int, int] | None:
    """Left and top of a badge of this size inside `area`, or None where it does not fit.

    It keeps `margin` pixels from the picture's edges, half of that from the edges of a crop.
    grid: left and top are multiples of it.
    """
    crop_margin = (margin + 1) // 2
    left = area.left + (crop_margin if area.left > 0 else margin)
    top = area.top + (crop_margin if area.top > 0 else margin)
    right = area.right - (crop_margin if area.right < picture[0] else margin) - width
    bottom = area.bottom - (crop_margin if area.bottom < picture[1] else margin) - height
    left, top = -(-left // grid) * grid, -(-top // grid) * grid
    right, bottom = right // grid * grid, bottom // grid * grid
    if right < left or bottom < top:
        return None
    if position in (Position.TOP_RIGHT, Position.BOTTOM_RIGHT):
        x = right
    elif position in (Position.TOP_LEFT, Position.BOTTOM_LEFT):
        x = left
    else:
        x = min(right, max(left, (picture[0] - width) // 2 // grid * grid))
    return x, top if is_top(position) else bottom


def is_top(position: Position) -> bool:
    return position in (Position.TOP_RIGHT, Position.TOP, Position.TOP_LEFT)


def _inside(width: int, height: int, crops: tuple[Fraction, ...], given_up: tuple[Fraction, ...]) -> Area:
    left, top, right, bottom = 0, 0, width, height
    for shape in crops:
        across, down = min(Fraction(width), height * shape), min(Fraction(height), width / shape)
        left, right = max(left, -int(-(width - across) / 2 // 1)), min(right, int((width + across) / 2 // 1))
        top, bottom = max(top, -int(-(height - down) / 2 // 1)), min(bottom, int((height + down) / 2 // 1))
    return Area(left, top, right, bottom, given_up)
