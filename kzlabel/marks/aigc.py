"""The AIGC field of GB 45438-2025, Annex E: seven keys in JSON, one copy for each file."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import quote

from ..declaration import Declaration
from ..evidence import AI

NAME = "AIGC"
KEYS = (
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
)
MAX_CHARS = 64 * 1024  # of a field that is parsed: seven short values, and room for two signatures

# Annex E(j): 0x21, 0x23-0x5B, 0x5D-0x7E, so neither space, quotation mark nor backslash. The percent sign is left out
# of what stands for itself, because it escapes the rest.
_SAFE = "".join(c for c in string.punctuation if c not in '"\\%')


@dataclass(frozen=True)
class Aigc:
    """The seven values, in the order of KEYS.

    label: "1" is, "2" possibly, "3" suspected to be AI-generated or synthesised.
    """

    label: str = ""
    content_producer: str = ""
    produce_id: str = ""
    reserved_code1: str = ""
    content_propagator: str = ""
    propagate_id: str = ""
    reserved_code2: str = ""

    @property
    def ai(self) -> AI:
        """GENERATED where the label is sure ("1", or "AIGC" as some write); a guess is no statement of origin."""
        return AI.GENERATED if self.label.strip().casefold() in ("1", "aigc", "true") else AI.UNKNOWN

    def to_json(self) -> str:
        """The bare object, without spaces, all seven keys."""
        values = [getattr(self, field.name) for field in fields(self)]
        return json.dumps(dict(zip(KEYS, values, strict=True)), separators=(",", ":"), ensure_ascii=True)


_FIELDS = {key.casefold(): field.name for key, field in zip(KEYS, fields(Aigc), strict=True)}


def build(declaration: Declaration) -> Aigc:
    """The field for a work labelled for the first time: producer and propagator are the same (Annex E, note 1).

    Characters outside the charset of Annex E are percent-encoded as UTF-8. A producer that is not told stays empty.
    """
    producer = quote(declaration.producer or "", safe=_SAFE)
    return Aigc("1", producer, declaration.identifier, "", producer, declaration.identifier, "")


def merge(present: Aigc, own: Aigc) -> Aigc:
    """The one field that may stand in the file: a sure label is left alone, an unsure one becomes sure.

    Who produced and propagated the work before is never overwritten.
    """
    if present.ai is AI.GENERATED:
        return present
    values = {field.name: getattr(present, field.name) or getattr(own, field.name) for field in fields(Aigc)}
    return replace(Aigc(**values), label=own.label)


def parse(text: str) -> Aigc | None:
    """Read a field, bare or wrapped as {"AIGC": …}, keys in any letter case; None where it is no such JSON."""
    if len(text) > MAX_CHARS:
        return None
    try:
        data: Any = json.loads(text.strip("\0 \r\n\t\ufeff"))
        for _ in range(3):  # the wrapper, and JSON that was put into a string once more
            if isinstance(data, str):
                data = json.loads(data)
            elif isinstance(data, dict) and (inner := _folded(data).get(NAME.casefold())) is not None:
                data = inner
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    folded = _folded(data)
    values = {name: _text(folded[key]) for key, name in _FIELDS.items() if key in folded}
    return Aigc(**values) if "label" in values else None


def _folded(data: dict[str, Any]) -> dict[str, Any]:
    return {key.casefold(): value for key, value in data.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, dict | list) else json.dumps(value)
