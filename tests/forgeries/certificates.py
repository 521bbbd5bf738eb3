"""Certificates with any defect: an authority that issues whatever it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.pki import CLAIM_SIGNING, EMAIL_PROTECTION, PrivateSigner

PURPOSES = (EMAIL_PROTECTION, CLAIM_SIGNING)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def days(number: float) -> datetime:
    """So many days from now; before now where negative."""
    return now() + timedelta(days=number)


def new_key(kind: str = "es256") -> Any:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"es256": ec.SECP256R1(), "es384": ec.SECP384R1()}[kind])


def named(common: str, organization: str = "Test Authority") -> x509.Name:
    pairs = ((NameOID.COUNTRY_NAME, "KZ"), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


@dataclass(frozen=True, eq=False)
class Authority:
    """A certificate, its key, and the certificates above it. `chain` leaves the root out."""

    certificate: x509.Certificate
    key: Any = field(repr=False)
    above: tuple[x509.Certificate, ...] = ()

    @classmethod
    def root(cls, common: str = "Test Root", key: Any = None, **how: Any) -> Authority:
        key = key or new_key()
        told = {"authority": True, "start": days(-1000), "until": days(3000), **how}
        return cls(_issued(named(common), key, named(common), key, **told), key)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.above) if self.above else ()

    def authority(self, common: str = "Test Intermediate", **how: Any) -> Authority:
        """An authority below this one."""
        key = how.pop("key", None) or new_key()
        told = {"authority": True, "start": days(-900), "until": days(1000), **how}
        certificate = _issued(named(common), key, self.certificate.subject, self.key, **told)
        return Authority(certificate, key, self.chain or (self.certificate,))

    def signer(
        self,
        alg: str = "es256",
        *,
        name: str = "Test Signer",
        organization: str = "Test Studio",
        key: Any = None,
        between: Sequence[x509.Certificate] | None = None,
        **how: Any,
    ) -> PrivateSigner:
        """A signer with a leaf of this authority. between: the rest of its chain, None for the true one."""
        key = key or new_key("rsa2048" if alg.startswith("ps") else alg)
        told = {"purposes": PURPOSES, **how}
        leaf = _issued(named(name, organization), key, self.certificate.subject, self.key, **told)
        rest = self.chain[:-1] if between is None and self.above else between or ()
        pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in (leaf, *rest))
        return PrivateSigner(alg, pem, self.pem, key)


def _issued(
    subject: x509.Name,
    key: Any,
    issuer: x509.Name,
    issuer_key: Any,
    *,
    start: datetime | None = None,
    until: datetime | None = None,
    authority: bool = False,
    path_length: int | None = None,
    signs: bool | None = None,
    signs_certificates: bool | None = None,
    purposes: Sequence[str] = (),
    critical_purposes: bool = False,
    digest: hashes.HashAlgorithm | None = None,
    more: Sequence[x509.ExtensionType] = (),
) -> x509.Certificate:
    """signs, signs_certificates: the key's usages, by default as they should be. more: further extensions, critical."""
    signs = not authority if signs is None else signs
    signs_certificates = authority if signs_certificates is None else signs_certificates
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or days(-1))
        .not_valid_after(until or days(30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(_usage(signs, signs_certificates), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if purposes:
        oids = [ObjectIdentifier(one) for one in purposes]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=critical_purposes)
    for extension in more:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, digest or hashes.SHA256())


def _usage(signs: bool, signs_certificates: bool) -> x509.KeyUsage:
    names = ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=signs,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        **{**dict.fromkeys(names, False), "key_encipherment": not (signs or signs_certificates)},
    )
