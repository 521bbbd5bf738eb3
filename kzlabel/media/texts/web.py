"""HTML and XHTML: the disclosure is a banner at the beginning of body."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ...containers.charset import Charset
from ...containers.html import HTML, charset_of, escaped, is_told, outline, swallowed
from ...containers.text_edit import newline_of
from ...containers.text_names import OURS
from ...disclosure.plan import DisclosurePlan
from ...disclosure.wording import Phrase, phrases
from ...errors import UnreadableFile, UnsupportedFormat
from ...limits import Limits
from .base import Edit, Text, decoded_header, places
from .encoding import TextFile

# Dark on light, 16.1:1 by WCAG 2.2, whatever the page's own colours are. A page whose policy forbids inline styles
# shows the words all the same, in its own colours.
_STYLE = (
    "display:block;margin:0 0 1em;padding:.5em .75em;border:1px solid #767676;border-radius:4px;"
    "background:#f4f4f4;color:#1a1a1a;font:600 1rem/1.4 system-ui,sans-serif;text-align:left"
)
_MARK = 'data-ai-disclosure="label"'

_OURS = re.compile(
    rf'<aside role="note" {_MARK}[^>]*>.*?</aside>|<meta\s[^>]*(?:{"|".join(OURS)})[^>]*>', re.IGNORECASE | re.DOTALL
)

_BEGINS = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)(?=[\s>])", re.IGNORECASE | re.DOTALL
)
_ANY_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")


class Html(Text):
    name = "HTML"
    mime = "text/html"
    extensions = (".html", ".htm", ".xhtml")
    container = HTML

    @classmethod
    def score(cls, header: bytes) -> int:
        text = decoded_header(header)
        if text is None:
            return 0
        # A fragment may as well be Markdown, where tags are welcome, or a plain text about HTML: the ending decides.
        return 60 if _BEGINS.match(text) else 10 if _ANY_TAG.search(text) else 0

    def _disclosure(self, file: TextFile, used: tuple[Phrase, ...], plan: DisclosurePlan, name: str) -> Iterable[Edit]:
        page = outline(file.text, whole=True)
        assert page.end is not None
        newline = newline_of(file.text)
        ending = newline if newline in file.text else ""
        banner = _banner(used, page.xhtml, file)
        if banner in file.text:
            return
        top, bottom = places(plan)
        if top:
            # A line of its own only where the page has lines: some show white space as it is.
            at_line_end = file.text[page.body : page.body + 1] in ("\n", "\r")
            yield page.body, page.body, newline + banner if at_line_end else banner + ending
        if bottom:
            _must_show(file.text, page.end, name)
            yield page.end, page.end, banner + ending

    def _load(self, source: Path, limits: Limits, encoding: str | None) -> TextFile:
        file = super()._load(source, limits, encoding)
        return replace(file, declared=is_told(file.charset.encode(file.text), file.charset))

    def _declared(self, data: bytes) -> Charset | None:
        return charset_of(data)

    def _phrases(self, plan: DisclosurePlan, file: TextFile, name: str) -> tuple[tuple[Phrase, ...], tuple[str, ...]]:
        return phrases(plan), ()  # what the encoding lacks is written as character references

    def _refuse(self, text: str, name: str) -> None:
        page = outline(text)
        if page.frameset:
            raise UnsupportedFormat(f"{name}: a page of frames has no text of its own; label the pages that it shows")
        if re.match(r"\ufeff?\s*<\?xml", text) and re.search(r"<\w+:html[\s>]", text[:4096]):
            raise UnsupportedFormat(
                f"{name}: XHTML with a namespace prefix cannot be labelled; use plain element names"
            )
        _must_show(text, page.body, name)

    def _essence(self, text: str, wording: tuple[str, ...]) -> list[str]:
        """Everything but banners, our meta elements and white space."""
        return ["".join(_OURS.sub("", text).split())]

    def _shown(self, text: str) -> str:
        return html.unescape(text)


def _must_show(text: str, place: int, name: str) -> None:
    if swallowed(text, place):
        raise UnreadableFile(
            f"{name}: an element, comment or tag that is never closed would swallow the label; mend the page"
        )


def _banner(used: tuple[Phrase, ...], xhtml: bool, file: TextFile) -> str:
    # Without a declaration a reader may take another encoding than we: then only ASCII is safe.
    encoding = file.charset if file.declared else None
    spans = " · " if encoding is not None and encoding.fits("·") else " &#183; "
    words = spans.join(_span(phrase, xhtml, file) for phrase in used)
    return f'<aside role="note" {_MARK} style="{_STYLE}">{words}</aside>'


def _span(phrase: Phrase, xhtml: bool, file: TextFile) -> str:
    encoding = file.charset if file.declared else None
    language = escaped(phrase.language, encoding)
    xml = f' xml:lang="{language}"' if xhtml else ""
    return f'<span lang="{language}"{xml}>{escaped(phrase.line, encoding)}</span>'
