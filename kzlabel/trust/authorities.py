"""The certificates inside a set of trust anchors: read with care, each one an authority, with its name and its term."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import TrustError
from ..inert import inert

if TYPE_CHECKING:
    from cryptography import x509

MAX_ANCHOR_BYTES = 4 << 20  # the C2PA list of 2026-08-05, 30 certificates, has 60 KB
MAX_AUTHORITIES = 2000  # a few times what all browsers together believe

# ETSI TS 119 602, as the C2PA profile of it marks an authority that counts; another status means that it was withdrawn.
_TRUSTED = "http://c2pa.org/conformance/trust-list/trusted"


def hostile() -> tuple[type[Exception], ...]:
    """What `cryptography` raises on malformed or unsupported certificates, answers and lists."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    return (
        *(ValueError, TypeError, OverflowError, AttributeError, RecursionError),
        *(InvalidSignature, UnsupportedAlgorithm),
        *(x509.InvalidVersion, x509.DuplicateExtension, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType),
    )


@dataclass(frozen=True)
class Authority:
    """One certificate that may vouch for others. subject: RFC 4514. fingerprint: SHA-256, hexadecimal."""

    subject: str
    fingerprint: str
    starts: datetime
    expires: datetime
    certificate: x509.Certificate = field(repr=False, compare=False)

    def valid_at(self, time: datetime) -> bool:
        return self.starts <= time <= self.expires

    def to_json(self) -> dict[str, str]:
        return {
            "subject": self.subject,
            "fingerprint": self.fingerprint,
            "starts": self.starts.date().isoformat(),
            "expires": self.expires.date().isoformat(),
        }


@dataclass(frozen=True)
class Content:
    """What a file of trust anchors holds. pem: the certificates alone. date: ISO, where the file itself tells it."""

    pem: str
    date: str | None


def read_content(data: bytes, name: str) -> Content:
    """Read PEM, DER or the JSON form of a trust list (ETSI TS 119 602). name: as messages tell it.

    What else stands in the file, private keys included, is left behind. Raises TrustError if there is no certificate,
    too many of them, or one that is no authority.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    if len(data) > MAX_ANCHOR_BYTES:
        raise TrustError(f"{name}: a file of over {MAX_ANCHOR_BYTES >> 20} MB is no list of trust anchors")
    issued = None
    try:
        with warnings.catch_warnings(action="ignore"):
            if data.lstrip()[:1] == b"{":
                certificates, issued = _from_json(data, name)
            elif data[:2] == b"\x30\x82":  # DER: a sequence of over 255 bytes
                certificates = [x509.load_der_x509_certificate(data)]
            else:
                certificates = x509.load_pem_x509_certificates(data)
            pem = "".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in certificates)
    except hostile() as error:
        if isinstance(error, ValueError):
            why = "no PEM certificate in this file; give one that holds -----BEGIN CERTIFICATE-----"
        else:
            why = "a certificate in this file is malformed; give another one"
        raise TrustError(f"{name}: {why}") from None
    if len(certificates) > MAX_AUTHORITIES:
        raise TrustError(f"{name}: over {MAX_AUTHORITIES} certificates are no list of trust anchors")
    for certificate in certificates:
        _check_authority(certificate, name)
    try:
        authorities(pem)
    except hostile():  # a name or a term that no certificate may have
        raise TrustError(f"{name}: a certificate in this file is malformed; give another one") from None
    return Content(pem, issued)


@lru_cache(maxsize=64)
def authorities(pem: str) -> tuple[Authority, ...]:
    """The certificates of PEM that `read_content` gave. Remembered: the same few lists are asked about all day."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    with warnings.catch_warnings(action="ignore"):
        certificates = x509.load_pem_x509_certificates(pem.encode())
        return tuple(
            Authority(
                subject=inert(certificate.subject.rfc4514_string(), 300),
                fingerprint=certificate.fingerprint(SHA256()).hex(),
                starts=certificate.not_valid_before_utc,
                expires=certificate.not_valid_after_utc,
                certificate=certificate,
            )
            for certificate in certificates
        )


def first_expiry(pem: str) -> str:
    """ISO date on which the first of these certificates expires."""
    return min(authority.expires for authority in authorities(pem)).date().isoformat()


def expired_sentences(pem: str, name: str, today: date | None = None) -> tuple[str, ...]:
    """What a person should be told about certificates whose term is over."""
    day = today or datetime.now(UTC).date()
    return tuple(
        f"{name}: {authority.subject} expired on {authority.expires.date().isoformat()}; "
        "it vouches only for what a trusted time-stamp shows to be older"
        for authority in authorities(pem)
        if authority.expires.date() < day
    )


def _from_json(data: bytes, name: str) -> tuple[list[x509.Certificate], str | None]:
    from cryptography import x509

    try:
        values = json.loads(data)
        listed = values["LoTE"]
        issued = str(listed["ListAndSchemeInformation"]["ListIssueDateTime"])[:10]
        encoded = [value for service in _services(listed) for value in _values(service)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TrustError(f"{name}: this JSON is no trust list (ETSI TS 119 602); give a PEM file") from None
    if not encoded or len(encoded) > MAX_AUTHORITIES:
        raise TrustError(f"{name}: a trust list of {len(encoded)} certificates is of no use; give another one")
    try:
        issued = date.fromisoformat(issued).isoformat()
    except ValueError:
        raise TrustError(f"{name}: the list does not say when it was issued; give a PEM file") from None
    return [x509.load_der_x509_certificate(base64.b64decode(value, validate=True)) for value in encoded], issued


def _services(listed: Any) -> Iterator[Any]:
    for entity in listed["TrustedEntitiesList"]:
        for service in entity["TrustedEntityServices"]:
            information = service["ServiceInformation"]
            if information["ServiceStatus"] == _TRUSTED:
                yield information


def _values(information: Any) -> Iterator[str]:
    for certificate in information["ServiceDigitalIdentity"]["X509Certificates"]:
        yield str(certificate["val"])


def _check_authority(certificate: x509.Certificate, name: str) -> None:
    """A certificate that may not issue others vouches for nobody: most often a leaf named by mistake."""
    from cryptography import x509

    subject, authority, signs = "a certificate", False, True
    try:
        subject = certificate.subject.rfc4514_string()
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        signs = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        pass  # no basic constraints, so no authority; or no key usage, so every usage
    except hostile():
        authority = False
    if not authority:
        raise TrustError(
            f"{name}: {inert(subject)} is not a certificate authority; give the root that issued it, such as root.pem"
        )
    if not signs:
        raise TrustError(f"{name}: {inert(subject)} may not sign certificates, as its key usage says; give another one")
