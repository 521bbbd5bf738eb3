"""What a certificate chain and its key must be to sign C2PA claims.

The rules are those of C2PA 2.4, section 14.5.1 (certificate profiles), as c2pa-rs 0.91 applies them; beside them what
keeps any verifier from believing a chain: gaps, issuers that are no authorities, weak keys and digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ConfigurationError, SigningError
from ..inert import inert
from .cose import ALGORITHMS

if TYPE_CHECKING:
    from cryptography import x509

    Chain = Sequence[x509.Certificate]
    Extension = TypeVar("Extension", bound=x509.ExtensionType)

MAX_CERTIFICATES = 16  # of one chain; real ones have two to four
MAX_BYTES = 1 << 20  # of a file with keys or certificates
WARN_BEFORE = timedelta(days=30)

# Purposes of which the leaf needs one: claim signing (C2PA), e-mail protection, document signing (RFC 9336).
PURPOSES = {
    "1.3.6.1.4.1.62558.2.1": "C2PA claim signing",
    "1.3.6.1.5.5.7.3.4": "e-mail protection",
    "1.3.6.1.5.5.7.3.36": "document signing",
}
# Purposes that C2PA forbids in it: any, time-stamping, OCSP signing.
FORBIDDEN = {"2.5.29.37.0": "any purpose", "1.3.6.1.5.5.7.3.8": "time-stamping", "1.3.6.1.5.5.7.3.9": "OCSP signing"}
CLIENT_AUTHENTICATION = "1.3.6.1.5.5.7.3.2"
MIN_RSA = 2048  # bits: C2PA 2.4, section 14.5.1

GOST_REASON = (
    "this is a GOST 34.10 key, and C2PA has no such algorithm; use the RSA key of the same issue, or a certificate of "
    "another authority for P-256, RSA or Ed25519"
)
# GOST 34.10 keys: as Kazakhstan's national certification authority names them, and as Russian standards do.
_GOST_KEYS = ("1.2.398.3.10.1.1.", "1.2.643.2.2.", "1.2.643.7.1.1.1.")
# 1.2.398.3.10.1 and 1.2.643 in DER. Four bytes and more: chance does not bring them into a few kilobytes.
_GOST_DER = re.compile(rb"\x06[\x04-\x0f]\x2a(?:\x83\x0e\x03\x0a\x01|\x85\x03[\x02\x07])")
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
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


@dataclass(frozen=True)
class Credential:
    """A checked chain, in the words of `Signer`."""

    chain: str
    alg: str
    fingerprint: str
    news: str | None


def credential(
    certificates: Iterable[x509.Certificate], public_key: Any = None, *, name: str, wanted: str | None = None
) -> Credential:
    """Order and check certificates; what every signer needs to know about them.

    public_key: of the key in hand, None where a service keeps it. name: as errors name the source. wanted: an
    algorithm, None for the key's usual one. Raises SigningError, ConfigurationError for an unknown algorithm.
    """
    from cryptography.hazmat.primitives.hashes import SHA256

    chain = ordered(certificates, public_key)
    check_chain(chain, public_key, name=name)
    try:
        alg = algorithm_for(chain[0].public_key(), wanted)
    except SigningError as error:
        raise SigningError(f"{name}: {error}") from None
    return Credential(pem_of(chain), alg, chain[0].fingerprint(SHA256()).hex(), expiry_news(chain, name))


def read_chain(pem: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file in the order they stand in; private keys among them are left unread.

    Raises SigningError.
    """
    from cryptography import x509

    try:
        found = tuple(x509.load_pem_x509_certificates(pem)) if len(pem) <= MAX_BYTES else ()
    except ValueError:
        found = ()
    if not found:
        raise SigningError(f"{name}: no PEM certificate is in this file; give one with -----BEGIN CERTIFICATE-----")
    if len(found) > MAX_CERTIFICATES:
        raise SigningError(f"{name}: over {MAX_CERTIFICATES} certificates are no chain; keep the leaf and its issuers")
    return found


def ordered(certificates: Iterable[x509.Certificate], public_key: Any = None) -> tuple[x509.Certificate, ...]:
    """The leaf first, then each issuer. The leaf is the one of `public_key`, else the one that issued no other.

    Certificates that lead nowhere come last, so that `problems` names the gap; they are left out if the chain reaches
    a root without them, or if nothing but a GOST key could use them.
    """
    left = list(dict.fromkeys(certificates))
    if not left:
        return ()
    chain = [_leaf(left, public_key)]
    left.remove(chain[0])
    while not _self_issued(chain[-1]) and (issuer := next((one for one in left if _issued(chain[-1], one)), None)):
        chain.append(issuer)
        left.remove(issuer)
    if not _self_issued(chain[-1]):
        chain += [one for one in left if not is_gost(one.public_key_algorithm_oid.dotted_string)]
    return tuple(chain)


