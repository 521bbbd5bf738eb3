"""A manifest store taken apart and put together again: boxes (ISO 19566-5), claim and assertions (C2PA 2.4).

Knows no more than a forger needs, and never refuses: whatever is asked for is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cbor2

from .cose import Signature

SIGNATURE = "c2pa.signature"
_ACTION = "c2pa.actions.v2"


@dataclass
class Box:
    """One box. A superbox (type `jumb`) holds boxes, the first of which describes it; any other holds bytes."""

    kind: bytes
    content: bytes = b""
    boxes: list[Box] = field(default_factory=list)

    @property
    def label(self) -> str:
        """Of a superbox, from its description: behind the type and the toggles."""
        return self.boxes[0].content[17:].split(b"\0", 1)[0].decode()

    def rename(self, label: str) -> None:
        description = self.boxes[0]
        salt = description.content[17:].split(b"\0", 1)[1]
        description.content = description.content[:17] + label.encode() + b"\0" + salt

    @property
    def payload(self) -> bytes:
        """What stands behind the header, which is also what a hash over the box covers."""
        return b"".join(box.whole for box in self.boxes) if self.kind == b"jumb" else self.content

    @property
    def whole(self) -> bytes:
        payload = self.payload
        return (len(payload) + 8).to_bytes(4, "big") + self.kind + payload

    def copy(self) -> Box:
        return next(read(self.whole))

    def __getitem__(self, label: str) -> Box:
        return next(box for box in self.boxes[1:] if box.label == label)

    def position(self, label: str) -> int:
        return self.boxes.index(self[label])


def read(data: bytes) -> Iterator[Box]:
    """The boxes that stand one behind the other in `data`."""
    position = 0
    while position < len(data):
        size, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        content = data[position + 8 : position + size]
        yield Box(kind, b"", list(read(content))) if kind == b"jumb" else Box(kind, content)
        position += size


def _claim(manifest: Box) -> Box:
    """Of the first version or the second."""
    return next(box for box in manifest.boxes[1:] if box.label in ("c2pa.claim", "c2pa.claim.v2"))


@dataclass
class Manifest:
    """One manifest of a store. `claim` is a plain mapping, kept until `seal` or `write` puts it back."""

    box: Box
    claim: dict[str, Any]
    signature: Signature

    @classmethod
    def of(cls, box: Box) -> Manifest:
        claim = cbor2.loads(_claim(box).boxes[1].content)
        return cls(box, claim, Signature.of(box[SIGNATURE].boxes[1].content))

    @property
    def label(self) -> str:
        return self.box.label

    @property
    def assertions(self) -> Box:
        return self.box["c2pa.assertions"]

    @property
    def claim_bytes(self) -> bytes:
        """The claim as it is signed."""
        return _claim(self.box).boxes[1].content

    def uri(self, label: str) -> str:
        return f"self#jumbf=/c2pa/{self.label}/c2pa.assertions/{label}"

    def value(self, label: str) -> Any:
        """What an assertion in CBOR says."""
        return cbor2.loads(self.assertions[label].boxes[1].content)

    def set(self, label: str, value: Any) -> None:
        """Change an assertion, not its hash in the claim."""
        self.assertions[label].boxes[1].content = cbor2.dumps(value)

    def add(self, label: str, value: Any, *, listed: str | None = "created_assertions") -> Box:
        """A further assertion in CBOR, with an entry in this list of the claim."""
        made = self.assertions[_ACTION].copy()
        made.rename(label)
        made.boxes[1].content = cbor2.dumps(value)
        self.assertions.boxes.append(made)
        if listed:
            self.claim.setdefault(listed, []).append({"url": f"self#jumbf=c2pa.assertions/{label}", "hash": b""})
        return made

    def drop(self, label: str, *, unlist: bool) -> None:
        """Take an assertion out of the store, and out of the claim too."""
        self.assertions.boxes.remove(self.assertions[label])
        if unlist:
            for listed in self._lists():
                listed[:] = [entry for entry in listed if not entry["url"].endswith(f"/{label}")]

    def rehash(self) -> None:
        """Let the claim know its assertions as they are now."""
        for listed in self._lists():
            for entry in listed:
                path, label = entry["url"].rsplit("/", 1)
                if path in ("self#jumbf=c2pa.assertions", self.uri(label).rpartition("/")[0]):
                    entry["hash"] = hashlib.sha256(self.assertions[label].payload).digest()

    def write_claim(self) -> None:
        """Put the claim as it is now in its place, without a new signature."""
        _claim(self.box).boxes[1].content = cbor2.dumps(self.claim)

    def write_signature(self) -> None:
        self.box[SIGNATURE].boxes[1].content = self.signature.whole

    def seal(self, signer: Any, **how: Any) -> None:
        """Hash and sign all anew, as a signer who says what this manifest says would. how: as for `Signature.made`."""
        self.rehash()
        self.seal_claim_only(signer, **how)

    def seal_claim_only(self, signer: Any, **how: Any) -> None:
        """As `seal`, with the hashes that the claim holds already."""
        self.write_claim()
        self.signature = Signature.made(signer, self.claim_bytes, **how)
        self.write_signature()

    def _lists(self) -> Iterator[list[dict[str, Any]]]:
        for name in ("created_assertions", "gathered_assertions", "assertions"):
            if name in self.claim:
                yield self.claim[name]


@dataclass
class Store:
    """A whole store, as bytes to be had back with `whole`."""

    box: Box

    @classmethod
    def of(cls, data: bytes) -> Store:
        return cls(next(read(data)))

    @property
    def manifests(self) -> list[Manifest]:
        return [Manifest.of(box) for box in self.box.boxes[1:]]

    @property
    def active(self) -> Manifest:
        return Manifest.of(self.box.boxes[-1])

    @property
    def whole(self) -> bytes:
        return self.box.whole

    def sized(self, size: int, label: str = SIGNATURE) -> bytes:
        """The store at exactly `size` bytes, by the padding in the active signature, which nothing covers."""
        content = self.box.boxes[-1][label].boxes[1]
        for _ in range(4):  # a longer padding may need a longer length before it
            lacking = size - len(self.whole)
            if lacking == 0:
                return self.whole
            signature = Signature.of(content.content)
            signature.pad += lacking
            assert signature.pad >= 0, "the forged store does not fit in the place of the genuine one"
            content.content = signature.whole
        raise AssertionError("no padding gives this size")
