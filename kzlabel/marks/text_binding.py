"""Whether a text is the one that was signed: exactly, with other line ends, or as a passage of a longer text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ..containers import charset
from ..containers.text_carriers import Exclusion, Located, normal
from .binding import MALFORMED, MISMATCH, DataHash

MATCH = "assertion.dataHash.match"
REFLOWED = "text.reflowed"
PARTIAL = "text.partial"

_SENTENCES = {
    MATCH: "the text is the one that was signed",
    MISMATCH: "the text is not the one that was signed",
    MALFORMED: "the data hash does not leave out exactly the manifest",
    REFLOWED: "the text is the one that was signed, but for line ends and trailing spaces",
    PARTIAL: "a passage of this text is the one that was signed",
}
_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (None, b"\n", b"\r\n")


@dataclass(frozen=True)
class TextBinding:
    """What became of the hard binding.

    codes: MATCH, MISMATCH or MALFORMED; with MISMATCH perhaps REFLOWED, with MATCH perhaps PARTIAL.
    passage: for PARTIAL, the range of characters that was signed, a byte order mark counted as one.
    """

    codes: tuple[str, ...]
    passage: tuple[int, int] | None = None

    @property
    def holds(self) -> bool:
        return MATCH in self.codes

    @property
    def sentence(self) -> str:
        """The most telling code, for a person."""
        return _SENTENCES[self.codes[-1]]


def check(data: bytes, found: Located, bound: DataHash) -> TextBinding:
    """Compare the text in which a manifest was found with its data hash. Time grows with the length of the text only.

    The exclusion must be exactly the carrier, and the carrier exactly what encodes the store: what stands in it
    beside the store would be signed by nobody.
    """
    if len(bound.exclusions) != 1:
        return TextBinding((MALFORMED,))
    excluded = Exclusion(*bound.exclusions[0])
    ranges = [one for one in found.exclusions if one.length == excluded.length]
    if not ranges:
        return TextBinding((MISMATCH,))
    if not found.canonical:
        return TextBinding((MALFORMED,))
    around = _Around.of(data, found)
    for own in ranges:
        before, after = around.parts(own)
        if own.start == excluded.start and around.matches(before, after, bound):
            return TextBinding((MATCH,))
    for own in ranges[:2]:
        for before, after in around.reflowed(own):
            if around.length(before) == excluded.start and around.matches(before, after, bound):
                return TextBinding((MISMATCH, REFLOWED))
    if found.wrapper and (passage := around.passage(excluded, bound)):
        # All of the text, so that nothing but its byte order mark came or went.
        return TextBinding((MATCH, PARTIAL), passage) if around.others(passage) else TextBinding((MISMATCH, REFLOWED))
    return TextBinding((MISMATCH,))


@dataclass(frozen=True)
class _Around:
    """What stands before and after the carrier. data: as it is hashed, but not yet normalised.

    at: for a wrapper, the range of bytes that it takes in `data`.
    """

    data: bytes
    wrapper: bool
    at: tuple[int, int]

    @classmethod
    def of(cls, data: bytes, found: Located) -> _Around:
        if not found.wrapper:
            return cls(data, False, found.span)
        _, way = charset.tolerant(data)
        before, carrier, after = data[: found.span[0]], data[slice(*found.span)], data[found.span[1] :]
        pieces = [way.utf8(piece.decode(way.codec, way.errors)) for piece in (before, carrier, after)]
        return cls(b"".join(pieces), True, (len(pieces[0]), len(pieces[0]) + len(pieces[1])))

    def parts(self, own: Exclusion) -> tuple[bytes, bytes]:
        start, end = self.at if self.wrapper else (own.start, own.start + own.length)
        return self.data[:start], self.data[end:]

    def length(self, before: bytes) -> int:
        return len(normal(before)) if self.wrapper else len(before)

    def matches(self, before: bytes, after: bytes, bound: DataHash) -> bool:
        if not self.wrapper:
            return _digest(bound.alg, before, after) == bound.hash
        parts = normal(before), normal(after)
        if _digest(bound.alg, *parts) == bound.hash:
            return True
        joined = normal(before + after)  # the other reading of the standard: first cut, then normalise
        return joined != b"".join(parts) and _digest(bound.alg, joined) == bound.hash

    def reflowed(self, own: Exclusion) -> Iterator[tuple[bytes, bytes]]:
        """The text with each kind of line end, with or without trailing spaces, with another line end at its end."""
        before, after = self.parts(own)
        # A block's exclusion begins with the line feed that ends the line before it.
        lead = b"\n" if not self.wrapper and self.data[own.start : own.start + 1] == b"\n" else b""
        for ends in _LINE_ENDS:
            for strip in (False, True):
                left = _evened(before + lead, ends, strip)[: -len(lead) or None]
                right = _evened(after, ends, strip)
                core = right.rstrip(b"\r\n")
                yield left, right
                yield from ((left, core + tail) for tail in (b"", b"\n", b"\r\n") if core + tail != right)

    def others(self, passage: tuple[int, int]) -> bool:
        """Whether there are words outside the passage."""
        before, after = self.data[: self.at[0]].decode("utf-8", "replace"), self.data[self.at[1] :]
        return bool(before[: passage[0]].strip("\ufeff \t\r\n") or after.strip())

    def passage(self, excluded: Exclusion, bound: DataHash) -> tuple[int, int] | None:
        """The characters before the wrapper that were signed, found by the length that the exclusion tells."""
        before, after = self.data[: self.at[0]], self.data[self.at[1] :]
        if after and not after[:1].isspace():
            return None
        for ends in _LINE_ENDS:
            text = normal(_evened(before, ends, False))
            for mark in (b"", _BOM):
                wanted = excluded.start - len(mark)
                if not 0 < wanted <= len(text):
                    continue
                start = len(text) - wanted
                if start and not text[start - 1 : start].isspace():
                    continue  # in the middle of a word, so that this is no passage but a text with something put in
                hasher = hashlib.new(bound.alg, mark + text[start:])
                for tail in dict.fromkeys((b"", b"\n", b"\r\n", normal(_evened(after, ends, False)))):
                    whole = hasher.copy()
                    whole.update(tail)
                    if whole.digest() == bound.hash:
                        return _characters(before, text[start:])
        return None


def _evened(data: bytes, ends: bytes | None, strip: bool) -> bytes:
    if strip:
        data = re.sub(rb"[ \t]+(?=[\r\n]|\Z)", b"", data)
    if ends is not None:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = data if ends == b"\n" else data.replace(b"\n", ends)
    return data


def _characters(before: bytes, passage: bytes) -> tuple[int, int]:
    """Where the passage, which ends where `before` ends, begins in characters; line ends may count differently."""
    text = before.decode("utf-8", "replace")
    letters = sum(character not in "\r\n" for character in passage.decode("utf-8", "replace"))
    words = unicodedata.normalize("NFC", text)
    text = text if len(words) == len(text) else words
    start = len(text)
    while letters and start:
        start -= 1
        letters -= text[start] not in "\r\n"
    return start, len(text)


def _digest(alg: str, *parts: bytes) -> bytes:
    hasher = hashlib.new(alg)
    for part in parts:
        hasher.update(part)
    return hasher.digest()
