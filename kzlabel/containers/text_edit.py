"""Edits to a text that leave every other character where it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO

from ..errors import LimitExceeded
from ..limits import Limits
from .reading import name_of


def splice(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with each range [start, end) replaced; ranges do not overlap."""
    pieces, position = [], 0
    for start, end, new in sorted(edits):
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


def newline_of(text: str) -> str:
    """The line end of the first line; a line feed where there is only one line."""
    match = re.search("\r\n|\n|\r", text)
    return match[0] if match else "\n"


def on_own_lines(text: str, position: int, block: str, newline: str) -> str:
    """`block`, which ends with a line end, with one before it as well where `position` is no beginning of a line."""
    before = text[position - 1 : position] if position else ""
    return block if before in ("", "\n", "\r", "\ufeff") else newline + block


def read_whole(file: BinaryIO, limits: Limits) -> bytes:
    """All bytes of a text. Raises LimitExceeded beyond `max_text_bytes`."""
    data = file.read(limits.max_text_bytes + 1)
    if len(data) > limits.max_text_bytes:
        raise LimitExceeded(
            f"{name_of(file)}: the text has more than {limits.max_text_bytes} bytes; raise max_text_bytes"
        )
    return data
