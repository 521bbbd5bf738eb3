"""The invisible wrapper of C2PA 2.4, A.8: a manifest store written as variation selectors behind U+FEFF.

Byte b < 16 becomes U+FE00 + b (three bytes in UTF-8), any other U+E0100 + b - 16 (four bytes).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"C2PATXT\0"
VERSION = 1
PREFIX = "\ufeff"

_HEADER = struct.Struct(">8sBI")
_SELECTORS = tuple(chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16) for byte in range(256))
_BYTES = {ord(selector): byte for byte, selector in enumerate(_SELECTORS)}
_RUN = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_MAGIC_TEXT = "".join(_SELECTORS[byte] for byte in MAGIC)
# The type of every store, "c2pa" as a UUID: found where the magic number is damaged.
_STORE_TEXT = "".join(_SELECTORS[byte] for byte in b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71")
_BEGINNING = re.compile(f"{_MAGIC_TEXT}|{_STORE_TEXT}")
_MARKS_IN_BYTES = tuple(
    mark.encode(codec) for mark in (_MAGIC_TEXT, _STORE_TEXT) for codec in ("utf-8", "utf-16-le", "utf-16-be")
)

# Padding that writers use: 0x00 by everyone, 0x10 by the text of the standard after April 2026, 0xFF by c2pa-text 3.0.
# Short ones before long ones, so that their order carries nothing.
_PADDING = re.compile(rb"\x00*(?:\x10*|\xff*)\Z")

MAX_WRAPPERS = 32
"""Looked at in one text: a page put together from labelled passages has a few."""


@dataclass(frozen=True)
class Wrapper:
    """One wrapper in a text. start, end: offsets in characters, U+FEFF included.

    store: the manifest store, None where the wrapper is cut short or of another version. canonical: whether the text
    from start to end is nothing but what `encode` may write for this store.
    """

    start: int
    end: int
    store: bytes | None
    canonical: bool


def length_for(store_length: int) -> int:
    """UTF-8 bytes that `encode` writes for a store of this many bytes, whatever its bytes are.

    Every byte at its longest, and six more, so that what is left can always be filled with units of three and four.
    """
    return 3 + 4 * (_HEADER.size + store_length) + 6


def encode(store: bytes) -> str:
    """The wrapper of a store: always `length_for(len(store))` bytes in UTF-8."""
    filled = _written(store)
    gap = length_for(len(store)) - _utf8_length(filled)
    long = gap % 3
    return filled + _SELECTORS[0x00] * ((gap - 4 * long) // 3) + _SELECTORS[0x10] * long


def padded_with_zeros(store: bytes) -> bool:
    """Whether the padding takes no byte but 0x00: some validators take any other for hidden data."""
    return (length_for(len(store)) - _utf8_length(_written(store))) % 3 == 0


def may_hold(data: bytes) -> bool:
    """Whether these bytes of a text can hold a wrapper: cheap, so that most texts need not be decoded."""
    return any(mark in data for mark in _MARKS_IN_BYTES)


def find(text: str, *, max_store: int) -> Iterator[Wrapper]:
    """The wrappers in a text, in order, at most MAX_WRAPPERS. A store longer than `max_store` counts as damaged."""
    position = 0
    for _ in range(MAX_WRAPPERS):
        beginning = _BEGINNING.search(text, position)
        if beginning is None:
            return
        begin, run = beginning.start(), _RUN.match(text, beginning.start())
        assert run is not None
        position = run.end()
        if beginning[0] == _MAGIC_TEXT:
            prefixed = begin > 0 and text[begin - 1] == PREFIX
            yield _decode(text, begin, run.end(), prefixed, max_store)
        else:
            yield Wrapper(begin, run.end(), None, False)


def _decode(text: str, begin: int, end: int, prefixed: bool, max_store: int) -> Wrapper:
    start = begin - prefixed
    body = begin + _HEADER.size
    if body > end:
        return Wrapper(start, end, None, False)
    header = bytes(_BYTES[ord(selector)] for selector in text[begin:body])
    _, version, length = _HEADER.unpack(header)
    if version != VERSION or length > min(max_store, end - body):
        return Wrapper(start, end, None, False)
    store = bytes(map(_BYTES.__getitem__, map(ord, text[body : body + length])))
    padding = text[body + length : end]
    room = length_for(length) - _utf8_length(_written(store))
    fits = len(padding) <= room and _utf8_length(padding) <= room
    pads = fits and _PADDING.match(bytes(_BYTES[ord(selector)] for selector in padding)) is not None
    return Wrapper(start, end, store, prefixed and pads)


def _written(store: bytes) -> str:
    return PREFIX + "".join(map(_SELECTORS.__getitem__, _HEADER.pack(MAGIC, VERSION, len(store)) + store))


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8"))
