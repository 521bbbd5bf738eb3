"""Helpers for formats whose frames are written one by one: what changed, in which place, for how long."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Chunk:
    """One chunk of a RIFF or PNG file. start: of its data, in the file."""

    type: bytes
    start: int
    size: int


def changed(before: Image.Image | None, after: Image.Image, *, grid: int = 1) -> Box:
    """The smallest box that holds every pixel in which two frames of one size and mode differ; never empty.

    grid: left and top are multiples of it.
    """
    from PIL import ImageChops

    if before is None:
        return (0, 0, *after.size)
    box = ImageChops.difference(before, after).getbbox(alpha_only=False) or (0, 0, 1, 1)
    return box[0] // grid * grid, box[1] // grid * grid, box[2], box[3]


def png_chunks(file: BinaryIO, start: int = 8) -> Iterator[Chunk]:
    """The chunks of a PNG, up to IEND or where the file ends."""
    while True:
        file.seek(start)
        header = file.read(8)
        if len(header) < 8:
            return
        size, type = struct.unpack(">I4s", header)
        yield Chunk(type, start + 8, size)
        if type == b"IEND":
            return
        start += 12 + size


def riff_chunks(file: BinaryIO, start: int, end: int) -> Iterator[Chunk]:
    """The chunks of a RIFF form between two offsets, or up to where the file ends."""
    while start + 8 <= end:
        file.seek(start)
        header = file.read(8)
        if len(header) < 8:
            return
        type, size = struct.unpack("<4sI", header)
        yield Chunk(type, start + 8, size)
        start += 8 + size + (size & 1)
