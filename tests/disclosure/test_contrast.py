from __future__ import annotations

import pytest
from PIL import Image

from kzlabel.disclosure.contrast import luminance, measured, ratio


def test_black_on_white_is_21_and_equal_colours_1():
    assert ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert ratio((9, 99, 200), (9, 99, 200)) == 1


def test_the_grey_that_just_passes_on_white_is_where_wcag_says():
    assert ratio((0x76, 0x76, 0x76), (255, 255, 255)) >= 4.5 > ratio((0x77, 0x77, 0x77), (255, 255, 255))
    assert luminance((255, 0, 0)) == pytest.approx(0.2126)


def test_the_worst_pixel_of_the_ground_counts():
    region = Image.new("RGB", (4, 1), (0, 0, 0))
    region.putpixel((1, 0), (0x76, 0x76, 0x76))
    region.putpixel((3, 0), (255, 255, 255))
    ground, ink = Image.new("L", (4, 1), 255), Image.new("L", (4, 1), 0)
    ground.putpixel((3, 0), 0)
    ink.putpixel((3, 0), 255)
    assert measured(region, ground, ink) == pytest.approx(4.54, abs=0.01)


def test_light_ground_under_light_ink_has_no_contrast():
    region = Image.new("RGB", (2, 1), (255, 255, 255))
    mask = Image.new("L", (2, 1), 255)
    assert measured(region, mask, mask) == 1.0
