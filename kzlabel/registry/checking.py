"""Whether a manifest stands by itself, without the content that it was signed for, and by what an entry says of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UnreadableFile
from ..evidence import State
from ..limits import DEFAULT_LIMITS, Limits
from ..marks.unbound import read_unbound
from .entry import Entry


@dataclass(frozen=True)
class Stated:
    """What a manifest says whose signature holds. signer: SHA-256 of the certificate."""

    identifier: str | None
    watermark: str | None
    manifest_id: str | None
    signer: str | None


def stated(store: bytes, limits: Limits = DEFAULT_LIMITS) -> Stated:
    """Raises UnreadableFile where anything but the hard binding, which only the file can show, does not hold."""
    found = read_unbound(store, limits=limits)
    if found is None:
        raise UnreadableFile("its manifest cannot be read")
    if found.state not in (State.VALID, State.EXPIRED):
        raise UnreadableFile("its manifest does not verify")
    detail = found.detail
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