def problems(
    chain: Chain, public_key: Any = None, *, now: datetime | None = None, root: x509.Certificate | None = None
) -> list[Problem]:
    """All that keeps a chain from signing claims that a verifier believes, the gravest first.

    chain: the leaf first, each followed by its issuer; the root may be missing. public_key: must be the leaf's.
    root: the chain must lead to it.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    if not chain:
        return [Problem("incomplete", "there is no certificate; name the one that belongs to the key")]
    found: list[Problem] = []
    try:
        for check in (
            _algorithm_problems(chain[0]),
            _link_problems(chain, root),
            _key_problems(chain[0], public_key),
            _leaf_problems(chain[0]),
            _usage_problems(chain[0]),
            _strength_problems(chain),
            _issuer_problems(chain),
            _time_problems(chain, now or datetime.now(UTC)),
        ):
            found += check
    except (ValueError, TypeError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        found.append(Problem("malformed", f"a certificate is malformed: {inert(str(error), 120)}; get a new one"))
    return found


def check_chain(
    chain: Chain,
    public_key: Any = None,
    *,
    name: str = "the certificate chain",
    now: datetime | None = None,
    root: x509.Certificate | None = None,
) -> None:
    """Raise SigningError with the gravest of `problems`, if there is one."""
    if found := problems(chain, public_key, now=now, root=root):
        raise SigningError(f"{name}: {found[0].sentence}")


def algorithm_for(public_key: Any, wanted: str | None = None) -> str:
    """The algorithm of a key: es256, es384 or es512 by its curve, ed25519; ps256 for RSA unless another is wanted.

    Raises SigningError if C2PA has none for this key, or `wanted` is not for it; ConfigurationError if `wanted` is
    no algorithm at all.
    """
    kind, possible = _kind(public_key)
    if wanted is not None and (wanted := wanted.casefold()) not in ALGORITHMS:
        raise ConfigurationError(f"alg={inert(wanted, 40)} is not known; known are {', '.join(ALGORITHMS)}")
    if not possible:
        raise SigningError(f"{kind} cannot sign C2PA claims; use P-256, P-384, P-521, RSA or Ed25519")
    if wanted is None:
        return possible[0]
    if wanted not in possible:
        raise SigningError(f"{kind} cannot sign with {wanted}; it signs with {' or '.join(possible)}")
    return wanted


def days_left(chain: Chain, now: datetime | None = None) -> int:
    """Whole days until the first certificate of the chain expires; negative once it has."""
    return (min(one.not_valid_after_utc for one in chain) - (now or datetime.now(UTC))).days


def expiry_news(chain: Chain, name: str, now: datetime | None = None) -> str | None:
    """A sentence when the chain expires within WARN_BEFORE, else None."""
    left = days_left(chain, now)
    if left > WARN_BEFORE.days:
        return None
    return f"{name}: the certificate expires in {left} {'day' if left == 1 else 'days'}; get a new one in time"


def pem_of(chain: Chain) -> str:
    """The chain as signers carry it: PEM, the leaf first, a root at the end left out."""
    from cryptography.hazmat.primitives.serialization import Encoding

    kept = chain[:-1] if len(chain) > 1 and _self_issued(chain[-1]) else chain
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in kept)


def is_gost(oid: str) -> bool:
    """Whether a dotted object identifier names a GOST 34.10 key."""
    return oid.startswith(_GOST_KEYS)


def mentions_gost(der: bytes) -> bool:
    """Whether DER holds, in clear, an identifier of a GOST key, digest or cipher."""
    return _GOST_DER.search(der) is not None


def unusable_key(error: Exception | None, der: bytes) -> str:
    """Why a key that `cryptography` refused with `error` cannot sign: a sentence without the file's name."""
    identifiers = re.findall(r"\d+(?:\.\d+){4,}", str(error))
    if mentions_gost(der) or any(is_gost(one) for one in identifiers):
        return GOST_REASON
    return "C2PA does not know this kind of key; use P-256, P-384, P-521, RSA or Ed25519"


def _algorithm_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    if is_gost(leaf.public_key_algorithm_oid.dotted_string):
        yield Problem("algorithm", GOST_REASON)
        return
    kind, possible = _kind(leaf.public_key())
    if not possible:
        yield Problem("algorithm", f"{kind} cannot sign C2PA claims; use P-256, P-384, P-521, RSA or Ed25519")


def _link_problems(chain: Chain, root: x509.Certificate | None) -> Iterator[Problem]:
    gap = next((pair for pair in pairwise(chain) if not _issued(*pair)), None)
    if gap:
        sorted_ = ordered(chain)
        if tuple(chain) != sorted_ and all(_issued(*pair) for pair in pairwise(sorted_)):
            yield Problem("order", "the certificates are out of order; put the leaf first, then each one's issuer")
        else:
            yield Problem(
                "incomplete",
                f"the certificate of {_name(gap[0])} was not issued by {_name(gap[1])}, which follows; "
                "add the missing one, or take out what does not belong here",
            )
    if root is not None and chain[-1] != root and not _issued(chain[-1], root):
        yield Problem(
            "incomplete",
            f"the chain ends with {_name(chain[-1])}, which {_name(root)} did not issue; add the certificates between",
        )


