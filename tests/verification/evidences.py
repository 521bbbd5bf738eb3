"""Evidence for tests: short names for what collectors find."""

from __future__ import annotations

from typing import Any

from kzlabel.evidence import AI, Evidence, Layer, LayerEvidence, State

TULPAR = {
    "name": "Tulpar Studio",
    "organization": "Tulpar LLP",
    "fingerprint": "ab" * 32,
    "trusted": True,
    "trust_list": {"name": "C2PA", "date": "2026-11-01"},
}
NOBODY = {"name": "Nobody", "organization": None, "fingerprint": "cd" * 32, "trusted": False}

BINDING = "assertion.dataHash.mismatch"


def manifest(
    state: State = State.VALID,
    ai: AI = AI.GENERATED,
    *codes: str,
    trusted: bool = True,
    layer: Layer = Layer.MANIFEST,
    **detail: Any,
) -> LayerEvidence:
    said = {
        "signer": TULPAR if trusted else NOBODY,
        "signed_at": "2026-11-24T10:00:00Z",
        "time_source": "claimed",
        "generator": {"name": "Painter", "version": "2.1"},
        "identifier": "0123456789ab",
        "manifest_id": "urn:c2pa:0",
        **detail,
    }
    return LayerEvidence(layer, state, ai, codes, said)


def sidecar(state: State = State.VALID, ai: AI = AI.GENERATED, *codes: str, **options: Any) -> LayerEvidence:
    return manifest(state, ai, *codes, layer=Layer.SIDECAR, **options)


def absent(layer: Layer = Layer.MANIFEST) -> LayerEvidence:
    return LayerEvidence(layer, State.ABSENT)


def metadata(ai: AI = AI.GENERATED, state: State = State.FOUND, **detail: Any) -> LayerEvidence:
    return LayerEvidence(Layer.METADATA, state, ai, detail=detail)


def watermark(ai: AI = AI.GENERATED, confidence: float | None = 1 - 1e-12, **detail: Any) -> LayerEvidence:
    return LayerEvidence(Layer.WATERMARK, State.FOUND, ai, (), detail, confidence, "0123456789ab")


def candidate(ai: AI = AI.GENERATED, **changes: Any) -> dict[str, Any]:
    return {
        "via": "watermark",
        "registry": "https://registry.example",
        "state": "valid",
        "fingerprint_agrees": True,
        "similarity": 0.97,
        "ai": str(ai),
        "signer": TULPAR,
        "signed_at": "2026-11-20T09:00:00Z",
        "time_source": "tsa-trusted",
        "generator": {"name": "Painter"},
        "identifier": "0123456789ab",
        "manifest_id": "urn:c2pa:1",
        **changes,
    }


def led_to(*candidates: dict[str, Any], **options: Any) -> LayerEvidence:
    return watermark(registered=True, recovered=list(candidates), **options)


def of(*layers: LayerEvidence, medium: str | None = "image", **values: Any) -> Evidence:
    """Evidence of a picture; a manifest that is not named is absent."""
    if not any(layer.layer is Layer.MANIFEST for layer in layers):
        layers = (absent(), *layers)
    return Evidence("photo.jpg", "00" * 32, medium, "image/jpeg", layers, **values)
