"""The badge: white words on a dark plate, laid out for a picture's size, drawn, and recorded. Knows no file format.

What is tried, in this order; the first that fits is taken:

1. the full wording of all languages, in one line, then in two, then one below the other;
2. the short wording of all languages (ЖИ · ИИ · AI);
3. the short wording of fewer languages, those asked for first being kept longest;
4. a strip of the picture's full width along its edge, with as much of the above as it can bear;
5. RequirementNotMet.

Each is tried inside the centred 9:16, 4:5 and 1:1 crops together, then without 9:16, then without 4:5, then anywhere.
It fits when no letter falls below the height asked for, nothing is clipped, the margins hold and the badge covers no
more than its share of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from ..errors import RequirementNotMet
from .contrast import Colour, measured
from .letters import Lettering, lettering
from .placement import Area, areas, is_top, place
from .plan import DisclosurePlan, DisclosureRecord, Form, Region
from .wording import wording

if TYPE_CHECKING:
    from PIL import Image

INK: Colour = (255, 255, 255)
PLATE: Colour = (18, 20, 24)
# Over a white picture the plate becomes (67, 69, 72), on which white letters still have a contrast of 9.6.
PLATE_OPACITY = 204
SEPARATOR_OPACITY = 110

# All lengths are in heights of the capitals, so that the badge looks the same at every size.
PADDING_X = 0.62
PADDING_Y = 0.52
LINE_GAP = 0.54
SEPARATOR_GAP = 0.6
SEPARATOR_WIDTH = 0.08
RADIUS = 0.5
MARGIN = 1.0
TIGHT_MARGIN = 0.5
STRIP_PADDING = 0.25
# What may stand above the capitals or below the baseline before the plate has to grow: accents, descenders.
OVERSHOOT = 0.34

# The full wording may cover 8 % of the picture at letters of 3 %, and proportionally more where higher ones are asked
# for; the short one a quarter; a strip half. More would be a picture of a label.
FULL_SHARE = 0.08
FULL_SHARE_GLYPH = 0.03
SHORT_SHARE = 0.25
STRIP_SHARE = 0.5


@dataclass(frozen=True)
class Word:
    """One text of the badge. x, baseline: where the pen starts, pixels from the badge's left and top."""

    text: str
    x: int
    baseline: int


@dataclass(frozen=True)
class Layout:
    """A badge laid out, pixels of the picture as displayed; nothing drawn yet.

    words, separators (left, top, right, bottom): relative to the badge's own corner. radius: of the plate's corners.
    languages, short, notes: as in DisclosureRecord. letters.height: of the lowest capital, measured.
    """

    x: int
    y: int
    width: int
    height: int
    picture_width: int
    picture_height: int
    plan: DisclosurePlan
    form: Form
    letters: Lettering
    words: tuple[Word, ...]
    separators: tuple[tuple[int, int, int, int], ...]
    radius: int
    languages: tuple[str, ...]
    short: bool
    notes: tuple[str, ...]

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.x, self.y, self.x + self.width, self.y + self.height


def least_height(width: int, height: int, plan: DisclosurePlan) -> int:
    """Pixels that the capitals must have at least in a picture of this size."""
    return math.ceil(max(plan.glyph_share * min(width, height), plan.glyph_pixels) * plan.size - 1e-9)


def lay_out(width: int, height: int, plan: DisclosurePlan, *, grid: int = 1) -> Layout:
    """The badge for a picture of this size, as displayed.

    grid: place and size are multiples of it (2 for films, whose colour planes are halved).
    Raises RequirementNotMet when not even one short word fits, UsageError for wording that cannot be drawn.
    """
    cap = least_height(width, height, plan)
    entries = wording(plan)
    for choice in _choices(entries):
        letters = lettering(choice.texts, cap)
        budget = _share(plan, choice.short) * width * height
        blocks = [block for block in _blocks(choice.texts, letters, plan, grid) if block.width * block.height <= budget]
        for area in areas(width, height, crop_safe=plan.crop_safe):
            for margin in (MARGIN, TIGHT_MARGIN):
                for block in blocks:
                    spot = place(
                        block.width,
                        block.height,
                        area,
                        (width, height),
                        plan.position,
                        margin=math.ceil(cap * margin),
                        grid=grid,
                    )
                    if spot:
                        notes = _notes(choice, len(entries), area, width, height)
                        return _layout(block, spot, (width, height), plan, letters, choice, notes)
    return _strip(width, height, plan, grid, cap, entries)


