"""Bounded reads from a file that may be hostile: a length read from the file is never trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Slots, Tag


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


def decoded(text: bytes) -> str:
    """A text whose encoding nobody tells: UTF-8 where the bytes allow it, else Latin-1."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


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


class Found:
    """Gathers what `read` finds: at most `limits.max_slot_bytes` in all, damage beside the rest.

    What would exceed the limit is left out and said under `damage`, so that it hides nothing else.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.manifest = False
        self.exif: bytes | None = None
        self.xmp: list[bytes] = []
        self.tags: list[Tag] = []
        self.damage: list[str] = []
        self._left = limits.max_slot_bytes

    @contextmanager
    def part(self) -> Iterator[None]:
        """What cannot be parsed inside becomes damage."""
        try:
            yield
        except InputError as error:
            self.damage.append(str(error))

    def block(self, start: int, size: int, what: str) -> bytes:
        """Read one block; it counts towards the limit. Raises LimitExceeded, UnreadableFile."""
        self.hold(size, what)
        return read_at(self.file, start, size)

    def hold(self, size: int, what: str) -> None:
        """Count bytes that are kept. Raises LimitExceeded."""
        if size > self._left:
            raise LimitExceeded(f"{name_of(self.file)}: {what} has {size} bytes, more than the limits allow")
        self._left -= size

    @property
    def left(self) -> int:
        """Bytes that may still be kept."""
        return self._left

    def slots(self) -> Slots:
        return Slots(tuple(self.xmp), self.exif, tuple(self.tags), self.manifest, tuple(self.damage))
