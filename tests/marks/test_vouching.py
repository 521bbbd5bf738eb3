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
from ..forgeries.certificates import Authority, days, new_key
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


def sign(folder: Path, signer: pki.PrivateSigner) -> Path:
    source, target = folder / "a.jpg", folder / "b.jpg"
    source.write_bytes(jpeg())
    sign_file(source, target, "image/jpeg", definition(DECLARED, BADGE, opened=False, fmt="image/jpeg"), signer)
    return target


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


def test_of_several_lists_with_one_root_the_first_that_is_confirmed_is_named() -> None:
    signer = pki.signer()
    anchors = tuple(anchor(signer.root, name=name) for name in ("first", "second", "third"))
    explanation = f"found in [{anchor_name(2)}] trust anchors"
    for confirmed, name in (({"first", "second"}, "first"), ({"second"}, "second"), (set[str](), "third")):
        found = voucher(explanation, Trust(anchors), ders(signer), None, lambda one, known=confirmed: one.name in known)
        assert found.listed
        assert found.listed["name"] == name


def test_a_root_that_was_renewed_under_another_name_vouches_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    """c2pa names one of the two by chance; the old one would vouch, had its term not been over."""
    key = new_key()
    old, new = (Authority.root("Studio Root", key, until=days(number)) for number in (-1, 900))
    signed = sign(tmp_path, new.signer())
    for number in range(8):  # by chance: other bytes, another order
        anchors = (anchor(old.pem, "\n" * number, name="old"), anchor(new.pem, name="new"))
        for trust in (Trust(anchors), Trust(anchors[::-1])):
            verdict = Verifier(VerifyOptions(trust=trust)).verify(signed)
            assert verdict.kind == "verified"
            assert verdict.signer
            assert verdict.signer["trust_list"]["name"] == "new"


def test_the_first_of_several_lists_with_one_root_is_named_every_time(tmp_path: Path) -> None:
    signer = pki.signer()
    signed = sign(tmp_path, signer)
    for number in range(8):
        anchors = tuple(anchor(signer.root, "\n" * number, name=name) for name in ("call", "own", "shipped"))
        verdict = Verifier(VerifyOptions(trust=Trust(anchors))).verify(signed)
        assert verdict.signer
        assert verdict.signer["trust_list"]["name"] == "call"


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
    target = sign(tmp_path, signer)
    verdict = Verifier(VerifyOptions(trust=Trust((anchor(signer.root),)))).verify(target)
    assert (verdict.kind, verdict.ai) == ("untrusted", AI.GENERATED)
    assert verdict.signer
    assert verdict.signer["trust_list"] is None
    assert "signingCredential.trusted" not in verdict.evidence[0].codes
    assert "signingCredential.untrusted" in verdict.evidence[0].codes
    assert any("CN=Test Root,O=Test Authority,C=KZ would vouch" in note for note in verdict.notes)


def test_a_time_stamping_anchor_or_one_for_identities_never_vouches_for_a_signer(tmp_path: Path) -> None:
    signer = pki.signer()
    target = sign(tmp_path, signer)
    root = anchor(signer.root)
    for trust in (Trust((), (root,)), Trust((), (), (root,)), Trust((anchor(pki.signer().root),), (root,), (root,))):
        assert Verifier(VerifyOptions(trust=trust)).verify(target).kind == "untrusted"
    assert Verifier(VerifyOptions(trust=Trust((root,)))).verify(target).kind == "verified"
