"""Looks for watermarks in the pictures and the sound of a film."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
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


# Seconds. A film that lasts longer than WHOLE is looked at in so many stretches, spread over it from end to end: to
# decode the whole takes longer than a person waits.
WHOLE, STRETCHES, STRETCH = 180.0, 5, 36.0


def look_and_listen(
    source: Path, demuxer: str, probed: Probe, keys: tuple[WatermarkKey, ...], limits: Limits, program: str | None
) -> Watermarks:
    """The marks of these keys in all films and all tracks of sound, each once.

    Raises UnreadableFile where nothing can be decoded, LimitExceeded, MissingProgram.
    """
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
        look = partial(_seen, source, demuxer, stream, probed.duration, limits=limits, program=program)
        for key in keys:
            try:
                found += [("picture", one) for one in look(key, patience())]
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


def _seen(
    source: Path,
    demuxer: str,
    stream: Stream,
    duration: float | None,
    key: WatermarkKey,
    patience: float,
    *,
    limits: Limits,
    program: str | None,
) -> list[Detection]:
    """The marks in one film: in all of it, or of a long one in the first stretch that has any."""
    from ...watermark.video import FRAMES_PER_SECOND, SAMPLED_FRAMES_PER_SECOND, detect

    deadline = time.monotonic() + patience
    whole = not duration or duration <= WHOLE
    last = 0.0 if whole or duration is None else duration - STRETCH
    starts = [place * last / (STRETCHES - 1) for place in range(1 if whole else STRETCHES)]
    most = Fraction(FRAMES_PER_SECOND if whole else SAMPLED_FRAMES_PER_SECOND)
    rate = min(stream.fps or most, most)
    for place, start in enumerate(starts):
        part = {} if whole else {"ss": f"{start:.3f}", "t": f"{STRETCH:.3f}"}
        left = max(0.0, deadline - time.monotonic()) / (len(starts) - place)
        try:
            with frames(source, demuxer, stream, rate, limits, program, **part) as seen:
                found = detect(seen, float(rate), key=key, patience=left)
        except UnreadableFile:
            if start == 0:
                raise
            continue
        if found:
            return [_later(one, start) for one in found]
    return []


def _later(found: Detection, seconds: float) -> Detection:
    span = found.place.get("span")
    if not span or not seconds:
        return found
    return replace(found, place={**found.place, "span": [round(moment + seconds, 3) for moment in span]})


@contextmanager
def frames(
    source: Path, demuxer: str, stream: Stream, rate: Fraction, limits: Limits, program: str | None, **part: str
) -> Iterator[Iterator[Frame]]:
    """The luma of a film as it is shown, turned upright, at the size and rate at which marks are read.

    part: ffmpeg's options `ss` and `t`, for a stretch of the film.
    """
    import numpy as np

    from ...watermark.video import reading_size

    shown = max(1, round(stream.width * stream.sar)), stream.height
    width, height = reading_size(*(shown[::-1] if round(stream.rotation / 90) % 2 else shown))
    picture = opened(source, demuxer, limits, **part)[str(stream.index)]
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
