"""Where a manifest stands in a text: an invisible wrapper (A.8), a comment block (A.9) or a script element (A.7).

Section numbers are those of C2PA 2.4.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from ..limits import DEFAULT_LIMITS, Limits
from . import charset, html, text_wrapper
from .charset import Charset
from .html_tokens import Kind, Token, is_xhtml, tokens

CORRUPTED = "manifest.text.corruptedWrapper"
MULTIPLE_BLOCKS = "manifest.structuredText.multipleReferences"
MULTIPLE_ELEMENTS = "manifest.html.multipleManifests"
EMPTY = "manifest.structuredText.emptyReference"
MALFORMED_REFERENCE = "manifest.structuredText.malformedReference"
REMOTE = "manifest.inaccessible"

BEGIN = "-----BEGIN C2PA MANIFEST-----"
END = "-----END C2PA MANIFEST-----"
DATA_URI = "data:application/c2pa;base64,"

MAX_FOUND = 32
"""Carriers looked at in one text."""


class Structure(StrEnum):
    """How a text carries its manifest; the value is its media type."""

    PLAIN = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"


class Exclusion(NamedTuple):
    """A range that the hash leaves out: in bytes of what is hashed."""

    start: int
    length: int


@dataclass(frozen=True)
class Located:
    """A manifest as found in a text.

    span: the bytes of the file to cut so that the manifest and what was added with it are gone.
    exclusions: the ranges that a binding to this carrier may leave out; the first is the one that we write.
    store: None where it is not here or cannot be decoded. canonical: whether the carrier holds nothing else.
    code: what is wrong with the carrier. remote: the address of a manifest that stands elsewhere.
    """

    structure: Structure
    span: tuple[int, int]
    exclusions: tuple[Exclusion, ...] = ()
    store: bytes | None = None
    canonical: bool = True
    wrapper: bool = False
    code: str | None = None
    remote: str | None = None

    @property
    def carrier(self) -> str:
        """In a word: wrapper, block or script."""
        return "wrapper" if self.wrapper else "script" if self.structure is Structure.HTML else "block"


def embeddable(structure: Structure, encoding: Charset | None, newline: str) -> bool:
    """Whether a text in this encoding (None: unknown) with these line ends can hold its manifest inside.

    The wrapper takes a Unicode encoding. Block and script are found as ASCII bytes, which UTF-16 has not, and a block
    needs line ends other than bare CR (A.9.4).
    """
    if structure is Structure.PLAIN:
        return encoding is not None and encoding.codec in ("utf-8", "utf-16-le", "utf-16-be")
    if encoding is not None and encoding.wide:
        return False
    return structure is Structure.HTML or newline != "\r"


def locate(data: bytes, structure: Structure, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Located, ...]:
    """Every manifest in a text, in order, at most MAX_FOUND; damaged ones and remote ones too."""
    if structure is Structure.HTML:
        found = _marked(tuple(_elements(data)), MULTIPLE_ELEMENTS)
    else:
        found = (*_marked(tuple(_blocks(data)), MULTIPLE_BLOCKS), *_wrappers(data, structure, limits))
    if not found and structure is not Structure.PLAIN:
        found = tuple(_debris(data, structure))
    return found


def remove(data: bytes, located: tuple[Located, ...]) -> bytes:
    """The text without these manifests: byte for byte what `embed` was given."""
    for found in sorted(located, key=lambda one: one.span, reverse=True):
        data = data[: found.span[0]] + data[found.span[1] :]
    return data


def without_manifest(data: bytes, structure: Structure, *, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The text ready for a new manifest, which there can be only one of: without that of the whole text.

    A block that is only quoted stays, and so do the wrappers of labelled passages where the text has several.
    """
    located = locate(data, structure, limits=limits)
    wrappers = [one for one in located if one.wrapper]
    if len(wrappers) > 1:
        wrappers = [one for one in wrappers if not _words_follow(data, one)]
    others = [one for one in located if not one.wrapper and (structure is Structure.HTML or _is_meant(data, one))]
    return remove(data, (*others, *wrappers))


