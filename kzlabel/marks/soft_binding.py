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
    value = base64.b64encode(bytes.fromhex(identifier)).decode("ascii")
    return {"alg": ALGORITHM, "blocks": [{"scope": {}, "value": value}]}


def identifiers(assertion: Mapping[str, Any]) -> tuple[str, ...]:
    """The identifiers in one assertion of our algorithm; none for those of others, or malformed ones."""
    blocks = assertion.get("blocks")
    if assertion.get("alg") != ALGORITHM or not isinstance(blocks, list):
        return ()
    found = []
    for block in blocks[:MAX_BINDINGS]:
        value = block.get("value") if isinstance(block, Mapping) else None
        try:
            data = base64.b64decode(value, validate=True) if isinstance(value, str) and len(value) < 64 else b""
        except (ValueError, binascii.Error):
            continue
        if len(data) == 6:
            found.append(data.hex())
    return tuple(dict.fromkeys(found))
