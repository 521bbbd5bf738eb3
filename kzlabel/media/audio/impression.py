"""What a recording sounds like: ten seconds of it are found in an hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...errors import UnreadableFile
from ...fingerprint import Fingerprint, sound
from ...limits import Limits
from ...watermark.detection import Detection
from ..base import Compared, Impression, overlap, read_signed
from ..programs.ffmpeg import builder, reading

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 3600  # seconds that are looked at: at 64 KB a second more would not be held well
_BLOCK = 1 << 16  # bytes


class SoundImpression(Impression):
    """samples: one channel at `sound.RATE`."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._samples = samples

    @cached_property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        own = sound.fingerprint(self._samples)
        return (Fingerprint(sound.ALGORITHM, own.to_bytes()),) if (own.words != 0).sum() >= sound.LEAST_WORDS else ()

    def queries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield sound.ALGORITHM, sound.query_keys(self._samples)

    def compared(self, signed: Sequence[Fingerprint], mark: tuple[str, Detection] | None) -> Compared | None:
        original = read_signed(signed, sound.ALGORITHM, sound.SoundFingerprint.from_bytes)
        if original is None:
            return None
        found = sound.agreement(original, self._samples, mark[1].speed if mark else (1.0, 1.0))
        return Compared(found.same, found.share, self._place(found.start, original)) if found else None

    def _place(self, start: float, original: sound.SoundFingerprint) -> Mapping[str, Any]:
        seconds = len(self._samples) / sound.RATE
        covers = overlap(start, sound.seconds(original), seconds)
        place: dict[str, Any] = {"start": round(start, 3), "covers": round(covers, 3)}
        if seconds >= LONGEST:
            place["compared"] = [0.0, float(LONGEST)]
        return place


def listened(node: Any, *, name: str, limits: Limits, program: str | None) -> SoundImpression | None:
    """The impression of an ffmpeg-python audio node; None for too short a sound.

    Raises UnreadableFile where nothing can be decoded, LimitExceeded, MissingProgram.
    """
    import numpy as np

    node = node.filter("aresample", sound.RATE).filter("aformat", sample_fmts="flt", channel_layouts="mono")
    outputs = builder().output(node, "pipe:1", f="f32le", t=LONGEST)
    pieces = []
    with reading(outputs, size=_BLOCK, name=name, limits=limits, program=program) as read:
        try:
            for piece in read:
                pieces.append(np.frombuffer(piece[: len(piece) // 4 * 4], "<f4"))
        except UnreadableFile:
            if not pieces:
                raise
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return SoundImpression(samples) if len(samples) >= sound.LEAST_WORDS * sound.HOP else None
