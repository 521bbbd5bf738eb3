"""WAV: its samples are not encoded, so the notice is put before them and not one of them changes."""

from __future__ import annotations

from pathlib import Path

from ...containers.riff import WAV as WAV_CONTAINER
from ...errors import UnreadableFile
from ...files import scratch
from ...limits import Limits
from ..base import MediaInfo, RenderPlan
from ..programs.ffmpeg import builder, run
from ..programs.probe import Probe, Stream
from . import sniff
from .encoders import Encoding
from .recording import Prepared, Recording
from .speaking import placed
from .waves import put_before, read_wave, write_wave

# ffmpeg's names of the encodings whose samples stand one by one, with the format in which a filter handles them.
_ENCODINGS = {
    "pcm_u8": "u8",
    "pcm_s16le": "s16",
    "pcm_s24le": "s32",
    "pcm_s32le": "s32",
    "pcm_f32le": "flt",
    "pcm_f64le": "dbl",
    "pcm_alaw": "s16",
    "pcm_mulaw": "s16",
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
        return Encoding({"acodec": stream.codec}, _ENCODINGS[stream.codec], stream.codec)

    def length(self, source: Path, limits: Limits) -> int | None:
        return read_wave(source, limits).samples

    def write(self, source: Path, target: Path, prepared: Prepared, plan: RenderPlan) -> tuple[str, ...]:
        put_before(source, target, self._samples(prepared, plan.limits), plan.limits)
        if plan.progress:
            plan.progress(1.0)
        return ()

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return ()

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
