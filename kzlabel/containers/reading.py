"""Bounded reads from a file that may be hostile: a length read from the file is never trusted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded, UnreadableFile


def name_of(file: BinaryIO) -> str:
    """The name to put into a message; "the file" for one that lives in memory."""
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str | os.PathLike) and str(name) else "the file"


def size_of(file: BinaryIO) -> int:
    """Length of the file in bytes."""
    return file.seek(0, os.SEEK_END)


def read_at(file: BinaryIO, start: int, size: int) -> bytes:
    """Exactly `size` bytes from `start`. Raises UnreadableFile where the file ends earlier."""
    file.seek(start)
    data = file.read(size)
    if len(data) != size:
        raise UnreadableFile(f"{name_of(file)}: the file ends at byte {start + len(data)}, in the middle of a block")
    return data


def read_block(file: BinaryIO, start: int, size: int, limit: int, what: str) -> bytes:
    """One metadata block, if it is no longer than `limit`. Raises LimitExceeded, UnreadableFile."""
    if size > limit:
        raise LimitExceeded(f"{name_of(file)}: {what} has {size} bytes, the limit is {limit}")
    return read_at(file, start, size)


class Visits:
    """Counts the boxes, chunks, segments or directories visited in one file. Raises LimitExceeded past the limit."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._name = name_of(file)
        self._limit = limit
        self._left = limit

    def count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise LimitExceeded(f"{self._name}: more than {self._limit} boxes, chunks or segments")
