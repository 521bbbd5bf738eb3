"""Every row of the table of verdicts, and every policy, one test each."""

from __future__ import annotations

import json

import pytest

from kzlabel.errors import ExitCode
from kzlabel.evidence import AI, Evidence, Layer, LayerEvidence, State
from kzlabel.trust.policy import Policy
from kzlabel.verification.judge import REASONS, judge
from kzlabel.verification.verdict import VerdictKind

from .evidences import BINDING, NOBODY, absent, candidate, led_to, manifest, metadata, of, sidecar, watermark

MARKED = Policy.parse("marked")
TRUSTED = Policy.parse("trusted")
ORIGIN = Policy.parse("origin")


def told(evidence: Evidence, policy: Policy | None = None) -> tuple[str, str, str]:
    verdict = judge(evidence, policy)
    assert verdict.reason in REASONS
    return str(verdict.kind), str(verdict.ai), verdict.reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("claimSignature.mismatch", "manifest.tampered.signature"),
        ("assertion.hashedURI.mismatch", "manifest.tampered.assertion"),
        ("assertion.dataHash.mismatch", "manifest.tampered.binding"),
        ("assertion.bmffHash.mismatch", "manifest.tampered.binding"),
        ("assertion.boxesHash.mismatch", "manifest.tampered.binding"),
        ("assertion.boxesHash.unknownBox", "manifest.tampered.binding"),
        ("something.unheard.of", "manifest.tampered"),
    ],
)
def test_a_signature_or_hash_that_does_not_match_is_tampered(code: str, reason: str) -> None:
    assert told(of(manifest(State.TAMPERED, AI.GENERATED, code))) == ("tampered", "unknown", reason)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("signingCredential.ocsp.revoked", "manifest.invalid.revoked"),
        ("algorithm.unsupported", "manifest.invalid.algorithm"),
        ("signingCredential.invalid", "manifest.invalid.certificate"),
        ("claim.malformed", "manifest.invalid.malformed"),
        ("manifest.text.corruptedWrapper", "manifest.invalid.malformed"),
        ("something.unheard.of", "manifest.invalid"),
    ],
)
def test_a_manifest_that_cannot_be_judged_is_invalid(code: str, reason: str) -> None:
    assert told(of(manifest(State.INVALID, AI.GENERATED, code))) == ("invalid", "unknown", reason)


def test_a_manifest_only_at_a_remote_address_is_invalid() -> None:
    assert told(of(manifest(State.REMOTE))) == ("invalid", "unknown", "manifest.invalid.remote")


def test_a_sidecar_decides_where_the_file_holds_only_an_address() -> None:
    remote = LayerEvidence(Layer.MANIFEST, State.REMOTE)
    assert told(of(remote, sidecar())) == ("verified", "generated", "manifest.trusted")
    assert told(of(remote, sidecar(State.NOT_FOR_THIS_FILE)))[0] == "invalid"


def test_a_camera_manifest_beside_ai_metadata_is_conflicting() -> None:
    evidence = of(manifest(ai=AI.NONE), metadata(AI.MODIFIED))
    assert told(evidence) == ("conflicting", "unknown", "conflict.metadata")


def test_a_camera_manifest_beside_an_ai_watermark_that_a_registry_confirms_is_conflicting() -> None:
    evidence = of(manifest(ai=AI.NONE), led_to(candidate()))
    assert told(evidence) == ("conflicting", "unknown", "conflict.watermark")


def test_a_camera_manifest_beside_a_trusted_ai_sidecar_is_conflicting() -> None:
    assert told(of(manifest(ai=AI.NONE), sidecar())) == ("conflicting", "unknown", "conflict.sidecar")
    assert told(of(manifest(ai=AI.NONE), sidecar(trusted=False)))[0] == "verified"


@pytest.mark.parametrize("trusted", [True, False])
def test_a_contradiction_is_told_whoever_signed(trusted: bool) -> None:
    assert told(of(manifest(ai=AI.NONE, trusted=trusted), metadata()))[0] == "conflicting"


