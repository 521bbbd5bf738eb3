"""AVIF: encoded anew at a quality that shows no loss; animations with every frame and its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from ...containers.heif import HEIF
from ...errors import UnreadableFile, UnsupportedFormat
from ...limits import Limits
from ..base import MediaInfo, RenderPlan
from ..brands import brands
from .avif_boxes import settle, structure
from .lazy import drawn_frames
from .overlay import Overlay
from .raster import Raster, Redrawn, described, guard, orientation_of, reading, writing

# The file does not tell the quality it was made with. At 90 no loss is visible; at speed 6, libavif's own default,
# 12 megapixels take some 3 s.
QUALITY = 90
SPEED = 6
BRANDS = (b"avif", b"avis")


class Avif(Raster):
    """MediaInfo.detail also has "subsampling"."""

    name = "AVIF"
    mime = "image/avif"
    extensions = (".avif", ".avifs")
    container = HEIF
    plugin = ("AvifImagePlugin", "AvifImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        return 100 if any(brand in BRANDS for brand in brands(header)) else 0

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        found = structure(file, limits)
        file.seek(0)
        picture = self.picture(file)
        frames = getattr(picture, "n_frames", 1)
        guard(name, *picture.size, limits, frames=frames)
        animated = frames > 1
        if animated and len(found.milliseconds) != frames:
            raise UnreadableFile(f"{name}: it has {frames} frames and times for {len(found.milliseconds)}")
        return described(
            *picture.size,
            mode=picture.mode,
            orientation=orientation_of(picture),
            frames=frames,
            duration=sum(found.milliseconds) / 1000 if animated else None,
            loop=found.plays if animated else None,
            subsampling=found.subsampling,
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        with reading(source.name), source.open("rb") as file:
            found = structure(file, plan.limits)
        if found.deep:
            raise UnsupportedFormat(
                f"{source.name}: an AVIF of more than 8 bits per channel cannot be labelled without loss; "
                "convert it to 8 bits, or to 16-bit PNG"
            )
        animated = bool(info.frames and info.frames > 1)
        overlay = Overlay(info, plan, source=source, opaque=animated)
        with self.opened(source) as picture:
            settings: dict[str, Any] = {
                "quality": QUALITY,
                "speed": SPEED,
                "subsampling": info.detail["subsampling"],
                "icc_profile": picture.info.get("icc_profile"),
                "xmp": plan.slots.xmp[0] if plan.slots.xmp else picture.info.get("xmp"),
                "exif": _exif(plan.slots.exif or picture.info.get("exif"), info.detail["orientation"]),
            }
            frames = drawn_frames(picture, overlay, info.frames or 1, name=source.name, progress=plan.progress)
            if animated:
                settings |= {"save_all": True, "duration": list(found.milliseconds)}
            with writing(target.name):
                frames.save(target, "AVIF", **settings)
                if animated:
                    settle(target, found.plays or 0, plan.limits)
        notes = (f"it was encoded anew at AVIF quality {QUALITY}",)
        return Redrawn(overlay.disclosed(), notes, watermark=overlay.marked())


def _exif(block: bytes | None, orientation: int) -> bytes | None:
    """EXIF that makes Pillow write the orientation as a property of the picture; otherwise left as it is."""
    from PIL import Image

    if orientation == 1 and not block:
        return None
    exif = Image.Exif()
    if block:
        exif.load(block)
    if exif.get(274, 1) == orientation and block:
        return block
    exif[274] = orientation
    return exif.tobytes()
