"""Markdown: the disclosure is a block quotation behind the front matter."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...containers import front_matter
from ...containers.front_matter import MARKDOWN
from ...containers.text_edit import newline_of
from ...disclosure.plan import DisclosurePlan
from ...disclosure.wording import Phrase
from .base import Edit, Text, at_bottom, places, text_score
from .encoding import TextFile

# CommonMark 0.31, 2.4: with a backslash before them these are letters like others. A full stop or a bracket in the
# middle of a sentence does nothing and is left alone.
_ACTIVE = re.compile(r"([\\`*_<>&\[\]~|#])")


class Markdown(Text):
    name = "Markdown"
    mime = "text/markdown"
    extensions = (".md", ".markdown", ".mdown", ".mkd")
    container = MARKDOWN

    @classmethod
    def score(cls, header: bytes) -> int:
        # Every plain text is Markdown; the name's ending decides.
        return text_score(header)

    def _disclosure(self, file: TextFile, used: tuple[Phrase, ...], plan: DisclosurePlan, name: str) -> Iterable[Edit]:
        newline = newline_of(file.text)
        block = "> " + " · ".join(_ACTIVE.sub(r"\\\1", phrase.line) for phrase in used) + newline
        if not file.charset.fits(block):
            block = block.replace(" · ", " | ")
        matter = front_matter.find(file.text)
        start = matter.body if matter else 0
        top, bottom = places(plan)
        if top and not file.text[start:].lstrip("\r\n").startswith(block):
            before = newline if matter and not file.text[:start].endswith(newline) else ""
            yield start, start, before + (newline if matter else "") + block + newline
        if bottom and not file.text.rstrip("\r\n").endswith(block.rstrip("\r\n")):
            yield at_bottom(file.text, block, newline)

    def _essence(self, text: str, wording: tuple[str, ...]) -> list[str]:
        """Keys of the front matter may be replaced by the declaration's, so that only what follows it counts."""
        matter = front_matter.find(text)
        return super()._essence(text[matter.body if matter else 0 :], wording)

    def _discloses(self, line: str, wording: tuple[str, ...]) -> bool:
        return bool(wording) and line.startswith("> ") and all(words in self._shown(line) for words in wording)

    def _shown(self, text: str) -> str:
        return re.sub(r"\\([\\`*_<>&\[\]~|#])", r"\1", text)
