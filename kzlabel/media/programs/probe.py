"""What a film or a recording holds, as ffmpeg reports it, held against a source that no tag can reach.

The package's ffmpeg comes without ffprobe, so its report on the input is read: lines meant for people, in which values
from an untrusted file stand too. A value's own line breaks are printed as continuation lines, but a key or a language
code with a line break can feign a line. So the same run also writes a checksum list, whose header names each stream
in a form that holds no text of the file; a report that does not agree with it, stream by stream, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from ...errors import LimitExceeded
from ...limits import Limits
from .ffmpeg import builder, opened, run
from .report import Chapter, Probe, Stream, feigned, parse

__all__ = ["Chapter", "Probe", "Stream", "probe"]

MAX_STREAMS = 200  # more than any film we know of; each costs the program a decoder
MAX_HEADER = 1 << 20  # bytes of the checksum list's header: a few hundred for each stream


def probe(source: Path, *, demuxer: str, limits: Limits, program: str | None = None) -> Probe:
    """Ask ffmpeg what `source` holds, without decoding it. Raises UnreadableFile, LimitExceeded, MissingProgram."""
    header = _Header()
    outputs = builder().output(
        opened(source, demuxer, limits),
        "pipe:1",
        map="0",
        c="copy",
        copy_unknown=None,
        t=0,
        f="framecrc",
    )
    log = run(outputs, name=source.name, limits=limits, program=program, consumer=header.take, report=True).log
    found = _compared(parse(log, name=source.name), header.streams(), source.name)
    _check_limits(found, limits, source.name)
    return found


_LIST_LINE = re.compile(
    rb"#(extradata|media_type|codec_id|dimensions|sar|tb|sample_rate|channel_layout_name) (\d+): (.*)"
)


@dataclass
class _Header:
    """The head of the checksum list, collected as it arrives."""

    kept: bytearray = field(default_factory=bytearray)

    def take(self, piece: bytes) -> None:
        self.kept += piece[: MAX_HEADER - len(self.kept)]

    def streams(self) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        for line in bytes(self.kept).splitlines():
            if match := _LIST_LINE.match(line):
                entry = found.setdefault(int(match[2]), {})
                entry[match[1].decode()] = match[3].decode("utf-8", "replace").strip()
        return found


def _compared(found: Probe, listed: Mapping[int, Mapping[str, str]], name: str) -> Probe:
    """The report with what only the list tells, once both agree. Raises UnreadableFile, LimitExceeded."""
    if len(listed) > MAX_STREAMS:
        raise LimitExceeded(f"{name}: {len(listed)} streams; at most {MAX_STREAMS} are read")
    if not listed or sorted(listed) != [stream.index for stream in found.streams]:
        raise feigned(name)
    return replace(found, streams=tuple(_completed(stream, listed[stream.index], name) for stream in found.streams))


def _completed(stream: Stream, entry: Mapping[str, str], name: str) -> Stream:
    agree = entry.get("media_type") == stream.kind and entry.get("codec_id") == stream.codec
    if stream.kind == "video":
        agree = agree and entry.get("dimensions") == f"{stream.width}x{stream.height}"
    if not agree:
        raise feigned(name)
    base = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", entry.get("tb", ""))
    return replace(
        stream,
        time_base=Fraction(int(base[1]), int(base[2])) if base else stream.time_base,
        extradata=entry.get("extradata", ""),
    )


def _check_limits(found: Probe, limits: Limits, name: str) -> None:
    if found.duration is not None and found.duration > limits.max_duration:
        raise LimitExceeded(
            f"{name}: it says to last {found.duration:.0f} seconds, over the limit max_duration of "
            f"{limits.max_duration:.0f}; cut it, or raise the limit"
        )
    for stream in found.of_kind("video"):
        if stream.width * stream.height > limits.max_pixels:
            raise LimitExceeded(
                f"{name}: {stream.width}x{stream.height} is over the limit max_pixels of {limits.max_pixels}; "
                "scale it down, or raise the limit"
            )
