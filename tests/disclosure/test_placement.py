from __future__ import annotations

import pytest

from kzlabel.disclosure.placement import CROPS, Area, areas, place
from kzlabel.disclosure.plan import Position


def test_the_strictest_area_is_inside_every_crop_of_a_landscape_picture():
    first, *others = areas(1920, 1080, crop_safe=True)
    assert (first.left, first.right) == (657, 1263)  # 607.5 pixels of 9:16, rounded inwards
    assert (first.top, first.bottom) == (0, 1080)
    assert [area.given_up for area in others] == [CROPS[:1], CROPS[:2], CROPS]
    assert others[-1] == Area(0, 0, 1920, 1080, CROPS)


def test_a_portrait_picture_loses_top_and_bottom_to_the_square():
    first = next(iter(areas(1080, 1920, crop_safe=True)))
    assert (first.left, first.right, first.top, first.bottom) == (0, 1080, 420, 1500)


def test_without_crops_the_whole_picture_is_free():
    assert list(areas(300, 200, crop_safe=False)) == [Area(0, 0, 300, 200)]


def test_margins_are_whole_at_the_picture_s_edge_and_half_at_a_crop_s():
    inside = Area(100, 0, 200, 150)
    assert place(40, 20, inside, (300, 150), Position.TOP_RIGHT, margin=10, grid=1) == (200 - 5 - 40, 10)
    assert place(40, 20, inside, (300, 150), Position.BOTTOM_LEFT, margin=10, grid=1) == (105, 150 - 10 - 20)


@pytest.mark.parametrize("size", [(95, 20), (40, 145)])
def test_what_does_not_fit_has_no_place(size: tuple[int, int]):
    assert place(*size, Area(100, 0, 200, 150), (300, 150), Position.TOP, margin=10, grid=1) is None


def test_the_grid_is_kept_without_leaving_the_area():
    spot = place(40, 20, Area(1, 1, 51, 41), (100, 100), Position.TOP_LEFT, margin=2, grid=4)
    assert spot == (4, 4)
    assert place(46, 20, Area(1, 1, 51, 41), (100, 100), Position.TOP_LEFT, margin=2, grid=4) == (4, 4)
    assert place(47, 20, Area(1, 1, 51, 41), (100, 100), Position.TOP_LEFT, margin=2, grid=4) is None
