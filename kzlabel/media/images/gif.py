"""GIF: every frame with its time; only what changes is written, in its own colours as far as 256 suffice."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...containers.gif import GIF
from ...errors import LimitExceeded
from ...limits import Limits
from ..base import MediaInfo, RenderPlan
from .colours import to_palette
from .raster import Raster, Redrawn, created, described, guard, reading, writing
from .stamp import Stamp

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

KEEP, CLEAR = 1, 2  # GIF89a, 23: disposal methods
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


@dataclass(frozen=True)
class _Structure:
    """hundredths: how long each frame is shown. loop: plays, 0 for ever, None where the file does not say."""

    width: int
    height: int
    hundredths: tuple[int, ...]
    loop: int | None


class Gif(Raster):
    name = "GIF"
    mime = "image/gif"
    extensions = (".gif",)
    container = GIF
    plugin = ("GifImagePlugin", "GifImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        return 100 if header[:6] in (b"GIF87a", b"GIF89a") else 0

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        found = _structure(file, name, limits)
        frames = len(found.hundredths)
        guard(name, found.width, found.height, limits, frames=frames)
        return described(
            found.width,
            found.height,
            mode="P",
            frames=frames,
            duration=sum(found.hundredths) / 100 if frames > 1 else None,
            loop=found.loop,
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        assert plan.disclosure
        assert info.width
        assert info.height
        with reading(source.name), source.open("rb") as file:
            found = _structure(file, source.name, plan.limits)
        stamp = Stamp(info.width, info.height, plan.disclosure, source=source, few=True)
        total = len(found.hundredths)

        def frames() -> Iterator[np.ndarray[Any, Any]]:
            import numpy as np

            for index in range(total):
                opened.seek(index)
                opened.load()
                yield np.asarray(stamp.put(opened.convert("RGBA")))
                if plan.progress:
                    plan.progress((index + 1) / total)

        with self.opened(source) as opened, created(target) as output:
            exact = _write(output, frames(), found, target.name)
        notes = () if exact else ("some colours were merged, since a GIF's frame holds no more than 256",)
        return Redrawn(stamp.record(), notes)


def _structure(file: BinaryIO, name: str, limits: Limits) -> _Structure:
    """Walks the blocks without decoding. Raises ValueError where the file ends within one, LimitExceeded."""
    file.seek(0)
    start = _take(file, 13)
    width, height, flags = struct.unpack("<6xHHB2x", start)
    _skip_table(file, flags)
    hundredths: list[int] = []
    loop: int | None = None
    delay = 0
    for _ in range(limits.max_boxes):
        kind = file.read(1)
        if not kind or kind[0] == _TRAILER:
            break
        if kind[0] == _EXTENSION:
            label = _take(file, 1)[0]
            first, *more = _blocks(file, keep=2)
            if label == _CONTROL and len(first) >= 4:
                delay = struct.unpack("<xH", first[:3])[0]
            elif label == _APPLICATION and first in _LOOPING and loop is None and more and len(more[0]) >= 3:
                loop = struct.unpack("<xH", more[0][:3])[0] if more[0][0] == 1 else None
        elif kind[0] == _IMAGE:
            left, top, across, down, flags = struct.unpack("<HHHHB", _take(file, 9))
            _skip_table(file, flags)
            _take(file, 1)
            _blocks(file, keep=0)
            width, height = max(width, left + across), max(height, top + down)
            hundredths.append(delay)
            delay = 0
            if len(hundredths) > limits.max_frames:
                raise LimitExceeded(f"{name}: more than {limits.max_frames} frames, the limit max_frames")
        else:
            raise ValueError(f"byte {file.tell() - 1} begins no block")
    if not hundredths:
        raise ValueError("no picture in it")
    return _Structure(width, height, tuple(hundredths), loop)


def _take(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise ValueError("the file ends within a block")
    return data


def _skip_table(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _take(file, 3 << ((flags & 7) + 1))


def _blocks(file: BinaryIO, *, keep: int) -> list[bytes]:
    """The first `keep` sub-blocks, at least one entry; the rest is passed over."""
    kept: list[bytes] = []
    while size := _take(file, 1)[0]:
        data = _take(file, size)
        if len(kept) < keep:
            kept.append(data)
    return kept or [b""]


def _write(file: BinaryIO, frames: Iterator[Any], found: _Structure, name: str) -> bool:
    """Write composed frames, (height, width, 4) uint8 with an alpha of 0 or 255. Whether every colour was kept.

    A frame waits until the next is known: where that one clears pixels, this one must be written whole and cleared.
    """
    import numpy as np

    with writing(name):
        file.write(b"GIF89a" + struct.pack("<HHBBB", found.width, found.height, 0x70, 0, 0))
        if found.loop is not None:
            file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", found.loop) + b"\0")
    exact = True
    canvas = np.zeros((found.height, found.width, 4), dtype=np.uint8)
    for (frame, following), hundredths in zip(_pairs(frames), found.hundredths, strict=True):
        clears = following is not None and bool(((frame[..., 3] > 0) & (following[..., 3] == 0)).any())
        new = ((frame != canvas).any(axis=2) & (frame[..., 3] > 0)) if canvas[..., 3].any() else frame[..., 3] > 0
        top, bottom, left, right = (0, found.height, 0, found.width) if clears else _bounds(new)
        picture, clear, kept = to_palette(frame[top:bottom, left:right, :3], new[top:bottom, left:right])
        exact = exact and kept
        with writing(name):
            _write_frame(file, picture, (left, top), clear, hundredths, CLEAR if clears else KEEP)
        canvas = np.zeros_like(frame) if clears else frame
    with writing(name):
        file.write(bytes([_TRAILER]))
    return exact


def _pairs(frames: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
    """Each frame with the one after it, None at the end."""
    before = next(frames, None)
    for frame in itertools.chain(frames, [None]):
        if before is not None:
            yield before, frame
        before = frame


def _bounds(mask: Any) -> tuple[int, int, int, int]:
    """top, bottom, left, right of the smallest box with all that is set; one pixel where nothing is."""
    rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _write_frame(
    file: BinaryIO, picture: Image.Image, offset: tuple[int, int], clear: int | None, hundredths: int, disposal: int
) -> None:
    from PIL.GifImagePlugin import getdata

    flags = disposal << 2 | (clear is not None)
    file.write(b"\x21\xf9\x04" + struct.pack("<BHBB", flags, hundredths, clear or 0, 0))
    for part in getdata(picture, offset, include_color_table=True):
        file.write(part)