@pytest.mark.parametrize(
    "unconfirmed",
    [
        watermark(),
        watermark(registered=True),
        led_to(candidate(fingerprint_agrees=False)),
        led_to(candidate(via="fingerprint")),
        led_to(candidate(state="tampered")),
        led_to(candidate(signer=NOBODY)),
        led_to(candidate(AI.NONE)),
    ],
)
def test_a_watermark_that_no_registry_confirms_cannot_contradict_a_camera(unconfirmed: LayerEvidence) -> None:
    assert told(of(manifest(ai=AI.NONE), unconfirmed)) == ("verified", "none", "manifest.trusted")


def test_an_ai_manifest_whose_parent_is_a_camera_photo_is_not_conflicting() -> None:
    parent = {"title": "camera.jpg", "ai": "none", "ok": True}
    evidence = of(manifest(ai=AI.MODIFIED, ingredients=[parent], ingredients_ok=True), metadata(AI.NONE))
    verdict = judge(evidence)
    assert (verdict.kind, verdict.ai) == (VerdictKind.VERIFIED, AI.MODIFIED)
    assert verdict.ingredients == (parent,)


def test_nobody_vouching_for_the_signer_is_untrusted() -> None:
    verdict = judge(of(manifest(trusted=False)))
    assert (verdict.kind, verdict.ai, verdict.reason) == ("untrusted", "generated", "manifest.untrusted")
    assert any(note.startswith("Nobody you trust vouches for the signer, Nobody") for note in verdict.notes)
    assert verdict.exit_code == ExitCode.DONE


def test_an_expired_certificate_without_trusted_time_is_untrusted_even_if_its_issuer_is_trusted() -> None:
    assert told(of(manifest(State.EXPIRED))) == ("untrusted", "generated", "manifest.expired")


def test_only_the_word_true_makes_a_signer_trusted() -> None:
    for value in ("yes", 1, "true", None, [True]):
        assert told(of(manifest(signer={"name": "X", "trusted": value})))[0] == "untrusted"


@pytest.mark.parametrize("ai", AI)
def test_a_valid_manifest_of_a_trusted_signer_is_verified_whatever_it_declares(ai: AI) -> None:
    assert told(of(manifest(ai=ai))) == ("verified", str(ai), "manifest.trusted")


def test_a_watermark_that_leads_to_a_trusted_manifest_is_recovered() -> None:
    verdict = judge(of(led_to(candidate(AI.MODIFIED))))
    assert (verdict.kind, verdict.ai, verdict.reason) == ("recovered", "modified", "recovered.trusted")
    assert "a copy, possibly edited, of" in verdict.notes[0]
    assert verdict.signer is not None
    assert verdict.signer["name"] == "Tulpar Studio"
    assert verdict.recovery is not None
    assert verdict.recovery["match"]["manifest_id"] == "urn:c2pa:1"


def test_a_signer_enrolled_in_the_registry_is_enough_to_recover_and_not_enough_for_the_policy_trusted() -> None:
    evidence = of(led_to(candidate(signer=NOBODY, enrolled=True)))
    assert told(evidence) == ("recovered", "generated", "recovered.enrolled")
    assert judge(evidence).acceptable
    assert not judge(evidence, TRUSTED).acceptable


def test_a_trusted_candidate_comes_before_an_enrolled_one_and_all_are_listed() -> None:
    enrolled = candidate(signer=NOBODY, enrolled=True, manifest_id="urn:c2pa:2")
    verdict = judge(of(led_to(enrolled, candidate(), candidate(via="fingerprint"))))
    assert verdict.reason == "recovered.trusted"
    assert verdict.recovery is not None
    assert [found["manifest_id"] for found in verdict.recovery["candidates"]] == ["urn:c2pa:2", "urn:c2pa:1"]
    assert len(verdict.recovery["similar"]) == 1


@pytest.mark.parametrize(
    "unsuitable",
    [
        candidate(fingerprint_agrees=False),
        candidate(fingerprint_agrees=None),
        candidate(state="tampered"),
        candidate(state="expired"),
        candidate(signer=NOBODY),
        candidate(via="fingerprint"),
    ],
)
def test_a_copied_watermark_borrows_no_provenance(unsuitable: dict[str, object]) -> None:
    verdict = judge(of(led_to(unsuitable)), MARKED)
    assert (verdict.kind, verdict.reason, verdict.signer) == ("declared", "watermark.unconfirmed", None)


