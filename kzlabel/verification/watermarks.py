"""The watermark layer: marks in the content itself, as evidence. What hinders the search is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..declaration import Source
from ..errors import InputError, MissingProgram
from ..evidence import AI, Layer, LayerEvidence, State
from ..limits import Limits
from ..media import Format, Medium
from ..watermark.detection import Detection
from ..watermark.keys import WatermarkKey

_MEDIA = (Medium.IMAGE, Medium.VIDEO, Medium.AUDIO)
_SAYS = {Source.GENERATED: AI.GENERATED, Source.MODIFIED: AI.MODIFIED}

NOT_ASKED = "it was not asked for"


def watermark_layers(
    source: Path, format: Format | None, keys: tuple[WatermarkKey, ...], limits: Limits
) -> tuple[tuple[LayerEvidence, ...], str | None]:
    """Evidence of each mark, or of none; and why the content was not searched, if it was not.

    keys: whose marks to look for; none: do not search. A text carries no watermark, and yields nothing.
    """
    if format is None or format.medium not in _MEDIA:
        return (), None
    if not keys:
        return (), NOT_ASKED
    if not format.marks:
        return (), f"{format.name} files are not searched for watermarks"
    try:
        found = format.watermarks(source, keys, limits)
    except (InputError, MissingProgram) as error:
        return (), str(error)
    if found.why:
        return (), found.why
    if not found.found:
        return (LayerEvidence(Layer.WATERMARK, State.ABSENT),), None
    marks: dict[tuple[str, Source], list[tuple[str, Detection]]] = {}
    for carrier, detection in found.found:
        marks.setdefault((detection.payload.identifier, detection.payload.source), []).append((carrier, detection))
    return tuple(_evidence(*mark, seen) for mark, seen in marks.items()), None


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
