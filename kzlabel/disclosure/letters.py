"""Letters that are sure to be drawn, at a size that is measured on what was drawn."""

from __future__ import annotations

import io
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from PIL import Image, ImageFont

INK = 128  # a pixel counts as ink from half coverage on; fainter ones are the letter's blur
EM_PER_CAPITAL = 1.33  # where the search for a size begins: below the 1.40 of Noto Sans, since hinting may round up
STEP = 0.005  # by how much the search goes on, as a share of the size; at least half a pixel
MAX_SIZE = 6_000  # pixels of an em: beyond, capitals would be higher than any picture within the limits


@dataclass(frozen=True)
class Lettering:
    """One size of the badge's letters.

    size: of the em, pixels. height: pixels of the lowest capital or ideograph for which it was chosen, measured.
    """

    size: float
    height: int

    def extent(self, text: str) -> tuple[int, int, int, int]:
        """Box of the ink, pixels, relative to the pen's start on the baseline: left, top (negative), right, bottom."""
        pen = 0.0
        boxes = []
        for file, run in _runs(text):
            font = _font(file, self.size)
            left, top, right, bottom = font.getbbox(run, anchor="ls")
            boxes.append((pen + left, top, pen + right, bottom))
            pen += font.getlength(run)
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        return int(min(lefts)), int(min(tops)), int(-(-max(rights) // 1)), int(-(-max(bottoms) // 1))

    def draw(self, mask: Image.Image, x: int, baseline: int, text: str) -> None:
        """Put `text` as white onto `mask` (mode L), the pen at `x`."""
        from PIL import ImageDraw

        brush = ImageDraw.Draw(mask)
        pen = float(x)
        for file, run in _runs(text):
            font = _font(file, self.size)
            brush.text((round(pen), baseline), run, fill=255, font=font, anchor="ls")
            pen += font.getlength(run)


@lru_cache(maxsize=256)
def lettering(texts: tuple[str, ...], height: int) -> Lettering:
    """The smallest letters of which no capital or ideograph in `texts` is lower than `height` pixels.

    Measured by drawing each one; texts without any are measured on H.
    Raises UsageError for a character that the fonts lack.
    """
    for text in texts:
        check_drawable(text)
    tall = sorted({letter for text in texts for letter in text if letter.isupper() or _is_ideograph(letter)}) or ["H"]
    size = max(1.0, height * EM_PER_CAPITAL)
    while size <= MAX_SIZE:
        lowest = min(_ink_height(letter, size) for letter in tall)
        if lowest >= height:
            return Lettering(size, lowest)
        size += max(0.5, size * STEP)
    raise UsageError(f"letters of {height} pixels are higher than any picture; choose a smaller size")


def check_drawable(text: str) -> None:
    """Raises UsageError that names the first character which the fonts lack: nothing is drawn as an empty box."""
    for letter in text:
        if _file_of(letter) is None:
            raise UsageError(
                f"the badge's font lacks the character {letter!r} (U+{ord(letter):04X}) of {text!r}; "
                "word it with Latin or Cyrillic letters"
            )


def _ink_height(letter: str, size: float) -> int:
    from PIL import Image

    left, top, right, bottom = _font(_file_of(letter) or "", size).getbbox(letter, anchor="ls")
    mask = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    Lettering(size, 0).draw(mask, 2 - int(left), 2 - int(top), letter)
    box = mask.point(lambda value: 255 if value >= INK else 0).getbbox()
    return box[3] - box[1] if box else 0


def _runs(text: str) -> list[tuple[str, str]]:
    check_drawable(text)
    return [(file or "", "".join(run)) for file, run in groupby(text, key=_file_of)]


def _is_ideograph(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"


@lru_cache(maxsize=4096)
def _file_of(letter: str) -> str | None:
    point = ord(letter)
    for file, ranges in _coverage():
        if any(first <= point <= last for first, last in ranges):
            return file
    return None


@cache
def _coverage() -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    data = tomllib.loads((resources.files(__package__) / "data" / "fonts.toml").read_text("utf-8"))
    return tuple((font["file"], tuple((first, last) for first, last in font["characters"])) for font in data["fonts"])


@lru_cache(maxsize=128)
def _font(file: str, size: float) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    # The basic engine is in every build of Pillow, so that all machines draw alike.
    return ImageFont.truetype(io.BytesIO(_bytes(file)), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _bytes(file: str) -> bytes:
    return (resources.files(__package__) / "data" / file).read_bytes()
