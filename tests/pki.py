"""A small private PKI: signers of every algorithm, and leaves that are wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from kzlabel.signing.base import fingerprint_of

EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"

_CURVES = {"es256": ec.SECP256R1(), "es384": ec.SECP384R1(), "es512": ec.SECP521R1()}
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_BYTES = {"es256": 32, "es384": 48, "es512": 66}


@dataclass(frozen=True, eq=False)
class PrivateSigner:
    """A signer that never shows its key, as a key service would not; with the root that vouches for it."""

    alg: str
    chain: str
    root: str
    secret: Any = field(repr=False)
    news: str | None = None
    issuers: tuple[Any, ...] = field(default=(), repr=False)
    """The keys of those who issued it, the leaf's issuer first, the root last."""

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.chain)

    def sign(self, data: bytes) -> bytes:
        if self.alg == "ed25519":
            return bytes(self.secret.sign(data))
        algorithm = _HASHES[self.alg[2:]]
        if self.alg.startswith("ps"):
            salted = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            return bytes(self.secret.sign(data, salted, algorithm))
        r, s = decode_dss_signature(self.secret.sign(data, ec.ECDSA(algorithm)))
        return r.to_bytes(_BYTES[self.alg], "big") + s.to_bytes(_BYTES[self.alg], "big")


def signer(
    alg: str = "es256",
    *,
    name: str = "Test Signer",
    organization: str = "Test Studio",
    purposes: tuple[str, ...] = (EMAIL_PROTECTION, CLAIM_SIGNING),
    critical_purposes: bool = False,
    intermediate: bool = False,
    start: datetime | None = None,
    days: int = 30,
    public_key: Any = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> PrivateSigner:
    """A root, an intermediate if asked for, and a leaf.

    public_key: of a key that lives elsewhere, such as on a token; what is returned cannot sign then.
    extensions: more of them, in leaf and intermediate.
    """
    start = start or datetime.now(UTC) - timedelta(hours=1)
    root_key, leaf_key = _key("es256"), _key(alg) if public_key is None else _KeyElsewhere(public_key)
    root_name = _name("Test Root", "Test Authority")
    root = _authority(root_name, root_name, root_key, root_key, start)
    issuer_name, issuer_key, between = root_name, root_key, ""
    if intermediate:
        issuer_name, issuer_key = _name("Test Intermediate", "Test Authority"), _key("es256")
        between = _pem(_authority(issuer_name, root_name, issuer_key, root_key, start, extensions))
    builder = (
        _certificate(_name(name, organization), issuer_name, leaf_key, start, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf_key.public_key()), critical=False)
    )
    if purposes:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ObjectIdentifier(one) for one in purposes]), critical_purposes
        )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    leaf = builder.sign(issuer_key, hashes.SHA256())
    issuers = (issuer_key, root_key) if intermediate else (root_key,)
    return PrivateSigner(alg, _pem(leaf) + between, _pem(root), leaf_key, issuers=issuers)


@dataclass(frozen=True)
class _KeyElsewhere:
    known: Any

    def public_key(self) -> Any:
        return self.known


def _key(alg: str) -> Any:
    if alg == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if alg.startswith("ps"):
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(_CURVES[alg])


def _name(common: str, organization: str) -> x509.Name:
    pairs = ((NameOID.COUNTRY_NAME, "KZ"), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _authority(
    name: x509.Name,
    issuer: x509.Name,
    key: Any,
    issuer_key: Any,
    start: datetime,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> x509.Certificate:
    builder = (
        _certificate(name, issuer, key, start, 3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _certificate(name: x509.Name, issuer: x509.Name, key: Any, start: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    names = ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        **dict.fromkeys(names, False),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
