"""How each codec is encoded anew, so that what is outside the badge looks as it did.

The presets and quality levels were measured on grainy 480p film, the hardest case at hand, as the fastest that keep
SSIM >= 0.99 to the input; docs/limits.md tells what that costs in size. They are the same whatever the machine.
"""

from __future__ import annotations

from typing import Any

from ..programs.packets import Track
from ..programs.probe import Stream

MAX_KEY_DISTANCE = 600  # frames: a player must find a keyframe within some seconds even if the input had but one

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


def _h264(stream: Stream, track: Track) -> dict[str, Any]:
    options: dict[str, Any] = {"c": "libx264", "preset": "faster", "crf": 14}
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
        "crf": 16,
        "x265-params": "log-level=error:open-gop=0",
        "tag": "hvc1",
    }
    if not track.reordered:
        options["bf"] = 0
    return options


def _av1(stream: Stream, track: Track) -> dict[str, Any]:
    return {"c": "libsvtav1", "preset": 9, "crf": 15}


def _vp9(stream: Stream, track: Track) -> dict[str, Any]:
    return {"c": "libvpx-vp9", "crf": 15, "b": 0, "deadline": "realtime", "cpu-used": 8, "row-mt": 1}


def _vp8(stream: Stream, track: Track) -> dict[str, Any]:
    # libvpx takes a rate as the ceiling of constrained quality; this one is never reached in practice.
    return {"c": "libvpx", "crf": 6, "b": "200M", "deadline": "realtime", "cpu-used": 8}


_ENCODERS = {"h264": _h264, "hevc": _hevc, "av1": _av1, "vp9": _vp9, "vp8": _vp8}
