from __future__ import annotations

import pytest

from kzlabel.evidence import AI, State
from kzlabel.marks.codes import BINDING, TAMPERED, state_of
from kzlabel.marks.manifest_reading import ManifestReport
from kzlabel.marks.source_types import ai_of

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.mark.parametrize(
    ("failures", "state"),
    [
        ([], State.VALID),
        (["signingCredential.untrusted"], State.VALID),
        (["timeStamp.mismatch", "cawg.identity.untrusted", "signingCredential.ocsp.unknown"], State.VALID),
        (["signingCredential.expired", "signingCredential.untrusted"], State.EXPIRED),
        (["claimSignature.outsideValidity"], State.EXPIRED),
        (["signingCredential.ocsp.revoked"], State.INVALID),
        (["signingCredential.revoked"], State.INVALID),
        (["algorithm.unsupported"], State.INVALID),
        (["assertion.dataHash.malformed"], State.INVALID),
        (["a.code.of.the.future", "signingCredential.expired"], State.INVALID),
        (["assertion.dataHash.mismatch", "signingCredential.expired", "algorithm.unsupported"], State.TAMPERED),
    ],
)
def test_the_gravest_failure_decides(failures: list[str], state: State) -> None:
    assert state_of(failures) is state


@pytest.mark.parametrize("code", sorted(TAMPERED))
def test_each_broken_hash_or_signature_is_tampering(code: str) -> None:
    assert state_of([code]) is State.TAMPERED


def test_hard_bindings_are_told_from_what_binds_inside_the_manifest() -> None:
    assert "assertion.bmffHash.mismatch" in BINDING
    assert "assertion.hashedURI.mismatch" not in BINDING
    assert "claimSignature.mismatch" not in BINDING


@pytest.mark.parametrize(
    ("source_type", "ai"),
    [
        (IPTC + "trainedAlgorithmicMedia", AI.GENERATED),
        (IPTC.replace("http:", "https:") + "trainedAlgorithmicMedia", AI.GENERATED),
        ("trainedAlgorithmicMedia", AI.GENERATED),
        ("digsrctype:trainedAlgorithmicMedia", AI.GENERATED),
        (IPTC + "compositeWithTrainedAlgorithmicMedia", AI.MODIFIED),
        (IPTC + "compositeSynthetic", AI.MODIFIED),
        (IPTC + "digitalCapture", AI.NONE),
        (IPTC + "humanEdits", AI.NONE),
        (IPTC + "algorithmicMedia", AI.UNKNOWN),
        (IPTC + "somethingNew", AI.UNKNOWN),
        ("", AI.UNKNOWN),
        (None, AI.UNKNOWN),
        (["trainedAlgorithmicMedia"], AI.UNKNOWN),
        ("x" * 10_000 + "/trainedAlgorithmicMedia", AI.UNKNOWN),
    ],
)
def test_a_source_type_is_understood_in_every_spelling(source_type: object, ai: AI) -> None:
    assert ai_of(source_type) is ai


def report(*actions: dict[str, object], **assertions: object) -> ManifestReport:
    store = {"c2pa.actions.v2": {"actions": list(actions)}, **assertions}
    return ManifestReport({"active_manifest": "m", "manifests": {"m": {"assertion_store": store}}})


def action(name: str, code: str | None = None) -> dict[str, object]:
    return {"action": name, **({"digitalSourceType": IPTC + code} if code else {})}


@pytest.mark.parametrize(
    ("found", "ai"),
    [
        (report(action("c2pa.created", "digitalCapture")), AI.NONE),
        (report(action("c2pa.created", "digitalCapture"), action("c2pa.addedText", "algorithmicMedia")), AI.NONE),
        (
            report(action("c2pa.created", "digitalCapture"), action("c2pa.edited", "trainedAlgorithmicMedia")),
            AI.MODIFIED,
        ),
        (report(action("c2pa.created", "trainedAlgorithmicMedia"), action("c2pa.edited", "humanEdits")), AI.GENERATED),
        (report(action("c2pa.opened"), action("c2pa.edited", "compositeWithTrainedAlgorithmicMedia")), AI.MODIFIED),
        (report(action("c2pa.opened")), AI.UNKNOWN),
        (report(), AI.UNKNOWN),
        (report(action("c2pa.created"), **{"c2pa.ai-disclosure": {"modelType": "c2pa.types.model"}}), AI.MODIFIED),
        (ManifestReport({}), AI.UNKNOWN),
        (ManifestReport({"active_manifest": 7, "manifests": [1], "validation_results": "x"}), AI.UNKNOWN),
    ],
)
def test_actions_say_what_part_ai_had(found: ManifestReport, ai: AI) -> None:
    assert found.ai(found.active) is ai


def test_manifests_that_hold_each_other_end() -> None:
    def holding(other: str) -> dict[str, object]:
        reference = {"relationship": "parentOf", "activeManifest": {"url": f"self#jumbf=/c2pa/{other}"}}
        return {"assertion_store": {f"c2pa.ingredient.v3__{number}": reference for number in range(20)}}

    found = ManifestReport({"active_manifest": "a", "manifests": {"a": holding("b"), "b": holding("a")}})
    assert found.ai("a") is AI.UNKNOWN
    assert len(found.ingredients("a")) == 20
    assert found.generator("a") is None
    assert found.binding("a") is None
