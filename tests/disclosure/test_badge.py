from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kzlabel.declaration import Source
from kzlabel.disclosure.badge import INK, PLATE, Layout, contrast_in, draw, lay_out, least_height, masks, record
from kzlabel.disclosure.contrast import LEAST, ratio
from kzlabel.disclosure.plan import DisclosurePlan, Form, Position
from kzlabel.errors import RequirementNotMet, UsageError

KZ = DisclosurePlan()
CN = DisclosurePlan(languages=("zh",), glyph_share=0.05, crop_safe=False)
USUAL = [(1920, 1080), (1080, 1350), (1080, 1920), (1024, 1024), (1080, 1080), (4032, 3024), (512, 512), (1280, 720)]


def ink_rows(layout: Layout, word: int) -> int:
    """Height in pixels of the first letter of a word, as drawn: an own measurement on the badge's pixels."""
    pixels = np.asarray(draw(replace(layout, words=(layout.words[word],), separators=()), opaque=True).convert("L"))
    columns = (pixels >= 137).any(axis=0)  # half-way between plate and ink
    start = int(np.argmax(columns))
    stop = start + int(np.argmin(columns[start:]))
    rows = np.flatnonzero((pixels[:, start:stop] >= 137).any(axis=1))
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("size", USUAL, ids=str)
@pytest.mark.parametrize("source", Source)
def test_a_usual_picture_bears_the_full_wording_of_three_languages_on_8_percent(size: tuple[int, int], source: Source):
    layout = lay_out(*size, replace(KZ, source=source))
    assert layout.form is Form.BADGE
    assert layout.languages == ("kk", "ru", "en")
    assert not layout.short
    assert layout.width * layout.height <= 0.08 * size[0] * size[1]


@pytest.mark.parametrize("plan", [KZ, CN, replace(KZ, size=1.7)], ids=["kz", "cn", "larger"])
@pytest.mark.parametrize("size", [*USUAL, (256, 256), (8000, 600), (8000, 6000), (600, 8000)], ids=str)
def test_capitals_as_drawn_are_as_high_as_the_profile_says(size: tuple[int, int], plan: DisclosurePlan):
    layout = lay_out(*size, plan)
    least = max(plan.glyph_share * min(size), plan.glyph_pixels) * plan.size
    assert least_height(*size, plan) >= least
    for word in range(len(layout.words)):
        assert ink_rows(layout, word) >= least


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1350), (1080, 1920), (1024, 1024), (8000, 600)], ids=str)
def test_the_badge_is_whole_in_all_three_crops(size: tuple[int, int]):
    width, height = size
    layout = lay_out(width, height, KZ)
    assert not layout.notes
    for shape in (9 / 16, 4 / 5, 1):
        across, down = min(width, height * shape), min(height, width / shape)
        assert layout.x >= (width - across) / 2
        assert layout.x + layout.width <= (width + across) / 2
        assert layout.y >= (height - down) / 2
        assert layout.y + layout.height <= (height + down) / 2


def test_the_narrowest_crop_is_given_up_first_and_said():
    layout = lay_out(1920, 1080, replace(KZ, size=1.6))
    assert layout.notes == ("the badge does not fit the centred crop 9:16, which may cut it",)
    assert layout.x >= (1920 - 1080 * 4 / 5) / 2


def test_one_line_is_taken_where_it_fits():
    layout = lay_out(1920, 1080, replace(KZ, crop_safe=False))
    assert len({word.baseline for word in layout.words}) == 1
    assert layout.x + layout.width == 1920 - least_height(1920, 1080, KZ)


@pytest.mark.parametrize("position", Position)
def test_the_badge_stands_where_it_is_asked_for(position: Position):
    layout = lay_out(1600, 1200, replace(KZ, position=position, crop_safe=False, languages=("en",)))
    middle, height = layout.x + layout.width / 2, layout.y + layout.height / 2
    assert (height < 600) == position.value.startswith("top")
    if position.value.endswith("left"):
        assert layout.x == 36
    elif position.value.endswith("right"):
        assert layout.x + layout.width == 1600 - 36
    else:
        assert middle == pytest.approx(800, abs=1)


