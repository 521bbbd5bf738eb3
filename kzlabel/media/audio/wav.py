"""WAV: its samples are not encoded, so the notice is put before them and not one of them changes."""

from __future__ import annotations

from pathlib import Path

from ...containers.riff import WAV as WAV_CONTAINER
from ...errors import InternalError, UnreadableFile
from ...files import scratch, writing
from ...limits import Limits
from ..base import MediaInfo, RenderPlan
from ..programs.ffmpeg import builder, opened, run
from ..programs.probe import Probe, Stream
from . import sniff
from .encoders import Encoding
from .marking import Marker
from .recording import Prepared, Recording
from .speaking import placed
from .waves import put_before, read_wave, write_wave

# ffmpeg's names of the encodings whose samples stand one by one, with the format in which a filter handles them, and
# the bits of one that are integers.
_ENCODINGS = {
    "pcm_u8": ("u8", 8),
    "pcm_s16le": ("s16", 16),
    "pcm_s24le": ("s32", 24),
    "pcm_s32le": ("s32", 32),
    "pcm_f32le": ("flt", 0),
    "pcm_f64le": ("dbl", 0),
    "pcm_alaw": ("s16", 16),
    "pcm_mulaw": ("s16", 16),
}


class Wav(Recording):
    name = "WAV"
    mime = "audio/wav"
    extensions = (".wav",)
    container = WAV_CONTAINER
    demuxer = "wav"
    muxer = "wav"
    codecs = tuple(_ENCODINGS)

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.wave(header, b"RIFF")

    def probe(self, source: Path, limits: Limits) -> MediaInfo:
        if not read_wave(source, limits).samples:
            raise UnreadableFile(f"{source.name}: it holds no sound")
        return super().probe(source, limits)

    def refuse(self, source: Path, probed: Probe, stream: Stream) -> None:
        if stream.codec not in self.codecs:
            super().refuse(source, probed, stream)  # channels without names are no obstacle here

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        sample_fmt, depth = _ENCODINGS[stream.codec]
        return Encoding({"acodec": stream.codec}, sample_fmt, stream.codec, depth)

    def length(self, source: Path, limits: Limits) -> int | None:
        return read_wave(source, limits).samples

    def write(
        self, source: Path, target: Path, prepared: Prepared, marker: Marker | None, plan: RenderPlan
    ) -> tuple[str, ...]:
        notice = self._samples(prepared, plan.limits) if prepared.notice else b""
        put_before(source, target, notice, plan.limits)
        if marker:
            self._mark(source, target, len(notice), marker, plan)
        if plan.progress:
            plan.progress(1.0)
        return ()

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return ()

    def _mark(self, source: Path, target: Path, notice: int, marker: Marker, plan: RenderPlan) -> None:
        """Put the marked samples in place of the programme's own. notice: bytes before them."""
        codec = marker.encoding.options["acodec"]
        place = read_wave(target, plan.limits).data
        start, size = place.body + notice, place.size - notice
        feed = marker.feed(
            opened(source, "wav", plan.limits)["a:0"],
            before=None,
            name=source.name,
            limits=plan.limits,
            program=self.programs.ffmpeg,
        )
        outputs = builder().output(marker.handed_over(), "pipe:1", f=codec.removeprefix("pcm_"), acodec=codec)
        with writing(target), target.open("r+b") as file:
            file.seek(start)

            def put(piece: bytes) -> None:
                if file.tell() - start + len(piece) > size:
                    raise InternalError(f"{source.name}: marking it made it longer")
                file.write(piece)

            run(outputs, name=source.name, limits=plan.limits, program=self.programs.ffmpeg, consumer=put, feed=feed)

    def _samples(self, prepared: Prepared, limits: Limits) -> bytes:
        """The notice in the programme's own encoding."""
        codec = prepared.stream.codec
        heard = bytearray()
        with scratch() as folder:
            clip = folder / "notice.wav"
            write_wave(prepared.sound.reshape(-1, 1), prepared.stream.sample_rate, clip)
            sound = placed(clip, prepared.stream.layout, prepared.place)
            sound = sound.filter("aformat", sample_fmts=prepared.encoding.sample_fmt)
            outputs = builder().output(sound, "pipe:1", f=codec.removeprefix("pcm_"), acodec=codec)
            run(outputs, name=clip.name, limits=limits, program=self.programs.ffmpeg, consumer=heard.extend)
        return bytes(heard)
