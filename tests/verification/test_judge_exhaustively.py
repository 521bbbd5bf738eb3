"""Invariants of the verdict over every combination of evidence, written without regard to how `judge` decides."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from kzlabel.evidence import AI, Evidence, Layer, LayerEvidence, State
from kzlabel.trust.policy import Policy, PolicyName
from kzlabel.verification.judge import REASONS, judge
from kzlabel.verification.verdict import Verdict

from .evidences import BINDING, NOBODY, TULPAR, absent, candidate, led_to, manifest, metadata, of, sidecar, watermark

FORBIDDEN = (
    *("not ai", "no ai", "non-ai", "ai-free", "human", "authentic", "genuine", "real ", "original", "natural"),
    *("was not generated", "not generated", "not made by", "untouched", "unaltered", "true photo"),
)
SAYS_AI = {AI.GENERATED, AI.MODIFIED}

IDENTITIES = [{"type": "cawg.x509.cose", "name": "Somebody", "state": "trusted", "codes": []}]
LAPSED = {**NOBODY, "lapsed_anchor": {"name": "root.pem", "anchor": "CN=Old Root", "expires": "2024-01-01"}}


def listed(name: str, age: int | None, certificates: int | None) -> dict[str, Any]:
    vouching = {"name": name, "date": "2026-01-01", "anchor": "CN=Root", "age_days": age, "certificates": certificates}
    return {**TULPAR, "trust_list": vouching}


MANIFESTS = (
    *(absent(), LayerEvidence(Layer.MANIFEST, State.NOT_CHECKED), LayerEvidence(Layer.MANIFEST, State.REMOTE)),
    *(
        manifest(state, ai, *codes, trusted=trusted)
        for state, codes in (
            *((State.VALID, ()), (State.VALID, ("text.partial",)), (State.EXPIRED, ())),
            *((State.TAMPERED, (BINDING,)), (State.INVALID, ("claim.malformed",))),
        )
        for ai in AI
        for trusted in (True, False)
    ),
    *(
        manifest(state, AI.GENERATED, signer=signer, time_source=time_source, profile=profile, identities=IDENTITIES)
        for state, signer, time_source, profile in (
            (State.VALID, listed("C2PA trust list", 100, 30), "tsa-trusted", "kz"),
            (State.VALID, listed("C2PA trust list", 400, 30), "tsa-untrusted", "kz"),
            (State.VALID, listed("root.pem", 4000, 1), "claimed", "eu"),
            (State.VALID, LAPSED, "claimed", "kz"),
            (State.EXPIRED, listed("C2PA trust list", None, None), "tsa-trusted", None),
            (State.TAMPERED, listed("C2PA trust list", 0, 30), "tsa-trusted", "kz"),
        )
    ),
)
SIDECARS = (
    None,
    *(
        sidecar(state, ai, trusted=trusted)
        for state in (State.VALID, State.EXPIRED, State.TAMPERED, State.INVALID, State.NOT_FOR_THIS_FILE)
        for ai, trusted in ((AI.GENERATED, True), (AI.NONE, True), (AI.GENERATED, False))
    ),
)
METADATA = (absent(Layer.METADATA), metadata(AI.UNKNOWN, State.DAMAGED), *(metadata(ai) for ai in AI))
WATERMARKS = (
    *(None, absent(Layer.WATERMARK), LayerEvidence(Layer.WATERMARK, State.NOT_CHECKED)),
    *(watermark(), watermark(confidence=0.99), watermark(registered=True)),
    *(led_to(candidate()), led_to(candidate(signer=NOBODY, enrolled=True)), led_to(candidate(AI.NONE))),
    *(
        led_to(candidate(signer=NOBODY)),
        led_to(candidate(fingerprint_agrees=False)),
        led_to(candidate(via="fingerprint")),
    ),
)
POLICIES = (
    *(Policy(name) for name in PolicyName),
    Policy(PolicyName.SIGNED, ("Tulpar*",)),
    Policy("listed", extends=Policy(PolicyName.TRUSTED), lists=("C2PA*",)),
    Policy("fresh", extends=Policy(PolicyName.ORIGIN), max_list_age_days=365),
    Policy("stamped", extends=Policy(PolicyName.SIGNED), require_time_stamp=True),
    Policy("at-home", extends=Policy(PolicyName.MARKED), profile="kz"),
    Policy("named", ("O=Tulpar*",), Policy("listed", extends=Policy(PolicyName.SIGNED), lists=("C2PA*",))),
    Policy(
        "newsroom",
        ("sha256:ab*",),
        Policy(PolicyName.TRUSTED),
        lists=("C2PA*",),
        profile="kz",
        max_list_age_days=365,
        require_time_stamp=True,
    ),
)


def combinations(embedded: LayerEvidence) -> Iterator[Evidence]:
    media = itertools.cycle(("image", "video", "audio", "text", "document", None))
    for beside, tags, mark, unreadable in itertools.product(SIDECARS, METADATA, WATERMARKS, (None, "cut off")):
        layers = [layer for layer in (embedded, beside, tags, mark) if layer is not None]
        yield of(*layers, medium=next(media), unreadable=unreadable)


@pytest.mark.parametrize("embedded", MANIFESTS, ids=lambda layer: f"{layer.state}-{layer.ai}-{','.join(layer.codes)}")
def test_no_combination_of_evidence_breaks_an_invariant(embedded: LayerEvidence) -> None:
    policies = itertools.cycle(POLICIES)
    for evidence in combinations(embedded):
        policy = next(policies)  # 11 of them, coprime to the inner counts: each meets each state
        verdict = judge(evidence, policy)
        check_belief(evidence, verdict)
        check_silence(evidence, verdict)
        check_acceptance(verdict, policy)
        check_wording(verdict)


def deciding(evidence: Evidence) -> LayerEvidence | None:
    """The manifest that the contract lets decide, found again here in another way."""
    embedded = next(layer for layer in evidence.layers if layer.layer == "manifest")
    beside = next((layer for layer in evidence.layers if layer.layer == "sidecar"), None)
    if beside is not None and beside.state == "not-for-this-file":
        beside = None
    if embedded.state in ("absent", "not-checked"):
        return beside
    return beside or embedded if embedded.state == "remote" else embedded


def check_belief(evidence: Evidence, verdict: Verdict) -> None:
    decider = deciding(evidence)
    state = decider.state if decider else None
    assert (verdict.kind == "tampered") == (state == "tampered")
    assert (verdict.kind == "invalid") == (state in ("invalid", "remote"))
    if state in ("tampered", "invalid", "remote"):
        assert not verdict.acceptable
        assert verdict.ai == "unknown"
        assert verdict.generator is None
    if verdict.kind == "verified":
        assert decider is not None
        assert decider.state == "valid"
        assert decider.detail["signer"]["trusted"] is True
        assert verdict.ai == decider.ai
        assert verdict.signer is not None
        assert verdict.signer["trusted"] is True
    if verdict.kind == "untrusted":
        assert decider is not None
        assert decider.state == "expired" or decider.detail["signer"]["trusted"] is not True
        assert verdict.ai == decider.ai
    if verdict.kind == "conflicting":
        assert decider is not None
        assert decider.ai == "none"
        assert any(layer.ai in SAYS_AI for layer in evidence.layers if layer is not decider)
        assert verdict.ai == "unknown"
        assert not verdict.acceptable
    if decider is not None and decider.ai in SAYS_AI:
        assert verdict.kind != "conflicting"
    if verdict.kind == "recovered":
        assert decider is None or "text.partial" in decider.codes
        assert verdict.recovery is not None
        found = verdict.recovery["match"]
        assert found["fingerprint_agrees"]
        assert found["via"] == "watermark"
        assert found["signer"]["trusted"] or found["enrolled"]
        assert verdict.ai == found["ai"]
    if verdict.kind == "declared":
        assert decider is None or "text.partial" in decider.codes


def check_silence(evidence: Evidence, verdict: Verdict) -> None:
    seen = [
        layer
        for layer in evidence.layers
        if layer.state in ("valid", "tampered", "invalid", "expired", "remote", "found")
        and (layer.layer != "watermark" or (layer.confidence or 0) > 0.999)
    ]
    silent = verdict.kind in ("unmarked", "incomplete", "unreadable")
    assert silent == (not seen)
    if silent:
        assert verdict.ai == "unknown"
        assert not verdict.acceptable
        assert verdict.signer is None
    if verdict.kind == "unmarked":
        assert not verdict.not_checked
        assert evidence.unreadable is None
    if verdict.kind == "incomplete":
        assert verdict.not_checked
    if verdict.kind == "unreadable":
        assert evidence.unreadable is not None
        assert verdict.exit_code == 3
    assert verdict.evidence == evidence.layers
    unchecked = {str(layer.layer) for layer in evidence.layers if layer.state in ("not-checked", "damaged")}
    assert unchecked == set(verdict.not_checked)


def check_acceptance(verdict: Verdict, policy: Policy) -> None:
    assert verdict.exit_code == (3 if verdict.kind == "unreadable" else 0 if verdict.acceptable else 1)
    if not verdict.acceptable:
        return
    allowed = {
        "marked": {"verified", "untrusted", "recovered", "declared"},
        "signed": {"verified", "untrusted", "recovered"},
        "trusted": {"verified", "recovered"},
        "origin": {"verified"},
    }
    assert verdict.policy == policy.name
    assert verdict.kind in allowed[policy.base]
    assert verdict.ai in (SAYS_AI | {AI.NONE} if policy.base == "origin" else SAYS_AI)
    signer = verdict.signer or {}
    vouching = signer.get("trust_list") or {}
    if policy.base == "trusted":
        assert signer["trusted"] is True
    if policy.name in ("listed", "named", "newsroom"):
        assert signer["trusted"] is True
        assert vouching["name"].startswith("C2PA")
    if policy.name in ("named", "newsroom"):
        assert signer["organization"] == "Tulpar LLP"
    if policy.name in ("fresh", "newsroom"):
        assert vouching["age_days"] <= 365
    if policy.name in ("stamped", "newsroom"):
        assert verdict.time_source == "tsa-trusted"
    if policy.name in ("at-home", "newsroom"):
        assert any(layer.detail.get("profile") == "kz" for layer in verdict.evidence)


def check_wording(verdict: Verdict) -> None:
    assert verdict.reason in REASONS
    assert verdict.notes
    for note in verdict.notes:
        assert not [phrase for phrase in FORBIDDEN if phrase in note.casefold()], note
        assert note.isprintable()
        assert "{" not in note
        assert "  " not in note
        assert note[0].isupper() or note == "cut off"
        assert note.endswith(".") or "cut off" in note
    told = " ".join(verdict.notes)
    if verdict.kind in ("unmarked", "incomplete"):
        assert "That says nothing about how this" in told
    if verdict.kind == "untrusted" and verdict.reason == "manifest.untrusted":
        assert "Nobody you trust vouches for the signer" in told
    if verdict.kind == "recovered":
        assert "a copy, possibly edited, of" in told
    assert ("is 400 days old" in told) == any(
        verdict.kind != "tampered" and layer.detail.get("signer", {}).get("trust_list", {}).get("age_days") == 400
        for layer in verdict.evidence
        if layer.layer == "manifest"
    )
    assert "4000 days old" not in told  # a single root does not age


@pytest.mark.parametrize("embedded", MANIFESTS[-6:], ids=lambda layer: f"{layer.state}-{layer.detail['profile']}")
def test_an_identity_assertion_never_changes_a_verdict(embedded: LayerEvidence) -> None:
    detail = {key: value for key, value in embedded.detail.items() if key != "identities"}
    for policy in POLICIES:
        with_it, without = (
            judge(of(layer), policy) for layer in (embedded, dataclasses.replace(embedded, detail=detail))
        )
        assert dataclasses.replace(with_it, evidence=()) == dataclasses.replace(without, evidence=())


def test_some_evidence_satisfies_every_policy() -> None:
    """Else the invariants above would hold of nothing."""
    reached = {
        policy.name
        for embedded in (*MANIFESTS[:9], *MANIFESTS[-6:])
        for policy in POLICIES
        if judge(of(embedded), policy).acceptable
    }
    assert reached == {policy.name for policy in POLICIES}


@pytest.mark.parametrize("embedded", MANIFESTS[::5], ids=lambda layer: f"{layer.state}-{layer.ai}")
def test_archived_evidence_is_judged_the_same(embedded: LayerEvidence) -> None:
    for evidence in itertools.islice(combinations(embedded), 0, None, 17):
        archived = Evidence.from_json(json.loads(json.dumps(evidence.to_json())))
        assert archived == evidence
        for policy in POLICIES:
            assert judge(archived, policy).to_json() == judge(evidence, policy).to_json()


def test_every_reason_is_reached_by_some_evidence_or_has_a_test_of_its_own() -> None:
    reached = {
        judge(evidence).reason for embedded in MANIFESTS for evidence in itertools.islice(combinations(embedded), 999)
    }
    rest = {reason for reason in REASONS if reason.startswith(("manifest.tampered", "manifest.invalid", "disclosure."))}
    assert set(REASONS) - rest <= reached
