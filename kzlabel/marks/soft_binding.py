"""Soft bindings: what ties a manifest to its content once hashes no longer do, a watermark or a fingerprint.

C2PA 2.4, 18.10 (c2pa.soft-binding), an assertion for each algorithm. Values are base64: c2pa's JSON has no byte
strings, so that they are text. ALGORITHM stands for docs/watermark-spec.md; its value is the watermark's identifier, 6
bytes. The value of a fingerprint is the fingerprint itself, or its SHA-256 where it is larger than MAX_VALUE.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

LABEL = "c2pa.soft-binding"
ALGORITHM = "org.kzlabel.watermark.1"
ACTION = "c2pa.watermarked.bound"
MAX_BINDINGS = 20
MAX_VALUE = 16 << 10  # bytes of a fingerprint that stand in the manifest itself
DIGEST = 32  # bytes; no fingerprint of ours is as small


def assertion_data(identifier: str) -> dict[str, Any]:
    """The assertion for a watermark with this identifier, 12 hexadecimal digits."""
    return _assertion(ALGORITHM, bytes.fromhex(identifier))


def fingerprint_data(algorithm: str, data: bytes) -> dict[str, Any]:
    """The assertion for a fingerprint of this algorithm."""
    return _assertion(algorithm, data if len(data) <= MAX_VALUE else sha256(data).digest())


def value_of(identifier: str) -> str:
    """The value that stands for a watermark's identifier."""
    return _text(bytes.fromhex(identifier))


def identifier_of(value: object) -> str | None:
    """The identifier for which this value stands; None for anything else."""
    data = _value(value) if isinstance(value, str) and len(value) < 64 else None
    return data.hex() if data is not None and len(data) == 6 else None


def identifiers(assertion: Mapping[str, Any]) -> tuple[str, ...]:
    """The identifiers in one assertion of our algorithm; none for those of others, or malformed ones."""
    if assertion.get("alg") != ALGORITHM:
        return ()
    return tuple(dict.fromkeys(value.hex() for value in _values(assertion) if len(value) == 6))


def fingerprint_value(assertion: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Algorithm and value of one assertion of a fingerprint; None for a watermark, or a malformed one."""
    algorithm, values = assertion.get("alg"), _values(assertion)
    if not isinstance(algorithm, str) or algorithm == ALGORITHM or len(values) != 1:
        return None
    return algorithm, values[0]


def is_value_of(value: bytes, data: bytes) -> bool:
    """Whether a signed value stands for this fingerprint."""
    return value == data or (len(value) == DIGEST and value == sha256(data).digest())


def _assertion(algorithm: str, value: bytes) -> dict[str, Any]:
    return {"alg": algorithm, "blocks": [{"scope": {}, "value": _text(value)}]}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _values(assertion: Mapping[str, Any]) -> list[bytes]:
    blocks = assertion.get("blocks")
    found = []
    for block in blocks[:MAX_BINDINGS] if isinstance(blocks, list) else ():
        value = _value(block.get("value")) if isinstance(block, Mapping) else None
        if value is not None:
            found.append(value)
    return found


def _value(value: object) -> bytes | None:
    if not isinstance(value, str) or len(value) > 2 * MAX_VALUE:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return None
