"""How any recording is labelled: measured, the notice made to match, both encoded in one run, the rest carried over."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from ...containers.base import Slots
from ...disclosure.notice import TOLERANCE, TOLERANCE_LOUD, Notice, choose, loudness_beside
from ...disclosure.plan import DisclosureRecord, Form
from ...errors import InternalError, LimitExceeded, UnreadableFile, UnsupportedFormat
from ...files import copy_whole, scratch
from ...limits import DEFAULT_LIMITS, Limits
from ...watermark.detection import Unmarkable
from ...watermark.keys import WatermarkKey
from ...watermark.record import WatermarkRecord
from ..base import Format, Impression, Look, MediaInfo, Medium, Rendered, RenderPlan, Watermarks
from ..patience import Patience, given_up
from ..programs.ffmpeg import Feed, arguments, builder, location, opened, run
from ..programs.probe import Probe, Stream, probe
from ..programs.stretch import HEARD_QUICKLY, WHOLE, middle
from .encoders import Encoding
from .listening import heard
from .marking import Marker, channels, layout_is_named, marked, unmarked
from .measuring import Measured, Part, measure
from .speaking import Placing, at_loudness, placed, placing, spoken
from .waves import write_wave

# Share of the progress that measuring takes: decoding alone, against decoding and encoding.
MEASURING_SHARE = 0.3
_PROTECTED = ("enca", "drms", "aavd")


@dataclass(frozen=True)
class Prepared:
    """All that is known before anything is written.

    sound: the notice, (samples,), float, at the programme's rate and final loudness; empty where none is spoken.
    place: its channels.
    """

    stream: Stream
    probed: Probe
    measured: Measured
    encoding: Encoding
    notice: Notice | None
    sound: Any
    loudness: float
    place: Placing

    @property
    def seconds(self) -> float:
        """How long the notice lasts, its last pause included."""
        return len(self.sound) / self.stream.sample_rate


@dataclass(frozen=True)
class Promise:
    """What `check` holds the finished file to. notice: its samples. loudness: LUFS of the notice before encoding."""

    stream: Stream
    notice: int
    measured: Measured
    encoding: Encoding
    loudness: float


class Recording(Format):
    """A recording that ffmpeg reads and writes.

    `MediaInfo.detail` holds `probe` (a Probe) and `stream` (its audio stream); after rendering also `promise`.
    """

    medium = Medium.AUDIO
    demuxer: ClassVar[str | None] = None
    muxer: ClassVar[str]
    codecs: ClassVar[tuple[str, ...]]
    """ffmpeg's names of the codecs that this format is labelled in."""
    fresh_rate: ClassVar[int] = 0
    """b/s for one channel of what is encoded for the first time; of no use to lossless formats."""
    chapters_by_ffmpeg: ClassVar[bool] = False
    """Whether ffmpeg writes the chapters; else they are carried over among the tags."""

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        assert self.demuxer
        probed = probe(source, demuxer=self.demuxer, limits=limits, program=self.programs.ffmpeg)
        sounds = probed.of_kind("audio")
        if not sounds:
            raise UnreadableFile(f"{source.name}: it holds no sound")
        stream = sounds[0]
        if any(one.tag in _PROTECTED for one in sounds):
            raise UnsupportedFormat(f"{source.name}: its sound is encrypted; label it before it is")
        if stream.sample_rate < 1000 or not stream.sample_fmt:
            raise UnreadableFile(f"{source.name}: its sound cannot be decoded; is the file complete?")
        if probed.films:
            raise UnsupportedFormat(f"{source.name}: it holds a film; give it a film's ending, such as .mp4")
        return MediaInfo(duration=probed.duration, detail={"probe": probed, "stream": stream})

    def render(self, source: Path, target: Path, plan: RenderPlan) -> Rendered:
        info = self.probe(source, plan.limits)
        if plan.disclosure is None and plan.watermark is None:
            return self._copied(source, target, info, plan, None)
        try:
            self.refuse(source, info.detail["probe"], info.detail["stream"])
        except UnsupportedFormat as error:
            if plan.disclosure is not None:
                raise
            return self._copied(source, target, info, plan, unmarked(error, source.name))
        prepared = self.prepare(source, info, plan)
        if plan.watermark is None:
            return self._written(source, target, info, prepared, None, plan)
        marker = Marker(plan.watermark, prepared.encoding, prepared.stream)
        try:
            return self._written(source, target, info, prepared, marker, plan)
        except Unmarkable as error:
            target.unlink(missing_ok=True)
            record = unmarked(error, source.name)
        if plan.disclosure is None:
            return self._copied(source, target, info, plan, record)
        return replace(self._written(source, target, info, prepared, None, plan), watermark=record)

    def check(self, source: Path, target: Path, rendered: Rendered, limits: Limits) -> None:
        assert self.demuxer
        info = self.probe(target, limits)
        promise: Promise | None = rendered.info.detail.get("promise")
        before: Stream = rendered.info.detail["stream"]
        after: Stream = info.detail["stream"]
        for what, old, new in (
            ("codec", before.codec, after.codec),
            ("sampling rate", before.sample_rate, after.sample_rate),
            ("channel layout", before.layout, after.layout),
        ):
            if old != new:
                raise InternalError(f"{target.name}: the {what} became {new}, it was {old}")
        if promise is None:
            return
        common = {"demuxer": self.demuxer, "limits": limits, "program": self.programs.ffmpeg}
        pcm = promise.encoding.pcm if promise.measured.digest else None
        programme = measure(target, Part(promise.notice), digest=pcm, **common)  # type: ignore[arg-type]
        difference = abs(programme.samples - promise.measured.samples)
        if difference > promise.encoding.frame:
            raise InternalError(f"{target.name}: the programme's length changed by {difference} samples")
        if programme.digest != promise.measured.digest:
            raise InternalError(f"{target.name}: the programme's samples changed")
        if not promise.notice:
            return
        notice = measure(target, Part(0, promise.notice), **common)  # type: ignore[arg-type]
        if notice.loudness is None or abs(notice.loudness - promise.loudness) > TOLERANCE:
            raise InternalError(
                f"{target.name}: the notice has {notice.loudness} LUFS in place of {promise.loudness:.1f}"
            )

    @abstractmethod
    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        """How to encode what this stream was. rate: b/s of the stream, or of the whole file where it does not say."""

    def fresh(self, stream: Stream) -> Encoding:
        """How to encode samples that never were encoded. Raises UsageError where this format cannot hold them."""
        return self.encoding(Path(), stream, self.fresh_rate * channels(stream), DEFAULT_LIMITS)

    @abstractmethod
    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        """Carry over what stands beside the sound. Returns notes."""

    def length(self, source: Path, limits: Limits) -> int | None:
        """The number of samples that the file says it holds, where its word is exact."""
        return None

    def muxing(self, source: Path, limits: Limits) -> dict[str, Any]:
        """Options of the muxer."""
        return {}

    def prepare(self, source: Path, info: MediaInfo, plan: RenderPlan) -> Prepared:
        """Measure the programme and make the notice for it, if any. Raises what `render` raises."""
        assert self.demuxer
        probed, stream = info.detail["probe"], info.detail["stream"]
        encoding = self.encoding(source, stream, _bit_rate(source, stream, probed), plan.limits)
        measured = measure(
            source,
            Part(),
            demuxer=self.demuxer,
            limits=plan.limits,
            program=self.programs.ffmpeg,
            digest=encoding.pcm,
            duration=info.duration,
            progress=_share(plan.progress, 0.0, MEASURING_SHARE),
        )
        if not measured.samples:
            raise UnreadableFile(f"{source.name}: it holds no sound")
        told = self.length(source, plan.limits)
        if told is not None and measured.samples < told:
            raise UnreadableFile(f"{source.name}: the file is cut off before its end; copy it again")
        if measured.samples / stream.sample_rate > plan.limits.max_duration:
            raise LimitExceeded(
                f"{source.name}: it lasts longer than max_duration, {plan.limits.max_duration:.0f} seconds; "
                "cut it, or raise the limit"
            )
        place = placing(stream.layout, channels(stream))
        if plan.disclosure is None:
            return Prepared(stream, probed, measured, encoding, None, (), 0.0, place)
        notice = choose(plan.disclosure, measured.samples / stream.sample_rate)
        sound = spoken(notice, stream.sample_rate, plan.limits, self.programs.ffmpeg)
        loud = at_loudness(sound, stream.sample_rate, measured.loudness, place, room=encoding.room)
        return Prepared(stream, probed, measured, encoding, notice, loud.sound, loud.loudness, place)

    @property
    def marks(self) -> bool:
        return True

    def watermarks(
        self, source: Path, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
    ) -> Watermarks:
        assert self.demuxer
        try:
            info = self.probe(source, limits)
        except UnsupportedFormat as error:
            return Watermarks(why=str(error).removeprefix(f"{source.name}: "))
        part = WHOLE if look is Look.EVERYWHERE else middle(info.duration, HEARD_QUICKLY)
        patience = Patience(limits.watermark_seconds, len(keys))
        found = heard(
            opened(source, self.demuxer, limits, **part.options)["a:0"],
            info.detail["stream"],
            keys,
            start=part.start,
            patience=patience,
            name=source.name,
            limits=limits,
            program=self.programs.ffmpeg,
        )
        why = given_up(limits.watermark_seconds) if patience.tally.late and not found else None
        return Watermarks(tuple(("sound", one) for one in found), why, in_part=part is not WHOLE)

    def impression(self, source: Path, limits: Limits, *, keys: tuple[WatermarkKey, ...] = ()) -> Impression | None:
        from .impression import listened

        assert self.demuxer
        self.probe(source, limits)
        node = opened(source, self.demuxer, limits)["a:0"]
        return listened(node, name=source.name, limits=limits, program=self.programs.ffmpeg)

    def refuse(self, source: Path, probed: Probe, stream: Stream) -> None:
        """Raises UnsupportedFormat, with what to do, for a recording that would lose something."""
        if stream.codec not in self.codecs:
            raise UnsupportedFormat(
                f"{source.name}: its sound is encoded as {stream.codec}, which cannot be written in {self.name}; "
                "convert it to M4A or FLAC"
            )
        if len(probed.of_kind("audio")) > 1:
            raise UnsupportedFormat(f"{source.name}: it holds several sound tracks; label each one apart")
        if not layout_is_named(stream.layout):
            raise UnsupportedFormat(
                f"{source.name}: its {stream.layout or 'channels'} have no known places; name them by converting it"
            )

    def write(
        self, source: Path, target: Path, prepared: Prepared, marker: Marker | None, plan: RenderPlan
    ) -> tuple[str, ...]:
        """One run for decoding, joining and encoding; then what stands beside the sound. Returns notes."""
        if marker:
            self._encode_marked(source, target, prepared, marker, plan)
            return self.keep(source, target, prepared, plan.limits)
        with scratch() as folder:
            clip = folder / "notice.wav"
            write_wave(prepared.sound.reshape(-1, 1), prepared.stream.sample_rate, clip)
            self._encode(source, clip, target, prepared, plan)
        return self.keep(source, target, prepared, plan.limits)

    def fill(self, target: Path, plan: RenderPlan) -> None:
        """Put the slots into the finished file."""
        if self.container and plan.slots != Slots():
            self.container.write(target, plan.slots, plan.limits)

    def _encode(self, source: Path, clip: Path, target: Path, prepared: Prepared, plan: RenderPlan) -> None:
        assert self.demuxer
        stream, encoding = prepared.stream, prepared.encoding
        shape = {
            "sample_fmts": encoding.sample_fmt,
            "sample_rates": stream.sample_rate,
            "channel_layouts": stream.layout,
        }
        notice = placed(clip, stream.layout, prepared.place).filter("aformat", **shape)
        programme = self._dated(source, prepared, plan.limits)["a:0"]
        programme = programme.filter("asetpts", "N/SR/TB").filter("aformat", **shape)
        joined = builder().filter([notice, programme], "concat", n=2, v=0, a=1).filter("asetpts", "N/SR/TB")
        outputs = builder().output(joined, location(target), **self._options(source, prepared, plan.limits))
        self._run(outputs, source, prepared, plan)

    def _encode_marked(self, source: Path, target: Path, prepared: Prepared, marker: Marker, plan: RenderPlan) -> None:
        """The same with the samples going through `marker` on their way, in another run of the program."""
        import numpy as np

        assert self.demuxer
        before = np.zeros((len(prepared.sound), channels(prepared.stream)), np.float32)
        if len(before):
            before[:, list(prepared.place.carrying)] = np.asarray(prepared.sound, np.float32)[:, None]
        feed = marker.feed(
            opened(source, self.demuxer, plan.limits)["a:0"],
            before=before,
            name=source.name,
            limits=plan.limits,
            program=self.programs.ffmpeg,
        )
        options = self._options(source, prepared, plan.limits)
        if self.chapters_by_ffmpeg:
            options["map_chapters"] = 1
        told = arguments(builder().output(marker.handed_over(), location(target), **options))
        if self.chapters_by_ffmpeg:
            # A second input of which nothing but the chapters is used, which ffmpeg-python cannot say.
            beside = arguments(builder().output(self._dated(source, prepared, plan.limits), "none"))
            place = told.index("pipe:0") + 1
            told[place:place] = beside[: beside.index(location(source)) + 1]
        self._run(told, source, prepared, plan, feed)

    def _dated(self, source: Path, prepared: Prepared, limits: Limits) -> Any:
        """The programme, dated later by the notice's length: that moves its chapters; samples are numbered anew."""
        assert self.demuxer
        later = {"itsoffset": f"{prepared.seconds:.6f}"} if self.chapters_by_ffmpeg else {}
        return opened(source, self.demuxer, limits, **later)

    def _options(self, source: Path, prepared: Prepared, limits: Limits) -> dict[str, Any]:
        """Of the encoder and the muxer."""
        exact = {"map_metadata:g": -1, "fflags": "+bitexact", "flags:a": "+bitexact"}
        chapters = {} if self.chapters_by_ffmpeg else {"map_chapters": -1}
        return {"f": self.muxer, **exact, **chapters, **prepared.encoding.options, **self.muxing(source, limits)}

    def _run(self, outputs: Any, source: Path, prepared: Prepared, plan: RenderPlan, feed: Feed | None = None) -> None:
        run(
            outputs,
            name=source.name,
            limits=plan.limits,
            program=self.programs.ffmpeg,
            duration=prepared.seconds + prepared.measured.samples / prepared.stream.sample_rate,
            progress=_share(plan.progress, MEASURING_SHARE, 1.0),
            feed=feed,
        )

    def _written(
        self, source: Path, target: Path, info: MediaInfo, prepared: Prepared, marker: Marker | None, plan: RenderPlan
    ) -> Rendered:
        notes = self.write(source, target, prepared, marker, plan)
        self.fill(target, plan)
        return rendered(prepared, info, notes, marker, plan)

    def _copied(
        self, source: Path, target: Path, info: MediaInfo, plan: RenderPlan, record: WatermarkRecord | None
    ) -> Rendered:
        copy_whole(source, target)
        self.fill(target, plan)
        return Rendered(info, watermark=record)


