"""Keys, certificates and requests as the certificate profile of the C2PA conformance programme (v0.2) wants them.

A private root can follow that profile but for what only the programme may say: its policy (1.3.6.1.4.1.62558.1.1),
an assurance level, and the record of a conforming product are left out, for they would be false.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UsageError
from ..inert import inert
from .algorithm import Algorithm

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

    Builder = TypeVar("Builder", x509.CertificateBuilder, x509.CertificateSigningRequestBuilder)

# C2PA conformance programme v0.2, certificate profile for claim signing: c2pa-kp-claimSigning, beside emailProtection.
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"

MAX_LEAF_DAYS = 366  # the same profile, assurance level 1; level 2 allows 90
MAX_ROOT_DAYS = 36_500  # X.509 itself ends with the year 9999
MAX_CHARACTERS = 64  # X.520, ub-common-name and ub-organization-name

RSA_BITS = 3072  # 128 bits of strength, as P-256 has (NIST SP 800-57); the profile asks for 2048 at least
ROOT_LIFE = timedelta(days=3650)
CLOCK_SKEW = timedelta(hours=1)  # a verifier's clock may be behind ours


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names. country: two letters of ISO 3166. Raises UsageError for what no certificate takes."""

    common: str
    organization: str
    country: str

    def __post_init__(self) -> None:
        if len(self.country) != 2 or not (self.country.isascii() and self.country.isalpha()):
            raise UsageError(f"{inert(self.country)!r} is no country; give the two letters of ISO 3166, such as KZ")
        for what, text in (("name", self.common), ("organization", self.organization)):
            if not text.strip() or not text.isprintable() or len(text) > MAX_CHARACTERS:
                most = f"1 to {MAX_CHARACTERS} printable characters"
                raise UsageError(f"the {what} {inert(text)!r} fits no certificate; give {most}")

    def name(self) -> x509.Name:
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        return x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, self.country.upper()),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.COMMON_NAME, self.common),
            ]
        )


@dataclass(frozen=True)
class Issued:
    """PEM of the root, of the leaf, and of the leaf's key (PKCS#8, not encrypted)."""

    root: bytes
    leaf: bytes
    key: bytes = field(repr=False)


def issue(life: timedelta, *, now: datetime | None = None) -> Issued:
    """Make a root and a leaf (P-256) whose names say DEVELOPMENT; the root's key exists only while this runs."""
    mark = secrets.token_hex(4)  # two development roots must not share a name
    # ISO 3166 leaves ZZ to users: the profile wants a country, and we do not know the user's.
    root_subject = Subject(f"kzlabel DEVELOPMENT root {mark}", "kzlabel DEVELOPMENT", "ZZ")
    leaf_subject = Subject(f"kzlabel DEVELOPMENT signer {mark}", "kzlabel DEVELOPMENT", "ZZ")
    root_key, leaf_key = new_key(Algorithm.ES256), new_key(Algorithm.ES256)
    root = root_certificate(root_subject, root_key, ROOT_LIFE, now=now)
    leaf = leaf_certificate(leaf_subject.name(), leaf_key.public_key(), root, root_key, life, now=now)
    return Issued(certificate_pem(root), certificate_pem(leaf), key_pem(leaf_key, None))


def new_key(alg: Algorithm) -> CertificateIssuerPrivateKeyTypes:
    """A new private key that signs claims by `alg`."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if alg is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    curves: Mapping[Algorithm, ec.EllipticCurve] = {
        Algorithm.ES256: ec.SECP256R1(),
        Algorithm.ES384: ec.SECP384R1(),
        Algorithm.ES512: ec.SECP521R1(),
    }
    if alg in curves:
        return ec.generate_private_key(curves[alg])
    return rsa.generate_private_key(65537, RSA_BITS)


def root_certificate(
    subject: Subject, key: CertificateIssuerPrivateKeyTypes, life: timedelta, *, now: datetime | None = None
) -> x509.Certificate:
    """A root that vouches for leaves, and for no other authority."""
    from cryptography import x509

    name = subject.name()
    return (
        _builder(name, name, key.public_key(), life, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _hash(key))
    )


def leaf_certificate(
    subject: x509.Name,
    public_key: Any,
    issuer: x509.Certificate,
    issuer_key: CertificateIssuerPrivateKeyTypes,
    life: timedelta,
    *,
    ocsp: str | None = None,
    now: datetime | None = None,
) -> x509.Certificate:
    """A leaf that signs claims, issued by a root or an intermediate that has a subject key identifier.

    ocsp: address where it can be asked whether the leaf is revoked; it stands in the leaf.
    """
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = _leaf_extensions(_builder(subject, issuer.subject, public_key, life, now)).add_extension(
        x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False
    )
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), False)
    if ocsp is not None:
        where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    return builder.sign(issuer_key, _hash(issuer_key))


def certificate_request(subject: x509.Name, key: CertificateIssuerPrivateKeyTypes) -> x509.CertificateSigningRequest:
    """A request (PKCS#10) for a leaf: the subject, and the extensions that the profile wants of it."""
    from cryptography import x509

    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return _leaf_extensions(builder).sign(key, _hash(key))


def ocsp_of(certificate: x509.Certificate) -> str | None:
    """Where a certificate says that its revocation can be asked; None if it does not."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    places = (one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP)
    return next((str(one.value) for one in places if isinstance(one, x509.UniformResourceIdentifier)), None)


def certificate_pem(certificate: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """A certificate, or the request for one, as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def key_pem(key: Any, passphrase: str | None) -> bytes:
    """A private key as PKCS#8 in PEM, encrypted unless `passphrase` is None. Raises UsageError for an empty one."""
    from cryptography.hazmat.primitives import serialization

    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        secret = passphrase.encode("utf-8", "surrogateescape")  # as `passphrase_of` reads it; an error would carry it
        if not 0 < len(secret) <= 1023:  # what OpenSSL takes
            raise UsageError("the passphrase is empty or longer than 1023 bytes; choose another one")
        encryption = serialization.BestAvailableEncryption(secret)
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def public_der(key: Any) -> bytes:
    """The public key (SubjectPublicKeyInfo) of a private key, a certificate, a request, or of itself, to compare."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key() if hasattr(key, "public_key") else key
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, life: timedelta, now: datetime | None
) -> x509.CertificateBuilder:
    from cryptography import x509

    start = (now or datetime.now(UTC)) - CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
    )


def _leaf_extensions(builder: Builder) -> Builder:
    """What a leaf and the request for it have in common."""
    from cryptography import x509

    purposes = [x509.ObjectIdentifier(CLAIM_SIGNING), x509.ObjectIdentifier(EMAIL_PROTECTION)]
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
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


def _hash(key: Any) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """What a key hashes certificates with: as strong as itself; Ed25519 does it by itself."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size > 256:
        return hashes.SHA384() if key.curve.key_size == 384 else hashes.SHA512()
    return hashes.SHA256()
