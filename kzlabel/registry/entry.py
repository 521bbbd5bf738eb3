"""One entry of the registry: plain data, without the manifest itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_HEX = {"identifier": 12, "watermark": 12, "manifest": 64, "sha256": 64, "signer": 64}
LONGEST_ID = 256  # characters of a manifest's URN; c2pa's have 45


class State(StrEnum):
    """pending: the file was about to be moved into place. confirmed: it is there."""

    PENDING = "pending"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Entry:
    """identifier: of the declaration. watermark: what the content carries, None for no watermark; as a rule the same.

    manifest: SHA-256 of the manifest store. manifest_id: the active manifest's URN. sha256: of the labelled file.
    signer: SHA-256 of the signer's certificate. All hexadecimal, lower case.
    Raises ValueError for anything else.
    """

    identifier: str
    watermark: str | None
    manifest: str
    manifest_id: str | None
    sha256: str
    signer: str

    def __post_init__(self) -> None:
        for name, length in _HEX.items():
            value = getattr(self, name)
            if value is None and name == "watermark":
                continue
            if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{length}}}", value):
                raise ValueError(f"{name} is not {length} hexadecimal digits")
        known = self.manifest_id
        if known is not None and (not isinstance(known, str) or len(known) > LONGEST_ID or not known.isprintable()):
            raise ValueError("manifest_id is no name of a manifest")

    def to_json(self) -> dict[str, Any]:
        return {
            "identifier": self.identifier,
            "watermark": self.watermark,
            "manifest": self.manifest,
            "manifest_id": self.manifest_id,
            "sha256": self.sha256,
            "signer": self.signer,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """What `to_json` gave; other keys are left alone. Raises ValueError."""
        if not isinstance(data, dict):
            raise ValueError("this is no entry")
        return cls(*(data.get(name) for name in cls.__dataclass_fields__))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Kept:
    """An entry as the registry has it. Times are seconds since 1970."""

    entry: Entry
    state: State
    created: int
    confirmed: int | None

    def to_json(self) -> dict[str, Any]:
        return {**self.entry.to_json(), "state": str(self.state), "created": self.created, "confirmed": self.confirmed}
