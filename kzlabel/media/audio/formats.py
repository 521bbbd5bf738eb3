"""The compressed audio formats: what each recognises, how it is encoded again, and what is carried over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...containers.isobmff import M4A as M4A_CONTAINER
from ...containers.tags import FLAC as FLAC_CONTAINER
from ...containers.tags import MP3 as MP3_CONTAINER
from ...containers.tags import OGG as OGG_CONTAINER
from ...containers.tags import OPUS as OPUS_CONTAINER
from ...errors import UsageError
from ...limits import Limits
from ..base import Carrier
from ..programs.probe import Stream
from . import encoders, keeping, sniff
from .encoders import Encoding
from .marking import channels
from .recording import Prepared, Recording


class Mp3(Recording):
    name = "MP3"
    mime = "audio/mpeg"
    extensions = (".mp3",)
    container = MP3_CONTAINER
    demuxer = "mp3"
    muxer = "mp3"
    codecs = ("mp3",)
    fresh_rate = 128_000

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.mp3(header)

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        return encoders.mp3(stream, rate)

    def fresh(self, stream: Stream) -> Encoding:
        if channels(stream) > 2:
            raise UsageError(f"MP3 holds one or two channels, not {channels(stream)}; choose FLAC, M4A, Ogg or Opus")
        return super().fresh(stream)

    def muxing(self, source: Path, limits: Limits) -> dict[str, Any]:
        return {"id3v2_version": 0, "write_id3v1": 0}

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return keeping.keep_id3(source, target, prepared.seconds, limits)


class Flac(Recording):
    name = "FLAC"
    mime = "audio/flac"
    extensions = (".flac",)
    container = FLAC_CONTAINER
    demuxer = "flac"
    muxer = "flac"
    codecs = ("flac",)

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.flac(header)

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        return encoders.flac(stream, keeping.flac_header(source, limits).depth)

    def fresh(self, stream: Stream) -> Encoding:
        return encoders.flac(stream, 16 if stream.sample_fmt in ("u8", "s16") else 24)

    def length(self, source: Path, limits: Limits) -> int | None:
        return keeping.flac_header(source, limits).samples or None

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return keeping.keep_blocks(source, target, len(prepared.sound), prepared.stream.sample_rate, limits)


class M4a(Recording):
    name = "M4A"
    mime = "audio/mp4"
    extensions = (".m4a", ".m4b")
    container = M4A_CONTAINER
    demuxer = "mov"
    muxer = "ipod"
    codecs = ("aac", "alac")
    fresh_rate = 128_000
    chapters_by_ffmpeg = True

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.m4a(header)

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        return encoders.alac(stream) if stream.codec == "alac" else encoders.aac(stream, rate, channels(stream))

    def muxing(self, source: Path, limits: Limits) -> dict[str, Any]:
        return {"movflags": "+faststart"} if keeping.index_first(source, limits) else {}

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return keeping.keep_items(source, target, limits)


class OggVorbis(Recording):
    name = "Ogg Vorbis"
    mime = "audio/ogg"
    extensions = (".ogg", ".oga")
    carrier = Carrier.SIDECAR
    container = OGG_CONTAINER
    demuxer = "ogg"
    muxer = "ogg"
    codecs = ("vorbis",)
    fresh_rate = 112_000

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.ogg(header, b"\x01vorbis")

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        return encoders.vorbis(stream, rate, channels(stream))

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return keeping.keep_comments(OGG_CONTAINER, source, target, prepared.seconds, limits)


class Opus(Recording):
    name = "Opus"
    mime = "audio/ogg"
    extensions = (".opus", ".ogg")
    carrier = Carrier.SIDECAR
    container = OPUS_CONTAINER
    demuxer = "ogg"
    muxer = "opus"
    codecs = ("opus",)
    fresh_rate = 96_000

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.ogg(header, b"OpusHead")

    def encoding(self, source: Path, stream: Stream, rate: int, limits: Limits) -> Encoding:
        return encoders.opus(stream, rate, channels(stream))

    def keep(self, source: Path, target: Path, prepared: Prepared, limits: Limits) -> tuple[str, ...]:
        return keeping.keep_comments(OPUS_CONTAINER, source, target, prepared.seconds, limits)