@pytest.mark.parametrize(
    ("unsuitable", "why"),
    [
        (candidate(state="invalid", revocation={"status": "revoked"}), "certificate was revoked"),
        (candidate(state="expired"), "certificate had expired"),
        (candidate(watermark_bound=False), "bound to another watermark"),
        (candidate(state="tampered"), "do not hold"),
        (candidate(fingerprint_agrees=False), "differs from this content"),
        ({**candidate(fingerprint_agrees=False), "similarity": None}, "differs from this content"),
        (candidate(signer=NOBODY), "nobody vouches"),
    ],
)
def test_why_a_registered_mark_does_not_count_is_told(unsuitable: dict[str, object], why: str) -> None:
    verdict = judge(of(led_to(unsuitable)))
    assert verdict.reason == "watermark.unconfirmed"
    assert sum(why in note for note in verdict.notes) == 1, verdict.notes
    assert "may have been copied" in " ".join(verdict.notes)


def test_what_cannot_be_compared_does_not_count() -> None:
    bare = {key: value for key, value in candidate(fingerprint_agrees=False).items() if key != "similarity"}
    assert "cannot be compared" in " ".join(judge(of(led_to(bare))).notes)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"covers": 0.25}, "About 25% of this image"),
        ({"differs": 0.08}, "About 8% of what can be compared differs"),
        ({"pictures": 7}, "Only the first of the 7 pictures in it was compared; the others may come from anywhere"),
        ({"compared": [61.0, 91.0]}, "Only 30 s of it were compared, from second 61 on; the rest may come from"),
        ({"start": 12.5}, "12.5 s after the beginning of the registered work"),
        ({"start": -3.0}, "begins 3.0 s after the beginning of this image"),
        ({"characters": [[3, 90], [200, 260], "x"]}, "characters 3 to 90, 200 to 260"),
    ],
)
def test_where_a_copy_lies_is_told(place: dict[str, object], words: str) -> None:
    assert words in " ".join(judge(of(led_to(candidate(place=place)))).notes)


@pytest.mark.parametrize(
    "place",
    [
        "x",
        {},
        {"covers": "much"},
        {"covers": 0.99},
        {"start": 0.1},
        {"characters": 5},
        {"pictures": 1},
        {"compared": [5]},
        {"compared": [9, 3]},
        {"compared": [0, float("nan")]},
    ],
)
def test_a_place_that_tells_nothing_is_not_told(place: object) -> None:
    usual, odd = (judge(of(led_to(candidate(**more)))).notes for more in ({}, {"place": place}))
    assert usual == odd


def test_what_is_alike_is_evidence_and_no_verdict() -> None:
    alike = LayerEvidence(Layer.FINGERPRINT, State.SIMILAR, detail={"recovered": [candidate(via="fingerprint")]})
    verdict = judge(of(absent(Layer.WATERMARK), alike))
    assert (verdict.kind, verdict.reason) == ("unmarked", "nothing.found")
    assert verdict.recovery is not None
    assert (verdict.recovery["match"], len(verdict.recovery["similar"])) == (None, 1)
    assert "that alone proves nothing" in " ".join(verdict.notes)


def test_unsigned_metadata_is_declared() -> None:
    verdict = judge(of(metadata(generator={"name": "Painter"}, identifier="aa")), MARKED)
    assert (verdict.kind, verdict.ai, verdict.reason) == ("declared", "generated", "metadata.declared")
    assert (verdict.generator, verdict.identifier) == ({"name": "Painter", "version": None}, "aa")
    assert verdict.acceptable


def test_of_several_unsigned_marks_a_claim_of_ai_is_never_outvoted() -> None:
    assert told(of(metadata(AI.NONE), metadata(AI.MODIFIED), metadata(AI.UNKNOWN)))[1] == "modified"


@pytest.mark.parametrize(("confidence", "kind"), [(1 - 1e-9, "declared"), (1 - 1e-6, "unmarked"), (None, "unmarked")])
def test_a_watermark_counts_from_a_false_positive_probability_of_one_in_a_thousand_million(
    confidence: float | None, kind: str
) -> None:
    assert told(of(watermark(confidence=confidence)))[0] == kind


