"""Looks for watermarks in a sound track."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import UnreadableFile
from ...limits import Limits
from ...watermark.detection import Detection
from ...watermark.keys import WatermarkKey
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
    patience: float,
    name: str,
    limits: Limits,
    program: str | None,
    start: float = 0.0,
) -> tuple[Detection, ...]:
    """The marks of these keys in an ffmpeg-python audio node.

    patience: seconds of search for all keys together. start: where in the work the node begins, in seconds. Raises
    UnreadableFile, LimitExceeded, MissingProgram.
    """
    from ...watermark.audio import detect

    found: list[Detection] = []
    for place, key in enumerate(keys):
        begun = time.monotonic()
        with decoded(sound, stream, name=name, limits=limits, program=program) as blocks:
            found += detect(
                _as_far_as_it_goes(blocks), stream.sample_rate, key=key, patience=patience / (len(keys) - place)
            )
        patience = max(0.0, patience - (time.monotonic() - begun))
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
