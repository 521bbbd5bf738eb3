"""Identity assertions (CAWG) are read, validated under anchors of their own, and decide nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kzlabel import Verifier, VerifyOptions
from kzlabel.marks.identities import identities
from kzlabel.marks.manifest_reading import ManifestReport
from kzlabel.trust import NOBODY, Trust, load_anchor
from kzlabel.verification.lines import text
from kzlabel.verification.report import ReportItem
from kzlabel.verification.report import report as report_page

from ..system import need

FOLDER = Path(__file__).parents[2] / "fixtures" / "identities"
CLAIM, PERSON = (load_anchor(FOLDER / f"{name}-root.pem") for name in ("claim", "identity"))


def found(name: str, trust: Trust) -> tuple[str, list[dict[str, Any]], tuple[str, ...]]:
    verdict = Verifier(VerifyOptions(trust=trust)).verify(FOLDER / name)
    manifest = verdict.evidence[0]
    return verdict.kind, manifest.detail["identities"], manifest.codes


def test_an_identity_is_told_by_name_role_and_state() -> None:
    kind, (identity,), codes = found("x509.jpg", Trust((CLAIM,)))
    assert kind == "verified"
    assert identity["type"] == "cawg.x509.cose"
    assert (identity["name"], identity["organization"]) == ("Aigerim Example", "Example Press")
    assert identity["roles"] == ["cawg.creator"]
    assert re.fullmatch("[0-9a-f]{64}", identity["fingerprint"])
    assert identity["state"] == "valid"
    assert "cawg.x509.credential.untrusted" in codes


@pytest.mark.parametrize(
    ("trust", "kind", "state"),
    [
        (NOBODY, "untrusted", "valid"),
        (Trust((PERSON,)), "untrusted", "valid"),  # an anchor for signers vouches for no identity
        (Trust((), (PERSON,)), "untrusted", "valid"),
        (Trust((), (), (PERSON,)), "untrusted", "trusted"),  # and the reverse: nobody vouches for the signer
        (Trust((), (), (CLAIM,)), "untrusted", "valid"),
        (Trust((CLAIM,), (), (PERSON,)), "verified", "trusted"),
    ],
)
def test_anchors_for_identities_and_for_signers_are_kept_apart(trust: Trust, kind: str, state: str) -> None:
    told, (identity,), codes = found("x509.jpg", trust)
    assert (told, identity["state"]) == (kind, state)
    assert ("cawg.x509.credential.trusted" in codes) == (state == "trusted")
    assert ("cawg.x509.credential.untrusted" in codes) == (state != "trusted")


def test_an_identity_that_does_not_hold_changes_no_verdict() -> None:
    kind, (identity,), codes = found("aggregated.jpg", Trust((CLAIM,)))
    assert kind == "verified"
    assert identity["type"] == "cawg.identity_claims_aggregation"
    assert identity["name"] == "Aigerim Example (Example Network)"
    assert identity["state"] == "invalid"
    assert "cawg.identity.assertion.mismatch" in codes


def test_lines_tell_an_identity_and_that_it_decides_nothing() -> None:
    verdict = Verifier(VerifyOptions(trust=Trust((CLAIM,), (), (PERSON,)))).verify(FOLDER / "x509.jpg")
    told = text(verdict, verbose=True)
    assert "Identity: Aigerim Example (Example Press): an identity assertion that holds, and somebody you trust" in told
    assert "it decides nothing" in told


def test_the_report_shows_an_identity() -> None:
    verdict = Verifier(VerifyOptions(trust=Trust((CLAIM,)))).verify(FOLDER / "x509.jpg")
    page = report_page([ReportItem(verdict)], title="t", generated_at=datetime.now(UTC))
    assert "<dt>Identity</dt><dd>Aigerim Example (Example Press): an identity assertion that holds, and nobody" in page


def test_what_anchors_for_identities_prove_is_not_explained_away() -> None:
    verdict = Verifier(VerifyOptions(trust=Trust((), (), (PERSON,)))).verify(FOLDER / "x509.jpg")
    assert "cawg.x509.credential.untrusted" not in verdict.evidence[0].detail["explanations"]


def test_reading_an_identity_asks_no_host_that_it_names(tmp_path: Path) -> None:
    """The issuer of this one says that its key stands at did:web:identities.example."""
    need("strace", package="strace")
    script = f"import kzlabel; print(kzlabel.verify({str(FOLDER / 'aggregated.jpg')!r}).kind)"
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-e", "trace=connect,sendto,sendmmsg", "-o", str(trace), sys.executable, "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in told.stderr.lower():
        pytest.skip("this machine does not let strace look on")
    assert told.stdout.strip() == "untrusted", told.stderr
    assert "AF_INET" not in trace.read_text()


BASE = "self#jumbf=/c2pa/urn:c2pa:x/c2pa.assertions/"


def report(assertions: dict[str, Any], **statuses: Any) -> ManifestReport:
    whole = {
        "active_manifest": "urn:c2pa:x",
        "manifests": {"urn:c2pa:x": {"assertion_store": assertions}},
        "validation_results": {"activeManifest": statuses},
    }
    return ManifestReport(json.loads(json.dumps(whole)))


@pytest.mark.parametrize(
    "assertion",
    [
        None,
        [],
        "text",
        {},
        {"signer_payload": []},
        {"signer_payload": {"sig_type": 5, "role": "x"}, "signature": 7},
        {"signer_payload": {"sig_type": "cawg.x509.cose", "role": [None, {}]}, "signature": "////"},
        {"signer_payload": {"sig_type": "cawg.x509.cose"}, "signature": "no base64 ä"},
        {"signer_payload": {"sig_type": "cawg.identity_claims_aggregation"}, "signature": "A" * 200_000},
        {"signer_payload": {"sig_type": "\x1b[31m" * 99}, "signature": "g" * 400},
    ],
)
def test_a_malformed_identity_is_one_that_was_not_checked(assertion: Any) -> None:
    (identity,) = identities(report({"cawg.identity": assertion}), lambda: None)
    assert identity.state == "not-checked"
    assert json.dumps(identity.to_json()).isprintable()


def test_many_identities_are_told_apart_by_their_labels_and_bounded() -> None:
    labels = ["cawg.identity", *(f"cawg.identity__{number}" for number in range(1, 100))]
    good = [{"code": "cawg.x509.signature.validated", "url": f"{BASE}cawg.identity__1", "explanation": ""}]
    bad = [{"code": "cawg.x509.signature.mismatch", "url": f"{BASE}cawg.identity__2", "explanation": ""}]
    read = identities(report({label: {} for label in labels}, success=good, failure=bad), None)
    assert len(read) == 20
    assert [one.state for one in read[:4]] == ["not-checked", "valid", "invalid", "not-checked"]
