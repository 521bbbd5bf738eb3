"""Looks for watermarks in the pictures and the sound of a film."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UnreadableFile
from ...limits import Limits
from ...watermark.detection import Detection
from ...watermark.keys import WatermarkKey
from ..audio.listening import heard
from ..base import Look, Watermarks
from ..patience import Patience, given_up
from ..programs.ffmpeg import builder, opened, reading
from ..programs.probe import Probe, Stream
from ..programs.stretch import HEARD_QUICKLY, SEEN_QUICKLY, WHOLE, Stretch, later, middle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]


# Seconds. A film that lasts longer than LONG is looked at in so many stretches, spread over it from end to end: to
# decode the whole takes longer than a person waits.
LONG, STRETCHES, STRETCH = 180.0, 5, 36.0


def look_and_listen(
    source: Path,
    demuxer: str,
    probed: Probe,
    keys: tuple[WatermarkKey, ...],
    limits: Limits,
    program: str | None,
    *,
    look: Look = Look.EVERYWHERE,
) -> Watermarks:
    """The marks of these keys in all films and all tracks of sound, each once.

    Raises UnreadableFile where nothing was found and something could not be decoded, LimitExceeded, MissingProgram.
    """
    found: list[tuple[str, Detection]] = []
    faults: list[UnreadableFile] = []
    films = [stream for stream in probed.films if stream.width and stream.height]
    sounds = [stream for stream in probed.of_kind("audio") if stream.sample_rate and stream.sample_fmt]
    searches = (len(films) + len(sounds)) * len(keys)
    patience = Patience(limits.watermark_seconds, searches)
    for stream in films:
        parts = _stretches(probed.duration, look)
        seen = partial(_seen, source, demuxer, stream, parts, own=look is Look.OWN, limits=limits, program=program)
        for key in keys:
            try:
                found += [("picture", one) for one in seen(key, patience)]
            except UnreadableFile as fault:
                faults.append(fault)
    for stream in sounds:
        part = WHOLE if look is Look.EVERYWHERE else middle(probed.duration, HEARD_QUICKLY)
        node = opened(source, demuxer, limits, **part.options)[str(stream.index)]
        listen = partial(heard, node, stream, keys, start=part.start, name=source.name)
        try:
            listened = listen(patience=patience, limits=limits, program=program)
            found += [("sound", one) for one in listened]
        except UnreadableFile as fault:
            faults.append(fault)
    if faults and not found:
        raise faults[0]
    unique = {(carrier, one.payload): (carrier, one) for carrier, one in reversed(found)}
    why = given_up(limits.watermark_seconds) if patience.tally.late and not found else None
    in_part = look is Look.OWN or (look is Look.STRETCH and middle(probed.duration, SEEN_QUICKLY) is not WHOLE)
    return Watermarks(tuple(reversed(unique.values())), why, in_part=in_part)


def _stretches(duration: float | None, look: Look) -> tuple[Stretch, ...]:
    if look is not Look.EVERYWHERE:
        return (middle(duration, SEEN_QUICKLY),)
    if not duration or duration <= LONG:
        return (WHOLE,)
    return tuple(Stretch(place * (duration - STRETCH) / (STRETCHES - 1), STRETCH) for place in range(STRETCHES))


def _seen(
    source: Path,
    demuxer: str,
    stream: Stream,
    parts: tuple[Stretch, ...],
    key: WatermarkKey,
    patience: Patience,
    *,
    own: bool,
    limits: Limits,
    program: str | None,
) -> list[Detection]:
    """The marks in one film, in the first of these parts that has any; one of several is looked at less closely."""
    from ...watermark.video import FRAMES_PER_SECOND, SAMPLED_FRAMES_PER_SECOND, detect

    most = Fraction(FRAMES_PER_SECOND if len(parts) == 1 else SAMPLED_FRAMES_PER_SECOND)
    rate = min(stream.fps or most, most)
    with patience.turn() as seconds:
        own_patience = Patience(seconds, len(parts))
        faults: list[UnreadableFile] = []
        for part in parts:
            try:
                with (
                    own_patience.turn() as left,
                    frames(source, demuxer, stream, rate, limits, program, **part.options) as seen,
                ):
                    found = detect(seen, float(rate), key=key, patience=left, uncut=own, tally=patience.tally)
            except UnreadableFile as fault:
                faults.append(fault)
                continue
            if found:
                return [later(one, part.start) for one in found]
    if len(faults) == len(parts):
        raise faults[0]
    return []


def size_seen(stream: Stream) -> tuple[int, int]:
    """Width and height of a film's frames as marks are read in them: upright, with square pixels, scaled down."""
    from ...watermark.video import reading_size

    shown = max(1, round(stream.width * stream.sar)), stream.height
    return reading_size(*(shown[::-1] if round(stream.rotation / 90) % 2 else shown))


def as_seen(picture: Any, stream: Stream, rate: Fraction) -> Any:
    """An ffmpeg-python node of upright frames -> one of their luma, 8 bits, at that size and rate."""
    width, height = size_seen(stream)
    picture = picture.filter("fps", f"{rate.numerator}/{rate.denominator}").filter("extractplanes", "y")
    return picture.filter("scale", width, height, flags="area").filter("format", "gray")


@contextmanager
def frames(
    source: Path, demuxer: str, stream: Stream, rate: Fraction, limits: Limits, program: str | None, **part: str
) -> Iterator[Iterator[Frame]]:
    """The luma of a film as it is shown, turned upright, at the size and rate at which marks are read.

    part: ffmpeg's options `ss` and `t`, for a stretch of the film.
    """
    import numpy as np

    width, height = size_seen(stream)
    picture = as_seen(opened(source, demuxer, limits, **part)[str(stream.index)], stream, rate)
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
