"""What counts of a certificate that came with a signature, as it stands in it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from ..trust.authorities import hostile

# File after file is signed with the same few certificates, and to open one takes a tenth of a verification.
_USUAL = 16 * 1024  # bytes; larger ones are opened each time, so that nobody fills the memory with them


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


def unprocessed(chain: tuple[bytes, ...]) -> bool:
    """Whether a certificate above the leaf has a critical extension that nobody here looks at.

    RFC 5280, 4.2: such a certificate must be refused. c2pa passes over the constraints of names, for one.
    """
    return any((_terms if len(der) <= _USUAL else _read_terms)(der) for der in chain[1:])


def _read_terms(der: bytes) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtensionOID

    looked_at = {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
    try:
        with warnings.catch_warnings(action="ignore"):
            extensions = x509.load_der_x509_certificate(der).extensions
        return any(one.critical and one.oid not in looked_at for one in extensions)
    except hostile():
        return True


_terms = lru_cache(maxsize=64)(_read_terms)


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
