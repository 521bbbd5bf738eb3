"""TIFF: every page in its own mode and compression, with its own tags."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from ...containers.ifd import TiffReader
from ...containers.tiff import TIFF
from ...disclosure.plan import DisclosureRecord
from ...errors import LimitExceeded, RequirementNotMet, UnsupportedFormat
from ...limits import Limits
from ...watermark.detection import Unmarkable
from ...watermark.record import WatermarkRecord
from ..base import MediaInfo, RenderPlan
from .mark import Mark
from .overlay import lay_over
from .raster import Raster, Redrawn, created, described, guard, reading, writing
from .stamp import TURNED_BACK, Stamp

if TYPE_CHECKING:
    from PIL import Image
    from PIL.TiffImagePlugin import TiffImageFile

WIDTH, HEIGHT, BITS, ORIENTATION, SUBFILE, SUB_IFDS = 256, 257, 258, 274, 254, 330
SAMPLES, CFA, DNG = 277, 33421, 50706
_NUMBERS = frozenset({WIDTH, HEIGHT, BITS, ORIENTATION, SUBFILE, SAMPLES})
KEPT = (SUBFILE, ORIENTATION, 282, 283, 296, 297)  # the last four: resolution, its unit, the page's number
TEXTS = (269, 270, 271, 272, 285, 305, 306, 315, 316, 700, 33432)  # titles, names and times; XMP
LOSSY = {"jpeg": 95, "tiff_jpeg": 95}  # quality: the tables in the file are not Pillow's to read
LOSSLESS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma", "group3", "group4")
_REDUCED = 1  # bit of SUBFILE: a smaller version of another page


class Tiff(Raster):
    """MediaInfo.detail also has "sizes": (width, height) of every page, as stored."""

    name = "TIFF"
    mime = "image/tiff"
    extensions = (".tif", ".tiff")
    container = TIFF
    plugin = ("TiffImagePlugin", "TiffImageFile")

    @classmethod
    def score(cls, header: bytes) -> int:
        if header[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") or header[8:10] == b"CR":
            return 0
        return 80

    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        pages = _directories(file, name, limits)
        for page in pages:
            guard(name, page.get(WIDTH, 0), page.get(HEIGHT, 0), limits, frames=1)
        if sum(page[WIDTH] * page[HEIGHT] for page in pages) > limits.max_total_pixels:
            raise LimitExceeded(f"{name}: its pages hold more than {limits.max_total_pixels} pixels (max_total_pixels)")
        file.seek(0)
        sizes = tuple((page[WIDTH], page[HEIGHT]) for page in pages)
        turned = pages[0].get(ORIENTATION, 1)
        return described(
            *sizes[0],
            mode=self.picture(file).mode,
            orientation=turned if 1 <= turned <= 8 else 1,
            frames=len(pages),
            sizes=sizes,
        )

    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        from PIL.TiffImagePlugin import AppendingTiffWriter

        stamps: dict[tuple[int, int], Stamp] = {}
        notes: list[str] = []
        modes: list[str] = []
        marks: list[Mark] = []
        total = info.frames or 1
        with reading(source.name), source.open("rb") as file:
            pages = _directories(file, source.name, plan.limits)
        _check_kind(source.name, pages)
        with (
            self.opened(source) as opened,
            created(target) as output,
            AppendingTiffWriter(cast("IO[bytes]", output)) as writer,
        ):
            picture = cast("TiffImageFile", opened)
            for index, page in enumerate(pages):
                picture.seek(index)
                settings, note = _settings(picture)
                notes += [note] if note else []
                picture.load()  # Pillow turns it upright
                upright: Image.Image = picture.copy()
                try:
                    if plan.disclosure and upright.size not in stamps:
                        stamps[upright.size] = Stamp(*upright.size, plan.disclosure, source=source)
                except RequirementNotMet:
                    if not page.get(SUBFILE, 0) & _REDUCED:
                        raise
                    notes.append(f"page {index + 1}, a preview, is too small for a badge")
                mark = Mark(plan.watermark) if plan.watermark else None
                upright = lay_over(_drawable(upright), stamps.get(upright.size), mark)
                marks += [mark] if mark else []
                modes.append(upright.mode)
                with writing(target.name):
                    _turned_back(upright, page.get(ORIENTATION, 1)).save(cast("Any", writer), "TIFF", **settings)
                    writer.newFrame()
                if plan.progress:
                    plan.progress((index + 1) / total)
        if plan.disclosure and not stamps:
            raise RequirementNotMet(f"{source.name}: none of its pages is large enough for a badge")
        watermark, told = _together([mark.record() for mark in marks])
        if watermark and not watermark.carriers and not plan.disclosure:
            raise Unmarkable(watermark.why)
        if modes[0] != info.detail["mode"]:
            notes.append(f"it was written as {modes[0]}")
        return Redrawn(
            _least(list(stamps.values())), tuple(dict.fromkeys((*notes, *told))), {"mode": modes[0]}, watermark
        )

    def unmarkable(self, info: MediaInfo) -> str | None:
        return None  # one page may be so, and the next not


def _together(records: list[WatermarkRecord]) -> tuple[WatermarkRecord | None, list[str]]:
    """The record of all pages, and notes on those without a mark where others have one."""
    with_mark = [record for record in records if record.carriers]
    if not with_mark:
        return (records[0] if records else None), []
    notes = [f"page {page}: no watermark, {record.why}" for page, record in enumerate(records, 1) if record.why]
    return with_mark[0], notes


def _least(stamps: list[Stamp]) -> DisclosureRecord | None:
    """The record of the first page, with the least contrast of all."""
    if not stamps:
        return None
    stamps[0].contrast = min(stamp.contrast for stamp in stamps)
    return stamps[0].record()


def _directories(file: BinaryIO, name: str, limits: Limits) -> list[dict[int, int]]:
    """The pages in order: their tags, with the largest value of those that matter here. Raises LimitExceeded."""
    reader = TiffReader(file, limits)
    chain = reader.chain()
    if len(chain) > limits.max_frames:
        raise LimitExceeded(f"{name}: {len(chain)} pages, the limit max_frames is {limits.max_frames}")
    return [
        {
            tag: max(reader.integers(entry), default=0) if tag in _NUMBERS else 0
            for tag, entry in directory.entries.items()
        }
        for directory in chain
    ]


def _check_kind(name: str, pages: list[dict[int, int]]) -> None:
    """Raises UnsupportedFormat for what Pillow would cut, flatten or drop without a word."""
    for page in pages:
        if DNG in page or CFA in page:
            raise UnsupportedFormat(f"{name}: a camera's raw file cannot be labelled; develop it to TIFF or JPEG")
        if SUB_IFDS in page:
            raise UnsupportedFormat(
                f"{name}: pages within pages (SubIFDs) would be lost; save the picture without previews or pyramid"
            )
        bits, samples = page.get(BITS, 1), page.get(SAMPLES, 1)
        if bits > 16 or (bits > 8 and samples > 1) or bits in range(9, 16):
            raise UnsupportedFormat(
                f"{name}: a TIFF with {samples} channels of {bits} bits cannot be labelled without loss; "
                "convert it to 16-bit PNG, or to 8 bits per channel"
            )


def _settings(picture: TiffImageFile) -> tuple[dict[str, Any], str | None]:
    """How Pillow must write this page, and a note where it cannot be as it was."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    compression = picture.info.get("compression", "raw")
    note = None
    settings: dict[str, Any] = {}
    if compression in LOSSY:
        settings["quality"] = LOSSY[compression]
        compression = "jpeg"
        note = f"its JPEG data was encoded anew at quality {settings['quality']}"
    elif compression not in LOSSLESS:
        note = f"its compression {compression} was replaced by LZW"
        compression = "tiff_lzw"
    tags = ImageFileDirectory_v2(prefix=picture.tag_v2.prefix)
    for tag in (*KEPT, *(TEXTS if picture.tell() else ())):  # those of the first page are carried by the container
        value = picture.tag_v2.get(tag)
        if value is not None:
            # Pillow reads texts as Latin-1 and would write them as ASCII; their bytes are what must stay.
            tags[tag] = value.encode("latin-1", "replace") if isinstance(value, str) else value
    settings |= {"compression": compression, "tiffinfo": tags, "icc_profile": picture.info.get("icc_profile")}
    return settings, note


def _drawable(picture: Image.Image) -> Image.Image:
    if picture.mode == "I;16B":
        import numpy as np
        from PIL import Image

        return Image.fromarray(np.asarray(picture).astype(np.uint16))
    return picture


def _turned_back(picture: Image.Image, orientation: int) -> Image.Image:
    from PIL import Image

    turn = TURNED_BACK.get(orientation)
    return picture.transpose(Image.Transpose[turn]) if turn else picture
