"""One entry of the registry and its fingerprints: plain data, without the manifest itself."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_HEX = {"identifier": 12, "watermark": 12, "manifest": 64, "sha256": 64, "signer": 64}
UNKNOWN_FILE = "0" * 64  # for the SHA-256 of a file of which only the manifest came here
LONGEST_ID = 256  # characters of a manifest's URN; c2pa's have 45
# Fingerprints of an entry; bytes and keys of each. A day of sound has some 3 MB, a picture at most 16 KB.
MOST_PRINTS, MOST_DATA, MOST_KEYS = 4, 1 << 22, 1 << 17
_ALGORITHM = re.compile(r"[A-Za-z0-9._-]{1,64}")


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


@dataclass(frozen=True)
class Printed:
    """A fingerprint of the labelled work. keys: what it is looked up by, each 0 <= key < 2**63; twice is once.

    Raises ValueError where the algorithm is no name, the data are empty, or anything is over the limits above.
    """

    algorithm: str
    data: bytes
    keys: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, str) or not _ALGORITHM.fullmatch(self.algorithm):
            raise ValueError("a fingerprint's algorithm is no name of one")
        if not 0 < len(self.data) <= MOST_DATA:
            raise ValueError(f"a fingerprint has {len(self.data)} bytes, and 1 to {MOST_DATA} are kept")
        if len(self.keys) > MOST_KEYS:
            raise ValueError(f"a fingerprint has {len(self.keys)} keys, and {MOST_KEYS} are kept")
        if any(not 0 <= key < 1 << 63 for key in self.keys):
            raise ValueError("a fingerprint has a key that is no number of 63 bits")

    def to_json(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "data": base64.b64encode(self.data).decode("ascii"),
            "keys": base64.b64encode(struct.pack(f">{len(self.keys)}Q", *self.keys)).decode("ascii"),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Printed:
        """What `to_json` gave. Raises ValueError."""
        try:
            packed = base64.b64decode(data["keys"], validate=True)
            if len(packed) % 8:
                raise ValueError("a fingerprint's keys are cut off")
            keys = struct.unpack(f">{len(packed) // 8}Q", packed)
            return cls(data["algorithm"], base64.b64decode(data["data"], validate=True), keys)
        except (KeyError, TypeError) as error:
            raise ValueError("this is no fingerprint") from error


def printed(values: object) -> tuple[Printed, ...]:
    """The fingerprints in a list of what `Printed.to_json` gave; none for None. Raises ValueError."""
    if values is None:
        return ()
    if not isinstance(values, list) or len(values) > MOST_PRINTS:
        raise ValueError(f"these are no fingerprints, or more than {MOST_PRINTS}")
    return tuple(Printed.from_json(one) for one in values)


@dataclass(frozen=True)
class Similar:
    """An entry, one of whose fingerprints shares `hits` keys with what was looked up."""

    kept: Kept
    hits: int
