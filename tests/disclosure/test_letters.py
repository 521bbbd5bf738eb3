from __future__ import annotations

from importlib import resources

import pytest
from PIL import Image, ImageFont

from kzlabel.declaration import Source
from kzlabel.disclosure.letters import _coverage, check_drawable, lettering
from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.disclosure.wording import languages, wording
from kzlabel.errors import UsageError


def test_the_fonts_draw_every_character_that_they_are_said_to_have():
    for file, ranges in _coverage():
        font = ImageFont.truetype(str(resources.files("kzlabel.disclosure") / "data" / file), 24)
        missing = bytes(font.getmask("\uffff"))
        for first, last in ranges:
            for point in range(first, last + 1):
                assert bytes(font.getmask(chr(point))) != missing, f"{file}: U+{point:04X}"


def test_kazakh_russian_and_the_signs_of_prices_can_be_drawn():
    check_drawable("ӘәҒғҚқҢңӨөҰұҮүҺһІі АЯаяЁё AZaz «» — № ₸ 0123456789")


def test_every_shipped_badge_can_be_drawn():
    for source in Source:
        for _, badge, short in wording(DisclosurePlan(source=source, languages=languages())):
            check_drawable(badge)
            check_drawable(short)


@pytest.mark.parametrize("text", ["한국어", "AI 🄰", "שלום"])
def test_a_character_that_the_fonts_lack_is_named_and_never_drawn(text: str):
    with pytest.raises(UsageError, match=r"U\+[0-9A-F]{4}"):
        lettering((text,), 20)


@pytest.mark.parametrize("height", [12, 13, 16, 31, 33, 91, 240])
def test_capitals_are_at_least_as_high_as_asked_and_hardly_higher(height: int):
    letters = lettering(("ЖИ арқылы", "AI-generated"), height)
    mask = Image.new("L", (40 * height, 4 * height))
    letters.draw(mask, height, 3 * height, "ЖИА")
    rows = [y for y in range(mask.height) if max(mask.crop((0, y, mask.width, y + 1)).get_flattened_data()) >= 128]
    measured = rows[-1] - rows[0] + 1
    assert height <= measured <= height * 1.1 + 1
    assert letters.height <= measured


def test_ideographs_count_like_capitals():
    assert lettering(("AI生成",), 50).height >= 50
