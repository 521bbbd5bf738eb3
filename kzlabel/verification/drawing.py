"""A drawing of where a copy lies in the frame of the registered work, and of what in it disagrees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .elements import Markup, element

WIDTH = 320.0  # of the registered work, in units of the drawing
MARGIN = 24.0  # around it: a copy may reach beyond
MOST_CELLS = 2_000
_FARTHEST = 3.0  # times the frame's size that a corner may lie outside


def drawing(place: Mapping[str, Any]) -> Markup | None:
    """SVG of a candidate's `place`; None where it tells of no picture.

    aspect: width over height of the registered work. corners: four points [x, y] of the copy, disagreeing: rectangles
    [x, y, width, height], all in parts of the registered work's sides.
    """
    aspect = place.get("aspect")
    corners = [point for point in _lists(place.get("corners"), 2) if max(map(abs, point)) <= _FARTHEST]
    if not isinstance(aspect, int | float) or not 0.02 < aspect < 50 or len(corners) != 4:
        return None
    height = WIDTH / aspect
    cells = [cell for cell in _lists(place.get("disagreeing"), 4) if max(map(abs, cell)) <= _FARTHEST][:MOST_CELLS]
    points = " ".join(f"{x * WIDTH:.1f},{y * height:.1f}" for x, y in corners)
    reach = [(x * WIDTH, y * height) for x, y in corners]
    left = min(0.0, *(x for x, _ in reach)) - MARGIN
    top = min(0.0, *(y for _, y in reach)) - MARGIN
    right = max(WIDTH, *(x for x, _ in reach)) + MARGIN
    bottom = max(height, *(y for _, y in reach)) + MARGIN
    return element(
        "svg",
        element("rect", x="0", y="0", width=f"{WIDTH:.1f}", height=f"{height:.1f}", class_="frame"),
        element("polygon", points=points, class_="copy"),
        *(
            element(
                "rect",
                x=f"{x * WIDTH:.1f}",
                y=f"{y * height:.1f}",
                width=f"{max(w, 0) * WIDTH:.1f}",
                height=f"{max(h, 0) * height:.1f}",
                class_="differs",
            )
            for x, y, w, h in cells
        ),
        viewBox=f"{left:.1f} {top:.1f} {right - left:.1f} {bottom - top:.1f}",
        role="img",
        aria_label=_told(len(cells)),
        class_="place",
    )


def _told(cells: int) -> str:
    differing = {0: "no area disagrees", 1: "one area disagrees"}.get(cells, f"{cells} areas disagree")
    return f"Where this copy lies in the frame of the registered work; {differing}"


def _lists(values: Any, length: int) -> Iterator[Sequence[float]]:
    for value in values if isinstance(values, list | tuple) else ():
        if isinstance(value, list | tuple) and len(value) == length and all(_is_number(number) for number in value):
            yield value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