def canonical_script(store: bytes) -> str:
    return f'<script type="{html.SCRIPT_TYPE}">{base64_of(store)}</script>'


def canonical_block(store: bytes) -> str:
    return f"<!-- {BEGIN} {DATA_URI}{base64_of(store)} {END} -->"


def _wrappers(data: bytes, structure: Structure, limits: Limits) -> Iterator[Located]:
    if not text_wrapper.may_hold(data):
        return
    text, way = charset.tolerant(data)
    for found in text_wrapper.find(text, max_store=limits.max_manifest_bytes):
        before, carrier = text[: found.start], text[found.start : found.end]
        begin = way.size(before)
        span = (begin, begin + way.size(carrier))
        raw, length = way.utf8(before), len(way.utf8(carrier))
        starts = dict.fromkeys((len(normal(raw)), len(raw)))
        yield Located(
            structure,
            span,
            tuple(Exclusion(start, length) for start in starts),
            found.store,
            found.canonical,
            wrapper=True,
            code=None if found.canonical else CORRUPTED,
        )


# Anything but exactly this between the delimiters would be bytes that the signature does not cover.
_OPENINGS = rb"(?:<!-- |# |// |/\* |% |; |-- |)" + re.escape(BEGIN.encode())
_BLOCK_LINE = re.compile(rb"(?:^\xef\xbb\xbf|^|\r)(?=" + _OPENINGS + rb")", re.MULTILINE)
_BLOCK = re.compile(
    _OPENINGS + rb"(?: |\r?\n)(?P<reference>[^\r\n]*?)(?: |\r?\n)" + re.escape(END.encode()) + rb"(?: -->| \*/|)"
)