def masks(layout: Layout, *, opaque: bool = False) -> tuple[Image.Image, Image.Image]:
    """Plate and ink as two masks (mode L, the badge's size): paste PLATE through the first, INK through the second.

    opaque: the plate lets nothing through, for pictures with transparency or few colours.
    """
    from PIL import Image

    plate = Image.new("L", (layout.width, layout.height), 255 if opaque else PLATE_OPACITY)
    if layout.radius:
        _round_off(plate, layout.radius)
    ink = Image.new("L", (layout.width, layout.height))
    for box in layout.separators:
        ink.paste(SEPARATOR_OPACITY, box)
    for word in layout.words:
        layout.letters.draw(ink, word.x, word.baseline, word.text)
    return plate, ink


def draw(layout: Layout, *, opaque: bool = False) -> Image.Image:
    """The badge as an RGBA picture of the layout's width and height."""
    from PIL import Image

    plate, ink = masks(layout, opaque=opaque)
    badge = Image.new("RGBA", plate.size, PLATE)
    badge.putalpha(plate)
    letters = Image.new("RGBA", plate.size, INK)
    letters.putalpha(ink)
    return Image.alpha_composite(badge, letters)


def contrast_in(region: Image.Image, plate: Image.Image, ink: Image.Image) -> float:
    """The least contrast in `region`, which is the picture under the badge once it is drawn; see `masks`."""
    from PIL import ImageChops

    full = max(value for value, count in enumerate(plate.histogram()) if count)
    bare = ink.point(lambda value: 255 if value == 0 else 0)
    ground = ImageChops.darker(bare, plate.point(lambda value: 255 if value == full else 0))
    return measured(region, ground, ink.point(lambda value: 255 if value == 255 else 0))


def record(layout: Layout, contrast: float) -> DisclosureRecord:
    """What goes into the manifest. contrast: as `contrast_in` found it."""
    top = is_top(layout.plan.position)
    return DisclosureRecord(
        form=layout.form,
        source=layout.plan.source,
        languages=layout.languages,
        wording=tuple(word.text for word in layout.words),
        place=str(layout.plan.position) if layout.form is Form.BADGE else "top" if top else "bottom",
        region=Region(layout.x, layout.y, layout.width, layout.height, layout.picture_width, layout.picture_height),
        glyph_height=layout.letters.height,
        contrast=contrast,
        short=layout.short,
        notes=layout.notes,
    )


@dataclass(frozen=True)
class _Choice:
    """Which words to try."""

    languages: tuple[str, ...]
    texts: tuple[str, ...]
    short: bool


@dataclass(frozen=True)
class _Block:
    """Words put together, without a place yet."""

    width: int
    height: int
    words: tuple[Word, ...]
    separators: tuple[tuple[int, int, int, int], ...]
    radius: int


def _choices(entries: Sequence[tuple[str, str, str]]) -> Iterator[_Choice]:
    languages, full, short = (tuple(column) for column in zip(*entries, strict=True))
    yield _Choice(languages, full, False)
    for count in range(len(entries), 0, -1):
        yield _Choice(languages[:count], short[:count], True)


def _share(plan: DisclosurePlan, short: bool) -> float:
    if short:
        return SHORT_SHARE
    asked = max(1.0, plan.size * max(1.0, plan.glyph_share / FULL_SHARE_GLYPH))
    return min(FULL_SHARE * asked * asked, SHORT_SHARE)


def _notes(choice: _Choice, asked: int, area: Area, width: int, height: int) -> tuple[str, ...]:
    notes = []
    if choice.short:
        what = "was taken" if len(choice.languages) == asked else f"of {', '.join(choice.languages)} only was taken"
        notes.append(f"the full wording does not fit a picture of {width} x {height} pixels; the short one {what}")
    if area.given_up:
        names = ", ".join(f"{shape.numerator}:{shape.denominator}" for shape in area.given_up)
        notes.append(f"the badge does not fit the centred crop {names}, which may cut it")
    return tuple(notes)


def _layout(
    block: _Block,
    spot: tuple[int, int],
    picture: tuple[int, int],
    plan: DisclosurePlan,
    letters: Lettering,
    choice: _Choice,
    notes: tuple[str, ...],
    form: Form = Form.BADGE,
) -> Layout:
    return Layout(
        *spot,
        block.width,
        block.height,
        *picture,
        plan=plan,
        form=form,
        letters=letters,
        words=block.words,
        separators=block.separators,
        radius=block.radius,
        languages=choice.languages,
        short=choice.short,
        notes=notes,
    )


def _blocks(texts: tuple[str, ...], letters: Lettering, plan: DisclosurePlan, grid: int) -> Iterator[_Block]:
    """One line, two lines (the most even split first), … one word a line."""
    for lines in range(1, len(texts) + 1):
        blocks = []
        for cuts in combinations(range(1, len(texts)), lines - 1):
            ends = (0, *cuts, len(texts))
            rows = [texts[a:b] for a, b in pairwise(ends)]
            blocks.append(_stack(rows, letters, grid))
        yield from sorted(blocks, key=lambda block: block.width)


