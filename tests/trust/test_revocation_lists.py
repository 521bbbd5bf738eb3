"""Revocation lists, from a web server and at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from kzlabel.errors import TrustError
from kzlabel.trust import Anchor
from kzlabel.trust.revocation import Answer, Mode, Revocation, RevocationChecker, Status, lists, load_list

from .. import pki
from .responder import Web, addresses, certificates, chain, issuer, revocation_list, web

DAY = timedelta(days=1)
ADDRESS = "/authority.crl"


@dataclass
class Authority:
    """A signer whose certificate names a list on a web server."""

    served: Web
    signer: pki.PrivateSigner

    @property
    def leaf(self) -> x509.Certificate:
        return certificates(self.signer.chain)[0]

    @property
    def url(self) -> str:
        return self.served.url + ADDRESS

    def list(self, *revoked: x509.Certificate, **options: Any) -> bytes:
        data = revocation_list(issuer(self.signer), self.signer.issuers[0], revoked, **options)
        self.served.pages[ADDRESS] = data
        return data

    def check(self, signed_at: datetime | None = None, **options: Any) -> Answer:
        options.setdefault("mode", Mode.CRL)
        checker = RevocationChecker(Revocation(**options), [Anchor("root.pem", None, self.signer.root)])
        return checker.check(chain(self.signer), signed_at)


@pytest.fixture
def authority() -> Iterator[Authority]:
    with web() as served:
        yield Authority(served, pki.signer(extensions=addresses(crl=served.url + ADDRESS)))


def test_a_certificate_that_is_not_listed_is_good(authority: Authority) -> None:
    authority.list()
    answer = authority.check()
    assert answer.status is Status.GOOD
    assert answer.method == "crl"
    assert answer.url == authority.url


def test_one_that_is_listed_is_revoked(authority: Authority) -> None:
    when = datetime.now(UTC).replace(microsecond=0) - DAY
    authority.list(authority.leaf, at=when, since=when - 10 * DAY)
    answer = authority.check()
    assert answer.counts
    assert answer.revoked_at == when
    assert answer.reason == "keyCompromise"
    assert not authority.check(when - 11 * DAY).counts
    assert authority.check(when - 9 * DAY).counts


def test_a_superseded_certificate_leaves_what_was_signed_before(authority: Authority) -> None:
    when = datetime.now(UTC) - DAY
    authority.list(authority.leaf, at=when, reason=x509.ReasonFlags.superseded, since=when - 10 * DAY)
    assert authority.check(when - DAY).after_signing
    assert authority.check().counts


def test_one_released_from_hold_is_good(authority: Authority) -> None:
    authority.list(authority.leaf, reason=x509.ReasonFlags.remove_from_crl)
    assert authority.check().status is Status.GOOD


def test_an_expired_list_is_none_but_what_it_revoked_stays_so(authority: Authority) -> None:
    old = datetime.now(UTC) - 30 * DAY
    authority.list(start=old)
    answer = authority.check()
    assert answer.status is Status.NOT_CHECKED
    assert "expired" in str(answer.why)
    authority.list(authority.leaf, start=old)
    assert authority.check().status is Status.REVOKED
    authority.list(authority.leaf, start=old, reason=x509.ReasonFlags.certificate_hold)
    assert authority.check().status is Status.NOT_CHECKED


def test_that_an_expired_certificate_is_not_listed_says_nothing() -> None:
    """Authorities take expired certificates off their lists, revoked ones as well."""
    signer = pki.signer(start=datetime.now(UTC) - 40 * DAY, days=30)
    root, key = issuer(signer), signer.issuers[0]

    def check(crl: bytes) -> Answer:
        options = Revocation(lists=(crl,))
        return RevocationChecker(options, [Anchor("root.pem", None, signer.root)]).check(chain(signer), None)

    assert "has expired" in str(check(revocation_list(root, key)).why)
    assert check(revocation_list(root, key, certificates(signer.chain))).counts


def _point(**options: Any) -> tuple[x509.ExtensionType, bool]:
    values: dict[str, Any] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
        **options,
    }
    return x509.IssuingDistributionPoint(**values), True


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "from the future": ({"start": datetime.now(UTC) + DAY}, "future"),
    "changes only": ({"extensions": [(x509.DeltaCRLIndicator(1), True)]}, "changes only"),
    "indirect": ({"extensions": [_point(indirect_crl=True)]}, "several authorities"),
    "of authorities": ({"extensions": [_point(only_contains_ca_certs=True)]}, "does not cover"),
    "some reasons": (
        {"extensions": [_point(only_some_reasons=frozenset([x509.ReasonFlags.superseded]))]},
        "does not cover",
    ),
    "another point": (
        {"extensions": [_point(full_name=[x509.UniformResourceIdentifier("http://example.test/x.crl")])]},
        "does not cover",
    ),
    "unknown and critical": (
        {"extensions": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)]},
        "not known",
    ),
}


@pytest.mark.parametrize(("options", "words"), UNFIT.values(), ids=UNFIT)
def test_a_list_that_does_not_speak_for_the_certificate_is_none(
    authority: Authority, options: dict[str, Any], words: str
) -> None:
    authority.list(**options)
    answer = authority.check()
    assert answer.status is Status.NOT_CHECKED
    assert words in str(answer.why)


def test_a_list_of_the_certificates_own_point_covers_it(authority: Authority) -> None:
    authority.list(extensions=[_point(full_name=[x509.UniformResourceIdentifier(authority.url)])])
    assert authority.check().status is Status.GOOD


def test_an_entry_of_another_authority_is_none(authority: Authority) -> None:
    other = x509.CertificateIssuer([x509.DirectoryName(authority.leaf.subject)])
    authority.list(authority.leaf, entry_extensions=[(other, True)])
    assert authority.check().status is Status.NOT_CHECKED


def test_a_list_signed_by_somebody_else_is_none(authority: Authority) -> None:
    namesake = pki.signer()
    authority.served.pages[ADDRESS] = revocation_list(issuer(namesake), namesake.issuers[0])
    assert "does not hold" in str(authority.check().why)
    authority.served.pages[ADDRESS] = revocation_list(authority.leaf, authority.signer.secret)
    assert "another authority" in str(authority.check().why)


def test_a_list_that_is_not_there_or_no_list_is_told(authority: Authority) -> None:
    assert "status 404" in str(authority.check().why)
    authority.served.pages[ADDRESS] = b"<html>Sign in to the hotel's network</html>"
    assert "malformed" in str(authority.check().why)


def test_where_ocsp_fails_a_list_is_asked() -> None:
    with web() as served:
        signer = pki.signer(extensions=addresses(served.url + "/ocsp", served.url + ADDRESS))
        authority = Authority(served, signer)
        authority.list(authority.leaf)
        answer = authority.check(mode=Mode.ANY)
        assert served.asked == ["/ocsp", ADDRESS]
        assert answer.counts
        assert answer.method == "crl"
        authority.served.pages[ADDRESS] = 500
        assert str(authority.check(mode=Mode.ANY).why).count("http://") == 2


def test_a_list_at_hand_needs_no_network(authority: Authority) -> None:
    good, revoked = authority.list(), authority.list(authority.leaf)
    assert authority.check(mode=Mode.OFF, lists=(good,)).status is Status.GOOD
    assert authority.check(mode=Mode.OFF, lists=(revoked,)).counts
    foreign = pki.signer(name="Other")
    other = revocation_list(certificates(foreign.chain)[0], foreign.secret)
    assert "none of the revocation lists" in str(authority.check(mode=Mode.OFF, lists=(other,)).why)
    assert authority.served.asked == []


def test_of_two_lists_at_hand_the_one_that_holds_decides(authority: Authority) -> None:
    expired, current = authority.list(start=datetime.now(UTC) - 30 * DAY), authority.list()
    assert authority.check(mode=Mode.OFF, lists=(expired, current)).status is Status.GOOD
    assert authority.check(mode=Mode.CRL, lists=(expired,)).url == authority.url


def test_a_list_at_hand_speaks_for_the_leaf_alone_where_there_is_an_authority_between() -> None:
    signer = pki.signer(intermediate=True)
    leaf, between, root = certificates(signer.chain + signer.root)
    low = revocation_list(between, signer.issuers[0])
    high = revocation_list(root, signer.issuers[1], [between])

    def check(*lists: bytes) -> Answer:
        options = Revocation(lists=lists)
        return RevocationChecker(options, [Anchor("root.pem", None, signer.root)]).check(chain(signer), None)

    assert check(low).status is Status.NOT_CHECKED
    assert "Test Intermediate" in str(check(low).certificate)
    assert check(low, high).counts
    assert check(low, revocation_list(root, signer.issuers[1])).status is Status.GOOD
    assert check(revocation_list(between, signer.issuers[0], [leaf])).certificate is None


def test_a_list_is_loaded_as_pem_and_as_der(tmp_path: Path) -> None:
    signer = pki.signer()
    der = revocation_list(issuer(signer), signer.issuers[0])
    file = tmp_path / "authority.crl"
    file.write_bytes(der)
    assert load_list(file) == der
    file.write_bytes(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM))
    assert load_list(file) == der


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"no list")], ids=["gone", "no list"])
def test_what_is_no_list_is_refused_by_name(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    file = tmp_path / "authority.crl"
    file.touch()
    spoil(file)
    with pytest.raises(TrustError, match=r"authority\.crl: "):
        load_list(file)


def test_an_authority_that_may_not_sign_lists_signs_none() -> None:
    signer = pki.signer()
    leaf, root = certificates(signer.chain + signer.root)
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=False,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(root.subject)
        .issuer_name(root.subject)
        .public_key(root.public_key())
        .serial_number(1)
        .not_valid_before(root.not_valid_before_utc)
        .not_valid_after(root.not_valid_after_utc)
        .add_extension(usage, critical=True)
    )
    modest = builder.sign(signer.issuers[0], hashes.SHA256())
    crl = revocation_list(root, signer.issuers[0])
    now = datetime.now(UTC)
    assert lists.judged(crl, leaf, root, now=now, url=None).status is Status.GOOD
    answer = lists.judged(crl, leaf, modest, now=now, url=None)
    assert answer.status is Status.NOT_CHECKED
    assert "not meant for signing" in str(answer.why)
