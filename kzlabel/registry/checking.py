"""Whether a manifest stands by itself, without the content that it was signed for, and by what an entry says of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UnreadableFile
from ..evidence import State
from ..limits import DEFAULT_LIMITS, Limits
from ..marks import codes
from ..marks.manifest import ANY_BYTES, read
from .entry import Entry

# Explained like a failure, and none: what c2pa says of the boxes that its own films leave out of the hash.
_INFORMATIONAL = {"assertion.bmffHash.additionalExclusionsPresent"}


@dataclass(frozen=True)
class Stated:
    """What a manifest says whose signature holds. signer: SHA-256 of the certificate."""

    identifier: str | None
    watermark: str | None
    manifest_id: str | None
    signer: str | None


def stated(store: bytes, limits: Limits = DEFAULT_LIMITS) -> Stated:
    """Raises UnreadableFile where anything but the hard binding, which only the file can show, does not hold."""
    found = read(b"", ANY_BYTES, store=store, limits=limits)
    if found is None:
        raise UnreadableFile("its manifest cannot be read")
    if found.state not in (State.VALID, State.EXPIRED):
        broken = codes.TAMPERED.intersection(found.codes)
        told = set(found.detail.get("explanations", {})) - codes.BINDING - _INFORMATIONAL
        if not broken or not broken <= codes.BINDING or codes.state_of(told) not in (State.VALID, State.EXPIRED):
            raise UnreadableFile("its manifest does not verify")
    detail = found.detail
    if codes.SIGNATURE_HOLDS not in found.codes:
        raise UnreadableFile("its manifest's signature was not shown to hold")
    return Stated(
        detail.get("identifier"),
        (detail.get("watermark") or {}).get("identifier"),
        detail.get("manifest_id"),
        detail.get("signer", {}).get("fingerprint"),
    )


def checked(entry: Entry, store: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raises UnreadableFile where the signature does not hold, or another identifier, watermark or signer is signed."""
    found = stated(store, limits)
    if found.signer != entry.signer:
        raise UnreadableFile("its manifest is by another signer")
    if found.identifier != entry.identifier or found.manifest_id != entry.manifest_id:
        raise UnreadableFile("its manifest has another identifier")
    if found.watermark != entry.watermark:
        raise UnreadableFile("its manifest tells of another watermark")
