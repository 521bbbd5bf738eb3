"""The sound of a film, marked: each track decoded, marked and encoded once more, in time with the picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ...errors import UnreadableFile
from ...limits import Limits
from ...watermark.detection import Unmarkable
from ..audio import encoders
from ..audio.encoders import Encoding
from ..audio.marking import Marker, channels, layout_is_named
from ..base import WatermarkPlan
from ..programs.ffmpeg import builder, location, opened, run
from ..programs.packets import Track
from ..programs.probe import Stream

# Gaps from this on are filled with silence, as a player does, so that what follows stays in time; seconds.
GAP = 0.1


# Samples before the first one that is meant, which a container may leave to be heard; by codec, as ffmpeg encodes it.
LEADS = {"aac": 1024, "mp3": 1105}


@dataclass(frozen=True)
class Soundtrack:
    """A marked track in a file of its own, in its final encoding. start: seconds at which its first sample is heard.

    samples: of one channel.
    """

    path: Path
    start: Fraction
    samples: int
    encoding: Encoding


@dataclass(frozen=True)
class Source:
    """What the tracks are taken from. demuxer, muxer: ffmpeg's names."""

    path: Path
    demuxer: str
    muxer: str
    limits: Limits
    program: str | None


def mark_sound(source: Source, stream: Stream, track: Track, plan: WatermarkPlan, target: Path) -> Soundtrack:
    """Write one track, marked, to `target`, in the film's own container.

    Raises Unmarkable, also for a codec that cannot be written again; LimitExceeded, MissingProgram, OutputError.
    """
    encoding = _encoding(stream, track)
    marker = Marker(plan, encoding, stream)
    start = first_heard(source, stream)
    sound = opened(source.path, source.demuxer, source.limits)[str(stream.index)]
    feed = marker.feed(
        sound.filter("aresample", **{"async": 1, "min_hard_comp": GAP}),
        before=None,
        name=source.path.name,
        limits=source.limits,
        program=source.program,
    )
    # Of an MP4, the edit list says in units of the whole film's clock where the sound ends: sample by sample.
    clock = {"movie_timescale": stream.sample_rate} if source.demuxer == "mov" else {}
    exact = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}
    outputs = builder().output(
        marker.handed_over(), location(target), f=source.muxer, **exact, **clock, **encoding.options
    )
    try:
        run(outputs, name=source.path.name, limits=source.limits, program=source.program, feed=feed)
    except UnreadableFile as error:
        words = str(error).rpartition(": ")[2]
        raise Unmarkable(f"its {stream.codec} sound cannot be encoded once more ({words})") from None
    return Soundtrack(target, start, marker.samples, encoding)


def first_heard(source: Source, stream: Stream) -> Fraction:
    """When the first sample of a track is heard, in seconds. Raises Unmarkable where none can be decoded."""
    said = bytearray()
    sound = opened(source.path, source.demuxer, source.limits)[str(stream.index)]
    outputs = builder().output(sound, "pipe:1", f="framecrc", acodec="pcm_f32le", **{"frames:a": 1})
    run(outputs, name=source.path.name, limits=source.limits, program=source.program, consumer=said.extend)
    base = re.search(rb"#tb 0: (\d+)/(\d+)", said)
    line = re.search(rb"^0, *-?\d+, *(-?\d+),", said, re.MULTILINE)
    if not base or not line:
        raise Unmarkable("its sound cannot be decoded")
    return int(line[1]) * Fraction(int(base[1]), int(base[2]))


def _encoding(stream: Stream, track: Track) -> Encoding:
    """The same codec at no lower rate or depth. Raises Unmarkable."""
    make = _ENCODINGS.get(stream.codec) or (_pcm if stream.codec.startswith("pcm_") else None)
    if make is None:
        raise Unmarkable(f"its sound is encoded as {stream.codec}, in which it is not encoded once more")
    if not layout_is_named(stream.layout):
        raise Unmarkable(f"the {stream.layout or 'channels'} of its sound have no known places")
    seconds = max(track.last - track.first, 0.1)
    return make(stream, stream.bit_rate or round(track.size * 8 / seconds))


def _pcm(stream: Stream, rate: int) -> Encoding:
    depths = {"u8": 8, "s16": 16, "s32": 24 if "24" in stream.codec else 32}
    kind = stream.sample_fmt.removesuffix("p")
    return Encoding({"acodec": stream.codec}, kind, stream.codec, depths.get(kind, 0))


def _flac(stream: Stream, rate: int) -> Encoding:
    return encoders.flac(stream, 24 if stream.sample_fmt.startswith("s32") else 16)


_ENCODINGS: dict[str, Callable[[Stream, int], Encoding]] = {
    "aac": lambda stream, rate: encoders.aac(stream, rate, channels(stream)),
    "mp3": encoders.mp3,
    "opus": lambda stream, rate: encoders.opus(stream, rate, channels(stream)),
    "vorbis": lambda stream, rate: encoders.vorbis(stream, rate, channels(stream)),
    "flac": _flac,
    "alac": lambda stream, rate: encoders.alac(stream),
}