def test_a_false_positive_probability_that_is_told_goes_before_the_confidence() -> None:
    assert told(of(watermark(confidence=0.5, false_positive=1e-10))) == ("declared", "generated", "watermark.declared")
    assert told(of(watermark(false_positive=1e-3)))[0] == "unmarked"


def test_a_signed_mark_that_covers_only_a_part_of_a_text_is_declared() -> None:
    evidence = of(manifest(State.VALID, AI.GENERATED, "text.partial"), medium="text")
    assert told(evidence) == ("declared", "generated", "manifest.partial")
    assert judge(evidence, MARKED).acceptable
    assert not judge(evidence, TRUSTED).acceptable


def test_nothing_found_in_any_layer_is_unmarked() -> None:
    verdict = judge(of(absent(Layer.METADATA)), MARKED)
    assert (verdict.kind, verdict.ai, verdict.reason) == ("unmarked", "unknown", "nothing.found")
    assert verdict.notes[0] == "No mark was found. That says nothing about how this image was made."
    assert verdict.exit_code == ExitCode.NOT_ACCEPTABLE


def test_nothing_found_and_a_layer_not_checked_is_incomplete() -> None:
    verdict = judge(of(not_checked={"watermark": "no detector is installed"}))
    assert (verdict.kind, verdict.reason) == ("incomplete", "nothing.found.unchecked")
    assert verdict.to_json()["not_checked"] == [{"layer": "watermark", "why": "no detector is installed"}]
    assert verdict.to_json()["complete"] is False


@pytest.mark.parametrize("state", [State.DAMAGED, State.NOT_CHECKED])
def test_a_damaged_block_cannot_be_told_from_a_mark_so_that_nothing_found_is_incomplete(state: State) -> None:
    assert told(of(metadata(AI.UNKNOWN, state)))[0] == "incomplete"


def test_evidence_without_a_look_for_manifests_is_incomplete() -> None:
    assert told(Evidence("a.jpg"))[0] == "incomplete"


def test_a_file_that_cannot_be_parsed_is_unreadable() -> None:
    verdict = judge(Evidence("a.jpg", unreadable="a.jpg: the file is empty"))
    assert (verdict.kind, verdict.reason, verdict.exit_code) == ("unreadable", "file.unreadable", ExitCode.INPUT)
    assert "a.jpg: the file is empty" in verdict.notes


@pytest.mark.parametrize(
    ("layer", "kind"),
    [(manifest(), "verified"), (manifest(State.TAMPERED, AI.NONE, BINDING), "tampered"), (metadata(), "declared")],
)
def test_a_mark_that_was_found_counts_although_the_rest_cannot_be_parsed(layer: LayerEvidence, kind: str) -> None:
    verdict = judge(of(layer, unreadable="photo.jpg: a segment is cut off"))
    assert verdict.kind == kind
    assert any("a segment is cut off" in note for note in verdict.notes)


def test_an_embedded_manifest_decides_and_a_sidecar_beside_it_is_further_evidence() -> None:
    verdict = judge(of(manifest(), sidecar(State.TAMPERED, AI.GENERATED, BINDING)))
    assert verdict.kind == "verified"
    assert any("sidecar" in note and "does not hold" in note for note in verdict.notes)
    assert told(of(manifest(State.TAMPERED), sidecar()))[0] == "tampered"


def test_a_sidecar_decides_where_no_manifest_is_embedded() -> None:
    assert told(of(sidecar())) == ("verified", "generated", "manifest.trusted")
    assert told(of(sidecar(State.TAMPERED, AI.GENERATED, BINDING)))[0] == "tampered"


def test_a_sidecar_for_another_file_is_no_tampering() -> None:
    verdict = judge(of(sidecar(State.NOT_FOR_THIS_FILE)))
    assert verdict.kind == "unmarked"
    assert any("belongs to another file" in note for note in verdict.notes)


def test_of_two_embedded_manifests_the_broken_one_decides() -> None:
    assert told(of(manifest(), manifest(State.TAMPERED)))[0] == "tampered"


