"""The encoding of a text: told by its bytes, by the page or by the user; of 8-bit ones never guessed."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...containers import charset
from ...containers.charset import Charset
from ...containers.text_edit import read_whole
from ...errors import UnreadableFile, UsageError
from ...files import open_input
from ...inert import inert
from ...limits import Limits

EIGHT_BIT = ("cp1251", "kz1048", "ptcp154", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic")
"""In use for Kazakh and Russian. Of those that read a text alike the first counts: it promises the fewest letters."""

# A reading in which anything else occurs beyond ASCII is no Kazakh or Russian text.
_LETTERS = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяәғқңөұүһі"
_SIGNS = "«»„“”‘’‚‹›–—…•·№§©®™°±×÷€₸₽\u00a0\u00ad\u2212"
_PLAUSIBLE = re.compile(f"[\x00-\x7f{_LETTERS}{_LETTERS.upper()}{_SIGNS}]*")
# Small letters followed by capitals: a text read in the wrong one of two encodings that swap their halves.
_SWAPPED = re.compile(f"[{_LETTERS}][{_LETTERS.upper()}]")

_SAMPLE = 40  # characters of a line shown for each candidate


@dataclass(frozen=True)
class TextFile:
    """A text as read. text: after the byte order mark. declared: whether the text itself tells its encoding."""

    text: str
    charset: Charset
    declared: bool = False


def load(
    source: Path,
    limits: Limits,
    *,
    encoding: str | None = None,
    declared: Callable[[bytes], Charset | None] | None = None,
    strip: Callable[[bytes], bytes] = bytes,
) -> TextFile:
    """Read a text. encoding: what the user says. declared: finds what the text says about itself.

    strip: takes away what is not to be looked at.

    Raises UnreadableFile for what is no text, UsageError where the encoding has to be told, LimitExceeded.
    """
    with open_input(source) as file:
        data = strip(read_whole(file, limits))
    if encoding is not None:
        return _as_told(data, encoding, source.name)
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFile(f"{source.name}: the text is in UTF-32; convert it to UTF-8")
    found = (declared(data) if declared else None) or charset.sniff(data)
    if charset.is_damaged(data) and not (found and found.wide):
        raise UnreadableFile(
            f"{source.name}: this is no text, it holds control characters; take them out, or convert it"
        )
    return _round_trip(data, found or _only_reading(data, source.name), source.name)


def candidates(data: bytes) -> dict[str, str]:
    """Encoding -> the whole text, for each way to read the bytes as Kazakh or Russian; same texts only once."""
    readings: dict[str, str] = {}
    for codec in EIGHT_BIT:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if _PLAUSIBLE.fullmatch(text) and not _SWAPPED.search(text) and text not in readings.values():
            readings[codec] = text
    return readings


def _only_reading(data: bytes, name: str) -> Charset:
    readings = candidates(data)
    if len(readings) == 1:
        return Charset(next(iter(readings)))
    if not readings:
        raise UsageError(f"{name}: the encoding cannot be told from the bytes; say it with --encoding, such as cp1252")
    shown = "; ".join(f"{codec}: «{_sample(text)}»" for codec, text in readings.items())
    raise UsageError(f"{name}: the text can be read in several encodings; choose one with --encoding: {shown}")


def _sample(text: str) -> str:
    """The first line that differs between readings: one with a letter beyond ASCII."""
    line = next((line for line in text.splitlines() if not line.isascii()), "")
    return inert(line.strip(), _SAMPLE)


def _as_told(data: bytes, encoding: str, name: str) -> TextFile:
    codec = _codec(encoding)
    if codec == "utf-16":
        sniffed = charset.sniff(data)
        if sniffed is None or not sniffed.wide:
            raise UsageError(f"{name}: say utf-16-le or utf-16-be, the text has no byte order mark")
        return _round_trip(data, sniffed, name)
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    mark = marks.get(codec, b"")
    return _round_trip(data, Charset(codec, mark if mark and data.startswith(mark) else b""), name)


def _codec(encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
        sample = "Az09 <>&-~"
        plain = sample.encode(codec)
    except (LookupError, ValueError, TypeError):
        raise UsageError(f"{encoding!r} is no encoding of texts; try utf-8, cp1251 or kz1048") from None
    if codec == "utf-8-sig":
        return "utf-8"
    if codec in ("utf-16", "utf-16-le", "utf-16-be"):
        return codec
    if plain != sample.encode("ascii") or codec.startswith(("utf-7", "utf-32", "iso2022", "hz")):
        raise UsageError(f"{encoding}: texts in this encoding cannot be labelled; convert the text to UTF-8")
    return codec


def _round_trip(data: bytes, found: Charset, name: str) -> TextFile:
    """Decode, and make sure that the same bytes come back: what is written again must not change."""
    try:
        text = found.decode(data)
        same = found.encode(text) == data
    except UnicodeError:
        raise UsageError(f"{name}: the bytes are no text in {found.codec}; say another --encoding") from None
    if not same:
        raise UnreadableFile(f"{name}: {found.codec} writes this text with other bytes; convert it to UTF-8 first")
    return TextFile(text, found)
