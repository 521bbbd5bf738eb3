"""OCSP (RFC 6960): the question about one certificate, and what an answer proves.

Certificates are identified by SHA-1 hashes of their issuer, as RFC 6960 asks for and as every responder knows; that is
a name, and no signature rests on it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..authorities import hostile
from .answers import Answer, Status, not_checked
from .paths import issued

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.x509 import ocsp

HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}
SKEW = timedelta(minutes=5)  # by which clocks may differ
# An answer without an end is taken for a day, as C2PA 2.4, 15.9, does.
DEFAULT_TERM = timedelta(hours=24)
MAX_RESPONSES = 32  # single responses in one answer; one is asked for
MAX_CERTIFICATES = 8  # beside an answer
NONCE_BYTES = 32  # RFC 9654 recommends 32
HASHES = ("sha256", "sha384", "sha512")


@dataclass(frozen=True)
class Question:
    """der: as it is sent. nonce: which an answer that carries one must repeat."""

    der: bytes
    nonce: bytes
    names: tuple[bytes, bytes, int]
    """Hash of the issuer's name, hash of its key, serial number."""


def question(certificate: x509.Certificate, issuer: x509.Certificate) -> Question:
    """Raises `hostile()` for certificates that no question can be made of."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    nonce = os.urandom(NONCE_BYTES)
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())
    request = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build()
    names = (request.issuer_name_hash, request.issuer_key_hash, request.serial_number)
    return Question(request.public_bytes(Encoding.DER), nonce, names)


def judged(
    data: bytes, asked: Question, issuer: x509.Certificate, *, now: datetime, url: str | None, fresh: bool = True
) -> Answer:
    """What an answer says about the certificate asked for. Never raises, whatever `data` are.

    fresh: it came just now, so that its nonce must be ours; else it was kept.
    """
    from cryptography.x509 import ocsp

    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return not_checked(f"the responder refuses: {response.response_status.name.lower().replace('_', ' ')}")
        why = _signature_fault(response, issuer, now) or (_nonce_fault(response, asked.nonce) if fresh else None)
        if why:
            return not_checked(why)
        return _said(response, asked, now, url)
    except hostile():
        return not_checked("the responder's answer is malformed")


def _said(response: ocsp.OCSPResponse, asked: Question, now: datetime, url: str | None) -> Answer:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.x509.ocsp import OCSPCertStatus

    found: list[Answer] = []
    many = 0
    for one in response.responses:
        many += 1
        if many > MAX_RESPONSES:
            return not_checked("the responder's answer speaks of too many certificates")
        names = (one.issuer_name_hash, one.issuer_key_hash, one.serial_number)
        if not isinstance(one.hash_algorithm, SHA1) or names != asked.names:
            continue
        end = one.next_update_utc or one.this_update_utc + DEFAULT_TERM
        if one.this_update_utc > now + SKEW or response.produced_at_utc > now + SKEW:
            found.append(not_checked("the responder's answer is dated in the future"))
            continue
        if end < now - SKEW:
            found.append(not_checked("the responder's answer has expired"))
            continue
        status = {OCSPCertStatus.GOOD: Status.GOOD, OCSPCertStatus.REVOKED: Status.REVOKED}.get(
            one.certificate_status, Status.UNKNOWN
        )
        reason = one.revocation_reason.value if one.revocation_reason else None
        if reason == "removeFromCRL":  # no longer revoked (C2PA 2.4, 15.9)
            status, reason = Status.GOOD, None
        revoked = status is Status.REVOKED
        found.append(
            Answer(
                status,
                "the responder does not know the certificate" if status is Status.UNKNOWN else None,
                "ocsp",
                url,
                now,
                one.this_update_utc,
                end,
                one.revocation_time_utc if revoked else None,
                reason if revoked else None,
                _invalid_since(response) if revoked else None,
            )
        )
    order = (Status.REVOKED, Status.GOOD, Status.UNKNOWN, Status.NOT_CHECKED)
    return min(
        found,
        key=lambda answer: order.index(answer.status),
        default=not_checked("the responder answers about another certificate"),
    )


def _signature_fault(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> str | None:
    """Why the answer's signature proves nothing; None if the issuer, or whom it authorised, made it."""
    signer = issuer if _is_responder(response, issuer) else None
    if signer is None:
        if len(response.certificates) > MAX_CERTIFICATES:
            return "the responder's answer carries too many certificates"
        signer = next((one for one in response.certificates if _is_responder(response, one)), None)
        if signer is None:
            return "the responder's answer does not carry the certificate that signed it"
        if not issued(signer, issuer) or not _may_answer(signer):
            return "the answer was signed by somebody whom the authority did not authorise"
        if not signer.not_valid_before_utc - SKEW <= now <= signer.not_valid_after_utc + SKEW:
            return "the responder's own certificate is not valid now"
    if not _signed(response, signer):
        return "the signature of the responder's answer does not hold"
    return None


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    from cryptography import x509

    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    # RFC 6960, 4.2.1: SHA-1 of the key, which is the first method of RFC 5280 for a key identifier.
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return response.responder_key_hash == identifier.digest


def _may_answer(certificate: x509.Certificate) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    extensions = certificate.extensions
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _signed(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    key, data = certificate.public_key(), response.tbs_response_bytes
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(response.signature, data)
            return True
        algorithm = response.signature_hash_algorithm
        if algorithm is None or algorithm.name not in HASHES:
            return False
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, data, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, data, padding.PKCS1v15(), algorithm)
        else:
            return False
    except hostile():
        return False
    return True


def _nonce_fault(response: ocsp.OCSPResponse, nonce: bytes) -> str | None:
    """Responders that sign ahead send none back; one that differs belongs to another question."""
    from cryptography import x509

    try:
        given = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
    return None if given == nonce else "the responder answers another question than ours"


def _invalid_since(response: ocsp.OCSPResponse) -> datetime | None:
    from cryptography import x509

    try:
        return response.single_extensions.get_extension_for_class(x509.InvalidityDate).value.invalidity_date_utc
    except hostile():
        return None  # none, or several responses, of which the library does not tell which it belongs to
