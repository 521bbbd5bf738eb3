"""What others send to be kept: a manifest that verifies, by a signer who is enrolled, under the watermark it states."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ..errors import InputError, UnreadableFile
from ..fingerprint import Fingerprint, keys
from ..limits import Limits
from ..marks import soft_binding
from ..marks.manifest import fingerprints_of
from ..registry import Entry, Printed, State
from ..registry.checking import stated
from ..registry.entry import MOST_PRINTS, UNKNOWN_FILE
from ..registry.store import Registry


class Unbound(Exception):
    """A binding or fingerprint that the manifest itself does not state."""


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
        state = State.CONFIRMED if found.watermark is None else State.PENDING
        within = [one for one in fingerprints_of(store) if len(one[1]) != soft_binding.DIGEST]
        registry.register(entry, store, state, _printed(within) if _all_small(store) else ())
    return entry.manifest_id


def take_fingerprints(registry: Registry, manifest_id: str, values: dict[str, Any]) -> bool:
    """Keep fingerprints that are too large for the manifest, with those within; whether there is such a manifest.

    values: what a client of ours sends. Raises Unbound for others than the manifest states, and RegistryError.
    """
    found = registry.find_manifest(manifest_id)
    store = registry.manifest(found[0].entry.manifest) if found else None
    if store is None:
        return False
    stated_so = dict(fingerprints_of(store))
    given = _given(values)
    if not all(one in stated_so and soft_binding.is_value_of(stated_so[one], data) for one, data in given):
        raise Unbound("these are not the fingerprints that this manifest states")
    within = [one for one in stated_so.items() if len(one[1]) != soft_binding.DIGEST and one[0] not in dict(given)]
    prints = _printed([*given, *within])
    for kept in found:
        if kept.entry.manifest == found[0].entry.manifest:
            registry.register(kept.entry, store, kept.state, prints)
    return True


def _all_small(store: bytes) -> bool:
    """Whether the manifest holds all its fingerprints; else the large ones are to come, and all are kept then."""
    return all(len(value) != soft_binding.DIGEST for _, value in fingerprints_of(store))


def _given(values: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Raises Unbound."""
    listed = values.get("fingerprints")
    try:
        if isinstance(listed, list) and 0 < len(listed) <= MOST_PRINTS:
            return [(str(one["algorithm"]), base64.b64decode(one["data"], validate=True)) for one in listed]
    except (ValueError, TypeError, KeyError):
        pass
    raise Unbound("the body has to be {fingerprints: [{algorithm, data}]}")


def _printed(fingerprints: Sequence[tuple[str, bytes]]) -> list[Printed]:
    """With the keys that we compute ourselves. Raises Unbound where one is malformed or too large."""
    try:
        return [Printed(name, data, keys(Fingerprint(name, data))) for name, data in fingerprints][:MOST_PRINTS]
    except (ValueError, InputError) as error:
        raise Unbound(f"a fingerprint is malformed: {error}") from None


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
