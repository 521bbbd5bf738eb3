"""The film formats: one class each, all of them rendered by the same few steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...containers.base import Slot, Slots
from ...containers.flv import FLV
from ...containers.isobmff import MP4
from ...containers.matroska import MATROSKA
from ...containers.riff import AVI
from ...errors import UnreadableFile, UnsupportedFormat
from ...files import copy_whole, workspace
from ...fingerprint import Fingerprint
from ...limits import Limits
from ...watermark.keys import WatermarkKey
from ...watermark.record import WatermarkRecord
from ..audio.impression import SoundImpression, listened
from ..audio.marking import unmarked
from ..base import Carrier, Format, Impression, Look, MediaInfo, Medium, Rendered, RenderPlan, Watermarks
from ..programs.ffmpeg import opened
from ..programs.packets import Census, census
from ..programs.probe import Probe, probe
from ..programs.stretch import Stretch
from .boxes import UPRIGHT, Boxes, Matrix, read_boxes
from .burn import Job, Layers, burn, remux
from .checking import Anew, compare
from .impression import FilmImpression, of_file
from .keeping import refuse_what_cannot_be_kept
from .marking import Marks, mark
from .sniff import is_ebml, is_mp4, is_quicktime
from .soundtracks import Source, first_heard
from .stamp import display_size, stamp
from .watching import frames, look_and_listen, size_seen

if TYPE_CHECKING:
    from .watching import Frame

SHORTEST_SEEN = 2.0  # seconds of a film of which frames are put aside
# Tags that tell of the writer of a file, not of the work.
_VOLATILE = {"encoder", "major_brand", "minor_version", "compatible_brands"}


class Film(Format):
    """A film that ffmpeg reads and writes.

    `MediaInfo.detail` holds `probe` (a Probe); after rendering also `census` (of the input) and `shown` (frame times).
    """

    medium = Medium.VIDEO
    demuxer: ClassVar[str]
    muxer: ClassVar[str]

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        probed = probe(source, demuxer=self.demuxer, limits=limits, program=self.programs.ffmpeg)
        boxes = self.boxes(source, limits)
        if boxes and boxes.cut:
            raise UnreadableFile(f"{source.name}: the file is cut off before its end; copy it again")
        return self._info(probed, boxes)

    def render(self, source: Path, target: Path, plan: RenderPlan) -> Rendered:
        info = self.probe(source, plan.limits)
        probed: Probe = info.detail["probe"]
        boxes: Boxes | None = info.detail["boxes"]
        earlier = self._slots(source, plan.limits)
        tags = tuple((tag.name, tag.value) for tag in plan.slots.tags) if self.writes_tags_itself else ()
        job = Job(
            source,
            target,
            self.demuxer,
            self.muxer,
            probed,
            boxes,
            plan.limits,
            self.programs.ffmpeg,
            any(tag.place == "QuickTime key" for tag in earlier.tags),
            tags,
        )
        try:
            self._refuse(source, probed, boxes, plan)
        except UnsupportedFormat as error:
            if plan.disclosure is not None:
                raise
            return self._copied(job, info, earlier, plan, unmarked(error, source.name))
        if plan.disclosure is None and plan.watermark is None:
            return self._copied(job, info, earlier, plan, None)
        matrices = self._matrices(probed, boxes)
        counted = self._census(source, probed, plan.limits)
        with workspace(target.parent) as folder:
            marks = mark(job, counted, matrices, plan.watermark, folder) if plan.watermark else Marks()
            layers = _layers(probed, matrices, marks, plan)
            if not layers and not marks.sounds:
                return self._copied(job, info, earlier, plan, marks.record)
            main = probed.films[0].index
            # Frames of a film that is shown turned are looked at afterwards, when ffmpeg turns them. Too short a film
            # yields none, which an encoder takes for a fault.
            plain = matrices[main] == UPRIGHT and (probed.duration or 0.0) >= SHORTEST_SEEN
            watched = {main: folder / "seen"} if plan.watermark and plain and main in layers else {}
            shown, complaints = burn(job, counted, layers, marks.sounds, plan.progress, watched)
            prints = of_file(watched[main], size_seen(probed.films[0])) if watched else ()
        self._fill(target, plan, earlier)
        notes = [f"ffmpeg reported {len(complaints)} faults in the input and passed over them"] if complaints else []
        detail = {**info.detail, "census": counted, "shown": shown, "sounds": marks.sounds}
        info = replace(info, frames=counted.tracks[main].packets, detail=detail)
        record = None
        if main in layers and (badge := layers[main].stamp):
            track = counted.tracks[main]
            record = replace(badge.record, seconds=(0.0, max(0.0, track.last - track.first)))
            info = replace(info, frames=len(shown[main]))
            notes = [*record.notes, *notes]
        return Rendered(info, record, (*notes, *marks.notes), marks.record, prints)

    def check(self, source: Path, target: Path, rendered: Rendered, limits: Limits) -> None:
        detail = rendered.info.detail
        probed: Probe = detail["probe"]
        before: Census = detail.get("census") or self._census(source, probed, limits)
        found = probe(target, demuxer=self.demuxer, limits=limits, program=self.programs.ffmpeg)
        after = self._census(target, found, limits)
        heard = partial(first_heard, Source(target, self.demuxer, self.muxer, limits, self.programs.ffmpeg))
        anew = Anew(detail.get("shown", {}), detail.get("sounds", {}), heard)
        compare((probed, before), (found, after), anew, target.name)

    @property
    def marks(self) -> bool:
        return True

    def watermarks(
        self, source: Path, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
    ) -> Watermarks:
        probed = self.probe(source, limits).detail["probe"]
        return look_and_listen(source, self.demuxer, probed, keys, limits, self.programs.ffmpeg, look=look)

    def fingerprints(self, path: Path, rendered: Rendered, limits: Limits) -> tuple[Fingerprint, ...]:
        """With the frames that were put aside while it was encoded, it is not decoded anew for its picture."""
        if not rendered.fingerprints:
            return super().fingerprints(path, rendered, limits)
        sound = self._sound(path, self.probe(path, limits).detail["probe"], limits)
        return (*rendered.fingerprints, *(sound.fingerprints if sound else ()))

    def impression(self, source: Path, limits: Limits, *, keys: tuple[WatermarkKey, ...] = ()) -> Impression | None:
        probed: Probe = self.probe(source, limits).detail["probe"]
        films = [stream for stream in probed.films if stream.width and stream.height]
        if not films:
            return None

        def seen(rate: Fraction, part: Stretch) -> AbstractContextManager[Iterator[Frame]]:
            return frames(source, self.demuxer, films[0], rate, limits, self.programs.ffmpeg, **part.options)

        return FilmImpression(seen, self._sound(source, probed, limits), probed.duration)

    def _sound(self, source: Path, probed: Probe, limits: Limits) -> SoundImpression | None:
        """Of the first track of sound."""
        sounds = [stream for stream in probed.of_kind("audio") if stream.sample_rate and stream.sample_fmt]
        if not sounds:
            return None
        node = opened(source, self.demuxer, limits)[str(sounds[0].index)]
        return listened(node, name=source.name, limits=limits, program=self.programs.ffmpeg)

    @property
    def writes_tags_itself(self) -> bool:
        """Whether tags must go through ffmpeg, because the container module only reads them."""
        return self.container is None or Slot.TAGS not in self.container.holds

    @property
    def holds(self) -> frozenset[Slot]:
        return super().holds | {Slot.TAGS}

    def boxes(self, source: Path, limits: Limits) -> Boxes | None:
        """The layout of boxes, for formats that have any."""
        return None

    def _refuse(self, source: Path, probed: Probe, boxes: Boxes | None, plan: RenderPlan) -> None:
        """Raises UnsupportedFormat for a film that would lose something by being encoded anew, where it would be."""
        if plan.disclosure is None and plan.watermark is None:
            return
        refuse_what_cannot_be_kept(probed, source.name)
        if boxes and None in boxes.matrices:
            raise UnsupportedFormat(
                f"{source.name}: its picture is shown at an odd angle or stretched; straighten it first"
            )

    def _copied(
        self, job: Job, info: MediaInfo, earlier: Slots, plan: RenderPlan, record: WatermarkRecord | None
    ) -> Rendered:
        """Nothing is encoded anew."""
        if job.tags:
            remux(job)
        else:
            copy_whole(job.source, job.target)
        self._fill(job.target, plan, earlier)
        return Rendered(info, watermark=record)

    def _info(self, probed: Probe, boxes: Boxes | None) -> MediaInfo:
        films = probed.films
        size: tuple[int | None, int | None] = (None, None)
        if films:
            size = display_size(films[0], self._matrices(probed, boxes)[films[0].index])
        detail = {"probe": probed, "boxes": boxes}
        return MediaInfo(*size, duration=probed.duration, camera=_camera(probed), detail=detail)

    def _matrices(self, probed: Probe, boxes: Boxes | None) -> dict[int, Matrix]:
        """How each film is turned: as its track says, else by the angle that ffmpeg tells."""
        videos = [stream for stream in probed.of_kind("video") if "attached pic" not in stream.dispositions]
        if boxes and len(boxes.matrices) == len(videos):
            told = zip(videos, boxes.matrices, strict=True)
            return {stream.index: matrix or _turned(stream.rotation) for stream, matrix in told}
        return {stream.index: _turned(stream.rotation) for stream in videos}

    def _census(self, path: Path, probed: Probe, limits: Limits) -> Census:
        found = census(path, probed, demuxer=self.demuxer, limits=limits, program=self.programs.ffmpeg)
        if any("ended prematurely" in line or "partial file" in line for line in found.complaints):
            raise UnreadableFile(f"{path.name}: the file is cut off before its end; copy it again")
        return found

    def _slots(self, path: Path, limits: Limits) -> Slots:
        if self.container is None:
            return Slots()
        with path.open("rb") as file:
            return self.container.read(file, limits)

    def _fill(self, target: Path, plan: RenderPlan, earlier: Slots) -> None:
        """Write the marks that are wanted, and the earlier ones that ffmpeg did not know how to carry over."""
        if self.container is None or not self.container.holds:
            return
        there = self._slots(target, plan.limits)
        present = {tag.name.casefold() for tag in (*there.tags, *plan.slots.tags)} | _VOLATILE
        lost = tuple(tag for tag in earlier.tags if tag.name.casefold() not in present)
        packet = plan.slots.xmp or (() if there.xmp else earlier.xmp[:1])
        if packet or lost or plan.slots.tags:
            self.container.write(target, Slots(xmp=packet, tags=(*lost, *plan.slots.tags)), plan.limits)


class _Boxed(Film):
    demuxer = "mov"
    container = MP4

    def boxes(self, source: Path, limits: Limits) -> Boxes | None:
        return read_boxes(source, limits)


class Mp4(_Boxed):
    name = "MP4"
    mime = "video/mp4"
    extensions = (".mp4", ".m4v", ".f4v", ".3gp", ".3g2")
    muxer = "mp4"

    @classmethod
    def score(cls, header: bytes) -> int:
        return is_mp4(header)


class Mov(_Boxed):
    name = "QuickTime film"
    mime = "video/quicktime"
    extensions = (".mov", ".qt")
    muxer = "mov"

    @classmethod
    def score(cls, header: bytes) -> int:
        return is_quicktime(header)


class Webm(Film):
    name = "WebM"
    mime = "video/webm"
    extensions = (".webm",)
    carrier = Carrier.SIDECAR
    container = MATROSKA
    demuxer = "matroska"
    muxer = "webm"

    @classmethod
    def score(cls, header: bytes) -> int:
        return is_ebml(header, "webm")


class Mkv(Film):
    name = "Matroska film"
    mime = "video/matroska"
    extensions = (".mkv",)
    carrier = Carrier.SIDECAR
    container = MATROSKA
    demuxer = "matroska"
    muxer = "matroska"

    @classmethod
    def score(cls, header: bytes) -> int:
        return is_ebml(header, "matroska")


class Avi(Format):
    name = "AVI"
    mime = "video/x-msvideo"
    medium = Medium.VIDEO
    extensions = (".avi",)
    container = AVI
    refusal = "convert it to MP4 or MKV"

    @classmethod
    def score(cls, header: bytes) -> int:
        return 90 if header[:4] == b"RIFF" and header[8:12] == b"AVI " else 0


class Flv(Format):
    name = "Flash video"
    mime = "video/x-flv"
    medium = Medium.VIDEO
    extensions = (".flv",)
    carrier = Carrier.SIDECAR
    container = FLV
    refusal = "convert it to MP4 or MKV"

    @classmethod
    def score(cls, header: bytes) -> int:
        return 80 if header.startswith(b"FLV\x01") else 0


def _layers(probed: Probe, matrices: dict[int, Matrix], marks: Marks, plan: RenderPlan) -> dict[int, Layers]:
    """What is laid over each film of a file; nothing for one that is copied."""
    layers = {}
    for stream in probed.films:
        badge = stamp(stream, matrices[stream.index], plan.disclosure) if plan.disclosure else None
        pattern = marks.patterns.get(stream.index)
        if badge or pattern:
            layers[stream.index] = Layers(badge, pattern)
    return layers


def _camera(probed: Probe) -> str | None:
    """What cameras and telephones write into their films: make and model."""
    tags = {key.casefold().removeprefix("com.apple.quicktime."): value for key, value in probed.tags}
    names = [tags[key] for key in ("make", "model") if tags.get(key)]
    return f"camera metadata: {' '.join(names)}" if names else None


def _turned(degrees: float) -> Matrix:
    """The matrix of a rotation counter-clockwise by whole quarter turns; others cannot be undone on a badge."""
    quarter = round(degrees / 90) % 4
    return (UPRIGHT, (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[quarter]
