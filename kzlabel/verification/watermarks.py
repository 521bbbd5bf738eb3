"""The watermark layer: marks in the content itself, as evidence. What hinders the search is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..declaration import Source
from ..errors import InputError, MissingProgram
from ..evidence import AI, Layer, LayerEvidence, State
from ..limits import Limits
from ..media import Format, Look, Medium, Watermarks
from ..watermark.detection import Detection
from ..watermark.keys import WatermarkKey
from ..watermark.payload import Payload

_MEDIA = (Medium.IMAGE, Medium.VIDEO, Medium.AUDIO)
_SAYS = {Source.GENERATED: AI.GENERATED, Source.MODIFIED: AI.MODIFIED}

NOT_ASKED = "it was not asked for"


def watermark_layers(
    source: Path, format: Format | None, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
) -> tuple[tuple[LayerEvidence, ...], str | None]:
    """`layers_of` what `looked_for` yields."""
    return layers_of(looked_for(source, format, keys, limits, look=look))


def looked_for(
    source: Path, format: Format | None, keys: tuple[WatermarkKey, ...], limits: Limits, *, look: Look = Look.EVERYWHERE
) -> Watermarks | None:
    """The marks in a work, or why it was not searched; None for a text, which carries none.

    keys: whose marks to look for; none: do not search. look: how closely.
    """
    if format is None or format.medium not in _MEDIA:
        return None
    if not keys:
        return Watermarks(why=NOT_ASKED)
    if not format.marks:
        return Watermarks(why=f"{format.name} files are not searched for watermarks")
    try:
        return format.watermarks(source, tuple(dict.fromkeys(keys)), limits, look=look)
    except (InputError, MissingProgram) as error:
        return Watermarks(why=str(error))


def layers_of(looked: Watermarks | None) -> tuple[tuple[LayerEvidence, ...], str | None]:
    """Evidence of each mark, or of none; and why the content was not searched, if it was not."""
    if looked is None:
        return (), None
    if looked.why:
        return (), looked.why
    if not looked.found:
        return (LayerEvidence(Layer.WATERMARK, State.ABSENT),), None
    marks: dict[tuple[str, Source], list[tuple[str, Detection]]] = {}
    for carrier, detection in looked.found:
        marks.setdefault((detection.payload.identifier, detection.payload.source), []).append((carrier, detection))
    return tuple(_evidence(*mark, seen) for mark, seen in marks.items()), None


def read_back(
    path: Path, format: Format, expected: Payload, carriers: tuple[str, ...], key: WatermarkKey, limits: Limits
) -> tuple[tuple[str, ...], str]:
    """Which of these carriers of a file bear this payload, and why the others do not, as far as that can be told.

    Raises InputError, MissingProgram.
    """
    held: tuple[str, ...] = ()
    why = None
    for look in (Look.OWN, Look.EVERYWHERE):  # a stretch that does not show it is no proof that it is not there
        found = format.watermarks(path, (key,), limits, look=look)
        read = {carrier for carrier, detection in found.found if detection.payload == expected}
        held, why = tuple(carrier for carrier in carriers if carrier in read), found.why
        if held == carriers or not found.in_part:
            break
    return held, why or "it could not be read back from the output"


def _evidence(identifier: str, source: Source, seen: list[tuple[str, Detection]]) -> LayerEvidence:
    """One mark, wherever in the work it stands; the surest reading counts."""
    surest = min((detection for _, detection in seen), key=lambda detection: detection.false_positive)
    carriers: list[dict[str, Any]] = [
        {"carrier": carrier, "agreement": round(detection.agreement, 4), "readings": detection.readings}
        | dict(detection.place)
        for carrier, detection in seen
    ]
    return LayerEvidence(
        Layer.WATERMARK,
        State.FOUND,
        _SAYS[source],
        confidence=1 - surest.false_positive,
        payload=identifier,
        detail={
            "false_positive": surest.false_positive,
            "certainty": str(surest.certainty),
            "carriers": carriers,
        },
    )
