"""Looks for watermarks in a sound track."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import UnreadableFile
from ...limits import Limits
from ...watermark.detection import Detection
from ...watermark.keys import WatermarkKey
from ..patience import Patience
from ..programs.probe import Stream
from ..programs.stretch import later
from .marking import decoded

if TYPE_CHECKING:
    from .marking import Block


def heard(
    sound: Any,
    stream: Stream,
    keys: tuple[WatermarkKey, ...],
    *,
    patience: Patience,
    name: str,
    limits: Limits,
    program: str | None,
    start: float = 0.0,
) -> tuple[Detection, ...]:
    """The marks of these keys in an ffmpeg-python audio node.

    patience: has a turn for each key. start: where in the work the node begins, in seconds. Raises
    UnreadableFile, LimitExceeded, MissingProgram.
    """
    from ...watermark.audio import detect

    found: list[Detection] = []
    for key in keys:
        with patience.turn() as seconds, decoded(sound, stream, name=name, limits=limits, program=program) as blocks:
            rate, sounding = stream.sample_rate, _as_far_as_it_goes(blocks)
            found += detect(sounding, rate, key=key, patience=seconds, tally=patience.tally)
    return tuple(later(one, start) for one in found)


def _as_far_as_it_goes(blocks: Iterator[Block]) -> Iterator[Block]:
    """A sound that cannot be decoded to its end is looked at up to there."""
    any_came = False
    try:
        for block in blocks:
            any_came = True
            yield block
    except UnreadableFile:
        if not any_came:
            raise