def _blocks(data: bytes) -> Iterator[Located]:
    """Comment lines, and lines in front matter; those inside other lines, such as quotations, are not looked at."""
    lines = [match.end() for match in _BLOCK_LINE.finditer(data)]
    if len(lines) > MAX_FOUND:
        lines = [*lines[: MAX_FOUND // 2], *lines[-MAX_FOUND // 2 :]]
    for line in lines:
        match = _BLOCK.match(data, line)
        if match and (match.end() == len(data) or data[match.end()] in b"\r\n"):
            yield _block(data, match)


def _block(data: bytes, match: re.Match[bytes]) -> Located:
    start, end = match.span()
    newline_before = 1 if data[:start].endswith(b"\n") else 0
    newline_after = 2 if data[end : end + 2] == b"\r\n" else 1 if data[end : end + 1] == b"\n" else 0
    # A.9.4: with the line end before it at the end of a file, with the one behind it at the beginning, and in front
    # matter the lines alone, where it does not say whether the last line end belongs to them.
    ranges = [(start - newline_before, end), (start, end + newline_after), (start, end)]
    if end + newline_after == len(data):
        ranges.append((start - newline_before, len(data)))
    exclusions = tuple(Exclusion(left, right - left) for left, right in dict.fromkeys(ranges))
    cut = start - newline_before
    if newline_before and data[:cut].endswith(b"\r"):
        cut -= 1
    span = (cut, end) if newline_before and end == len(data) else (start, end + newline_after)
    found = Located(Structure.MARKDOWN, span, exclusions)
    reference = match["reference"].strip()
    if not reference:
        return replace(found, code=EMPTY)
    if not reference.startswith(DATA_URI.encode()):
        return replace(found, code=REMOTE, remote=reference[:2000].decode("utf-8", "backslashreplace"))
    written = match["reference"].removeprefix(DATA_URI.encode())
    return _with_store(found, written, MALFORMED_REFERENCE)


_ELEMENT_WORDS = re.compile(rf"{re.escape(html.SCRIPT_TYPE)}|{html.LINK_RELATION}", re.IGNORECASE)


def _elements(data: bytes) -> Iterator[Located]:
    """Elements in any place: one changed byte in the markup before it can push a script out of head."""
    text, encoding = charset.ascii_compatible(data)
    last = max((match.start() for match in _ELEMENT_WORDS.finditer(text)), default=-1)
    number = 0
    for token in tokens(text, xhtml=is_xhtml(text)):
        if token.start > last:
            return
        if token.kind is not Kind.START or token.name not in ("link", "script"):
            continue
        if number >= MAX_FOUND:
            return
        if html.LINK_RELATION in token.attributes.get("rel", "").lower().split() and token.name == "link":
            number += 1
            at = len(encoding.encode(text[: token.start]))
            span = (at, at + len(text[token.start : token.end].encode(encoding.codec)))
            yield Located(Structure.HTML, span, (), code=REMOTE, remote=token.attributes.get("href", "")[:2000])
        elif token.name == "script" and token.attributes.get("type", "").strip().lower() == html.SCRIPT_TYPE:
            number += 1
            yield _script(text, token, encoding)


# The beginning of every store in base64: length and type of its first box, then the description of a manifest store.
_STORE_BEGINS = re.compile(rb"[A-Za-z0-9+/]{6}p1bWIAAAAeanVtZGMycGEAEQAQgAAAqgA4m3E[A-Za-z0-9+/=]*")


def _debris(data: bytes, structure: Structure) -> Iterator[Located]:
    """Stores whose block or element is damaged: no exclusion can fit them, so that they never verify."""
    for match in islice(_STORE_BEGINS.finditer(data), MAX_FOUND):
        yield replace(_with_store(Located(structure, match.span()), match[0], MALFORMED_REFERENCE), canonical=False)


_SCRIPT_TAG = re.compile(r"<script type=([\"'])application/c2pa\1>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script>", re.IGNORECASE)


def _script(text: str, token: Token, encoding: Charset) -> Located:
    # In XHTML the content of a script is markup to the tokenizer; base64 holds no `<`, so its end is the next one.
    left, right = token.content or (token.end, text.find("<", token.end))
    right = len(text) if right < 0 else right
    closing = _SCRIPT_END.match(text, right)
    end = closing.end() if closing else right
    start = len(encoding.encode(text[: token.start]))
    length = len(text[token.start : end].encode(encoding.codec))
    newline = re.compile(r"\r\n|\n|\r").match(text, end)
    content = text[left:right]
    canonical = bool(closing and _SCRIPT_TAG.fullmatch(text, token.start, token.end))
    written = content.strip("\t\n\f\r ")
    canonical = canonical and len(content) - len(written) <= 256  # the standard lets white space stand around it
    cut = length + len(newline[0] if newline and _alone(text, token.start) else "")
    found = Located(Structure.HTML, (start, start + cut), (Exclusion(start, length),), canonical=canonical)
    return _with_store(found, written.encode("utf-8"), MALFORMED_REFERENCE)


def _alone(text: str, start: int) -> bool:
    return start == 0 or text[start - 1] in "\n\r\ufeff"


def _with_store(found: Located, written: bytes, code: str) -> Located:
    try:
        store = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return replace(found, code=code, canonical=False)
    return replace(found, store=store, canonical=found.canonical and base64_of(store).encode("ascii") == written)


def _marked(found: tuple[Located, ...], code: str) -> tuple[Located, ...]:
    """All but one of several are one too many, and nobody can say which."""
    return tuple(replace(one, code=one.code or code) for one in found) if len(found) > 1 else found


def normal(text: bytes) -> bytes:
    """UTF-8 in NFC; bytes that are no UTF-8 stay as they are."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _words_follow(data: bytes, found: Located) -> bool:
    return bool(data[found.span[1] :].strip(b"\0\t\n\r "))  # zeros: the other halves of UTF-16's


def _is_meant(data: bytes, found: Located) -> bool:
    """Whether a block holds a manifest store, or an address in the place where one has to stand (A.9.3.1)."""
    if found.store is not None:
        return bool(found.exclusions) and found.store[4:8] == b"jumb"
    return found.remote is not None and (found.span[0] == 0 or found.span[1] == len(data))
