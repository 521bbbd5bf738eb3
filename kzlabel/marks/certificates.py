"""What counts of a certificate that came with a signature, as it stands in it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ..trust.authorities import hostile

# File after file is signed with the same few certificates, and to open one takes a tenth of a verification.
_USUAL = 16 * 1024  # bytes; larger ones are opened each time, so that nobody fills the memory with them
_RSA_BITS = 2048  # below which c2pa refuses the key of a signer


@dataclass(frozen=True)
class Certificate:
    """Names as the certificate has them, not yet inert. fingerprint: SHA-256 of the DER, hexadecimal."""

    name: str | None
    organization: str | None
    fingerprint: str
    expires: datetime
    other_purpose: bool
    """Made out for time-stamps or answers on revocation."""


def opened(der: bytes) -> Certificate | None:
    """The certificate in these bytes; None for what is none."""
    return (_remembered if len(der) <= _USUAL else _opened)(der)


def doubt(chain: tuple[bytes, ...]) -> str | None:
    """Why nobody vouches for a signer by way of these authorities, whom c2pa takes as they are; None as a rule."""
    return next((why for der in chain[1:] if (why := (_doubts if len(der) <= _USUAL else _doubt)(der))), None)


def _doubt(der: bytes) -> str | None:
    """Against the certificate of an authority.

    One with a critical extension that nobody here looks at must be refused (RFC 5280, 4.2); c2pa passes over the
    constraints of names, for one. Purposes of an authority bound those of whom it issues to, as browsers take it; one
    that names others than these may be meant for signers. Keys and hashes as c2pa asks of the signer alone.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

    looked_at = {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
    other_purposes = {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    }
    try:
        with warnings.catch_warnings(action="ignore"):
            certificate = x509.load_der_x509_certificate(der)
            extensions, key = certificate.extensions, certificate.public_key()
            algorithm = certificate.signature_hash_algorithm
    except hostile():
        return "an authority's certificate cannot be read"
    if any(one.critical and one.oid not in looked_at for one in extensions):
        return "an authority's certificate sets terms that are unknown"
    if any(isinstance(one.value, x509.ExtendedKeyUsage) and other_purposes.issuperset(one.value) for one in extensions):
        return "an authority's certificate is made out for other purposes than signers"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS:
        return "an authority's key is too short"
    if certificate.issuer != certificate.subject and algorithm is not None and algorithm.name in ("md5", "sha1"):
        return "an authority's certificate is signed with SHA-1"
    return None


_doubts = lru_cache(maxsize=64)(_doubt)


def _opened(der: bytes) -> Certificate | None:
    """None for what is no certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    try:
        with warnings.catch_warnings(action="ignore"):  # a hostile certificate must not write on the screen
            certificate = x509.load_der_x509_certificate(der)
        name, organization = (
            next((str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)), None)
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        )
        other_purpose = any(
            purpose in (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING)
            for extension in certificate.extensions
            if isinstance(extension.value, x509.ExtendedKeyUsage)
            for purpose in extension.value
        )
        fingerprint = certificate.fingerprint(SHA256()).hex()
        return Certificate(name, organization, fingerprint, certificate.not_valid_after_utc, other_purpose)
    except hostile():
        return None


_remembered = lru_cache(maxsize=32)(_opened)
