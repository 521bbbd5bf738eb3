"""How the values that describe a work are named in HTML and in front matter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .base import Tag

AIGC = "AIGC"
"""GB 45438-2025: a map of seven keys, as JSON in a meta element, as a map in front matter (TC260-PG-20258A)."""

SOURCE = "digital-source-type"
DISCLOSURE = "ai-disclosure"
RESERVATION = "tdm-reservation"
"""W3C TDMRep: 1 where rights for text and data mining are reserved, 0 where they are not."""

COMMENT = "Comment"

NAMES: Mapping[str, str] = {
    "DigitalSourceType": SOURCE,
    "AISystemUsed": "ai-model",
    "AISystemVersionUsed": "ai-model-version",
    "Identifier": "ai-identifier",
    "AIProducer": "ai-producer",
}
"""Property -> name in the text."""

OURS = (*NAMES.values(), DISCLOSURE, RESERVATION, AIGC)
"""Every name that is written into a text."""

# Values of the W3C community draft "AI content disclosure" by the code at the end of the IPTC URI.
_DISCLOSURES = {"trainedAlgorithmicMedia": "ai-generated", "compositeWithTrainedAlgorithmicMedia": "ai-assisted"}


def in_text(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """The tags as they are to stand in a text: named as NAMES says, data mining as a reservation."""
    written: list[Tag] = []
    for tag in tags:
        if tag.name == COMMENT:
            continue  # a text says it to its readers already
        if tag.name == "DataMining":
            written.append(Tag(RESERVATION, "0" if tag.value.endswith("DMI-ALLOWED") else "1"))
            continue
        name = NAMES.get(tag.name, tag.name)
        written.append(Tag(name, tag.value))
        if name == SOURCE and (disclosure := _DISCLOSURES.get(tag.value.rpartition("/")[2])):
            written.append(Tag(DISCLOSURE, disclosure))
    return tuple(written)


def strictest(name: str, value: str, present: str | None) -> str:
    """`value`, unless it would take back a reservation that stands in the text."""
    return "1" if name == RESERVATION and present is not None and present.strip() == "1" else value


def aigc_map(value: str) -> dict[str, str] | None:
    """The keys of an AIGC value, bare or wrapped as {"AIGC": …}; None where it is no such JSON."""
    try:
        data: Any = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and isinstance(data.get(AIGC), dict):
        data = data[AIGC]
    return {str(key): str(item) for key, item in data.items()} if isinstance(data, dict) else None
