"""Certificate revocation lists (RFC 5280, section 5): read from a file, and asked about one certificate.

Only complete lists signed by the certificate's own issuer count; indirect, partial and delta lists are not judged.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import TrustError
from ...files import reason
from ..authorities import hostile
from .answers import MAX_CRL_BYTES, Answer, Status, not_checked
from .ocsp import HASHES, SKEW

if TYPE_CHECKING:
    from cryptography import x509

_PEM = b"-----BEGIN X509 CRL-----"


def load_list(file: Path) -> bytes:
    """Read a revocation list, PEM or DER; returns DER. Raises TrustError if it is none."""
    from cryptography.hazmat.primitives.serialization import Encoding

    name = file.name
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_CRL_BYTES + 1)
    except OSError as error:
        raise TrustError(f"{name}: the revocation list cannot be read: {reason(error)}; check --crl") from None
    if len(data) > MAX_CRL_BYTES:
        raise TrustError(f"{name}: larger than {MAX_CRL_BYTES >> 20} MB; is this a revocation list?")
    try:
        return _opened(data).public_bytes(Encoding.DER)
    except hostile():
        raise TrustError(f"{name}: this is no certificate revocation list; give one in PEM or DER") from None


def load_lists(files: tuple[Path, ...]) -> tuple[bytes, ...]:
    """All files given by `--crl`, in order. Raises TrustError."""
    return tuple(load_list(file) for file in files)


def speaks_for(data: bytes, issuer: x509.Certificate) -> bool:
    """Whether a list bears the issuer's name."""
    try:
        return _opened(data).issuer == issuer.subject
    except hostile():
        return False


def judged(
    data: bytes, certificate: x509.Certificate, issuer: x509.Certificate, *, now: datetime, url: str | None
) -> Answer:
    """What a list says about a certificate. Never raises, whatever `data` are."""
    from cryptography import x509

    try:
        crl = _opened(data)
        why = _signature_fault(crl, issuer) or _scope_fault(crl, certificate)
        if why:
            return not_checked(why)
        start, end = crl.last_update_utc, crl.next_update_utc
        if start > now + SKEW:
            return not_checked("the revocation list is dated in the future")
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        reason = _value(entry, x509.CRLReason) if entry else None
        word = reason.reason.value if isinstance(reason, x509.CRLReason) else None
        revoked = entry is not None and word != "removeFromCRL"
        expired = end is None or end < now - SKEW
        # What was revoked stays so, however old the list, unless it was only on hold.
        if expired and not (revoked and word != "certificateHold"):
            return not_checked("the revocation list has expired" if end else "the revocation list names no end")
        if entry is None or not revoked:
            return Answer(Status.GOOD, None, "crl", url, now, start, end)
        if _value(entry, x509.CertificateIssuer) is not None:
            return not_checked("the revocation list speaks for several authorities, which is not supported")
        invalid = _value(entry, x509.InvalidityDate)
        since = invalid.invalidity_date_utc if isinstance(invalid, x509.InvalidityDate) else None
        when = entry.revocation_date_utc
        return Answer(Status.REVOKED, None, "crl", url, now, start, end, when, word, since)
    except hostile():
        return not_checked("the revocation list is malformed")


def _opened(data: bytes) -> x509.CertificateRevocationList:
    from cryptography import x509

    return x509.load_pem_x509_crl(data) if data.lstrip().startswith(_PEM) else x509.load_der_x509_crl(data)


def _signature_fault(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> str | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if crl.issuer != issuer.subject:
        return "the revocation list is another authority's"
    try:
        if not issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign:
            return "the authority's certificate is not meant for signing revocation lists"
    except x509.ExtensionNotFound:
        pass
    key, algorithm = issuer.public_key(), crl.signature_hash_algorithm
    weak = algorithm is not None and algorithm.name not in HASHES
    if weak or not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return "the revocation list is signed with an algorithm that is not accepted"
    return None if crl.is_signature_valid(key) else "the signature of the revocation list does not hold"


def _scope_fault(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> str | None:
    """Why the list does not speak for this certificate alone and in full; extensions that nobody knows included."""
    from cryptography import x509

    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            return "the revocation list holds changes only, which is not supported"
        if isinstance(value, x509.IssuingDistributionPoint):
            authority = _is_authority(certificate)
            if value.indirect_crl:
                return "the revocation list speaks for several authorities, which is not supported"
            if (
                value.only_some_reasons
                or value.only_contains_attribute_certs
                or (value.only_contains_user_certs and authority)
                or (value.only_contains_ca_certs and not authority)
                or not _reached(value, certificate)
            ):
                return "the revocation list does not cover this certificate"
        elif extension.critical:
            return "the revocation list has a critical extension that is not known"
    return None


def _reached(point: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    """A list of one distribution point covers the certificates that name that point (RFC 5280, 6.3.3 b)."""
    from cryptography import x509

    if not point.full_name:
        return point.relative_name is None
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    named = {name for one in points for name in one.full_name or ()}
    return not named.isdisjoint(point.full_name)


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _value(entry: x509.RevokedCertificate, kind: type[x509.ExtensionType]) -> x509.ExtensionType | None:
    from cryptography import x509

    try:
        return entry.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
