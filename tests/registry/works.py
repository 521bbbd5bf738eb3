"""Manifests to register: signed ones, without the trouble of a whole label."""

from __future__ import annotations

import hashlib
import secrets

from kzlabel.declaration import Declaration
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import ANY_BYTES, read, sign_detached
from kzlabel.registry import Entry
from kzlabel.signing import Signer
from kzlabel.watermark.record import WatermarkRecord


def signed(signer: Signer, identifier: str | None = None) -> tuple[Entry, bytes]:
    """A manifest for some bytes, and its entry."""
    declaration = Declaration(identifier=identifier) if identifier else Declaration()
    mark = WatermarkRecord(("picture",), identifier=declaration.identifier)
    content = secrets.token_bytes(64)
    told = definition(declaration, None, opened=False, fmt="text/plain", profile="kz", watermark=mark)
    store = sign_detached(content, told, signer)
    found = read(content, ANY_BYTES, store=store)
    assert found is not None
    digest = hashlib.sha256(store).hexdigest()
    name = found.detail["manifest_id"]
    return (
        Entry(
            declaration.identifier,
            declaration.identifier,
            digest,
            name,
            hashlib.sha256(content).hexdigest(),
            signer.fingerprint,
        ),
        store,
    )


def plain(number: int, signer: str = "5" * 64) -> tuple[Entry, bytes]:
    """An entry whose manifest is some bytes: for what never looks into it."""
    store = b"store %d" % number
    digest = hashlib.sha256(store).hexdigest()
    return Entry(
        f"{number:012x}", f"{number:012x}", digest, None, hashlib.sha256(digest.encode()).hexdigest(), signer
    ), store