def test_a_small_picture_gets_the_short_wording_then_fewer_languages_then_a_strip_then_none():
    small, smaller, tiny = lay_out(256, 256, KZ), lay_out(100, 100, KZ), lay_out(48, 48, KZ)
    assert [word.text for word in small.words] == ["ЖИ", "ИИ", "AI"]
    assert smaller.short
    assert smaller.languages == ("kk", "ru")
    assert tiny.form is Form.BORDER
    assert (tiny.x, tiny.y, tiny.width) == (0, 0, 48)
    assert tiny.languages == ("kk",)
    with pytest.raises(RequirementNotMet, match="10 x 10"):
        lay_out(10, 10, KZ)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 9000),
    height=st.integers(1, 9000),
    position=st.sampled_from(Position),
    grid=st.sampled_from([1, 2]),
    share=st.sampled_from([0.03, 0.05]),
    crop_safe=st.booleans(),
)
def test_the_badge_is_never_clipped(
    width: int, height: int, position: Position, grid: int, share: float, crop_safe: bool
):
    plan = DisclosurePlan(position=position, glyph_share=share, crop_safe=crop_safe)
    try:
        layout = lay_out(width, height, plan, grid=grid)
    except RequirementNotMet:
        assert min(width, height) < 64
        return
    assert layout.x >= 0
    assert layout.y >= 0
    assert layout.x + layout.width <= width
    assert layout.y + layout.height <= height
    assert all(value % grid == 0 for value in (layout.x, layout.y, layout.width, layout.height))
    assert layout.letters.height >= least_height(width, height, plan)
    for word in layout.words:
        left, top, right, bottom = layout.letters.extent(word.text)
        assert word.x + left >= 0
        assert word.x + right <= layout.width
        assert word.baseline + top >= 0
        assert word.baseline + bottom <= layout.height


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (255, 255, 0), (128, 128, 128), (0, 255, 255)])
def test_contrast_holds_on_any_ground(colour: tuple[int, int, int]):
    layout = lay_out(640, 480, KZ)
    plate, ink = masks(layout)
    region = Image.new("RGB", (layout.width, layout.height), colour)
    region.paste(PLATE, (0, 0), plate)
    region.paste(INK, (0, 0), ink)
    measured = contrast_in(region, plate, ink)
    spot = region.getpixel((layout.width // 2, 3))
    assert isinstance(spot, tuple)
    assert LEAST <= measured <= ratio((255, 255, 255), (spot[0], spot[1], spot[2])) + 0.01


def test_the_drawn_badge_is_plate_and_ink_with_round_corners():
    layout = lay_out(1000, 800, KZ)
    badge = draw(layout, opaque=True)
    assert badge.size == (layout.width, layout.height)
    assert badge.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert badge.getpixel((layout.width // 2, 2)) == (*PLATE, 255)
    assert draw(layout).getpixel((layout.width // 2, 2))[3] < 255  # type: ignore[index]
    assert (np.asarray(badge)[:, :, 0] == 255).any()


def test_the_record_tells_where_what_and_how_high():
    layout = lay_out(1920, 1080, KZ)
    told = record(layout, 9.876).to_json()
    assert told["wording"] == ["ЖИ арқылы жасалған", "Создано ИИ", "AI-generated"]
    assert told["region"]["pictureWidth"] == 1920
    assert told["glyphHeight"] >= 33
    assert told["contrast"] == 9.88
    assert told["place"] == "top-right"


def test_own_texts_that_the_font_lacks_are_refused():
    with pytest.raises(UsageError, match=r"U\+D55C"):
        lay_out(800, 600, replace(KZ, languages=("ko",), texts={"ko": "한국어"}))


def test_an_own_text_too_long_for_the_picture_falls_back_to_the_short_one():
    layout = lay_out(400, 300, replace(KZ, languages=("en",), texts={"en": "This picture was made by a machine, " * 5}))
    assert [word.text for word in layout.words] == ["AI"]


@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 1), (20, 20)], ids=str)
def test_a_picture_too_small_for_anything_is_refused_with_its_size(size: tuple[int, int]):
    with pytest.raises(RequirementNotMet, match=f"{size[0]} x {size[1]} pixels"):
        lay_out(*size, KZ)
