"""Reads a labelled film back: the same frames at the same times, the same streams, nothing lost."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ...errors import InternalError
from ..programs.packets import Census, Track
from ..programs.probe import Probe, Stream
from .keeping import kept
from .soundtracks import LEADS, Soundtrack

# Seconds by which a time may differ: Matroska keeps milliseconds.
TIME_TOLERANCE = 0.0011
# Seconds by which sound may move against the picture: a tenth of what is noticed (ITU-R BT.1359).
SYNC_TOLERANCE = 0.005
_PICTURE = ("codec", "width", "height", "sar", "pix_fmt", "range", "space", "primaries", "transfer", "rotation")
# VP8 knows one colour space and does not tell it; ffmpeg writes it into the container.
_IMPLIED = ("range", "space", "primaries", "transfer")
_UNTOLD = ("", "unknown")
# The same matrix under two names (ITU-T H.273, 8.3), of which VP8 has one.
_SAME_SPACE = {"smpte170m": "bt470bg"}
_EVERY = ("kind", "codec", "dispositions")
_SAME_PROFILE = {"Baseline": "Constrained Baseline"}


_HEARD = ("sample_rate", "layout")


@dataclass(frozen=True)
class Anew:
    """What was encoded anew, by stream index. shown: times of a film's frames. sounds: marked tracks.

    heard: tells when the first sample of a track of the labelled film is heard, in seconds.
    """

    shown: Mapping[int, array[int]]
    sounds: Mapping[int, Soundtrack]
    heard: Callable[[Stream], Fraction]


def compare(source: tuple[Probe, Census], target: tuple[Probe, Census], anew: Anew, name: str) -> None:
    """Raises InternalError with the first difference."""
    difference = next(_differences(source, target, anew), None)
    if difference:
        raise InternalError(f"{name}: the labelled film did not read back as promised: {difference}")


def _differences(source: tuple[Probe, Census], target: tuple[Probe, Census], anew: Anew) -> Iterator[str]:
    before, after = (sorted(kept(side[0]), key=lambda stream: stream.is_picture) for side in (source, target))
    if len(before) != len(after):
        yield f"{len(after)} streams in place of {len(before)}"
        return
    offset: float | None = None
    shown = anew.shown
    for old, new in zip(before, after, strict=True):
        place = f"stream {old.index}"
        yield from (f"{place}: {text}" for text in _described(old, new, old.index in shown))
        was, now = source[1].tracks[old.index], target[1].tracks[new.index]
        if old.index in shown:
            yield from (f"{place}: {text}" for text in _frames(shown[old.index], old.time_base, now))
        elif old.index in anew.sounds:
            sound, heard = anew.sounds[old.index], float(anew.heard(new))
            yield from (f"{place}: {text}" for text in _sound(sound, old, new, now.last - heard))
            moved = heard - float(sound.start)
            lead = LEADS.get(old.codec, 0) / old.sample_rate
            offset = moved if offset is None else offset
            if min(abs(moved - offset), abs(moved - offset + lead)) > SYNC_TOLERANCE:
                yield f"{place} is out of step by {moved - offset:.3f} seconds"
            continue
        elif (was.packets, was.digest) != (now.packets, now.digest):
            yield f"{place} is not the same bit for bit ({now.packets} packets, {was.packets} before)"
        elif old.kind == "attachment" and old.extradata != new.extradata:
            yield f"{place}, an attachment, is not the same bit for bit"
        if was.packets and now.packets and not old.is_picture:
            first = shown[old.index][0] * old.time_base if shown.get(old.index) else was.first
            moved = now.first - float(first)
            offset = moved if offset is None else offset
            if abs(moved - offset) > SYNC_TOLERANCE:
                yield f"{place} is out of step by {moved - offset:.3f} seconds"
    yield from _chapters(source[0], target[0])


def _described(old: Stream, new: Stream, encoded: bool) -> Iterator[str]:
    for field in (*_EVERY, *(_PICTURE if old.kind == "video" else ())):
        if old.codec == "vp8" and field in _IMPLIED and getattr(old, field) in _UNTOLD:
            continue
        if old.codec == "vp8" and field == "space" and _SAME_SPACE.get(old.space, old.space) == new.space:
            continue
        if field == "range" and (old.range or "tv") == new.range:
            continue  # what is not told is limited range; some muxers tell it
        if getattr(old, field) != getattr(new, field):
            yield f"{field} is {getattr(new, field)}, not {getattr(old, field)}"
    if _language(old) != _language(new):
        yield f"language is {new.language or 'unset'}, not {old.language}"
    if encoded and _profile(old) != _profile(new):
        yield f"profile is {new.profile}, not {old.profile}"
    if encoded and ("first" in old.field_order) != ("first" in new.field_order):
        yield f"field order is {new.field_order}, not {old.field_order}"
    present = {_title(item) for item in new.side_data}
    for item in old.side_data:
        if _title(item) not in present and _title(item) not in ("CPB properties",):
            yield f"{_title(item)} is lost"


def _frames(times: array[int], base: Fraction, now: Track) -> Iterator[str]:
    if len(times) != now.packets:
        yield f"{now.packets} frames in place of {len(times)}"
    elif times:
        start, begin, one, other = times[0], now.times[0], float(base), float(now.time_base)
        pairs = zip(sorted(times), now.times, strict=True)
        worst = max(abs((time - start) * one - (found - begin) * other) for time, found in pairs)
        if worst > TIME_TOLERANCE:
            yield f"frames are shown up to {worst:.3f} seconds too early or late"


def _sound(sound: Soundtrack, old: Stream, new: Stream, lasts: float) -> Iterator[str]:
    for field in _HEARD:
        if getattr(old, field) != getattr(new, field):
            yield f"{field} is {getattr(new, field)}, not {getattr(old, field)}"
    # Encoders fill their last block up (one of Vorbis has up to 2048 samples), and a lead-in may be heard.
    room = (LEADS.get(old.codec, 0) + 2 * max(sound.encoding.frame, 2048)) / old.sample_rate
    if not -TIME_TOLERANCE <= lasts - sound.samples / old.sample_rate <= room:
        yield f"its sound lasts {lasts:.3f} seconds, not {sound.samples / old.sample_rate:.3f}"


def _chapters(source: Probe, target: Probe) -> Iterator[str]:
    if len(source.chapters) != len(target.chapters):
        yield f"{len(target.chapters)} chapters in place of {len(source.chapters)}"
    for old, new in zip(source.chapters, target.chapters, strict=False):
        if old.title != new.title or abs(old.start - new.start) > TIME_TOLERANCE + SYNC_TOLERANCE:
            yield f"chapter {old.title!r} became {new.title!r}"


def _language(stream: Stream) -> str:
    return "" if stream.language == "und" else stream.language


def _profile(stream: Stream) -> str:
    name = stream.profile.removesuffix(" Intra")
    return _SAME_PROFILE.get(name, name)


def _title(item: str) -> str:
    return item.partition(":")[0]
