"""What a property or tag means, under the many names it has in XMP, tags, HTML, front matter and documents."""

from __future__ import annotations

import re
from enum import StrEnum

SCHEME = "kzlabel"
"""xmpidq:Scheme of our identifier in the list xmp:Identifier."""

COMMENTS = frozenset({"comment", "description", "title", "caption", "subject"})
"""Tags that hold a sentence for people; where one is there, ours is not added."""


class Meaning(StrEnum):
    """What a value says."""

    SOURCE = "digital source type"
    DISCLOSURE = "AI disclosure"
    SYSTEM = "AI system"
    VERSION = "AI system version"
    IDENTIFIER = "identifier"
    PRODUCER = "producer"
    MINING = "data mining"
    RESERVATION = "text and data mining reservation"
    AIGC = "AIGC"


_MEANINGS = {
    "digitalsourcetype": Meaning.SOURCE,
    "aidisclosure": Meaning.DISCLOSURE,
    "aisystemused": Meaning.SYSTEM,
    "aimodel": Meaning.SYSTEM,
    "aisystemversionused": Meaning.VERSION,
    "aimodelversion": Meaning.VERSION,
    "identifier": Meaning.IDENTIFIER,
    "aiidentifier": Meaning.IDENTIFIER,
    "aiproducer": Meaning.PRODUCER,
    "datamining": Meaning.MINING,
    "tdmreservation": Meaning.RESERVATION,
}


def meaning_of(name: str) -> Meaning | None:
    """The meaning of a tag's name; letter case, hyphens, underscores, spaces and a prefix before a colon aside.

    A name that contains "AIGC" is that field: GB 45438-2025, Annex E(a).
    """
    bare = re.sub(r"[\s_\-]", "", name[:256].rpartition(":")[2]).casefold()
    return Meaning.AIGC if "aigc" in bare else _MEANINGS.get(bare)
