"""GOST keys, recognised so that they are refused with the reason: national authorities issue little else."""

from __future__ import annotations

import re

GOST_REASON = (
    "this is a GOST 34.10 key, and C2PA has no such algorithm; use the RSA key of the same issue, or a certificate of "
    "another authority for P-256, RSA or Ed25519"
)
# GOST 34.10 keys and signatures: as Kazakhstan's national authority names them, and as Russian standards do.
_GOST = ("1.2.398.3.10.1.1.", "1.2.643.2.2.", "1.2.643.7.1.1.")
# 1.2.398.3.10.1 and 1.2.643 in DER. Four bytes and more: chance does not bring them into a few kilobytes.
_GOST_DER = re.compile(rb"\x06[\x04-\x0f]\x2a(?:\x83\x0e\x03\x0a\x01|\x85\x03[\x02\x07])")


def is_gost(oid: str) -> bool:
    """Whether a dotted object identifier names a GOST 34.10 key or signature."""
    return oid.startswith(_GOST)


def mentions_gost(der: bytes) -> bool:
    """Whether DER holds, in clear, an identifier of a GOST key, digest or cipher."""
    return _GOST_DER.search(der) is not None


def unusable_key(error: Exception | None, der: bytes) -> str:
    """Why a key that `cryptography` refused with `error` cannot sign: a sentence without the file's name."""
    identifiers = re.findall(r"\d+(?:\.\d+){4,}", str(error))
    if mentions_gost(der) or any(is_gost(one) for one in identifiers):
        return GOST_REASON
    return "C2PA does not know this kind of key; use P-256, P-384, P-521, RSA or Ed25519"
