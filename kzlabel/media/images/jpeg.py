"""JPEG: encoded anew with the input's own tables, sampling and kind, in the colour model in which it came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ...containers.jpeg import JPEG
from ...errors import LimitExceeded
from ...limits import Limits
from ..base import MediaInfo, RenderPlan
from .overlay import Overlay
from .planes import luma_of
from .raster import Raster, Redrawn, described, guard, orientation_of, reading, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.JpegImagePlugin import JpegImageFile

# Scans of a progressive file: encoders write about ten, libjpeg-turbo's own fuzzers stop at 500. Each costs a pass over
# all coefficients, so that a small file with thousands of them would take hours.
MAX_SCANS = 500
# What a reader of watermarks needs at least: twice the size, each way, to which watermark.image_view scales a picture.
ENOUGH_PIXELS, ENOUGH_SIDE = 1 << 21, 384


class Jpeg(Raster):
    name = "JPEG"
    mime = "image/jpeg"
    extensions = (".jpg", ".jpeg", ".jpe", ".jfif")
    container = JPEG
    plugin = ("JpegImagePlugin", "JpegImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        return 100 if header.startswith(b"\xff\xd8\xff") else 0

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        picture = cast("JpegImageFile", self.picture(file))
        guard(name, *picture.size, limits)
        progressive = bool(picture.info.get("progressive"))
        if progressive:
            _count_scans(file, name)
        return described(
            *picture.size,
            mode=picture.mode,
            orientation=orientation_of(picture),
            progressive=progressive,
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        overlay = Overlay(info, plan, source=source)
        notes = []
        with self.opened(source) as opened:
            picture = cast("JpegImageFile", opened)
            settings, note = _settings(picture)
            notes += [note] if note else []
            if "mp" in picture.info:
                notes.append("only the first picture of the file was kept: no previews, depth or gain maps")
            if plan.watermark and picture.mode == "RGB" and not settings["keep_rgb"]:
                picture.draft("YCbCr", None)  # luma as it stands in the file, no turn through RGB and back
            picture.load()
            overlay.put(picture)
            with writing(target.name):
                picture.save(target, "JPEG", **settings)
        return Redrawn(overlay.disclosed(), tuple(notes), watermark=overlay.marked())

    def luma(self, source: Path, frame: int) -> tuple[NDArray[np.float32] | None, tuple[int, int]]:
        """Decoded as grey, and smaller where the reader would scale it down anyhow."""
        with self.opened(source) as picture:
            size = width, height = picture.size
            share = max((ENOUGH_PIXELS / (width * height)) ** 0.5, ENOUGH_SIDE / min(width, height))
            if share < 1:
                picture.draft("L", (round(width * share), round(height * share)))
            picture.load()
            return luma_of(picture), size

    def decode(self, target: Path, info: MediaInfo) -> None:
        """A full decode would double the cost of labelling; libjpeg ends what it writes, so its end is looked for."""
        with reading(target.name), target.open("rb") as file:
            file.seek(-2, 2)
            if file.read(2) != b"\xff\xd9":
                raise ValueError("the end is missing")


def _settings(picture: JpegImageFile) -> tuple[dict[str, Any], str | None]:
    """What makes Pillow write the file as it was, and a note where it cannot."""
    note = None
    tables = [picture.quantization[component[3]] for component in picture.layer]
    adobe = picture.info.get("adobe_transform")
    kept_as_rgb = picture.mode == "RGB" and (
        adobe == 0 or ("jfif" not in picture.info and [component[0] for component in picture.layer] == [82, 71, 66])
    )
    sampling = _sampling(picture)
    if sampling is None:
        sampling = 0
        note = "its chroma sampling is unusual; it was written with full chroma (4:4:4)"
    if picture.mode == "CMYK":
        sampling = 0
        if adobe == 2:
            # Pillow writes CMYK without the turn to YCC, where the coarse tables of chroma would hit ink.
            tables = [tables[0]] * 4
            note = "it was written as CMYK in place of YCCK"
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()  # Pillow repeats the last one
    settings: dict[str, Any] = {
        "qtables": tables,
        "subsampling": sampling,
        "progressive": bool(picture.info.get("progressive")),
        "keep_rgb": kept_as_rgb,
        "comment": b"",  # the container carries comments over, all of them
    }
    if picture.info.get("jfif_unit") and "dpi" in picture.info:  # else it is EXIF's, or Pillow's guess
        settings["dpi"] = picture.info["dpi"]
    return settings, note


def _sampling(picture: JpegImageFile) -> int | None:
    """Pillow's number for the ratio of luma to chroma samples; None for one that Pillow does not write."""
    if picture.mode != "RGB":
        return 0
    (across, down), *chroma = [(component[1], component[2]) for component in picture.layer]
    ratios = {(across / horizontal, down / vertical) for horizontal, vertical in chroma}
    known = {(1.0, 1.0): 0, (2.0, 1.0): 1, (2.0, 2.0): 2}
    return known.get(ratios.pop()) if len(ratios) == 1 else None


def _count_scans(file: BinaryIO, name: str) -> None:
    file.seek(0)
    scans = 0
    last = b""
    while piece := file.read(1 << 20):
        scans += (last + piece).count(b"\xff\xda")
        last = piece[-1:]
        if scans > MAX_SCANS:
            raise LimitExceeded(f"{name}: more than {MAX_SCANS} scans; no camera or editor writes so many")
    file.seek(0)
