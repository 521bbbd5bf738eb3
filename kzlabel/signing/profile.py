"""What a leaf certificate must be to sign C2PA claims.

C2PA 2.4, section 14.5.1 (certificate profiles), as c2pa-rs 0.91 applies it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..inert import inert
from .certificates import CLAIM_SIGNING, EMAIL_PROTECTION
from .gost import GOST_REASON, is_gost

if TYPE_CHECKING:
    from cryptography import x509

    Extension = TypeVar("Extension", bound=x509.ExtensionType)

# Purposes of which the leaf needs one: claim signing (C2PA), e-mail protection, document signing (RFC 9336).
PURPOSES = {
    CLAIM_SIGNING: "C2PA claim signing",
    EMAIL_PROTECTION: "e-mail protection",
    "1.3.6.1.5.5.7.3.36": "document signing",
}
# Purposes that C2PA forbids in it: any, time-stamping, OCSP signing.
FORBIDDEN = {"2.5.29.37.0": "any purpose", "1.3.6.1.5.5.7.3.8": "time-stamping", "1.3.6.1.5.5.7.3.9": "OCSP signing"}
CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# Critical extensions that c2pa-rs understands: it refuses a leaf with any other.
_UNDERSTOOD = frozenset(
    {f"2.5.29.{number}" for number in (14, 15, 17, 19, 20, 21, 24, 30, 31, 32, 33, 35, 36, 37, 54)}
    | {"1.3.6.1.5.5.7.1.1", "2.16.840.1.113730.1.1"}
)


@dataclass(frozen=True)
class Problem:
    """Why a chain cannot sign. code: a stable word. sentence: the reason and the way out, without the file's name."""

    code: str
    sentence: str


def algorithm_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    """Keys that C2PA has no algorithm for."""
    if is_gost(leaf.public_key_algorithm_oid.dotted_string):
        yield Problem("algorithm", GOST_REASON)
        return
    kind, possible = kind_of(leaf.public_key())
    if not possible:
        yield Problem("algorithm", f"{kind} cannot sign C2PA claims; use P-256, P-384, P-521, RSA or Ed25519")


def leaf_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    """What is no leaf."""
    from cryptography import x509

    if self_issued(leaf):
        yield Problem(
            "self-signed",
            f"the certificate of {name_of(leaf)} is self-signed, and C2PA accepts only what an authority issued; "
            "make a root and a leaf with kzlabel keys init, or request one with kzlabel keys request",
        )
    elif is_authority(leaf):
        yield Problem("authority", f"{name_of(leaf)} is a certification authority; sign with a leaf that it issued")
    if leaf.version is not x509.Version.v3:
        yield Problem("malformed", "the certificate is not of version 3; get a new one")


def usage_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    """Key usage, purposes and extensions."""
    from cryptography import x509

    usage = extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        yield Problem("key-usage", "the certificate is not for digital signatures (key usage); get one that is")
    elif usage.key_cert_sign:
        yield Problem("key-usage", "the certificate may sign other certificates, which C2PA forbids; get another")
    yield from _purpose_problems(leaf)
    if extension(leaf, x509.AuthorityKeyIdentifier) is None:
        yield Problem("profile", "the certificate lacks the authority key identifier that C2PA asks for; get another")
    for one in leaf.extensions:
        if one.critical and one.oid.dotted_string not in _UNDERSTOOD:
            oid = one.oid.dotted_string
            yield Problem("profile", f"verifiers do not know the certificate's critical extension {oid}; get another")


def _purpose_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    from cryptography import x509

    usage = extension(leaf, x509.ExtendedKeyUsage)
    purposes = [one.dotted_string for one in usage] if usage is not None else []
    if forbidden := next((FORBIDDEN[one] for one in purposes if one in FORBIDDEN), None):
        yield Problem("purpose", f"the certificate is for {forbidden}, which C2PA forbids in a signer's; get another")
    elif not any(one in PURPOSES for one in purposes):
        told = f"has only {', '.join(purposes[:6])}" if purposes else "has none"
        hint = (
            "it is for logging in, so take the signing one of the same issue"
            if CLIENT_AUTHENTICATION in purposes
            else "ask the issuer for it"
        )
        needed = ", ".join(f"{name} ({oid})" for oid, name in PURPOSES.items())
        yield Problem(
            "purpose",
            f"the certificate {told} as extended key usage, and needs one of: {needed}; {hint}",
        )


def kind_of(public_key: Any) -> tuple[str, tuple[str, ...]]:
    """A key in words, and the algorithms that it can sign with, the usual one first."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match public_key:
        case ec.EllipticCurvePublicKey():
            alg = _CURVES.get(public_key.curve.name)
            return f"a key on the curve {public_key.curve.name}", (alg,) if alg else ()
        case rsa.RSAPublicKey():
            return "an RSA key", ("ps256", "ps384", "ps512")
        case ed25519.Ed25519PublicKey():
            return "an Ed25519 key", ("ed25519",)
        case _:
            kind = type(public_key).__name__.removesuffix("PublicKey").removeprefix("_").upper()
            return f"a key of the kind {kind}", ()


def self_issued(certificate: x509.Certificate) -> bool:
    """Whether a certificate names itself as its issuer, as roots do."""
    return certificate.subject == certificate.issuer


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate may issue others; a malformed one may not, and `problems` tells of it."""
    from cryptography import x509

    try:
        constraints = extension(certificate, x509.BasicConstraints)
    except (ValueError, x509.DuplicateExtension):
        return False
    return constraints is not None and constraints.ca


def extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """One extension by its class; None if the certificate lacks it. Raises ValueError if it is malformed."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def name_of(certificate: x509.Certificate) -> str:
    """The common name, else the whole subject, made harmless."""
    from cryptography.x509.oid import NameOID

    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return inert(str(common[0].value) if common else certificate.subject.rfc4514_string() or "(no name)", 80)
