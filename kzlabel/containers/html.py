"""HTML and XHTML: where head and body lie, and the meta elements that describe the page."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UnreadableFile
from ..limits import Limits
from . import charset, text_names
from .base import Slot, Slots, Tag
from .charset import Charset
from .html_tokens import Kind, Token, is_xhtml, tokens
from .reading import name_of
from .text_edit import newline_of, on_own_lines, read_whole, splice

# HTML Living Standard, 13.2.6.4.4 to 13.2.6.4.6: what stands in head without ending it. Content of `template` is
# skipped.
_HEAD_ELEMENTS = frozenset(
    {"base", "basefont", "bgsound", "head", "html", "link", "meta", "noframes", "noscript", "script", "style"}
    | {"template", "title"}
)

SCRIPT_TYPE = "application/c2pa"
LINK_RELATION = "c2pa-manifest"

_DECLARED_IN = 64 * 1024  # bytes in which an encoding is looked for; the standard promises 1,024, browsers go further
_ALIASES = {"x-mac-cyrillic": "mac-cyrillic", "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252"}


@dataclass(frozen=True)
class Outline:
    """Offsets in the text, and the tags of the head.

    head: an element put here lies in head. body: an element put here is the first in body. end: an element put here
    is the last in body (None unless the whole text was walked). root: the start tag of html. frameset: whether the page
    is made of frames and has no body.
    """

    head: int
    body: int
    end: int | None
    xhtml: bool
    frameset: bool
    tags: tuple[Token, ...]
    root: Token | None = None


def outline(text: str, *, whole: bool = False) -> Outline:
    """Where the parts of a page lie by the parsing rules of HTML, also where their tags are left out."""
    xhtml = is_xhtml(text)
    head: int | None = None
    body: int | None = None
    end: int | None = None
    root: Token | None = None
    frameset = head_closed = False
    templates = 0
    tags: list[Token] = []
    position = 1 if text.startswith("\ufeff") else 0
    for token in tokens(text, xhtml=xhtml):
        if body is None:
            if not templates and (words := _words(text, position, token.start)) is not None:
                head = words if head is None else head
                body = words
            elif templates and token.name == "template":
                templates += 1 if token.kind is Kind.START else -1
            elif not templates and token.kind is Kind.START:
                if token.name == "html" and root is None:
                    root = token
                elif token.name == "template":
                    templates = 0 if xhtml and token.closed else 1
                elif token.name in ("body", "frameset"):
                    head = token.start if head is None else head
                    body, frameset = token.end, token.name == "frameset"
                elif token.name not in _HEAD_ELEMENTS:
                    head = token.start if head is None else head
                    body = token.start
                elif not head_closed:
                    tags.append(token)
            elif not templates and token.kind is Kind.END and token.name == "head" and not head_closed:
                head, head_closed = token.start, True
            elif not templates and token.kind is Kind.END and token.name in ("body", "html", "br"):
                head = token.start if head is None else head
                body = token.start
        if body is not None:
            if not whole:
                break
            if token.kind is Kind.END and token.name in ("body", "html") and (end is None or token.name == "body"):
                end = token.start
        position = token.content[1] if token.content else token.end
    if body is None:
        rest = _words(text, position, len(text))
        body = len(text) if rest is None else rest
        head = body if head is None else head
    assert head is not None
    return Outline(
        _line_start(text, head), body, (len(text) if end is None else end) if whole else None, xhtml, frameset,
        tuple(tags), root,
    )  # fmt: skip


def swallowed(text: str, place: int) -> bool:
    """Whether an element put at `place` would be content of an element, comment or tag that is never closed."""
    xhtml = is_xhtml(text)
    return not any(token.start == place for token in tokens(text[:place] + "<p>", xhtml=xhtml))


def declared(data: bytes) -> str | None:
    """The encoding that a page names in an XML declaration or a meta element, as Python's codec; None if unknown."""
    text = data[:_DECLARED_IN].decode(charset.TRANSPARENT)
    if match := re.match(r"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", text):
        return _codec(match[1])
    for token in outline(text).tags:
        if token.name != "meta":
            continue
        label = token.attributes.get("charset")
        if label is None and token.attributes.get("http-equiv", "").lower() == "content-type":
            found = re.search(
                r"charset\s*=\s*[\"']?([\w.:-]{1,40})", token.attributes.get("content", ""), re.IGNORECASE
            )
            label = found[1] if found else None
        if label:
            return _codec(label.strip())
    return None


