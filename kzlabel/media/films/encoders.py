"""How each codec is encoded anew, so that what is outside the badge looks as it did.

The presets and quality levels were measured, as the fastest and smallest that keep SSIM >= 0.99 to the input: on grainy
480p and 720p film, the hardest cases at hand, and on clean 1080p film, which bears a coarser level. How much detail a
film has to lose is told by its size and by what its own encoder spent on a pixel. All are the same on every machine.
"""

from __future__ import annotations

import math
from typing import Any

from ..programs.packets import Track
from ..programs.probe import Stream

MAX_KEY_DISTANCE = 600  # frames: a player must find a keyframe within some seconds even if the input had but one

# Bits a pixel: at RICH and above a film is encoded at its codec's finest level, at PLAIN and below at its coarsest.
# Measured on H.264 (0.23 and 0.15 need the finest level, 0.07 bears the coarsest); the newer codecs need about half.
RICH, PLAIN = 0.14, 0.07
# Pixels of the shorter side: SMALL films and smaller ones get the finest level whatever was spent, LARGE ones may not.
SMALL, LARGE = 720, 1080
_THRIFT = {"hevc": 2.0, "av1": 2.0, "vp9": 1.6}

# ffmpeg's names of H.264 profiles -> x264's. "Intra" ones are their parent with a keyframe distance of 1.
_H264_PROFILES = {
    "Constrained Baseline": "baseline",
    "Baseline": "baseline",
    "Main": "main",
    "High": "high",
    "High 10": "high10",
    "High 10 Intra": "high10",
    "High 4:2:2": "high422",
    "High 4:2:2 Intra": "high422",
    "High 4:4:4 Predictive": "high444",
    "High 4:4:4 Intra": "high444",
}

_EIGHT_BIT = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
_TEN_BIT = frozenset({"yuv420p10le", "yuv422p10le", "yuv444p10le"})

# What the encoders in ffmpeg can write, and the overlay filter can work in.
PIXEL_FORMATS: dict[str, frozenset[str]] = {
    "h264": _EIGHT_BIT | _TEN_BIT,
    "hevc": _EIGHT_BIT | _TEN_BIT,
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
    "vp9": frozenset({"yuv420p", "yuv422p", "yuv444p"}) | _TEN_BIT,
    "vp8": frozenset({"yuv420p"}),
}


def encoder(stream: Stream, track: Track) -> dict[str, Any]:
    """The encoder's options for one stream, names without stream specifier. The codec is one of PIXEL_FORMATS."""
    distance = max(1, min(track.key_distance, MAX_KEY_DISTANCE))
    common: dict[str, Any] = {"pix_fmt": stream.pix_fmt, "g": distance, "flags": "+bitexact"}
    return common | _ENCODERS[stream.codec](stream, track)


def _level(stream: Stream, track: Track, finest: int, coarsest: int) -> int:
    """The quality level between the two that suits the detail in a film."""
    pixels = max(1, stream.width * stream.height * track.packets)
    spent = max(track.size * 8 / pixels, 1e-9) * _THRIFT.get(stream.codec, 1.0)
    thrift = math.log(RICH / spent) / math.log(RICH / PLAIN)
    space = (min(stream.width, stream.height) - SMALL) / (LARGE - SMALL)
    return round(finest + (coarsest - finest) * max(0.0, min(1.0, thrift, space)))


def _h264(stream: Stream, track: Track) -> dict[str, Any]:
    options: dict[str, Any] = {"c": "libx264", "preset": "faster", "crf": _level(stream, track, 13, 18)}
    if stream.profile in _H264_PROFILES:
        options["profile"] = _H264_PROFILES[stream.profile]
    if not track.reordered:
        options["bf"] = 0
    if "first" in stream.field_order:
        options["flags"] = "+bitexact+ilme+ildct"
    return options


def _hevc(stream: Stream, track: Track) -> dict[str, Any]:
    options: dict[str, Any] = {
        "c": "libx265",
        "preset": "veryfast",
        "crf": _level(stream, track, 14, 19),
        "x265-params": "log-level=error:open-gop=0",
        "tag": "hvc1",
    }
    if not track.reordered:
        options["bf"] = 0
    return options


def _av1(stream: Stream, track: Track) -> dict[str, Any]:
    return {"c": "libsvtav1", "preset": 9, "crf": _level(stream, track, 15, 20)}


def _vp9(stream: Stream, track: Track) -> dict[str, Any]:
    level = _level(stream, track, 15, 20)
    return {"c": "libvpx-vp9", "crf": level, "b": 0, "deadline": "realtime", "cpu-used": 8, "row-mt": 1}


def _vp8(stream: Stream, track: Track) -> dict[str, Any]:
    # Not realtime, which looks at the clock and so never gives the same bytes twice. The quantiser's bounds set the
    # quality; the rate is a ceiling that is never reached in practice.
    return {"c": "libvpx", "qmin": 2, "qmax": 10, "b": "200M", "deadline": "good", "cpu-used": 5}


_ENCODERS = {"h264": _h264, "hevc": _hevc, "av1": _av1, "vp9": _vp9, "vp8": _vp8}
