"""Which certificate vouches for a signer, and that it does so within its own term only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kzlabel import AI, Verifier, VerifyOptions
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import sign_file
from kzlabel.marks.vouching import Voucher, anchor_name, voucher
from kzlabel.trust import Anchor, Trust

from .. import pki
from .samples import jpeg
from .test_definition import BADGE
from .test_manifest import DECLARED

NOW = datetime.now(UTC)


def anchor(*pems: str, name: str = "list", date: str | None = "2026-11-01") -> Anchor:
    return Anchor(name, date, "".join(pems))


def ders(signer: pki.PrivateSigner) -> tuple[bytes, ...]:
    chain = x509.load_pem_x509_certificates(signer.chain.encode())
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in chain)


def vouching(signer: pki.PrivateSigner, *anchors: Anchor, number: int = 0, proven: datetime | None = None) -> Voucher:
    return voucher(f"found in [{anchor_name(number)}] trust anchors", Trust(anchors), ders(signer), proven)


def test_the_root_is_named_with_its_list_and_the_age_of_that() -> None:
    signer = pki.signer(intermediate=True)
    day = (NOW.date() - timedelta(days=400)).isoformat()
    found = vouching(signer, anchor(pki.signer().root, signer.root, date=day))
    assert found.trusted
    assert found.listed == {
        "name": "list",
        "date": day,
        "anchor": "CN=Test Root,O=Test Authority,C=KZ",
        "age_days": 400,
        "certificates": 2,
    }


def test_an_intermediate_vouches_as_well_as_a_root() -> None:
    signer = pki.signer(intermediate=True)
    intermediate = signer.chain[signer.chain.rindex("-----BEGIN") :]
    found = vouching(signer, anchor(intermediate))
    assert found.listed
    assert found.listed["anchor"] == "CN=Test Intermediate,O=Test Authority,C=KZ"


def test_the_list_that_c2pa_names_is_the_one_that_is_named() -> None:
    signer = pki.signer()
    found = vouching(signer, anchor(pki.signer().root, name="first"), anchor(signer.root, name="second"), number=1)
    assert found.listed
    assert found.listed["name"] == "second"


@pytest.mark.parametrize("explanation", ["", "found in [anchor-7] trust anchors", "found in [anchor-] trust anchors"])
def test_a_list_that_nobody_gave_vouches_for_nobody(explanation: str) -> None:
    signer = pki.signer()
    assert not voucher(explanation, Trust((anchor(signer.root),)), ders(signer), None).trusted


def test_an_expired_root_vouches_for_what_a_time_stamp_shows_to_be_older_and_for_nothing_else() -> None:
    signer = pki.signer(start=NOW - timedelta(days=3660), days=4000)  # its root lived for 3650 days
    assert vouching(signer, anchor(signer.root), proven=NOW - timedelta(days=30)).trusted
    for proven in (None, NOW, NOW - timedelta(days=4000)):
        found = vouching(signer, anchor(signer.root), proven=proven)
        assert not found.trusted
        assert found.lapsed
        assert found.lapsed["anchor"] == "CN=Test Root,O=Test Authority,C=KZ"


def test_an_expired_root_is_not_saved_by_a_valid_one_that_has_nothing_to_do_with_the_signer() -> None:
    signer = pki.signer(start=NOW - timedelta(days=3660), days=4000)
    other = pki.signer().root
    assert not vouching(signer, anchor(other, signer.root)).trusted
    # Not even when it stands in the chain, where anybody may put it.
    chain = (*ders(signer), x509.load_pem_x509_certificate(other.encode()).public_bytes(Encoding.DER))
    explanation = f"found in [{anchor_name(0)}] trust anchors"
    assert not voucher(explanation, Trust((anchor(other, signer.root),)), chain, None).trusted


@pytest.mark.parametrize("chain", [(), (b"",), (b"\x30\x82\xff\xff",), (b"\x00" * 100_000,)])
def test_a_chain_that_cannot_be_read_leaves_it_to_c2pa_unless_some_term_is_over(chain: tuple[bytes, ...]) -> None:
    young, old = pki.signer().root, pki.signer(start=NOW - timedelta(days=3660)).root
    explanation = f"found in [{anchor_name(0)}] trust anchors"
    assert voucher(explanation, Trust((anchor(young),)), chain, None).trusted
    assert not voucher(explanation, Trust((anchor(young, old),)), chain, None).trusted


def test_a_file_under_an_expired_root_is_untrusted_and_says_why(tmp_path: Path) -> None:
    signer = pki.signer(start=NOW - timedelta(days=3660), days=4000)
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(jpeg())
    sign_file(source, target, "image/jpeg", definition(DECLARED, BADGE, opened=False, fmt="image/jpeg"), signer)
    verdict = Verifier(VerifyOptions(trust=Trust((anchor(signer.root),)))).verify(target)
    assert (verdict.kind, verdict.ai) == ("untrusted", AI.GENERATED)
    assert verdict.signer
    assert verdict.signer["trust_list"] is None
    assert "signingCredential.trusted" not in verdict.evidence[0].codes
    assert "signingCredential.untrusted" in verdict.evidence[0].codes
    assert any("CN=Test Root,O=Test Authority,C=KZ would vouch" in note for note in verdict.notes)


def test_a_time_stamping_anchor_or_one_for_identities_never_vouches_for_a_signer(tmp_path: Path) -> None:
    signer = pki.signer()
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(jpeg())
    sign_file(source, target, "image/jpeg", definition(DECLARED, BADGE, opened=False, fmt="image/jpeg"), signer)
    root = anchor(signer.root)
    for trust in (Trust((), (root,)), Trust((), (), (root,)), Trust((anchor(pki.signer().root),), (root,), (root,))):
        assert Verifier(VerifyOptions(trust=trust)).verify(target).kind == "untrusted"
    assert Verifier(VerifyOptions(trust=Trust((root,)))).verify(target).kind == "verified"
