"""Looks for watermarks in the pictures and the sound of a film."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UnreadableFile
from ...limits import Limits
from ...watermark.detection import Detection
from ...watermark.keys import WatermarkKey
from ..audio.listening import heard
from ..base import Watermarks
from ..programs.ffmpeg import builder, opened, reading
from ..programs.probe import Probe, Stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]


def look_and_listen(
    source: Path, demuxer: str, probed: Probe, keys: tuple[WatermarkKey, ...], limits: Limits, program: str | None
) -> Watermarks:
    """The marks of these keys in all films and all tracks of sound, each once.

    Raises UnreadableFile where nothing can be decoded, LimitExceeded, MissingProgram.
    """
    from ...watermark.video import detect

    found: list[tuple[str, Detection]] = []
    faults: list[UnreadableFile] = []
    films = [stream for stream in probed.films if stream.width and stream.height]
    sounds = [stream for stream in probed.of_kind("audio") if stream.sample_rate and stream.sample_fmt]
    deadline = time.monotonic() + limits.watermark_seconds
    todo = len(films) * len(keys) + len(sounds)

    def patience() -> float:
        nonlocal todo
        share = max(0.0, deadline - time.monotonic()) / todo
        todo -= 1
        return share

    for stream in films:
        rate = _rate(stream)
        for key in keys:
            try:
                with frames(source, demuxer, stream, rate, limits, program) as seen:
                    found += [("picture", one) for one in detect(seen, float(rate), key=key, patience=patience())]
            except UnreadableFile as fault:
                faults.append(fault)
    for stream in sounds:
        node = opened(source, demuxer, limits)[str(stream.index)]
        try:
            listened = heard(node, stream, keys, patience=patience(), name=source.name, limits=limits, program=program)
            found += [("sound", one) for one in listened]
        except UnreadableFile as fault:
            faults.append(fault)
    if faults and len(faults) == len(films) * len(keys) + len(sounds):
        raise faults[0]
    unique = {(carrier, one.payload): (carrier, one) for carrier, one in reversed(found)}
    return Watermarks(tuple(reversed(unique.values())))


@contextmanager
def frames(
    source: Path, demuxer: str, stream: Stream, rate: Fraction, limits: Limits, program: str | None
) -> Iterator[Iterator[Frame]]:
    """The luma of a film as it is shown, turned upright, at the size and rate at which marks are read."""
    import numpy as np

    from ...watermark.video import reading_size

    shown = max(1, round(stream.width * stream.sar)), stream.height
    width, height = reading_size(*(shown[::-1] if round(stream.rotation / 90) % 2 else shown))
    picture = opened(source, demuxer, limits)[str(stream.index)]
    picture = picture.filter("fps", f"{rate.numerator}/{rate.denominator}").filter("extractplanes", "y")
    picture = picture.filter("scale", width, height, flags="area").filter("format", "gray")
    outputs = builder().output(picture, "pipe:1", f="rawvideo")

    def seen(pieces: Iterator[bytes]) -> Iterator[Frame]:
        any_came = False
        try:
            for piece in pieces:
                if len(piece) == width * height:
                    any_came = True
                    yield np.frombuffer(piece, np.uint8).reshape(height, width)
        except UnreadableFile:
            if not any_came:
                raise

    with reading(outputs, size=width * height, name=source.name, limits=limits, program=program) as pieces:
        yield seen(pieces)


def _rate(stream: Stream) -> Fraction:
    from ...watermark.video import FRAMES_PER_SECOND

    return min(stream.fps or Fraction(FRAMES_PER_SECOND), Fraction(FRAMES_PER_SECOND))
