"""Which streams are encoded anew, which are copied, which the container makes itself, and what cannot be kept."""

from __future__ import annotations

from ...errors import UnreadableFile, UnsupportedFormat
from ..programs.probe import Probe, Stream
from .encoders import PIXEL_FORMATS

_CODEC_NAMES = {"h264": "H.264", "hevc": "HEVC", "av1": "AV1", "vp9": "VP9", "vp8": "VP8"}
_PROTECTED = ("encv", "enca", "drmi", "drms")


def kept(probed: Probe) -> tuple[Stream, ...]:
    """The streams to be mapped, in order: all but what the container itself makes from chapters and time codes."""
    return tuple(stream for stream in probed.streams if not _made_by_container(stream, probed))


def refuse_what_cannot_be_kept(probed: Probe, name: str) -> None:
    """Raises UnsupportedFormat, with what to do, for a film that would lose something by being encoded anew.

    Raises UnreadableFile when its picture cannot be decoded.
    """
    for stream in probed.streams:
        if stream.tag in _PROTECTED:
            raise UnsupportedFormat(f"{name}: its streams are encrypted; label it before they are")
    if not probed.films:
        raise UnsupportedFormat(f"{name}: it holds no film; label its sound as M4A, Opus or FLAC")
    for stream in probed.films:
        _refuse(stream, name)


def _refuse(stream: Stream, name: str) -> None:
    if stream.codec not in PIXEL_FORMATS:
        known = ", ".join(_CODEC_NAMES.values())
        raise UnsupportedFormat(
            f"{name}: its picture is encoded as {stream.codec}, and kzlabel encodes {known}; convert it to one of them"
        )
    codec = _CODEC_NAMES[stream.codec]
    if stream.pix_fmt in ("", "none"):
        raise UnreadableFile(f"{name}: its {codec} picture cannot be decoded; is the file complete?")
    if stream.pix_fmt not in PIXEL_FORMATS[stream.codec]:
        raise UnsupportedFormat(
            f"{name}: its pixel format, {stream.pix_fmt}, cannot be kept in {codec}; convert it to yuv420p"
        )
    if stream.tagged("alpha_mode") == "1":
        raise UnsupportedFormat(f"{name}: its transparency cannot be kept; put it on a ground of one colour first")
    if "first" in stream.field_order and stream.codec != "h264":
        raise UnsupportedFormat(f"{name}: interlaced {codec} cannot be kept; deinterlace it first")
    if any("DOVI" in item for item in stream.side_data):
        raise UnsupportedFormat(f"{name}: its Dolby Vision layer cannot be kept; convert it to HDR10 first")


def _made_by_container(stream: Stream, probed: Probe) -> bool:
    if stream.kind != "data":
        return False
    return stream.tag == "tmcd" or (stream.tag == "text" and bool(probed.chapters))
