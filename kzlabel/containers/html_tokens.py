"""The tags of an HTML or XHTML text and where they stand, found in one pass whose time grows with the length only.

The standard library's html.parser is not used for this: it reports no end offsets, reads `<title>` and `<textarea>` as
markup before Python 3.14, and takes quadratic time on some unclosed constructs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    START = "start"
    END = "end"
    DOCTYPE = "doctype"
    COMMENT = "comment"
    """Comments, processing instructions, and what HTML takes for a comment."""


@dataclass(frozen=True)
class Token:
    """One piece of markup: text[start:end]. name: lower case in HTML, as written in XHTML.

    attributes: names in lower case (XHTML: as written), values with character references resolved; first one wins.
    closed: whether a start tag ends with `/>`. content: for elements whose content is no markup (script, style,
    title …), the offsets of that content; the end tag follows as a token of its own.
    """

    kind: Kind
    start: int
    end: int
    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    content: tuple[int, int] | None = None


# HTML Living Standard, 13.2.5.1 and 13.2.6: elements whose content holds no tags. `noscript` is among them because
# browsers run scripts.
_NO_MARKUP = frozenset({"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript"})

_SPACE = "\t\n\f\r "
_TAG_NAME = re.compile(r"[A-Za-z][^\t\n\f\r />]*")
_XML_NAME = re.compile(r"[^\W\d][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*"
    r"(?P<name>=?[^\t\n\f\r />=]+)"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\t\n\f\r >\"'][^\t\n\f\r >]*))?)?"
)
_TAG_END = re.compile(r"[\t\n\f\r /]*>")
_COMMENT_END = re.compile(r"--!?>")
_SCRIPT_TURN = re.compile(r"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE)

MAX_ATTRIBUTES = 1_000  # of one tag: no page comes near it


def tokens(text: str, *, xhtml: bool = False) -> Iterator[Token]:
    """The markup of `text` in order. What is never closed ends the walk, as the rest of the text belongs to it."""
    position = 0
    while (position := text.find("<", position)) >= 0:
        token = _markup(text, position, xhtml)
        if token is None:
            position += 1
            continue
        if token.end < 0:
            return
        if token.kind is Kind.START and not xhtml and token.name in _NO_MARKUP:
            token = _with_content(text, token)
        yield token
        if token.kind is Kind.START and token.name == "plaintext" and not xhtml:
            return
        position = token.content[1] if token.content else token.end


def is_xhtml(text: str) -> bool:
    """Whether the text is to be read as XML: it begins with an XML declaration and names the namespace of XHTML."""
    beginning = text[:4096].lstrip("\ufeff")
    return beginning.startswith("<?xml") and "http://www.w3.org/1999/xhtml" in beginning


def _markup(text: str, start: int, xhtml: bool) -> Token | None:
    """The token that begins at `start`; its end is -1 where it is never closed. None where `<` is only text."""
    following = text[start + 1 : start + 2]
    if following == "!":
        return _declaration(text, start, xhtml)
    if following == "?":
        return _until(text, start, "?>" if xhtml else ">")
    name_pattern = _XML_NAME if xhtml else _TAG_NAME
    if following == "/":
        match = name_pattern.match(text, start + 2)
        if match is None:
            return None if xhtml else _until(text, start, ">")
        return _tag(text, start, match, Kind.END, xhtml)
    match = name_pattern.match(text, start + 1)
    return _tag(text, start, match, Kind.START, xhtml) if match else None


def _declaration(text: str, start: int, xhtml: bool) -> Token:
    if text.startswith("<!--", start):
        if not xhtml and (short := re.compile("-?>").match(text, start + 4)):
            return Token(Kind.COMMENT, start, short.end())
        end = _COMMENT_END.search(text, start + 4) if not xhtml else re.compile("-->").search(text, start + 4)
        return Token(Kind.COMMENT, start, end.end() if end else -1)
    if xhtml and text.startswith("<![CDATA[", start):
        return _until(text, start, "]]>")
    if text[start : start + 9].lower() == "<!doctype":
        closing = text.find(">", start)
        subset = text.find("[", start, closing) if xhtml else -1
        if subset >= 0:
            bracket = text.find("]", subset)
            closing = text.find(">", bracket) if bracket >= 0 else -1
        return Token(Kind.DOCTYPE, start, closing + 1 if closing >= 0 else -1)
    return _until(text, start, ">")


def _until(text: str, start: int, closing: str) -> Token:
    end = text.find(closing, start + 2)
    return Token(Kind.COMMENT, start, end + len(closing) if end >= 0 else -1)


def _tag(text: str, start: int, match: re.Match[str], kind: Kind, xhtml: bool) -> Token:
    name = match[0] if xhtml else match[0].lower()
    attributes: dict[str, str] = {}
    position = match.end()
    for _ in range(MAX_ATTRIBUTES):
        if end := _TAG_END.match(text, position):
            closed = "/" in end[0]
            return Token(kind, start, end.end(), name, attributes, closed)
        attribute = _ATTRIBUTE.match(text, position)
        if attribute is None:
            break
        key = attribute["name"] if xhtml else attribute["name"].lower()
        value = attribute["double"] or attribute["single"] or attribute["bare"] or ""
        attributes.setdefault(key, html.unescape(value))
        position = attribute.end()
        if attribute["double"] is attribute["single"] is attribute["bare"] is None and text[
            position : position + 1
        ] in (
            '"',
            "'",
        ):
            break  # a quote that is never closed
    return Token(kind, start, -1, name)


def _with_content(text: str, token: Token) -> Token:
    end = _script_end(text, token.end) if token.name == "script" else _raw_end(text, token.end, token.name)
    return Token(token.kind, token.start, token.end, token.name, token.attributes, token.closed, (token.end, end))


def _raw_end(text: str, start: int, name: str) -> int:
    match = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(text, start)
    return match.start() if match else len(text)


def _script_end(text: str, start: int) -> int:
    """Where the content of a script ends: inside `<!-- … <script` its end tag does not count (13.2.5.20 onwards)."""
    escaped = doubly = False
    for turn in _SCRIPT_TURN.finditer(text, start):
        if turn[0] == "<!--":
            escaped = True
        elif turn[0] == "-->":
            escaped = doubly = False
        elif turn[1]:
            if not doubly:
                return turn.start()
            doubly = False
        elif escaped:
            doubly = True
    return len(text)
