from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from kzlabel.errors import UsageError
from kzlabel.signing.certificates import (
    CLAIM_SIGNING,
    EMAIL_PROTECTION,
    Algorithm,
    Subject,
    certificate_pem,
    certificate_request,
    key_pem,
    leaf_certificate,
    new_key,
    ocsp_of,
    public_der,
    root_certificate,
)
from kzlabel.signing.chain import problems

SUBJECT = Subject("Студия", "Studio LLP", "kz")


def issued(alg: Algorithm = Algorithm.ES256, **options: Any) -> tuple[x509.Certificate, x509.Certificate]:
    """A leaf and its root."""
    root_key, key = new_key(alg), new_key(alg)
    root = root_certificate(Subject("Root", "Studio LLP", "KZ"), root_key, timedelta(days=3650))
    leaf = leaf_certificate(SUBJECT.name(), key.public_key(), root, root_key, timedelta(days=90), **options)
    return leaf, root


def test_the_algorithms_are_those_that_signers_know() -> None:
    assert tuple(Algorithm) == ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")


@pytest.mark.parametrize("alg", Algorithm)
def test_root_and_leaf_of_every_algorithm_are_without_problem(alg: Algorithm) -> None:
    leaf, root = issued(alg)
    assert problems((leaf, root), root=root) == []
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_leaf_follows_the_profile_of_the_conformance_programme() -> None:
    leaf, _ = issued(ocsp="http://ocsp.example.org")
    found = {one.oid: one for one in leaf.extensions}
    critical = {one.oid for one in leaf.extensions if one.critical}
    assert leaf.version is x509.Version.v3
    assert critical == {x509.KeyUsage.oid, x509.BasicConstraints.oid}
    usage = found[x509.KeyUsage.oid].value
    assert (usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (True, True, False)
    assert not found[x509.BasicConstraints.oid].value.ca
    purposes = {one.dotted_string for one in found[x509.ExtendedKeyUsage.oid].value}
    assert purposes == {CLAIM_SIGNING, EMAIL_PROTECTION}
    assert {x509.SubjectKeyIdentifier.oid, x509.AuthorityKeyIdentifier.oid} <= found.keys()
    assert ocsp_of(leaf) == "http://ocsp.example.org"
    assert [(one.oid, one.value) for one in leaf.subject] == [
        (NameOID.COUNTRY_NAME, "KZ"),
        (NameOID.ORGANIZATION_NAME, "Studio LLP"),
        (NameOID.COMMON_NAME, "Студия"),
    ]


def test_a_leaf_does_not_claim_what_only_the_programme_may_say() -> None:
    leaf, _ = issued()
    assert ocsp_of(leaf) is None
    oids = {one.oid.dotted_string for one in leaf.extensions}
    assert x509.CertificatePolicies.oid.dotted_string not in oids
    assert not [oid for oid in oids if oid.startswith("1.3.6.1.4.1.62558")]


def test_a_request_asks_for_what_the_profile_wants() -> None:
    key = new_key(Algorithm.ES384)
    asked = x509.load_pem_x509_csr(certificate_pem(certificate_request(SUBJECT.name(), key)))
    assert asked.is_signature_valid
    assert asked.subject == SUBJECT.name()
    assert public_der(asked) == public_der(key)
    leaf, _ = issued()
    wanted = {one.oid: one.value for one in leaf.extensions}
    assert {one.oid: one.value for one in asked.extensions} == {
        oid: wanted[oid] for oid in (x509.KeyUsage.oid, x509.BasicConstraints.oid, x509.ExtendedKeyUsage.oid)
    }


def test_keys_are_as_strong_as_their_algorithm_says() -> None:
    sizes = {
        alg: getattr(new_key(alg), "key_size", None) for alg in (Algorithm.ES256, Algorithm.ES384, Algorithm.PS512)
    }
    assert sizes == {Algorithm.ES256: 256, Algorithm.ES384: 384, Algorithm.PS512: 3072}
    assert isinstance(new_key(Algorithm.PS256), rsa.RSAPrivateKey)
    assert isinstance(new_key(Algorithm.ED25519), ed25519.Ed25519PrivateKey)
    assert new_key(Algorithm.ES512).public_key().curve.name == "secp521r1"  # type: ignore[union-attr]


def test_a_key_is_encrypted_with_the_passphrase_and_an_empty_one_is_refused() -> None:
    key = new_key(Algorithm.ES256)
    hidden = key_pem(key, "Құпия")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in hidden
    opened = load_pem_private_key(hidden, "Құпия".encode())
    assert isinstance(opened, ec.EllipticCurvePrivateKey)
    assert public_der(opened) == public_der(key)
    assert b"BEGIN PRIVATE KEY" in key_pem(key, None)
    for impossible in ("", "x" * 1024):
        with pytest.raises(UsageError, match="passphrase"):
            key_pem(key, impossible)


@pytest.mark.parametrize(
    ("common", "organization", "country", "words"),
    [
        ("Studio", "Studio", "KAZ", "no country"),
        ("Studio", "Studio", "К3", "no country"),
        ("  ", "Studio", "KZ", "the name"),
        ("Stu\ndio", "Studio", "KZ", "the name"),
        ("x" * 65, "Studio", "KZ", "1 to 64"),
        ("Studio", "x" * 65, "KZ", "the organization"),
    ],
)
def test_names_that_no_certificate_takes_are_refused(common: str, organization: str, country: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Subject(common, organization, country)
