"""What a film looks and sounds like: found at any time of the original, by a part of it or by its sound alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...fingerprint import Fingerprint, film
from ...watermark.detection import Detection
from ..audio.impression import SoundImpression
from ..base import Compared, Impression, overlap, read_signed
from ..programs.stretch import WHOLE, Stretch
from .burn import KEPT_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]
    Floats = NDArray[np.float32]

COMPARED_RATE = Fraction(4)  # frames a second
COMPARED = 30.0  # seconds of a copy that are held against the original
SOUND = "sound"

Frames = Callable[[Fraction, Stretch], AbstractContextManager[Iterator["Frame"]]]
"""Decodes a film at a rate, a stretch of it."""


class FilmImpression(Impression):
    """frames: of the main film. sound: of its first track, None where it has none, or too little. seconds: of both."""

    def __init__(self, frames: Frames, sound: SoundImpression | None, seconds: float | None = None) -> None:
        self._frames, self._sound, self._seconds = frames, sound, seconds
        self._parts: dict[float, list[tuple[float, Floats]]] = {}  # the last one, by its beginning

    @cached_property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        with self._frames(KEPT_RATE, WHOLE) as seen:
            return (*of_frames(seen), *(self._sound.fingerprints if self._sound else ()))

    def queries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield film.ALGORITHM, film.query_keys(self._part(WHOLE.start))
        if self._sound:
            yield from self._sound.queries()

    def compared(self, signed: Sequence[Fingerprint], mark: tuple[str, Detection] | None) -> Compared | None:
        """By the picture, unless the mark is in the sound; by the sound where the picture tells nothing."""
        if mark is None or mark[0] != SOUND:
            seen = self._seen(signed, mark[1] if mark else None)
            if mark is not None or (seen and seen.agrees):
                return seen
        return self._sound.compared(signed, mark) if self._sound else None

    def _seen(self, signed: Sequence[Fingerprint], mark: Detection | None) -> Compared | None:
        original = read_signed(signed, film.ALGORITHM, film.FilmFingerprint.from_bytes)
        if original is None:
            return None
        begin = float(mark.place.get("span", (0.0,))[0]) if mark else 0.0
        found = film.agreement(original, self._part(begin), mark.geometry if mark else None)
        if found is None:
            return None
        place: dict[str, Any] = {"start": round(found.offset, 2)}
        if self._seconds:
            place["covers"] = round(overlap(found.offset, len(original.codes), self._seconds, unsure=1.0), 3)
            if self._seconds > COMPARED:
                place["compared"] = [round(begin, 2), round(min(begin + COMPARED, self._seconds), 2)]
        return Compared(found.same, found.share, place)

    def _part(self, begin: float) -> list[tuple[float, Floats]]:
        """Frames of a copy with their times in it."""
        if begin not in self._parts:
            with self._frames(COMPARED_RATE, Stretch(begin, COMPARED)) as seen:
                shown = [(begin + float(at / COMPARED_RATE), _floats(frame)) for at, frame in enumerate(seen)]
            self._parts = {begin: shown}
        return self._parts[begin]


def of_frames(seen: Iterable[Frame]) -> tuple[Fingerprint, ...]:
    """The fingerprint of frames at KEPT_RATE; none for frames without a cell."""
    own = film.fingerprint((float(second), _floats(frame)) for second, frame in enumerate(seen))
    return (Fingerprint(film.ALGORITHM, own.to_bytes()),) if own else ()


def of_file(path: Path, size: tuple[int, int]) -> tuple[Fingerprint, ...]:
    """The same of raw frames in a file, of this width and height, 8 bits a pixel."""
    import numpy as np

    width, height = size
    count = path.stat().st_size // (width * height) if path.exists() else 0
    if not count:
        return ()
    return of_frames(np.memmap(path, np.uint8, "r", shape=(count, height, width)))


def _floats(frame: Frame) -> Floats:
    return frame.astype("float32")
