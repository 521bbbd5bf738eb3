"""The soft binding: what ties a manifest to its content through the watermark, once hashes no longer do.

C2PA 2.4, 18.10 (c2pa.soft-binding). The algorithm stands for docs/watermark-spec.md. The value is the watermark's
identifier, 6 bytes, in base64: c2pa's JSON has no byte strings, so that it is text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

LABEL = "c2pa.soft-binding"
ALGORITHM = "org.kzlabel.watermark.1"
ACTION = "c2pa.watermarked.bound"
MAX_BINDINGS = 20


def assertion_data(identifier: str) -> dict[str, Any]:
    """The assertion for a watermark with this identifier, 12 hexadecimal digits."""
    return {"alg": ALGORITHM, "blocks": [{"scope": {}, "value": value_of(identifier)}]}


def value_of(identifier: str) -> str:
    return base64.b64encode(bytes.fromhex(identifier)).decode("ascii")


def identifier_of(value: object) -> str | None:
    """The identifier for which this value stands; None for anything else."""
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) and len(value) < 64 else b""
    except (ValueError, binascii.Error):
        return None
    return data.hex() if len(data) == 6 else None


def identifiers(assertion: Mapping[str, Any]) -> tuple[str, ...]:
    """The identifiers in one assertion of our algorithm; none for those of others, or malformed ones."""
    blocks = assertion.get("blocks")
    if assertion.get("alg") != ALGORITHM or not isinstance(blocks, list):
        return ()
    found = []
    for block in blocks[:MAX_BINDINGS]:
        found.append(identifier_of(block.get("value")) if isinstance(block, Mapping) else None)
    return tuple(dict.fromkeys(one for one in found if one is not None))
