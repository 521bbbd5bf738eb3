"""What others send to be kept: a manifest that verifies, by a signer who is enrolled, under the watermark it states."""

from __future__ import annotations

from hashlib import sha256

from ..errors import UnreadableFile
from ..limits import Limits
from ..registry import Entry, State
from ..registry.checking import stated
from ..registry.entry import UNKNOWN_FILE
from ..registry.store import Registry


class Unbound(Exception):
    """A binding that the manifest itself does not state."""


def take(registry: Registry, store: bytes, limits: Limits) -> str:
    """Register a manifest, pending until its binding comes, or confirmed where it has no watermark; its URN.

    Raises UnreadableFile, SignerNotEnrolled, RegistryError.
    """
    found = stated(store, limits)
    digest = sha256(store).hexdigest()
    try:
        entry = Entry(
            found.identifier or "", found.watermark, digest, found.manifest_id, UNKNOWN_FILE, found.signer or ""
        )
    except ValueError:
        raise UnreadableFile("this manifest has no identifier of kzlabel") from None
    if entry.manifest_id is None:
        raise UnreadableFile("this manifest has no name")
    if not registry.find_file(digest):
        registry.register(entry, store, State.CONFIRMED if found.watermark is None else State.PENDING)
    return entry.manifest_id


def bind(registry: Registry, manifest_id: str, identifier: str) -> bool:
    """Confirm what was registered with this manifest; whether there is such a manifest.

    Raises Unbound where the manifest states another watermark, or none; RegistryError.
    """
    found = registry.find_manifest(manifest_id)
    if not found:
        return False
    stating = [kept for kept in found if kept.entry.watermark == identifier]
    if not stating:
        raise Unbound("bindingValue is not the watermark that this manifest states")
    for kept in stating:
        if kept.state is State.PENDING:
            registry.confirm(kept.entry)
    return True
