"""What a watermark needs of one film: a pattern for each picture, each track of sound marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UnreadableFile
from ...watermark.detection import Unmarkable
from ...watermark.record import WatermarkRecord
from ..audio.marking import marked
from ..base import WatermarkPlan
from ..programs.packets import Census
from .boxes import Matrix
from .burn import Job
from .patterns import Pattern
from .soundtracks import Soundtrack, Source, mark_sound
from .strength import strongest


@dataclass(frozen=True)
class Marks:
    """patterns, sounds: by stream index. record: None where no mark is asked for."""

    patterns: Mapping[int, Pattern] = field(default_factory=dict)
    sounds: Mapping[int, Soundtrack] = field(default_factory=dict)
    record: WatermarkRecord | None = None
    notes: tuple[str, ...] = ()


def mark(job: Job, census: Census, matrices: Mapping[int, Matrix], plan: WatermarkPlan, folder: Path) -> Marks:
    """Prepare all that can bear the mark. folder: for the marked sound.

    Raises LimitExceeded, MissingProgram, OutputError.
    """
    patterns: dict[int, Pattern] = {}
    sounds: dict[int, Soundtrack] = {}
    reasons: dict[str, None] = {}
    for stream in job.probed.films:
        try:
            patterns[stream.index] = strongest(job, stream, census.tracks[stream.index], matrices[stream.index], plan)
        except Unmarkable as error:
            reasons[f"its picture bears no watermark: {error}"] = None
    source = Source(job.source, job.demuxer, job.muxer, job.limits, job.program)
    for stream in job.probed.of_kind("audio") if plan.sound else ():
        path = folder / f"sound-{stream.index}"
        try:
            sounds[stream.index] = mark_sound(source, stream, census.tracks[stream.index], plan, path)
        except (Unmarkable, UnreadableFile) as error:
            words = str(error).removeprefix(f"{job.source.name}: ")
            reasons[f"its sound bears no watermark: {words}"] = None
    carriers = (*(("picture",) if patterns else ()), *(("sound",) if sounds else ()))
    if not carriers:
        return Marks(record=WatermarkRecord(why="; ".join(reasons)))
    return Marks(patterns, sounds, marked(plan, *carriers), tuple(reasons))
