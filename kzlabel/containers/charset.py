"""What a text's bytes say about their encoding by themselves: byte order marks, UTF-16's pattern of zeros, UTF-8."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

TRANSPARENT = "latin-1"
"""Maps every byte to the character of the same number: how marks made of ASCII are found in an unknown encoding."""

# C0 controls that no text holds; tab, line feed, vertical tab, form feed, carriage return and escape may occur.
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

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
    """Whether the bytes can be a text in some encoding: no zeros and no control characters, or UTF-16."""
    return bool(data) and (sniff(data, cut=cut) is not None or not _CONTROL.search(data))


def ascii_compatible(data: bytes) -> tuple[str, Charset]:
    """The text for finding marks made of ASCII, and the encoding that turns it back into the same bytes."""
    charset = sniff(data) or Charset(TRANSPARENT)
    return charset.decode(data), charset


def _unmarked_utf16(data: bytes, cut: bool) -> Charset | None:
    """UTF-16 without a mark: the zeros that spaces, digits and line ends leave stand on one side only."""
    even, odd = data[0::2].count(0), data[1::2].count(0)
    if even and odd:
        return None
    codec = "utf-16-le" if odd else "utf-16-be"
    return Charset(codec) if _decodes(data, codec, cut) else None


def _decodes(data: bytes, codec: str, cut: bool) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        text = decoder.decode(data, final=not cut)
    except UnicodeDecodeError:
        return False
    return not _CONTROL_CHARACTER.search(text)