def charset_of(data: bytes) -> Charset | None:
    """A byte order mark, UTF-16, what the page declares if the bytes agree, UTF-8; None where nothing fits."""
    by_bytes = charset.sniff(data)
    if by_bytes is not None and (by_bytes.mark or by_bytes.wide):
        return by_bytes
    named = declared(data)
    if named is None:
        return by_bytes
    try:
        data.decode(named)
    except UnicodeDecodeError:
        return by_bytes
    return Charset(named)


def is_told(data: bytes, encoding: Charset) -> bool:
    """Whether the page tells its readers this encoding: only then may characters beyond ASCII be put into it."""
    return bool(encoding.mark) or encoding.wide or declared(data) == encoding.codec


class _Html:
    holds = frozenset({Slot.TAGS})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        text, _ = _load(file, limits)
        page = outline(text)
        tags = [
            Tag(name, token.attributes.get("content", ""), "HTML meta")
            for token in page.tags
            if token.name == "meta" and (name := _meta_name(token))
        ]
        if page.root and (value := page.root.attributes.get(text_names.DISCLOSURE)):
            tags.append(Tag(text_names.DISCLOSURE, value, "HTML attribute"))
        manifest = any(
            (token.name == "script" and token.attributes.get("type", "").strip().lower() == SCRIPT_TYPE)
            or (token.name == "link" and LINK_RELATION in token.attributes.get("rel", "").lower().split())
            for token in page.tags
        )
        return Slots(tags=tuple(tags[: limits.max_boxes]), manifest=manifest)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        if not slots.tags:
            return
        with path.open("rb") as file:
            text, encoding = _load(file, limits)
        told = is_told(encoding.encode(text), encoding)
        changed = with_meta(text, text_names.in_text(slots.tags), encoding if told else None)
        path.write_bytes(encoding.encode(changed))


HTML = _Html()


def with_meta(text: str, tags: Iterable[Tag], encoding: Charset | None) -> str:
    """The page with one meta element for each tag: the first of that name is replaced, else one is added to head."""
    page = outline(text)
    newline = newline_of(text)
    edits: list[tuple[int, int, str]] = []
    added = ""
    for tag in tags:
        present = [
            token for token in page.tags if token.name == "meta" and _meta_name(token).lower() == tag.name.lower()
        ]
        value = text_names.strictest(
            tag.name, tag.value, "1" if any(token.attributes.get("content") == "1" for token in present) else None
        )
        element = _meta(tag.name, value, page.xhtml, encoding)
        if not present:
            added += element + newline
        elif present[0].attributes.get("content") != value:
            edits.append((present[0].start, present[0].end, element))
    if added:
        edits.append((page.head, page.head, on_own_lines(text, page.head, added, newline)))
    return splice(text, edits)


def escaped(text: str, encoding: Charset | None) -> str:
    """Text for markup and quoted attributes; characters beyond ASCII as references unless `encoding` holds them."""
    safe = html.escape(text, quote=True)
    if encoding is not None and encoding.codec != charset.TRANSPARENT and encoding.fits(safe):
        return safe
    return safe.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _load(file: BinaryIO, limits: Limits) -> tuple[str, Charset]:
    data = read_whole(file, limits)
    encoding = charset_of(data) or Charset(charset.TRANSPARENT)
    try:
        return encoding.decode(data), encoding
    except UnicodeDecodeError:
        raise UnreadableFile(f"{name_of(file)}: the page cannot be read as {encoding.codec}") from None


def _words(text: str, start: int, end: int) -> int | None:
    """Offset of the first character in [start, end) that is no white space, or None."""
    match = re.compile(r"[^\t\n\f\r ]").search(text, start, end)
    return match.start() if match else None


def _line_start(text: str, position: int) -> int:
    """The beginning of the line, if only indentation stands between it and `position`."""
    start = position
    while start and text[start - 1] in " \t":
        start -= 1
    return start if start and text[start - 1] in "\n\r" else position


def _meta_name(token: Token) -> str:
    return (token.attributes.get("name") or token.attributes.get("property") or "").strip()


def _meta(name: str, value: str, xhtml: bool, encoding: Charset | None) -> str:
    return f'<meta name="{escaped(name, encoding)}" content="{escaped(value, encoding)}"{" /" if xhtml else ""}>'


def _codec(label: str) -> str | None:
    label = label.lower()
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
        if "a".encode(name) != b"a" and not name.startswith(("utf-16", "utf-32", "utf-7")):
            return None
    except (LookupError, ValueError, TypeError):
        return None
    # The standard reads a declaration of UTF-16 as UTF-8: were it UTF-16, the declaration could not have been read.
    return "utf-8" if name.startswith(("utf-16", "utf-32", "utf-7")) else name
