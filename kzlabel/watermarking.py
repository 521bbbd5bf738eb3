"""The watermark in the use case "label one file": keep one, put one in, believe only what reads back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .declaration import Declaration
from .errors import InputError, MissingProgram
from .evidence import State
from .media import Format, Look, Rendered
from .media.base import WatermarkPlan
from .request import LabelOptions
from .signing import Signer
from .verification.collect import Collected
from .verification.watermarks import read_back, watermark_layers
from .watermark.record import WatermarkRecord


@dataclass(frozen=True)
class Watermarking:
    """What is to be done about the watermark of one work.

    plan: what `render` puts in, None for nothing. kept: the record of a mark that stays. notes: for a person.
    """

    plan: WatermarkPlan | None = None
    kept: WatermarkRecord | None = None
    notes: tuple[str, ...] = ()


def watermarking(
    source: Path,
    format: Format,
    earlier: Collected,
    declaration: Declaration,
    options: LabelOptions,
    open_signer: Callable[[], Signer],
) -> Watermarking:
    """Decide: a work that carries a mark keeps it, however it came there, and gets no second one."""
    if not options.watermark or not format.marks:
        return Watermarking()
    known = recorded(earlier)
    manifest = earlier.manifest
    ours = (
        manifest is not None
        and manifest.state is State.VALID
        and manifest.detail.get("signer", {}).get("fingerprint") == open_signer().fingerprint
    )
    if ours and known is not None and known.identifier is not None:
        return _keeping(replace(known, kept=True), declaration)  # the content is as it was signed, its mark with it
    layers, _ = watermark_layers(source, format, (options.watermark_key,), options.limits, look=Look.STRETCH)
    found = [layer for layer in layers if layer.state is State.FOUND and layer.detail.get("certainty") == "found"]
    if not found:
        return Watermarking(options.watermark_plan(declaration))
    first = found[0]
    carriers = tuple(dict.fromkeys(str(one["carrier"]) for one in first.detail["carriers"]))
    made = _keeping(WatermarkRecord(carriers, identifier=first.payload, kept=True), declaration)
    if len(found) == 1:
        return made
    return replace(made, notes=(*made.notes, f"it carries {len(found)} watermarks; the manifest is bound to the first"))


def recorded(earlier: Collected) -> WatermarkRecord | None:
    """What a valid manifest records of the watermark; None where it records nothing."""
    manifest = earlier.manifest
    if manifest is None or manifest.state is not State.VALID or "watermark" not in manifest.detail:
        return None
    try:
        return WatermarkRecord.from_json(manifest.detail["watermark"])
    except ValueError:
        return None


def still_there(
    path: Path, format: Format, rendered: Rendered, kept: WatermarkRecord, options: LabelOptions
) -> Rendered:
    """`rendered` with the record of a mark from before, as far as it can still be read from `path`."""
    layers, why = watermark_layers(path, format, (options.watermark_key,), options.limits)
    for layer in layers:
        if layer.state is State.FOUND and layer.payload == kept.identifier:
            carriers = tuple(dict.fromkeys(str(one["carrier"]) for one in layer.detail["carriers"]))
            return replace(rendered, watermark=replace(kept, carriers=carriers))
    why = why or f"the one that it carried, {kept.identifier}, can no longer be read"
    return replace(rendered, watermark=WatermarkRecord(why=why), notes=(*rendered.notes, f"watermark: none, {why}"))


def confirmed(path: Path, format: Format, rendered: Rendered, plan: WatermarkPlan, options: LabelOptions) -> Rendered:
    """`rendered` with a record of the watermark that holds: of what was put in, only what can be read from `path`."""
    promised = rendered.watermark or WatermarkRecord(why="works of this kind take none")
    if not promised.carriers:
        return replace(rendered, watermark=promised, notes=(*rendered.notes, f"watermark: none, {promised.why}"))
    try:
        held, why = read_back(path, format, plan.payload, promised.carriers, plan.key, options.limits)
    except (InputError, MissingProgram) as error:
        held, why = (), str(error)
    if not held:
        return replace(rendered, watermark=WatermarkRecord(why=why), notes=(*rendered.notes, f"watermark: none, {why}"))
    lost = [carrier for carrier in promised.carriers if carrier not in held]
    notes = tuple(f"watermark: none in the {carrier}, {why}" for carrier in lost)
    if promised.why:  # of a carrier that got none
        notes = (*notes, f"watermark: {promised.why}")
    record = WatermarkRecord(held, promised.why, plan.payload.identifier)
    return replace(rendered, watermark=record, notes=(*rendered.notes, *notes))


def _keeping(record: WatermarkRecord, declaration: Declaration) -> Watermarking:
    if record.identifier == declaration.identifier:
        return Watermarking(kept=record)
    return Watermarking(kept=record, notes=(f"it carries a watermark already, {record.identifier}, which was kept",))