def transcode(wave: Path, target: Path, to: Recording, *, limits: Limits) -> None:
    """Encode a WAV, such as `write_wave` writes, in another format, at a rate that leaves nothing to hear.

    To disclose and encode only once: let `Wav` render the notice, then transcode what it wrote.
    Raises UsageError for samples that the format cannot hold, UnreadableFile, MissingProgram, OutputError.
    """
    program = to.programs.ffmpeg
    (stream, *_) = probe(wave, demuxer="wav", limits=limits, program=program).of_kind("audio")
    options = to.fresh(stream).options
    exact = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}
    sound = opened(wave, "wav", limits)["a:0"]
    outputs = builder().output(sound, location(target), f=to.muxer, **exact, **options)
    run(outputs, name=wave.name, limits=limits, program=program)


def rendered(
    prepared: Prepared, info: MediaInfo, notes: tuple[str, ...], marker: Marker | None, plan: RenderPlan
) -> Rendered:
    """The records of what was said and marked, and the promise that `check` holds the file to."""
    stream, measured = prepared.stream, prepared.measured
    if marker:
        measured = replace(measured, digest=marker.digest)
    promise = Promise(stream, len(prepared.sound), measured, prepared.encoding, prepared.loudness)
    total = prepared.seconds + measured.samples / stream.sample_rate
    info = replace(info, duration=total, detail={**info.detail, "promise": promise})
    all_notes = [*notes]
    record = None
    if notice := prepared.notice:
        assert plan.disclosure
        record = DisclosureRecord(
            form=Form.NOTICE,
            source=plan.disclosure.source,
            languages=notice.languages,
            wording=notice.wording,
            place="start",
            seconds=(0.0, prepared.seconds),
            loudness=prepared.loudness,
            notes=notice.notes,
        )
        all_notes = [*notice.notes, *notes]
        if loudness_beside(measured.loudness) - prepared.loudness > TOLERANCE_LOUD:
            level = f"{prepared.loudness:.0f} LUFS"
            all_notes.append(f"The programme is louder than speech can be: the notice has {level}.")
    if measured.faults:
        all_notes.append("The recording has damaged places; they were passed over.")
    return Rendered(info, record, tuple(all_notes), marked(marker.plan, "sound") if marker else None)


def _bit_rate(source: Path, stream: Stream, probed: Probe) -> int:
    if stream.bit_rate:
        return stream.bit_rate
    return int(source.stat().st_size * 8 / max(probed.duration or 0.0, 0.1))


def _share(progress: Callable[[float], None] | None, start: float, end: float) -> Callable[[float], None] | None:
    if progress is None:
        return None
    tell = progress
    return lambda done: tell(start + (end - start) * done)
