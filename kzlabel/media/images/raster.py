"""What all picture formats share: opened by one decoder only, limited before decoding, badged, read back."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ...containers.base import Carrying, Slots
from ...disclosure.plan import DisclosureRecord
from ...errors import InternalError, KzlabelError, LimitExceeded, OutputError, UnreadableFile, UnsupportedFormat
from ...files import copy_whole, is_full, reason
from ...limits import Limits
from ...watermark.detection import Unmarkable
from ...watermark.keys import WatermarkKey
from ...watermark.record import WatermarkRecord
from ..base import Format, Impression, Look, MediaInfo, Medium, Rendered, RenderPlan, Watermarks
from .difference import reduced
from .planes import luma_of, no_shades
from .searching import search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from PIL.ImageFile import ImageFile

MAX_REASON = 120  # characters of the decoder's own words within one of our sentences


@dataclass(frozen=True)
class Redrawn:
    """What `Raster.redraw` did. detail: what it changed in MediaInfo.detail, such as the mode."""

    record: DisclosureRecord | None
    notes: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)
    watermark: WatermarkRecord | None = None


class Raster(Format):
    """A format that Pillow decodes. MediaInfo.detail: "mode" as Pillow names it, "orientation" 1..8, "loop" (0 for
    ever, None for once or a still), and what a subclass adds; all of it is compared when the output is read back."""

    medium = Medium.IMAGE
    plugin: ClassVar[tuple[str, str]]
    """Pillow's module and class: no other decoder ever sees the file."""

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        with reading(source.name), source.open("rb") as file:
            return self.examine(file, source.name, limits)

    @abstractmethod
    def examine(self, file: BinaryIO, name: str, limits: Limits) -> MediaInfo:
        """Look at the headers; hold them against the limits before anything is decoded."""

    @abstractmethod
    def redraw(self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan) -> Redrawn:
        """Decode `source`, put badge and watermark on every frame, encode `target`. One of the two is asked for.

        Raises Unmarkable where a watermark is all that is asked for, and cannot be put in.
        """

    def render(self, source: Path, target: Path, plan: RenderPlan) -> Rendered:
        info = self.probe(source, plan.limits)
        why = self.unmarkable(info) if plan.watermark else None
        if why:
            plan = replace(plan, watermark=None)
        redrawn = None
        if plan.disclosure or plan.watermark:
            try:
                redrawn = self.redraw(source, target, info, plan)
                self.carry(source, target, plan.limits)
            except (Unmarkable, UnsupportedFormat) as error:
                if plan.disclosure:
                    raise
                why = str(error).removeprefix(f"{source.name}: ")
                target.unlink(missing_ok=True)
        if redrawn is None:
            copy_whole(source, target)
            redrawn = Redrawn(None)
        self.fill(target, plan.slots, plan.limits)
        if plan.progress:
            plan.progress(1.0)
        info = replace(info, detail={**info.detail, **redrawn.detail})
        notes = (*redrawn.notes, *(redrawn.record.notes if redrawn.record else ()))
        return Rendered(info, redrawn.record, notes, WatermarkRecord(why=why) if why else redrawn.watermark)

    def unmarkable(self, info: MediaInfo) -> str | None:
        """Why a picture takes no watermark, where its headers tell so already."""
        return no_shades(info.detail["mode"])

    @property
    def marks(self) -> bool:
        return True

    def watermarks(
        self, source: Path, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
    ) -> Watermarks:
        """Looks at the first picture of the file, and at the one in the middle where the first has no mark.

        Places are in pixels as stored, before any orientation.
        """
        info = self.probe(source, limits)
        return search(lambda frame: self.luma(source, frame), info.frames or 1, keys, limits)

    def impression(self, source: Path, limits: Limits, *, keys: tuple[WatermarkKey, ...] = ()) -> Impression | None:
        """Of the first picture."""
        from .impression import PictureImpression

        info = self.probe(source, limits)
        plane, _ = self.luma(source, 0)
        if plane is None:
            return None
        with self.opened(source) as picture:
            return PictureImpression(plane, orientation_of(picture), keys, info.frames or 1)

    def luma(self, source: Path, frame: int) -> tuple[NDArray[np.float32] | None, tuple[int, int]]:
        """The brightness of a frame, as `luma_of` gives it, smaller where that is enough; and the frame's own size."""
        with self.opened(source) as picture:
            if frame:
                picture.seek(frame)
            picture.load()
            return luma_of(reduced(picture)[0]), picture.size

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Bring over what Pillow dropped: metadata, colour profiles, whatever the container knows to be beside the
        picture."""
        container: object = self.container
        if isinstance(container, Carrying):
            container.carry(source, target, limits)

    def fill(self, target: Path, slots: Slots, limits: Limits) -> None:
        if self.container is not None and slots != Slots():
            self.container.write(target, slots, limits)

    def check(self, source: Path, target: Path, rendered: Rendered, limits: Limits) -> None:
        try:
            found = self.probe(target, limits)
            self.decode(target, found)
        except KzlabelError as error:
            raise InternalError(f"{source.name}: the picture written cannot be read back: {error}") from error
        promised = rendered.info
        for what in ("width", "height", "frames", "duration"):
            _compare(source.name, what, getattr(promised, what), getattr(found, what))
        for what, value in promised.detail.items():
            _compare(source.name, what, value, found.detail.get(what))

    def decode(self, target: Path, info: MediaInfo) -> None:
        """Decode what was written, the last frame too. Raises UnreadableFile."""
        with self.opened(target) as picture:
            if info.frames and info.frames > 1:
                picture.seek(info.frames - 1)
            picture.load()

    @contextlib.contextmanager
    def opened(self, source: Path) -> Iterator[ImageFile]:
        """The picture in Pillow's class for this format, whose limits `examine` has checked."""
        with reading(source.name), source.open("rb") as file, self.picture(file) as picture:
            yield picture

    def picture(self, file: BinaryIO) -> ImageFile:
        module, name = self.plugin
        # Not Image.open: it would try other decoders, and hold the size against a setting of the whole process.
        opener = getattr(import_module(f"PIL.{module}"), name)
        picture: ImageFile = opener(file)
        return picture


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns whatever a decoder raises on bytes that nobody trusts into UnreadableFile or LimitExceeded."""
    try:
        yield
    except KzlabelError:
        raise
    except MemoryError:
        raise LimitExceeded(f"{name}: decoding it takes more memory than there is") from None
    except Exception as error:
        if isinstance(error, OSError) and is_full(error):  # what was decoded is written within the same block
            raise OutputError(f"{name}: {reason(error)}") from None
        # Pillow's plugins raise nearly anything: struct.error, KeyError, SyntaxError …
        if type(error).__name__ == "DecompressionBombError":
            raise LimitExceeded(f"{name}: {_words(error)}") from None
        raise UnreadableFile(f"{name}: the picture cannot be decoded ({_words(error)}); it may be damaged") from None


@contextlib.contextmanager
def writing(name: str) -> Iterator[None]:
    """Turns a failure to write into OutputError, and an encoder's refusal into InternalError."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise OutputError(f"{name}: {reason(error)}") from None
        raise InternalError(f"{name}: the picture cannot be encoded ({_words(error)})") from None
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, SystemError) as error:
        raise InternalError(f"{name}: the picture cannot be encoded ({_words(error)})") from None


