"""A part of a film or recording that stands for all of it: where it lies, and how ffmpeg is told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...watermark.detection import Detection

HEARD_QUICKLY, SEEN_QUICKLY = 60.0, 16.0  # seconds of sound, and of picture, that are enough for a mark that fills them


@dataclass(frozen=True)
class Stretch:
    """start, length: seconds; length None: to the end."""

    start: float = 0.0
    length: float | None = None

    @property
    def options(self) -> dict[str, str]:
        """Of an input of ffmpeg."""
        return {} if self.length is None else {"ss": f"{self.start:.3f}", "t": f"{self.length:.3f}"}


WHOLE = Stretch()


def middle(duration: float | None, seconds: float) -> Stretch:
    """So many seconds around the middle; all of a work that is little longer, or whose duration nobody knows."""
    if duration is None or duration <= 1.5 * seconds:
        return WHOLE
    return Stretch((duration - seconds) / 2, seconds)


def later(found: Detection, seconds: float) -> Detection:
    """What was found in a stretch that begins so late, with its `span` as in the whole."""
    span = found.place.get("span")
    if not span or not seconds:
        return found
    return replace(found, place={**found.place, "span": [round(moment + seconds, 3) for moment in span]})
