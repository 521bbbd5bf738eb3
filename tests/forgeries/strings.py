"""Script, markup and control characters in every text that a file can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kzlabel.declaration import Declaration, Generator
from kzlabel.marks.definition import definition
from tests.marks import samples

from .contradictions import _with_xmp
from .jumbf import Manifest
from .workshop import TRAINED, Made, Workshop

SCRIPT = "<script>alert(1)</script>"
MARKUP = "\"'><img src=x onerror=alert(2)><a href='javascript:alert(3)'>{noun}%s</a>&lt;script&gt;"
CONTROLS = "\x1b[2J\x1b]0;owned\x07\x9b31m\x00\x08\r\n\u202e\u2066\u200b\u2028\ufeff\ud7ff"
EVIL = SCRIPT + MARKUP + CONTROLS

# What has a meaning of its own, without which the manifest would be malformed.
_MEANT = {"action", "digitalSourceType", "alg", "url", "relationship", "instanceID", "signature", "when", "@context"}
_MEANT |= {"modelType", "source", "specVersion", "use"}


def evil_strings(shop: Workshop) -> Iterator[Made]:
    """In the claim, in every assertion, in the certificate, in the metadata, sealed by a trusted signer."""
    signer = shop.root.signer(name=f"{SCRIPT}\x1b[2J", organization=f"{SCRIPT[:40]}\u202e")

    def edit(active: Manifest) -> None:
        active.claim.update(_poisoned(active.claim))
        active.claim["dc:title"] = EVIL
        for box in active.assertions.boxes[1:]:
            if box.boxes[1].kind == b"cbor" and "hash" not in box.label:
                active.set(box.label, _poisoned(active.value(box.label)))
        active.seal(signer)

    for name in ("picture.jpg", "film.mp4", "story.txt"):
        mime = samples.EMBEDDED.get(name, "text/plain")
        declaration = Declaration(generator=Generator("Model", "1"), producer="Studio")
        values = definition(declaration, None, opened=False, fmt=mime, title="Title")
        genuine = shop.sign(shop.work(name).read_bytes(), name, values)
        yield Made.of(name, shop.resealed(name, edit, genuine), genuine)


def evil_metadata(shop: Workshop) -> Iterator[Made]:
    """In the names of generator and identifier of the unsigned metadata, which stand beside a valid manifest."""
    text = "".join(f"&#x{ord(char):x};" if char >= " " or char in "\r\n\t" else "" for char in EVIL)
    names = (
        b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" ' + names + b' Iptc4xmpExt:DigitalSourceType="' + TRAINED.encode() + b'"'
        b' Iptc4xmpExt:AISystemUsed="' + text.encode() + b'" dc:identifier="' + text.encode() + b'"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    for name in ("picture.jpg", "picture.png"):
        data = _with_xmp(shop.work(name).read_bytes(), packet)
        yield Made.of(name, shop.sign(data, name), shop.signed(name))


def _poisoned(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [_poisoned(entry, key) for entry in value]
    meant = key in _MEANT or key.endswith("created")
    return value + EVIL if isinstance(value, str) and not meant else value
