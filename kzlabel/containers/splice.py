"""Replaces stretches of a file by others, in constant memory however long the media data between them is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError
from ..files import reason

PIECE = 1 << 20
# A tail up to this size is held in memory and written again in place; a longer one is copied to a file beside it.
MAX_TAIL = 64 << 20


@dataclass(frozen=True)
class Edit:
    """The bytes from `start` to `end` become `data`; start = end inserts."""

    start: int
    end: int
    data: bytes

    @property
    def growth(self) -> int:
        return len(self.data) - (self.end - self.start)


def splice(path: Path, edits: Iterable[Edit]) -> None:
    """Apply edits that do not overlap, in place where sizes allow. Raises OutputError when the disk refuses."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    try:
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            start, end = _moving(ordered, size)
            if end - start <= MAX_TAIL:
                _in_place(file, ordered, start, end)
                return
        _anew(path, ordered, size)
    except OSError as error:
        raise OutputError(f"{path.name}: the marks cannot be written: {reason(error)}") from None


def _moving(edits: list[Edit], size: int) -> tuple[int, int]:
    """The stretch in which bytes change their place: up to the end of the file, unless the edits even out."""
    moving = [edit for edit in edits if edit.growth]
    if not moving:
        return size, size
    return moving[0].start, size if sum(edit.growth for edit in moving) else max(edit.end for edit in moving)


def _in_place(file: BinaryIO, edits: list[Edit], start: int, end: int) -> None:
    inside = [edit for edit in edits if start <= edit.start and edit.end <= end]
    stretch = b"".join(_pieces(file, inside, start, end))
    for edit in edits:
        if not (start <= edit.start and edit.end <= end):
            file.seek(edit.start)
            file.write(edit.data)
    file.seek(start)
    file.write(stretch)
    if sum(edit.growth for edit in inside):
        file.truncate()


def _anew(path: Path, edits: list[Edit], size: int) -> None:
    beside = path.with_name(path.name + ".splicing")
    try:
        with path.open("rb") as source, beside.open("xb") as target:
            for piece in _pieces(source, edits, 0, size):
                target.write(piece)
        shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _pieces(file: BinaryIO, edits: list[Edit], start: int, end: int) -> Iterable[bytes]:
    for edit in [*edits, Edit(end, end, b"")]:
        file.seek(start)
        while start < edit.start:
            piece = file.read(min(PIECE, edit.start - start))
            if not piece:
                break
            yield piece
            start += len(piece)
        yield edit.data
        start = edit.end
