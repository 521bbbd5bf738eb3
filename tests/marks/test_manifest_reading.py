from __future__ import annotations

from typing import Any

import pytest

from kzlabel.evidence import AI
from kzlabel.marks.manifest_reading import ManifestReport

_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_ID = "urn:c2pa:one"


def report(origin: str | None, described: str | None) -> ManifestReport:
    """A manifest that was created with one source type and whose metadata assertion names another."""
    created = {"action": "c2pa.created", **({"digitalSourceType": _CODES + origin} if origin else {})}
    store: dict[str, Any] = {"c2pa.actions.v2": {"actions": [created]}}
    if described:
        store["cawg.metadata"] = {"Iptc4xmpExt:DigitalSourceType": _CODES + described}
    return ManifestReport({"active_manifest": _ID, "manifests": {_ID: {"assertion_store": store}}})


@pytest.mark.parametrize(
    ("origin", "described", "ai"),
    [
        (None, "trainedAlgorithmicMedia", AI.GENERATED),
        ("algorithmicMedia", "trainedAlgorithmicMedia", AI.GENERATED),
        ("digitalCapture", "trainedAlgorithmicMedia", AI.MODIFIED),
        ("digitalCapture", "compositeWithTrainedAlgorithmicMedia", AI.MODIFIED),
        ("trainedAlgorithmicMedia", "digitalCapture", AI.GENERATED),
        (None, "digitalCapture", AI.NONE),
        ("digitalCapture", None, AI.NONE),
        (None, None, AI.UNKNOWN),
    ],
)
def test_signed_metadata_that_name_ai_are_heard_beside_actions_that_do_not(
    origin: str | None, described: str | None, ai: AI
) -> None:
    assert report(origin, described).ai(_ID) is ai
