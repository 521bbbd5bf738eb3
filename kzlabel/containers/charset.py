"""What a text's bytes say about their encoding by themselves: byte order marks, UTF-16's pattern of zeros, UTF-8."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

TRANSPARENT = "latin-1"
"""Maps every byte to the character of the same number: how marks made of ASCII are found in an unknown encoding."""

# C0 controls that no text holds; tab, line feed, vertical tab, form feed, carriage return and escape may occur.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_BYTES = bytes(byte for byte in range(128) if _CONTROL.match(bytes((byte,))))
_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

_ASCII = re.compile("[\t\n\r -~]+")

_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_RARE = 64  # characters for each one in ASCII: lines of Chinese, which has no spaces, are shorter

DAMAGE = 1024
"""Bytes for each control character in what still counts as a text."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Charset:
    """An encoding as Python names it, without a byte order mark of its own, and the bytes of the mark in the file."""

    codec: str
    mark: bytes = b""

    def decode(self, data: bytes) -> str:
        """The text after the byte order mark. Raises UnicodeDecodeError."""
        return data[len(self.mark) :].decode(self.codec)

    def encode(self, text: str) -> bytes:
        """The file's bytes, mark included. Raises UnicodeEncodeError."""
        return self.mark + text.encode(self.codec)

    @property
    def wide(self) -> bool:
        """Whether a character takes two bytes or more, so that marks made of ASCII bytes are not found as such."""
        return self.codec.startswith("utf-16")

    def fits(self, text: str) -> bool:
        """Whether every character of `text` has a place in this encoding."""
        try:
            text.encode(self.codec)
        except UnicodeEncodeError:
            return False
        return True


@dataclass(frozen=True)
class Tolerant:
    """A codec, and how it maps bytes that it does not know to characters and back."""

    codec: str
    errors: str = "strict"

    def size(self, text: str) -> int:
        """Bytes that the text takes in the file."""
        return len(text.encode(self.codec, self.errors))

    def utf8(self, text: str) -> bytes:
        """The text in UTF-8, as A.8 hashes it before it is normalised."""
        return text.encode("utf-8", self.errors)


def sniff(data: bytes, *, cut: bool = False) -> Charset | None:
    """The encoding, where the bytes leave no doubt: a byte order mark, UTF-16 or UTF-8. None for all else.

    cut: whether `data` is the beginning of a file, so that its last character may be incomplete.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return None
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return Charset(codec, mark) if _decodes(data[len(mark) :], codec, cut) else None
    if b"\0" in data:
        return _unmarked_utf16(data, cut)
    return Charset("utf-8") if not _CONTROL.search(data) and _decodes(data, "utf-8", cut) else None


def is_text(data: bytes, *, cut: bool = False) -> bool:
    """Whether the bytes are a text in some encoding, perhaps a damaged one: hardly any control characters, or UTF-16.

    Damage must not hide the marks of a text. What is to be labelled is looked at more closely.
    """
    if not data or data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return False
    if sniff(data, cut=cut) is not None or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    controls = len(data) - len(data.translate(None, _CONTROL_BYTES))
    return controls <= len(data) // DAMAGE


def is_damaged(data: bytes) -> bool:
    """Whether there are control characters that no text in an 8-bit encoding or in UTF-8 holds."""
    return _CONTROL.search(data) is not None


def tolerant(data: bytes) -> tuple[str, Tolerant]:
    """The text, a byte order mark as its first character, and the way back to the same bytes, also where damaged."""
    found = sniff(data)
    if found is not None:
        way = Tolerant(found.codec)
    elif data.startswith(codecs.BOM_UTF16_LE):
        way = Tolerant("utf-16-le", "surrogatepass")
    elif data.startswith(codecs.BOM_UTF16_BE):
        way = Tolerant("utf-16-be", "surrogatepass")
    else:
        way = Tolerant("utf-8", "surrogateescape")
    even = len(data) // 2 * 2 if way.errors == "surrogatepass" else len(data)
    return data[:even].decode(way.codec, way.errors), way


def ascii_compatible(data: bytes) -> tuple[str, Charset]:
    """The text for finding marks made of ASCII, and the encoding that turns it back into the same bytes."""
    charset = sniff(data) or Charset(TRANSPARENT)
    return charset.decode(data), charset


def _unmarked_utf16(data: bytes, cut: bool) -> Charset | None:
    """UTF-16 without a mark: read the right way round it has spaces, digits or line ends, the wrong way hardly any."""
    little, big = (_ascii_letters(data, codec) for codec in ("utf-16-le", "utf-16-be"))
    codec = "utf-16-le" if little > 4 * big else "utf-16-be" if big > 4 * little else None
    return Charset(codec) if codec and _decodes(data, codec, cut) else None


def _ascii_letters(data: bytes, codec: str) -> int:
    """How many there are, if they are as many as line ends alone make of a text; selectors, as in wrappers, aside."""
    text = _SELECTORS.sub("", data.decode(codec, "ignore"))
    found = sum(map(len, _ASCII.findall(text)))
    return found if found * _RARE >= len(text) else 0


def _decodes(data: bytes, codec: str, cut: bool) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        text = decoder.decode(data, final=not cut)
    except UnicodeDecodeError:
        return False
    return not _CONTROL_CHARACTER.search(text)
