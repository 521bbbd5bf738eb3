"""Writes animated PNGs frame by frame: each is the smallest box that changed, with its own time."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ...containers.png import SIGNATURE, chunks_of, packed
from ...limits import DEFAULT_LIMITS
from .raster import created, writing
from .stills import changed

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class FrameControl:
    """How long a frame is shown: numerator / denominator seconds (PNG third edition, 11.3.6.2)."""

    numerator: int
    denominator: int

    @classmethod
    def parse(cls, data: bytes) -> FrameControl:
        """Read the content of an fcTL chunk, 26 bytes. Raises struct.error on fewer."""
        return cls(*struct.unpack(">20xHH2x", data))

    @property
    def seconds(self) -> float:
        return self.numerator / (self.denominator or 100)


def write_animation(
    target: Path,
    frames: Iterable[Image.Image],
    controls: list[FrameControl],
    *,
    loop: int,
    default: Image.Image | None,
    level: int,
) -> None:
    """Write composed frames of one size and mode (L, LA, RGB, RGBA).

    default: the picture for viewers without animation, where it is no frame itself. loop: plays, 0 for ever.
    """
    with created(target) as file:
        sequence = 0
        before = None
        if default is not None:
            header, data = _encoded(default, level)
            with writing(target.name):
                _begin(file, header, len(controls), loop)
                file.write(packed(b"IDAT", data))
        for frame, control in zip(frames, controls, strict=True):
            box = changed(before, frame)
            header, data = _encoded(frame.crop(box), level)
            size = box[2] - box[0], box[3] - box[1]
            timing = (control.numerator, control.denominator)
            keep, replace = 0, 0  # dispose and blend: the box replaces what is there, and stays
            with writing(target.name):
                if before is None and default is None:
                    _begin(file, header, len(controls), loop)
                file.write(
                    packed(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *size, *box[:2], *timing, keep, replace))
                )
                sequence += 1
                if before is None and default is None:
                    file.write(packed(b"IDAT", data))
                else:
                    file.write(packed(b"fdAT", struct.pack(">I", sequence) + data))
                    sequence += 1
            before = frame
        with writing(target.name):
            file.write(packed(b"IEND", b""))


def _begin(file: BinaryIO, header: bytes, frames: int, loop: int) -> None:
    file.write(SIGNATURE)
    file.write(packed(b"IHDR", header))
    file.write(packed(b"acTL", struct.pack(">II", frames, loop)))


def _encoded(picture: Image.Image, level: int) -> tuple[bytes, bytes]:
    """IHDR and the joined IDATs, as Pillow writes them."""
    still = io.BytesIO()
    with writing("frame"):
        picture.save(still, "PNG", compress_level=level, icc_profile=None)
    content = still.getbuffer()
    parts = {b"IHDR": b"", b"IDAT": b""}
    for chunk in chunks_of(still, DEFAULT_LIMITS):
        if chunk.type in parts:
            parts[chunk.type] += content[chunk.body : chunk.body + chunk.size]
    return parts[b"IHDR"], parts[b"IDAT"]