def test_recovery_is_reported_after_tampering_and_does_not_change_the_verdict() -> None:
    verdict = judge(of(manifest(State.TAMPERED, AI.GENERATED, BINDING), led_to(candidate())))
    assert (verdict.kind, verdict.ai, verdict.acceptable) == ("tampered", "unknown", False)
    assert verdict.recovery is not None
    assert verdict.recovery["match"]["manifest_id"] == "urn:c2pa:1"


def test_nothing_is_taken_from_a_broken_manifest_and_the_note_says_what_it_claimed() -> None:
    verdict = judge(of(manifest(State.TAMPERED, AI.GENERATED, "claimSignature.mismatch", training="allowed")))
    assert (verdict.signer, verdict.generator, verdict.identifier, verdict.training) == (None, None, None, None)
    assert any("had claimed that this image was generated by AI" in note for note in verdict.notes)


def test_a_signature_that_holds_over_changed_content_still_names_its_signer() -> None:
    verdict = judge(of(manifest(State.TAMPERED, AI.GENERATED, BINDING)))
    assert verdict.signer is not None
    assert verdict.signer["name"] == "Tulpar Studio"


def test_a_reflowed_text_is_tampered_and_the_note_says_why() -> None:
    verdict = judge(of(manifest(State.TAMPERED, AI.GENERATED, BINDING, "text.reflowed"), medium="text"))
    assert verdict.kind == "tampered"
    assert any("line ends" in note for note in verdict.notes)


def test_a_broken_ingredient_is_a_note_on_its_parent() -> None:
    verdict = judge(of(manifest(ingredients_ok=False, ingredients=[{"title": "a.png", "ok": False}])))
    assert verdict.kind == "verified"
    assert any("does not hold" in note for note in verdict.notes)


def test_the_strictest_training_permission_of_all_marks_is_reported() -> None:
    evidence = of(manifest(training="allowed"), metadata(training="prohibited"), sidecar(training="constrained"))
    assert judge(evidence).training == "prohibited"


def test_an_identity_narrows_the_policy_to_a_signer() -> None:
    evidence = of(manifest())
    assert judge(evidence, Policy.parse("signed", ["tulpar*"])).acceptable
    refused = judge(evidence, Policy.parse("signed", ["Somebody*"]))
    assert not refused.acceptable
    assert refused.kind == "verified"
    assert refused.exit_code == ExitCode.NOT_ACCEPTABLE


def test_a_verified_camera_original_is_acceptable_under_origin_only() -> None:
    evidence = of(manifest(ai=AI.NONE))
    assert judge(evidence, ORIGIN).acceptable
    assert not any(judge(evidence, Policy.parse(name)).acceptable for name in ("marked", "signed", "trusted"))
    assert not judge(of(manifest(ai=AI.UNKNOWN)), ORIGIN).acceptable


@pytest.mark.parametrize("name", ["marked", "signed", "trusted", "origin"])
def test_the_notes_say_which_policy_accepted_or_refused_and_why(name: str) -> None:
    for evidence in (of(), of(manifest()), of(manifest(trusted=False)), of(metadata())):
        verdict = judge(evidence, Policy.parse(name))
        begin = "Acceptable" if verdict.acceptable else "Not acceptable"
        assert any(note.startswith(f"{begin} under the policy “{name}”: ") for note in verdict.notes)


def test_the_medium_is_named_in_the_sentences() -> None:
    for medium, noun in (("audio", "this audio"), ("video", "this video"), (None, "this file"), ("text", "this text")):
        assert noun in judge(of(manifest(), medium=medium)).notes[0]


def test_archived_evidence_of_odd_types_is_judged_without_an_error() -> None:
    odd = {
        "signer": ["x"],
        "signed_at": 7,
        "time_source": {},
        "generator": "Painter",
        "ingredients": "many",
        "ingredients_ok": "no",
        "binding": [],
        "training": 3,
        "identifier": None,
    }
    evidence = of(
        LayerEvidence(Layer.MANIFEST, State.VALID, AI.GENERATED, (), odd),
        watermark(recovered=["x", {"ai": "robot", "via": 3, "signer": 4}], registered="yes", false_positive="low"),
    )
    verdict = judge(Evidence.from_json(json.loads(json.dumps(evidence.to_json()))))
    assert verdict.kind == "untrusted"
    json.dumps(verdict.to_json())
