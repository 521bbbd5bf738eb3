"""The watermark alone: put into a file without a manifest, and found in one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .declaration import Source, new_identifier
from .errors import RequirementNotMet, UnreadableFile, UnsupportedFormat
from .evidence import LayerEvidence, State
from .files import check_input, check_target, publish, take_over, workspace, writing
from .limits import DEFAULT_LIMITS, Limits
from .media import Format, detect, formats
from .media.base import HEADER_BYTES, Progress, RenderPlan, WatermarkPlan
from .media.programs.ffmpeg import Programs
from .verification.watermarks import read_back, watermark_layers
from .watermark.keys import WatermarkKey
from .watermark.payload import Payload
from .watermark.record import WatermarkRecord
from .watermark.strength import Strength


@dataclass(frozen=True)
class Marked:
    """What was put in, and what a person should know: what bears no mark though it could, what else changed."""

    record: WatermarkRecord
    notes: tuple[str, ...] = ()


def mark(
    source: Path,
    target: Path,
    *,
    identifier: str | None = None,
    declared: Source = Source.GENERATED,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    keep_sound: bool = False,
    overwrite: bool = False,
    ffmpeg: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Marked:
    """Write `target`: `source` with a watermark, all else as it was but for marks that no longer hold.

    identifier: 12 hexadecimal digits, a new one by default. key: the open one by default. The output is read back
    before it is put into place. Raises RequirementNotMet if the work takes no watermark, and the errors of `label`.
    """
    key = key or WatermarkKey()
    check_input(source)
    check_target(target, (source,), overwrite=overwrite)
    format = _format(source, ffmpeg)
    if not format.marks:
        raise UnsupportedFormat(f"{source.name}: {format.name} files take no watermark")
    format.check_ending(source.name, target)
    payload = Payload(identifier or new_identifier(), declared)
    sound = declared is Source.GENERATED and not keep_sound
    plan = WatermarkPlan(payload, key, strength, sound=sound)
    with writing(target), workspace(target.parent) as room:
        finished = room / f"marked{format.extensions[0]}"
        rendered = format.render(source, finished, RenderPlan(watermark=plan, limits=limits, progress=progress))
        format.check(source, finished, rendered, limits)
        record = rendered.watermark or WatermarkRecord(why="works of this kind take none")
        if not record.carriers:
            raise RequirementNotMet(f"{source.name}: watermark: none, {record.why}")
        held, why = read_back(finished, format, payload, record.carriers, key, limits)
        if not held:
            raise RequirementNotMet(f"{source.name}: watermark: none, {why}")
        if target.exists():
            take_over(finished, target)
        publish(finished, target, overwrite=overwrite)
    lost = tuple(f"watermark: none in the {one}, {why}" for one in record.carriers if one not in held)
    notes = (*rendered.notes, *lost, *((f"watermark: {record.why}",) if record.why else ()))
    return Marked(replace(record, carriers=held, identifier=payload.identifier), notes)


def marks_in(
    source: Path, keys: tuple[WatermarkKey, ...], ffmpeg: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[LayerEvidence, ...]:
    """Evidence of each watermark in a file, none for none.

    Raises UnreadableFile if it could not be searched, UnsupportedFormat for a kind of file that carries none.
    """
    check_input(source)
    format = _format(source, ffmpeg)
    if not format.marks:
        raise UnsupportedFormat(f"{source.name}: {format.name} files carry no watermark that could be found")
    layers, why = watermark_layers(source, format, keys, limits)
    if why:
        words = why.removeprefix(f"{source.name}: ")
        raise UnreadableFile(f"{source.name}: it could not be searched for watermarks: {words}")
    return tuple(layer for layer in layers if layer.state is State.FOUND)


def _format(source: Path, ffmpeg: str | None) -> Format:
    programs = Programs(ffmpeg=ffmpeg)
    with source.open("rb") as file:
        header = file.read(HEADER_BYTES)
    found = detect(header, source.name, tuple(format.using(programs) for format in formats()))
    if found is None:
        raise UnsupportedFormat(f"{source.name}: this is no file format that kzlabel knows")
    return found
