"""What was found in one file, layer by layer, before anyone judges it: plain data that can be archived as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Layer(StrEnum):
    MANIFEST = "manifest"
    SIDECAR = "sidecar"
    DISCLOSURE = "disclosure"
    METADATA = "metadata"
    WATERMARK = "watermark"
    FINGERPRINT = "fingerprint"
    """What the work looks, sounds or reads like, by which a registry was asked."""


class State(StrEnum):
    """What became of one layer. A manifest that is there has one of the first six."""

    VALID = "valid"
    """Signature, hashes and hard binding hold; `detail["trusted"]` says whether anyone vouches for the signer."""
    TAMPERED = "tampered"
    """The claim's signature, an assertion's hash or the hard binding does not match."""
    INVALID = "invalid"
    """It is there and cannot be judged: malformed, unsupported algorithm, revoked signer."""
    EXPIRED = "expired"
    """Valid, but the certificate had expired and no trusted time-stamp shows an earlier time."""
    REMOTE = "remote"
    """The manifest is only at a remote address, which is never fetched silently."""
    NOT_FOR_THIS_FILE = "not-for-this-file"
    """A sidecar under an ambiguous name that binds to something else."""
    FOUND = "found"
    RECORDED = "recorded"
    """The signed manifest says so; not looked for in the content itself."""
    SIMILAR = "similar"
    """A registry has works that look, sound or read alike; `detail["recovered"]` lists them. It proves nothing."""
    DAMAGED = "damaged"
    ABSENT = "absent"
    NOT_CHECKED = "not-checked"


class AI(StrEnum):
    """What a mark says about the origin of the work."""

    GENERATED = "generated"
    MODIFIED = "modified"
    NONE = "none"
    """An explicit non-AI origin, such as a camera's."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class LayerEvidence:
    """What one layer yielded.

    codes: C2PA validation codes or our own (`text.reflowed`). detail: JSON-able facts.
    ai: what this mark says. confidence: 0..1 for statistical marks.
    """

    layer: Layer
    state: State
    ai: AI = AI.UNKNOWN
    codes: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    payload: str | None = None

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "layer": str(self.layer),
            "state": str(self.state),
            "ai": str(self.ai),
            "codes": list(self.codes),
            "detail": dict(self.detail),
            "confidence": self.confidence,
            "payload": self.payload,
        }
        return {key: value for key, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LayerEvidence:
        return cls(
            Layer(data["layer"]),
            State(data["state"]),
            AI(data.get("ai", AI.UNKNOWN)),
            tuple(data.get("codes", ())),
            dict(data.get("detail", {})),
            data.get("confidence"),
            data.get("payload"),
        )


@dataclass(frozen=True)
class Evidence:
    """All that was found in one file.

    sha256: hexadecimal, of the whole file; None when it could not be read. format: media type.
    layers: every layer that was looked at, absent ones included. not_checked: layer -> why.
    unreadable: the sentence when the file could not be parsed at all.
    """

    file: str
    sha256: str | None = None
    medium: str | None = None
    format: str | None = None
    layers: tuple[LayerEvidence, ...] = ()
    not_checked: Mapping[str, str] = field(default_factory=dict)
    unreadable: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "sha256": self.sha256,
            "medium": self.medium,
            "format": self.format,
            "layers": [layer.to_json() for layer in self.layers],
            "not_checked": dict(self.not_checked),
            "unreadable": self.unreadable,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        return cls(
            data["file"],
            data.get("sha256"),
            data.get("medium"),
            data.get("format"),
            tuple(LayerEvidence.from_json(layer) for layer in data.get("layers", ())),
            dict(data.get("not_checked", {})),
            data.get("unreadable"),
        )
