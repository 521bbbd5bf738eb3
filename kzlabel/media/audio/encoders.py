"""How each codec is encoded again: the same codec, at no less than the rate or depth of the input."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ..programs.probe import Stream
from .sniff import RATES_1, RATES_2

# b/s for one channel under which ffmpeg's AAC encoder is heard to be worse than those that encoded the input.
_AAC_LEAST = 64_000
_AAC_MOST = 288_000
_OPUS_LEAST = 32_000
_OPUS_MOST = 256_000  # RFC 7845 and libopus: b/s for one channel
# libvorbis, measured: the nominal kb/s that its header tells at the qualities 0, 4, 8 and 10, up to 12 kHz, up to
# 24 kHz and above; for one channel, for two, and for each of more.
_VORBIS_QUALITIES = (0.0, 4.0, 8.0, 10.0)
_VORBIS_RATES = (
    (12_000, ((14, 25, 36, 41), (18, 36, 54, 63), (14, 25, 36, 41))),
    (24_000, ((24, 45, 74, 89), (36, 77, 138, 171), (24, 45, 74, 89))),
    (1 << 30, ((48, 86, 140, 239), (64, 128, 256, 499), (20, 54, 140, 239))),
)


LOSSLESS_ROOM = 0.05  # dB: samples are only rounded


@dataclass(frozen=True)
class Encoding:
    """options: of ffmpeg's output. sample_fmt: what the encoder gets. frame: samples by which the length may differ.

    pcm: the PCM codec whose bytes are the samples exactly, for a lossless codec; None for a lossy one.
    depth: bits of a sample, where they are integers.
    room: dB by which a peak may rise when this encoder's work is decoded, by measurement.
    """

    options: dict[str, Any] = field(default_factory=dict)
    sample_fmt: str = "fltp"
    pcm: str | None = None
    depth: int = 0
    frame: int = 0
    room: float = LOSSLESS_ROOM


def mp3(stream: Stream, rate: int) -> Encoding:
    """rate: b/s of the input, the average where it varies. A constant rate, the next that layer III knows."""
    table = (RATES_1 if stream.sample_rate >= 32_000 else RATES_2)[1:]
    chosen = next((known for known in table if known * 1000 >= rate - 500), table[-1])
    return Encoding({"acodec": "libmp3lame", "audio_bitrate": chosen * 1000}, frame=1152, room=1.0)


def aac(stream: Stream, rate: int, channels: int) -> Encoding:
    """AAC-LC. What was HE-AAC gets the rate that AAC-LC needs to sound alike."""
    chosen = min(max(rate, _AAC_LEAST * channels), _AAC_MOST * channels)
    # ffmpeg's noise substitution and noise shaping put peaks of up to 8 dB too many where a loud voice begins.
    calm = {"aac_pns": 0, "aac_tns": 0}
    return Encoding({"acodec": "aac", "audio_bitrate": chosen, **calm}, frame=1024, room=2.0)


def alac(stream: Stream) -> Encoding:
    deep = stream.sample_fmt.startswith("s32")
    options = {"acodec": "alac"}
    if deep:
        return Encoding(options, "s32p", "pcm_s32le", 24)
    return Encoding(options, "s16p", "pcm_s16le", 16)


def flac(stream: Stream, depth: int) -> Encoding:
    """depth: bits of a sample as the stream's header says. ffmpeg writes 16, 24 or 32; the values stay the same."""
    deep = stream.sample_fmt.startswith("s32")
    options: dict[str, Any] = {"acodec": "flac"}
    if deep:
        options |= {"bits_per_raw_sample": 32, "strict": "experimental"} if depth > 24 else {"bits_per_raw_sample": 24}
    return Encoding(options, "s32" if deep else "s16", "pcm_s32le" if deep else "pcm_s16le", depth)


def vorbis(stream: Stream, rate: int, channels: int) -> Encoding:
    """By quality, as Vorbis wants it: the lowest whose nominal rate is not under the input's."""
    rows = next(rows for upto, rows in _VORBIS_RATES if stream.sample_rate <= upto)
    share = channels if channels > 2 else 1
    usual = [kilobits * share * 1000 for kilobits in rows[min(channels, 3) - 1]]
    quality = _VORBIS_QUALITIES[-1]
    for place in range(len(usual) - 1, -1, -1):
        if rate <= usual[place]:
            quality = _VORBIS_QUALITIES[place]
            if place and rate > usual[place - 1]:
                step = (rate - usual[place - 1]) / (usual[place] - usual[place - 1])
                low, high = _VORBIS_QUALITIES[place - 1], _VORBIS_QUALITIES[place]
                quality = math.ceil((low + (high - low) * step) * 10) / 10
    return Encoding({"acodec": "libvorbis", "qscale:a": quality}, room=1.0)


def opus(stream: Stream, rate: int, channels: int) -> Encoding:
    chosen = min(max(rate, _OPUS_LEAST * channels), _OPUS_MOST * channels)
    # Left free, libopus takes a quarter more than it is told, and a file labelled again would grow each time.
    options = {"acodec": "libopus", "audio_bitrate": chosen, "frame_duration": 20, "vbr": "constrained"}
    return Encoding(options, frame=960, room=1.0)