def _key_problems(leaf: x509.Certificate, public_key: Any) -> Iterator[Problem]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if public_key is not None and leaf.public_key().public_bytes(*form) != public_key.public_bytes(*form):
        yield Problem(
            "key-mismatch", f"the key does not belong to the certificate of {_name(leaf)}; give the two that do"
        )


def _leaf_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    from cryptography import x509

    if _self_issued(leaf):
        yield Problem(
            "self-signed",
            f"the certificate of {_name(leaf)} is self-signed, and C2PA accepts only what an authority issued; "
            "make a root and a leaf with kzlabel keys init, or request one with kzlabel keys request",
        )
    elif _is_authority(leaf):
        yield Problem("authority", f"{_name(leaf)} is a certification authority; sign with a leaf that it issued")
    if leaf.version is not x509.Version.v3:
        yield Problem("malformed", "the certificate is not of version 3; get a new one")


def _usage_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    from cryptography import x509

    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        yield Problem("key-usage", "the certificate is not for digital signatures (key usage); get one that is")
    elif usage.key_cert_sign:
        yield Problem("key-usage", "the certificate may sign other certificates, which C2PA forbids; get another")
    yield from _purpose_problems(leaf)
    if _extension(leaf, x509.AuthorityKeyIdentifier) is None:
        yield Problem("profile", "the certificate lacks the authority key identifier that C2PA asks for; get another")
    for one in leaf.extensions:
        if one.critical and one.oid.dotted_string not in _UNDERSTOOD:
            oid = one.oid.dotted_string
            yield Problem("profile", f"verifiers do not know the certificate's critical extension {oid}; get another")


def _purpose_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    from cryptography import x509

    usage = _extension(leaf, x509.ExtendedKeyUsage)
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


def _strength_problems(chain: Chain) -> Iterator[Problem]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    for index, one in enumerate(chain):
        key = None if is_gost(one.public_key_algorithm_oid.dotted_string) else one.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA:
            yield Problem(
                "weak", f"the key of {_name(one)} is weak: RSA of {key.key_size} bits, and {MIN_RSA} are the least"
            )
        if index and _self_issued(one):
            continue  # nobody relies on a root's signature of itself
        if is_gost(one.signature_algorithm_oid.dotted_string):
            yield Problem("algorithm", f"the certificate of {_name(one)} is signed with GOST, which C2PA does not know")
            continue
        digest = one.signature_hash_algorithm
        if digest is not None and digest.name not in _DIGESTS:
            yield Problem(
                "weak", f"the certificate of {_name(one)} is signed with {digest.name.upper()}; get one with SHA-256"
            )


def _issuer_problems(chain: Chain) -> Iterator[Problem]:
    from cryptography import x509

    for below, one in enumerate(chain[1:]):
        usage = _extension(one, x509.KeyUsage)
        constraints = _extension(one, x509.BasicConstraints)
        if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
            yield Problem("issuer", f"{_name(one)} issued a certificate and is no certification authority; get another")
        elif constraints.path_length is not None and below > constraints.path_length:
            yield Problem("issuer", f"{_name(one)} may not issue for other authorities, and did; get another chain")


def _time_problems(chain: Chain, now: datetime) -> Iterator[Problem]:
    for index, one in enumerate(chain):
        if index and _self_issued(one):
            continue  # left out when signing
        if one.not_valid_after_utc < now:
            yield Problem("expired", f"the certificate of {_name(one)} expired on {one.not_valid_after_utc:%Y-%m-%d}")
        if one.not_valid_before_utc > now:
            start = f"{one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            yield Problem("not-yet-valid", f"the certificate of {_name(one)} is valid from {start}; check the clock")


def _kind(public_key: Any) -> tuple[str, tuple[str, ...]]:
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


def _leaf(certificates: list[x509.Certificate], public_key: Any) -> x509.Certificate:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if public_key is not None:
        wanted = public_key.public_bytes(*form)
        for one in certificates:
            known = not is_gost(one.public_key_algorithm_oid.dotted_string)
            if known and one.public_key().public_bytes(*form) == wanted:
                return one
    candidates = [one for one in certificates if not any(_issued(other, one) for other in certificates if other != one)]
    return next((one for one in candidates if not _is_authority(one)), (candidates or certificates)[0])


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _self_issued(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate) -> str:
    """The common name, else the whole subject, made harmless."""
    from cryptography.x509.oid import NameOID

    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return inert(str(common[0].value) if common else certificate.subject.rfc4514_string() or "(no name)", 80)
