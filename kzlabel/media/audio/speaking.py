"""From a notice's recordings to one sound: put together, at the programme's rate and loudness."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...disclosure.notice import MAX_TRUE_PEAK, OWN_LIMIT, Notice, loudness_beside
from ...errors import UnreadableFile, UsageError
from ...files import open_input
from ...limits import Limits
from ..base import HEADER_BYTES
from ..programs.ffmpeg import builder, location, opened, run
from .marking import layout_is_named

if TYPE_CHECKING:
    from .loudness import Levelled, Sound

CLIP_DEMUXER = "ogg"  # of the shipped clips
# Channel layouts, by ffmpeg's names, in which the third channel is the front centre, where speech belongs.
_CENTRED = re.compile(r"[3-7]\.[01](?:\.[24])?(?:\(side\)|\(wide\)|\(wide-side\))?|4\.0|hexagonal|octagonal|cube")


@dataclass(frozen=True)
class Placing:
    """On which of `channels` channels a notice is heard, counted from 0."""

    channels: int
    carrying: tuple[int, ...]

    @property
    def matrix(self) -> str:
        """The channels' sources as ffmpeg's filter `pan` wants them."""
        return "|".join(f"c{index}=c0" for index in self.carrying)


def placing(layout: str, channels: int) -> Placing:
    """Front centre where the layout has one, else front left and right; alone where there is one channel.

    layout: ffmpeg's name. channels: their number, at least 1.
    """
    if channels == 1:
        return Placing(1, (0,))
    if channels >= 3 and _CENTRED.fullmatch(layout):
        return Placing(channels, (2,))
    return Placing(channels, (0, 1))


def spoken(notice: Notice, rate: int, limits: Limits, program: str | None) -> Sound:
    """The recordings with their pauses, one channel at `rate` hertz, (samples,), float32, as loud as they are.

    Raises UsageError for an own recording that is too long, UnreadableFile, MissingProgram.
    """
    import numpy as np

    parts = []
    for path, pause in zip(notice.recordings, notice.pauses, strict=True):
        read = {"t": OWN_LIMIT + 1} if notice.own else {}
        source = opened(path, _demuxer(path, limits) if notice.own else CLIP_DEMUXER, limits, **read)["a:0"]
        part = source.filter("aresample", rate).filter("aformat", sample_fmts="flt", channel_layouts="mono")
        parts.append(part.filter("apad", pad_dur=pause))
    joined = builder().filter(parts, "concat", n=len(parts), v=0, a=1)
    heard = bytearray()
    outputs = builder().output(joined, "pipe:1", f="f32le")
    name = notice.recordings[-1].name
    run(outputs, name=name, limits=limits, program=program, consumer=heard.extend)
    sound: Sound = np.frombuffer(bytes(heard[: len(heard) // 4 * 4]), "<f4")
    sound = np.nan_to_num(sound, nan=0.0, posinf=0.0, neginf=0.0)
    if notice.own and len(sound) > (OWN_LIMIT + sum(notice.pauses)) * rate:
        raise UsageError(f"{name}: a notice may last {OWN_LIMIT:.0f} seconds at most; give a shorter one")
    if not np.any(sound):
        raise UnreadableFile(f"{name}: the recording of the notice is silent; give another one")
    return sound


def at_loudness(sound: Sound, rate: int, programme: float | None, place: Placing, *, room: float) -> Levelled:
    """The sound as loud as a programme of so many LUFS asks, its true peak `room` dB under the highest allowed."""
    from .loudness import levelled

    wanted = loudness_beside(programme)
    return levelled(sound, rate, wanted, ceiling=MAX_TRUE_PEAK - room, channels=len(place.carrying))


def placed(path: Path, layout: str, place: Placing) -> Any:
    """The ffmpeg input of a one-channel WAV, laid out on the programme's channels."""
    name = layout if layout_is_named(layout) else f"{place.channels}c"
    return builder().input(location(path), format="wav")["a:0"].filter("pan", args=f"{name}|{place.matrix}")


def _demuxer(path: Path, limits: Limits) -> str:
    """ffmpeg's demuxer for an own recording, from its bytes."""
    from . import FORMATS

    with open_input(path) as file:
        header = file.read(HEADER_BYTES)
    best = max(FORMATS, key=lambda format: format.score(header))
    if not best.score(header) or best.demuxer is None:
        raise UsageError(f"{path.name}: a notice must be a recording such as WAV, FLAC, MP3, M4A, Ogg or Opus")
    return best.demuxer