def _stack(rows: Sequence[tuple[str, ...]], letters: Lettering, grid: int) -> _Block:
    cap = letters.height
    padding_x, padding_y, gap = (math.ceil(cap * share) for share in (PADDING_X, PADDING_Y, LINE_GAP))
    lines = [_line(row, letters) for row in rows]
    inner = max(line.width for line in lines)
    width = -(-(inner + 2 * padding_x) // grid) * grid
    words: list[Word] = []
    separators: list[tuple[int, int, int, int]] = []
    y = padding_y
    for number, line in enumerate(lines):
        y += line.above + (gap if number else 0)
        indent = (width - line.width) // 2
        words += (Word(word.text, indent + word.x, y + cap) for word in line.words)
        separators += ((indent + left, y, indent + right, y + cap) for left, right in line.separators)
        y += cap + line.below
    height = -(-(y + padding_y) // grid) * grid
    return _Block(width, height, tuple(words), tuple(separators), round(cap * RADIUS))


@dataclass(frozen=True)
class _Line:
    """above, below: pixels by which the plate must grow for ink that oversteps the usual."""

    width: int
    words: tuple[Word, ...]
    separators: tuple[tuple[int, int], ...]
    above: int
    below: int


def _line(texts: Sequence[str], letters: Lettering) -> _Line:
    cap = letters.height
    gap, thickness = math.ceil(cap * SEPARATOR_GAP), max(1, round(cap * SEPARATOR_WIDTH))
    x, above, below = 0, 0, 0
    words, separators = [], []
    for number, text in enumerate(texts):
        if number:
            separators.append((x + gap, x + gap + thickness))
            x += 2 * gap + thickness
        left, top, right, bottom = letters.extent(text)
        words.append(Word(text, x - left, 0))
        x += right - left
        above, below = max(above, -top - cap), max(below, bottom)
    usual = math.floor(cap * OVERSHOOT)
    return _Line(x, tuple(words), tuple(separators), max(0, above - usual), max(0, below - usual))


def _strip(
    width: int, height: int, plan: DisclosurePlan, grid: int, cap: int, entries: Sequence[tuple[str, str, str]]
) -> Layout:
    singles = [_Choice((language,), (short,), True) for language, _, short in entries]
    for choice in (*_choices(entries), *singles):
        letters = lettering(choice.texts, cap)
        line = _line(choice.texts, letters)
        padding = max(2, math.ceil(letters.height * STRIP_PADDING))
        below = max(padding, max(letters.extent(text)[3] for text in choice.texts) + 1)
        above = max(padding, max(-letters.extent(text)[1] for text in choice.texts) - letters.height + 1)
        thickness = -(-(above + letters.height + below) // grid) * grid
        if line.width + 2 * padding > width or thickness > height * STRIP_SHARE:
            continue
        indent = (width - line.width) // 2
        words = tuple(Word(word.text, indent + word.x, above + letters.height) for word in line.words)
        separators = tuple(
            (indent + left, above, indent + right, above + letters.height) for left, right in line.separators
        )
        block = _Block(width // grid * grid, thickness, words, separators, 0)
        spot = (0, 0 if is_top(plan.position) else (height - thickness) // grid * grid)
        fewer = "" if len(choice.languages) == len(entries) else f", with {', '.join(choice.languages)} only"
        notes = (f"a picture of {width} x {height} pixels bears no badge; a strip along its edge was taken{fewer}",)
        return _layout(block, spot, (width, height), plan, letters, choice, notes, Form.BORDER)
    raise RequirementNotMet(
        f"a picture of {width} x {height} pixels is too small for a label with capitals of {cap} pixels; "
        "enlarge the picture"
    )


def _round_off(plate: Image.Image, radius: int) -> None:
    """Smooth corners: drawn four times as large, since Pillow's own have steps."""
    from PIL import Image, ImageChops, ImageDraw

    scale = 4
    disc = Image.new("L", (2 * radius * scale, 2 * radius * scale))
    ImageDraw.Draw(disc).ellipse((0, 0, 2 * radius * scale - 1, 2 * radius * scale - 1), fill=255)
    disc = disc.resize((2 * radius, 2 * radius), Image.Resampling.BOX)
    width, height = plate.size
    for x, u in ((0, 0), (width - radius, radius)):
        for y, v in ((0, 0), (height - radius, radius)):
            corner = (x, y, x + radius, y + radius)
            part = disc.crop((u, v, u + radius, v + radius))
            plate.paste(ImageChops.multiply(plate.crop(corner), part), corner)
