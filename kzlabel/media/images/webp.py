"""WebP: lossless stays lossless, lossy is encoded anew at a quality that shows no loss; animations frame by frame."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...containers.riff import WEBP, RiffWalker, packed
from ...errors import LimitExceeded, UnreadableFile, UnsupportedFormat
from ...limits import DEFAULT_LIMITS, Limits
from ..base import MediaInfo, RenderPlan
from .overlay import Overlay
from .raster import Raster, Redrawn, created, described, guard, orientation_of, reading, writing
from .stills import changed

if TYPE_CHECKING:
    from PIL import Image

# The file does not tell the quality it was made with. At 90 a photograph keeps about 42 dB to what is encoded: no
# visible second loss, at a third more bytes than the usual 80.
QUALITY = 90
MAX_SIDE = 16_383  # of one frame (RFC 9649, 2.5); an animation's canvas could be larger
METHOD = 4  # libwebp's default between speed (0) and size (6)
_IMAGE_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")


@dataclass(frozen=True)
class _Frame:
    """milliseconds: how long it is shown. lossless: whether its pixels came as VP8L."""

    milliseconds: int
    lossless: bool


class Webp(Raster):
    """MediaInfo.detail also has "lossless": of every frame."""

    name = "WebP"
    mime = "image/webp"
    extensions = (".webp",)
    container = WEBP
    plugin = ("WebPImagePlugin", "WebPImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        return 100 if header[:4] == b"RIFF" and header[8:12] == b"WEBP" else 0

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        width, height, loop, frames = _structure(file, name, limits)
        guard(name, width, height, limits, frames=len(frames))
        file.seek(0)
        picture = self.picture(file)
        if picture.size != (width, height) or getattr(picture, "n_frames", 1) != len(frames):
            raise UnreadableFile(f"{name}: its header contradicts its content; it may be damaged")
        animated = loop is not None
        return described(
            width,
            height,
            mode=picture.mode,
            orientation=orientation_of(picture),
            frames=len(frames),
            duration=sum(frame.milliseconds for frame in frames) / 1000 if animated else None,
            loop=loop,
            lossless=all(frame.lossless for frame in frames),
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        assert info.width
        assert info.height
        if max(info.width, info.height) > MAX_SIDE:
            raise UnsupportedFormat(f"{source.name}: a WebP of more than {MAX_SIDE} pixels a side cannot be written")
        animated = info.detail["loop"] is not None
        overlay = Overlay(info, plan, source=source, opaque=animated)
        notes = () if info.detail["lossless"] else (f"it was encoded anew at WebP quality {QUALITY}",)
        if animated:
            self._redraw_animation(source, target, info, plan, overlay)
            return Redrawn(overlay.disclosed(), notes, watermark=overlay.marked())
        with self.opened(source) as opened:
            opened.load()
            picture = overlay.put(opened)
            with writing(target.name):
                target.write_bytes(_encoded(picture, lossless=info.detail["lossless"]))
        return Redrawn(overlay.disclosed(), notes, watermark=overlay.marked())

    def _redraw_animation(
        self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan, overlay: Overlay
    ) -> None:
        with reading(source.name), source.open("rb") as file:
            width, height, loop, frames = _structure(file, source.name, plan.limits)
        before: Image.Image | None = None
        alpha = 0x10 if info.detail["mode"] == "RGBA" else 0
        with self.opened(source) as opened, created(target) as file:
            with writing(target.name):
                file.write(b"RIFF\0\0\0\0WEBP")
                size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
                file.write(packed(b"VP8X", bytes([0x02 | alpha, 0, 0, 0]) + size))
                file.write(packed(b"ANIM", struct.pack("<IH", 0, loop or 0)))
            for index, frame in enumerate(frames):
                opened.seek(index)
                opened.load()
                picture = overlay.put(opened.copy())
                box = changed(before, picture, grid=2)  # offsets are stored in halves
                data = _frame_data(picture.crop(box), box, frame)
                with writing(target.name):
                    file.write(packed(b"ANMF", data))
                before = picture
                if plan.progress:
                    plan.progress((index + 1) / len(frames))
            with writing(target.name):
                end = file.tell()
                file.seek(4)
                file.write(struct.pack("<I", end - 8))


def _structure(file: BinaryIO, name: str, limits: Limits) -> tuple[int, int, int | None, list[_Frame]]:
    """Width, height, number of plays (None for a still) and the frames, from the chunks' headers alone."""
    walker = RiffWalker(file, limits)
    size: tuple[int, int] | None = None
    loop: int | None = None
    frames: list[_Frame] = []
    still: bytes | None = None
    for chunk in walker.chunks(walker.form(b"WEBP")):
        file.seek(chunk.body)
        if chunk.id == b"VP8X" and size is None:
            data = file.read(10)
            size = 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
        elif chunk.id == b"ANIM":
            loop = struct.unpack("<4xH", file.read(6))[0]
        elif chunk.id == b"ANMF":
            frames.append(_frame(walker, chunk.body, chunk.size))
            if len(frames) > limits.max_frames:
                raise LimitExceeded(f"{name}: more than {limits.max_frames} frames, the limit max_frames")
        elif chunk.id in (b"VP8 ", b"VP8L") and still is None:
            still = chunk.id
            size = size or _still_size(chunk.id, file.read(10))
    if loop is None and still is not None:
        frames = [_Frame(0, still == b"VP8L")]
    if size is None or not frames:
        raise ValueError("no picture in it")
    return *size, loop, frames


def _still_size(type: bytes, data: bytes) -> tuple[int, int]:
    if type == b"VP8L":
        bits = struct.unpack("<xI", data[:5])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<6xHH", data)
    return width & 0x3FFF, height & 0x3FFF


def _frame(walker: RiffWalker, start: int, size: int) -> _Frame:
    walker.file.seek(start + 12)
    milliseconds = int.from_bytes(walker.file.read(3), "little")
    kinds = {chunk.id for chunk in walker.between(start + 16, start + size)}
    return _Frame(milliseconds, b"VP8L" in kinds)


def _encoded(picture: Image.Image, *, lossless: bool) -> bytes:
    still = io.BytesIO()
    settings: dict[str, Any] = {"lossless": True, "exact": True} if lossless else {"quality": QUALITY}
    with writing("frame"):
        picture.save(still, "WEBP", method=METHOD, **settings)
    return still.getvalue()


def _frame_data(picture: Image.Image, box: tuple[int, int, int, int], frame: _Frame) -> bytes:
    """The content of an ANMF chunk: the box replaces what is there, and stays."""
    whole = _encoded(picture, lossless=frame.lossless)
    fields = [box[0] // 2, box[1] // 2, picture.width - 1, picture.height - 1, frame.milliseconds]
    data = b"".join(field.to_bytes(3, "little") for field in fields) + bytes([0b10])
    walker = RiffWalker(io.BytesIO(whole), DEFAULT_LIMITS)
    for chunk in walker.chunks(walker.form(b"WEBP")):
        if chunk.id in _IMAGE_CHUNKS:
            data += packed(chunk.id, whole[chunk.body : chunk.body + chunk.size])
    return data
