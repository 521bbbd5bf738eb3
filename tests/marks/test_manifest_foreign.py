"""Files that others signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.declaration import Declaration, Source
from kzlabel.evidence import AI, LayerEvidence, State
from kzlabel.marks import manifest
from kzlabel.marks.binding import MISMATCH
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import Parent
from kzlabel.trust import Trust, load_anchor

from .samples import desk, make

SHARED = Path(__file__).parents[3] / "shared"
FOREIGN = SHARED / "media" / "foreign"
ADOBE, ALTERED = "adobe-20220124-CA.jpg", "adobe-20220124-E-dat-CA.jpg"
CAMERA, GENERATOR = "nikon-20221019-building.jpeg", "amazon-titan-g1.png"

pytestmark = pytest.mark.skipif(not FOREIGN.is_dir(), reason="../shared/media/foreign is not there")


def read(name: str, trust: Trust | None = None) -> LayerEvidence:
    mime = "image/png" if name.endswith("png") else "image/jpeg"
    evidence = manifest.read(FOREIGN / name, mime, **({"trust": trust} if trust else {}))
    assert evidence is not None
    return evidence


def test_a_good_file_of_another_maker_is_valid_and_its_signer_is_named() -> None:
    evidence = read(ADOBE)
    assert evidence.state is State.VALID
    assert evidence.ai is AI.UNKNOWN
    assert evidence.detail["signer"]["organization"] == "C2PA Test Signing Cert"
    assert len(evidence.detail["signer"]["fingerprint"]) == 64
    assert evidence.detail["signer"]["trusted"] is False
    assert (evidence.detail["signed_at"], evidence.detail["time_source"]) == ("2023-01-24T14:48:56Z", "tsa-untrusted")
    assert [(one["title"], one["state"]) for one in evidence.detail["ingredients"]] == [("A.jpg", "absent")]


def test_a_file_changed_after_signing_is_tampered() -> None:
    evidence = read(ALTERED)
    assert evidence.state is State.TAMPERED
    assert MISMATCH in evidence.codes


def test_a_cameras_original_has_an_expired_certificate_and_is_not_called_tampered() -> None:
    evidence = read(CAMERA)
    assert evidence.state is State.EXPIRED
    assert "signingCredential.expired" in evidence.codes
    assert evidence.detail["signer"]["organization"] == "NIKON CORPORATION"


def test_an_ai_generators_output_says_so() -> None:
    evidence = read(GENERATOR)
    assert evidence.ai is AI.GENERATED
    assert evidence.detail["generator"] == {"name": "Titan Image Generator G1", "version": None}
    assert evidence.detail["digital_source_type"].endswith("/trainedAlgorithmicMedia")


def test_an_old_time_stamp_that_nobody_checked_does_not_outlive_the_certificate() -> None:
    evidence = read(GENERATOR)
    assert evidence.state is State.EXPIRED
    assert evidence.detail["time_source"] == "tsa-untrusted"


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="../shared/data is not there")
def test_the_official_list_can_be_given_as_anchors() -> None:
    trust = Trust(
        (load_anchor(SHARED / "data" / "C2PA-TRUST-LIST.pem"),),
        (load_anchor(SHARED / "data" / "C2PA-TSA-TRUST-LIST.pem"),),
    )
    for name, state in ((ADOBE, State.VALID), (ALTERED, State.TAMPERED), (CAMERA, State.EXPIRED)):
        assert read(name, trust).state is state


@pytest.mark.parametrize(
    ("name", "state", "ai"),
    [
        (GENERATOR, "valid", AI.GENERATED),  # c2pa goes by its old time-stamp, and the certificate was good then
        (ALTERED, "tampered", AI.UNKNOWN),
        (CAMERA, "expired", AI.UNKNOWN),
        (ADOBE, "valid", AI.UNKNOWN),
    ],
)
def test_a_foreign_manifest_becomes_the_parent_of_ours(tmp_path: Path, name: str, state: str, ai: AI) -> None:
    at = desk(tmp_path / "keys")
    mime = "image/png" if name.endswith("png") else "image/jpeg"
    target = tmp_path / "out.jpg"
    values = definition(Declaration(Source.MODIFIED), None, opened=True, fmt="image/jpeg")
    source = make(tmp_path, "picture.jpg")
    manifest.sign_file(source, target, "image/jpeg", values, at.signer, parent=Parent(FOREIGN / name, mime))
    evidence = manifest.read(target, "image/jpeg", trust=at.trust)
    assert evidence is not None
    (ingredient,) = evidence.detail["ingredients"]
    assert (evidence.state, evidence.ai) == (State.VALID, AI.MODIFIED)
    assert ingredient["state"] == state
    assert ingredient["ai"] == ai
    assert evidence.detail["ingredients_ok"] is (state != "tampered")
