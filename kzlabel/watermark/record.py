"""What became of the watermark of one work: plain data, recorded in the manifest and told to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WatermarkRecord:
    """carriers: "picture", "sound" or both; none of them where `why` tells why not.

    identifier: what it carries, 12 hexadecimal digits, None without carriers. kept: it was in the work before.
    """

    carriers: tuple[str, ...] = ()
    why: str | None = None
    identifier: str | None = None
    kept: bool = False

    def to_json(self) -> dict[str, Any]:
        """Without what is not there: c2pa stores no null."""
        values: dict[str, Any] = {"carriers": list(self.carriers), "why": self.why, "identifier": self.identifier}
        if self.kept:
            values["kept"] = True
        return {key: value for key, value in values.items() if value not in (None, [])} or {"why": "not asked for"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WatermarkRecord:
        """What `to_json` gave. Raises ValueError for anything else."""
        carriers, why, identifier = data.get("carriers", []), data.get("why"), data.get("identifier")
        texts = [one for one in (why, identifier) if one is not None]
        if not isinstance(carriers, list) or not all(isinstance(one, str) for one in (*carriers, *texts)):
            raise ValueError("this is no record of a watermark")
        return cls(tuple(carriers), why, identifier, data.get("kept") is True)