@contextlib.contextmanager
def created(target: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing and reading. Raises OutputError where it cannot be made."""
    with writing(target.name):
        file = target.open("w+b")
    with file:
        yield file


def guard(name: str, width: int, height: int, limits: Limits, *, frames: int = 1) -> None:
    """Hold declared sizes against the limits. Raises LimitExceeded, UnreadableFile for an empty picture."""
    if width <= 0 or height <= 0:
        raise UnreadableFile(f"{name}: the picture has no pixels")
    if width * height > limits.max_pixels:
        raise LimitExceeded(f"{name}: {width} x {height} pixels, the limit max_pixels is {limits.max_pixels}")
    if frames > limits.max_frames:
        raise LimitExceeded(f"{name}: {frames} frames, the limit max_frames is {limits.max_frames}")
    if width * height * frames > limits.max_total_pixels:
        raise LimitExceeded(
            f"{name}: {frames} frames of {width} x {height} pixels, "
            f"the limit max_total_pixels is {limits.max_total_pixels}"
        )


def described(
    width: int,
    height: int,
    *,
    mode: str,
    orientation: int = 1,
    frames: int = 1,
    duration: float | None = None,
    loop: int | None = None,
    **detail: Any,
) -> MediaInfo:
    """MediaInfo of a picture with this stored size."""
    if orientation >= 5:
        width, height = height, width
    detail = {"mode": mode, "orientation": orientation, "loop": loop, **detail}
    return MediaInfo(width=width, height=height, frames=frames, duration=duration, detail=detail)


def orientation_of(picture: Image.Image) -> int:
    """EXIF orientation, 1..8; 1 where it is absent or impossible."""
    from PIL import Image

    block = picture.info.get("exif")
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(274)
    except Exception:  # a damaged block turns nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _compare(name: str, what: str, promised: object, found: object) -> None:
    if isinstance(promised, float) and isinstance(found, float) and abs(promised - found) < 0.0005:
        return
    if promised != found:
        raise InternalError(f"{name}: the output's {what} is {found}, {promised} was promised")


def _words(error: BaseException) -> str:
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "".join(letter if letter.isprintable() else " " for letter in words)[:MAX_REASON]
