"""A private root that issues one claim-signing leaf and then loses its key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

ORGANIZATION = "kzlabel DEVELOPMENT"
COUNTRY = "ZZ"  # ISO 3166 leaves it to users: the profile wants a country, and we do not know the user's

# C2PA conformance programme v0.2, certificate profile for claim signing: c2pa-kp-claimSigning, beside emailProtection.
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"

ROOT_LIFE = timedelta(days=3650)
CLOCK_SKEW = timedelta(hours=1)  # a verifier's clock may be behind ours


@dataclass(frozen=True)
class Issued:
    """PEM of the root, of the leaf, and of the leaf's key (PKCS#8, not encrypted)."""

    root: bytes
    leaf: bytes
    key: bytes = field(repr=False)


def issue(life: timedelta, *, now: datetime | None = None) -> Issued:
    """Make a root and a leaf (P-256) whose names say DEVELOPMENT; the root's key exists only while this runs."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    start = (now or datetime.now(UTC)) - CLOCK_SKEW
    mark = secrets.token_hex(4)  # two development roots must not share a name
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name(f"kzlabel DEVELOPMENT root {mark}")
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())

    root = (
        _builder(root_name, root_name, root_key.public_key(), start, ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(issuer_id, critical=False)
        .sign(root_key, SHA256())
    )
    purposes = [x509.ObjectIdentifier(CLAIM_SIGNING), x509.ObjectIdentifier(EMAIL_PROTECTION)]
    leaf = (
        _builder(_name(f"kzlabel DEVELOPMENT signer {mark}"), root_name, leaf_key.public_key(), start, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
        .sign(root_key, SHA256())
    )
    return Issued(
        root.public_bytes(Encoding.PEM),
        leaf.public_bytes(Encoding.PEM),
        leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, life: timedelta
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    """Signing certificates, or signing claims (digitalSignature and nonRepudiation, as the profile asks)."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=not certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
