"""Plain text: the disclosure is its first lines, or its last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ...containers.base import Slot
from ...containers.front_matter import MARKDOWN
from ...containers.text_edit import newline_of
from ...disclosure.plan import DisclosurePlan
from ...disclosure.wording import Phrase
from ...errors import UnsupportedFormat
from .base import Edit, Text, at_bottom, places, text_score
from .encoding import TextFile

# Texts that programs read, in which a line for people is an error, by how they begin.
_FOR_PROGRAMS = (
    (re.compile(r"\s*<(?:\?xml|svg)[\s>]"), "XML"),
    (re.compile(r"WEBVTT"), "a subtitle file"),
    (re.compile(r"\s*1\s*[\r\n]+\d\d:\d\d:\d\d,\d{3} -->"), "a subtitle file"),
    (re.compile(r"#EXTM3U|ffconcat "), "a playlist"),
    (re.compile(r"#!"), "a script"),
)
_LARGEST_JSON = 1 << 20  # characters that are parsed to find out; a larger text that begins like JSON counts as such


class PlainText(Text):
    name = "plain text"
    mime = "text/plain"
    extensions = (".txt", ".text")
    container = MARKDOWN  # front matter is read in any text, and written into Markdown only

    @property
    def holds(self) -> frozenset[Slot]:
        return frozenset()

    @classmethod
    def score(cls, header: bytes) -> int:
        return text_score(header)

    def _disclosure(self, file: TextFile, used: tuple[Phrase, ...], plan: DisclosurePlan, name: str) -> Iterable[Edit]:
        newline = newline_of(file.text)
        block = "".join(f"[{phrase.line}]{newline}" for phrase in used)
        top, bottom = places(plan)
        if top and not file.text.startswith(block):
            yield 0, 0, block + newline
        if bottom and not file.text.rstrip("\r\n").endswith(block.rstrip("\r\n")):
            yield at_bottom(file.text, block, newline)

    def _refuse(self, text: str, name: str) -> None:
        kind = next((kind for pattern, kind in _FOR_PROGRAMS if pattern.match(text)), None)
        if kind is None and text.lstrip()[:1] in ("{", "[") and _is_json(text):
            kind = "JSON"
        if kind:
            raise UnsupportedFormat(
                f"{name}: this is {kind}, which a line for readers would break; label what shows it"
            )


def _is_json(text: str) -> bool:
    if len(text) > _LARGEST_JSON:
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:
        return True
    return True
