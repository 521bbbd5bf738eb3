"""Hard bindings of the plain kind, a hash over bytes: computed and checked by ourselves where c2pa does not."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

MISMATCH = "assertion.dataHash.mismatch"
MALFORMED = "assertion.dataHash.malformed"

ALGORITHMS = ("sha256", "sha384", "sha512")  # C2PA 2.4, 13.1: the allowed list
CHUNK = 1 << 20
MAX_EXCLUSIONS = 1024


@dataclass(frozen=True)
class DataHash:
    """A `c2pa.hash.data` assertion. exclusions: (start, length) in bytes, in file order."""

    alg: str
    hash: bytes
    exclusions: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Fault:
    """Why a binding does not hold: a validation code, and a sentence for a person."""

    code: str
    sentence: str


OwnBinding = Callable[[DataHash], Sequence[Fault]]
"""Checks a text's binding, which c2pa cannot: no faults mean that it holds."""


def data_hash(assertion: Mapping[str, Any], default_alg: str = "sha256") -> DataHash | None:
    """Read the assertion as c2pa reports it (hash in base64); None when it is malformed."""
    try:
        alg = str(assertion.get("alg") or default_alg)
        digest = base64.b64decode(assertion["hash"], validate=True)
        pairs = [(int(entry["start"]), int(entry["length"])) for entry in assertion.get("exclusions") or ()]
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        return None
    pairs.sort()
    end = 0
    for start, length in pairs:
        if start < end or length < 0:
            return None
        end = start + length
    if alg not in ALGORITHMS or len(pairs) > MAX_EXCLUSIONS:
        return None
    return DataHash(alg, digest, tuple(pairs))


def assertion_data(bound: DataHash) -> dict[str, Any]:
    """The assertion for a definition: bytes as lists of integers, since c2pa stores a base64 string as its letters."""
    values: dict[str, Any] = {
        "name": "jumbf manifest",
        "alg": bound.alg,
        "hash": list(bound.hash),
        "pad": [0] * 8,
    }
    if bound.exclusions:
        values["exclusions"] = [{"start": start, "length": length} for start, length in bound.exclusions]
    return values


def digest(file: BinaryIO, alg: str, exclusions: Sequence[tuple[int, int]] = ()) -> bytes:
    """Hash a file from its beginning, without the excluded ranges, in small pieces. Raises OSError."""
    hasher = hashlib.new(alg)
    file.seek(0)
    position = 0
    for start, length in exclusions:
        _feed(hasher, file, start - position)
        position = start + length
        file.seek(position)
    _feed(hasher, file, None)
    return hasher.digest()


def holds(file: BinaryIO, bound: DataHash) -> bool:
    """Whether the bytes outside the exclusions are those that were signed."""
    return digest(file, bound.alg, bound.exclusions) == bound.hash


def whole_file(file: BinaryIO, bound: DataHash) -> list[Fault]:
    """The check of a sidecar that is bound to all bytes of a file."""
    return [] if holds(file, bound) else [Fault(MISMATCH, "the content is not that which was signed")]


def _feed(hasher: Any, file: BinaryIO, size: int | None) -> None:
    while size is None or size > 0:
        chunk = file.read(CHUNK if size is None else min(CHUNK, size))
        if not chunk:
            return
        hasher.update(chunk)
        if size is not None:
            size -= len(chunk)
