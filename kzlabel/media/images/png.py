"""PNG: lossless, in its own mode and depth; animations frame by frame."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...containers.png import PNG, SIGNATURE, chunks_of
from ...errors import LimitExceeded, UnreadableFile, UnsupportedFormat
from ...limits import Limits
from ...watermark.detection import Unmarkable
from ..base import MediaInfo, RenderPlan
from .apng import FrameControl, write_animation
from .deep_png import redraw_deep
from .overlay import Overlay
from .raster import Raster, Redrawn, described, guard, orientation_of, reading, writing

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

# zlib's default: a tenth smaller than level 4 for twice its time, and what others write as well.
COMPRESSION = 6
_DEEP_COLOUR = {2: "rgb48be", 4: "ya16be", 6: "rgba64be"}  # PNG colour type -> what 16 bits of it are


class Png(Raster):
    """MediaInfo.detail also has "depth" (bits of a channel) and "colour" (PNG's colour type)."""

    name = "PNG"
    mime = "image/png"
    extensions = (".png", ".apng")
    container = PNG
    plugin = ("PngImagePlugin", "PngImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        return 100 if header.startswith(SIGNATURE) else 0

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        width, height, depth, colour = _header(file)
        guard(name, width, height, limits)
        controls, loop, hidden = _animation(file, name, limits)
        guard(name, width, height, limits, frames=len(controls) + hidden)
        file.seek(0)
        picture = self.picture(file)
        picture_frames = getattr(picture, "n_frames", 1) - hidden if controls else 1
        if controls and picture_frames != len(controls):
            raise UnreadableFile(f"{name}: the animation says {picture_frames} frames and has {len(controls)}")
        # Behind the pixels there may be an eXIf chunk; what stands there turns no picture in any viewer we know.
        return described(
            width,
            height,
            mode=picture.mode,
            orientation=orientation_of(picture),
            frames=len(controls) or 1,
            duration=sum(control.seconds for control in controls) if controls else None,
            loop=loop,
            depth=16 if depth == 16 else 8,
            colour=colour,
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        if info.frames and info.frames > 1:
            return self._redraw_animation(source, target, info, plan)
        if info.detail["depth"] == 16 and info.detail["colour"] in _DEEP_COLOUR:
            overlay = Overlay(info, plan, source=source, opaque=info.detail["colour"] != 2)
            redraw_deep(source, target, info, overlay, _DEEP_COLOUR[info.detail["colour"]], plan.limits)
            return Redrawn(overlay.disclosed(), watermark=overlay.marked())
        overlay = Overlay(info, plan, source=source)
        with self.opened(source) as opened:
            opened.load()
            picture, notes = _without_key(opened, source.name)
            _keep_kind(opened.mode, picture.mode, plan)
            picture = overlay.put(picture)
            if picture.mode != opened.mode and not notes:
                notes = (f"its palette has no room for the badge; it was written as {picture.mode}",)
            with writing(target.name):
                picture.save(target, "PNG", compress_level=COMPRESSION, icc_profile=None)
        return Redrawn(overlay.disclosed(), notes, _modes(picture), overlay.marked())

    def _redraw_animation(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        if info.detail["depth"] == 16:
            raise UnsupportedFormat(
                f"{source.name}: animations with 16 bits per channel cannot be labelled; convert it to 8 bits"
            )
        with reading(source.name), source.open("rb") as file:
            controls, loop, hidden = _animation(file, source.name, plan.limits)
        overlay = Overlay(info, plan, source=source, opaque=True)
        with self.opened(source) as opened:
            mode = _animation_mode(opened)
            _keep_kind(opened.mode, mode, plan)

            def frames() -> Any:
                total = len(controls) + hidden
                for index in range(total):
                    opened.seek(index)
                    opened.load()
                    put = overlay.put_apart if hidden and not index else overlay.put
                    yield put(opened.convert(mode) if opened.mode != mode else opened.copy())
                    if plan.progress:
                        plan.progress((index + 1) / total)

            drawn = frames()
            default = next(drawn) if hidden else None
            write_animation(target, drawn, controls, loop=loop or 0, default=default, level=COMPRESSION)
        changes = "" if mode == info.detail["mode"] else f"its frames were written as {mode} in place of a palette"
        colour = {"L": 0, "RGB": 2, "LA": 4, "RGBA": 6}[mode]
        notes = (changes,) if changes else ()
        return Redrawn(overlay.disclosed(), notes, {"mode": mode, "colour": colour}, overlay.marked())


def _header(file: BinaryIO) -> tuple[int, int, int, int]:
    file.seek(0)
    start = file.read(26)
    if not start.startswith(SIGNATURE) or start[12:16] != b"IHDR" or len(start) < 26:
        raise ValueError("no IHDR chunk")
    width, height, depth, colour = struct.unpack(">IIBB", start[16:26])
    return width, height, depth, colour


def _animation(file: BinaryIO, name: str, limits: Limits) -> tuple[list[FrameControl], int | None, bool]:
    """The frames' controls, the number of plays (None for a still), whether the first picture is no frame."""
    controls: list[FrameControl] = []
    loop: int | None = None
    pixels_seen = hidden = False
    for chunk in chunks_of(file, limits):
        if chunk.type == b"acTL" and not pixels_seen:
            file.seek(chunk.body)
            loop = struct.unpack(">II", file.read(8))[1]
        elif chunk.type == b"IDAT":
            hidden = hidden or (loop is not None and not controls and not pixels_seen)
            pixels_seen = True
        elif chunk.type == b"fcTL" and loop is not None:
            file.seek(chunk.body)
            controls.append(FrameControl.parse(file.read(26)))
            if len(controls) > limits.max_frames:
                raise LimitExceeded(f"{name}: more than {limits.max_frames} frames, the limit max_frames")
    return (controls, loop, hidden) if controls else ([], None, False)


def _animation_mode(picture: ImageFile) -> str:
    if picture.mode in ("L", "RGB", "LA", "RGBA") and "transparency" not in picture.info:
        return picture.mode
    return "RGBA" if picture.has_transparency_data else "RGB"


def _without_key(picture: Image.Image, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    """A picture in which no single colour stands for transparent, lest the badge has that colour."""
    if "transparency" not in picture.info or picture.mode == "P":
        return picture, ()
    if picture.mode == "I;16":
        raise UnsupportedFormat(
            f"{name}: 16-bit grey with a transparent shade cannot be labelled; convert it to 8 bits"
        )
    mode = "RGBA" if picture.mode == "RGB" else "LA"
    return picture.convert("RGBA").convert(mode), (f"its transparent colour was written as {mode}",)


def _keep_kind(before: str, after: str, plan: RenderPlan) -> None:
    """Raises Unmarkable where a watermark alone would change the kind of picture, as only a badge may."""
    if before != after and not plan.disclosure:
        raise Unmarkable("one of its colours stands for transparent; convert it to a picture with an alpha channel")


def _modes(picture: Image.Image) -> dict[str, Any]:
    colour = {"1": 0, "L": 0, "I;16": 0, "RGB": 2, "P": 3, "LA": 4, "RGBA": 6}[picture.mode]
    return {"mode": picture.mode, "colour": colour}
