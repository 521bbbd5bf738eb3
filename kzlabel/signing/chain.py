"""What a certificate chain and its key must be to sign C2PA claims.

The rules are those of C2PA 2.4, section 14.5.1 (certificate profiles), as c2pa-rs 0.91 applies them; beside them what
keeps any verifier from believing a chain: gaps, issuers that are no authorities, weak keys and digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SigningError
from ..inert import inert
from .certificates import public_der
from .cose import ALGORITHMS
from .gost import is_gost, unusable_key
from .profile import (
    Problem,
    algorithm_problems,
    extension,
    is_authority,
    kind_of,
    leaf_problems,
    name_of,
    self_issued,
    usage_problems,
)

if TYPE_CHECKING:
    from cryptography import x509

    Chain = Sequence[x509.Certificate]

MAX_CERTIFICATES = 16  # of one chain; real ones have two to four
MAX_BYTES = 1 << 20  # of a file with keys or certificates
WARN_BEFORE = timedelta(days=30)

MIN_RSA = 2048  # bits: C2PA 2.4, section 14.5.1
MAX_RSA = 4096  # bits: c2pa-rs 0.91 finds no signature of a longer key valid, in claims and in certificates

_DIGESTS = frozenset({"sha256", "sha384", "sha512"})


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
    while not self_issued(chain[-1]) and (issuer := next((one for one in left if _issued(chain[-1], one)), None)):
        chain.append(issuer)
        left.remove(issuer)
    if not self_issued(chain[-1]):
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
            algorithm_problems(chain[0]),
            _link_problems(chain, root),
            _key_problems(chain[0], public_key),
            leaf_problems(chain[0]),
            usage_problems(chain[0]),
            _strength_problems(chain),
            _issuer_problems(chain),
            _time_problems(chain, now or datetime.now(UTC)),
        ):
            found += check
    except UnsupportedAlgorithm as error:
        found.append(Problem("algorithm", unusable_key(error, b"")))
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
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
    kind, possible = kind_of(public_key)
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

    kept = chain[:-1] if len(chain) > 1 and self_issued(chain[-1]) else chain
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in kept)


def _link_problems(chain: Chain, root: x509.Certificate | None) -> Iterator[Problem]:
    gap = next((pair for pair in pairwise(chain) if not _issued(*pair)), None)
    if gap:
        sorted_ = ordered(chain)
        if tuple(chain) != sorted_ and all(_issued(*pair) for pair in pairwise(sorted_)):
            yield Problem("order", "the certificates are out of order; put the leaf first, then each one's issuer")
        else:
            yield Problem(
                "incomplete",
                f"the certificate of {name_of(gap[0])} was not issued by {name_of(gap[1])}, which follows; "
                "add the missing one, or take out what does not belong here",
            )
    if root is not None and chain[-1] != root and not _issued(chain[-1], root):
        yield Problem(
            "incomplete",
            f"the chain ends with {name_of(chain[-1])}, which {name_of(root)} did not issue; "
            "add the certificates between",
        )


def _key_problems(leaf: x509.Certificate, public_key: Any) -> Iterator[Problem]:
    if public_key is not None and public_der(leaf) != public_der(public_key):
        yield Problem(
            "key-mismatch", f"the key does not belong to the certificate of {name_of(leaf)}; give the two that do"
        )


def _strength_problems(chain: Chain) -> Iterator[Problem]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    for index, one in enumerate(chain):
        key = None if is_gost(one.public_key_algorithm_oid.dotted_string) else one.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA:
            yield Problem(
                "weak", f"the key of {name_of(one)} is weak: RSA of {key.key_size} bits, and {MIN_RSA} are the least"
            )
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > MAX_RSA:
            yield Problem(
                "algorithm",
                f"the key of {name_of(one)} has {key.key_size} bits, and verifiers take RSA of at most {MAX_RSA}; "
                "get another",
            )
        if index and self_issued(one):
            continue  # nobody relies on a root's signature of itself
        if is_gost(one.signature_algorithm_oid.dotted_string):
            yield Problem(
                "algorithm", f"the certificate of {name_of(one)} is signed with GOST, which C2PA does not know"
            )
            continue
        digest = one.signature_hash_algorithm
        if digest is not None and digest.name not in _DIGESTS:
            yield Problem(
                "weak", f"the certificate of {name_of(one)} is signed with {_spelt(digest.name)}; get one with SHA-256"
            )


def _spelt(digest: str) -> str:
    return digest.upper().replace("SHA", "SHA-", 1)


def _issuer_problems(chain: Chain) -> Iterator[Problem]:
    from cryptography import x509

    for below, one in enumerate(chain[1:]):
        usage = extension(one, x509.KeyUsage)
        constraints = extension(one, x509.BasicConstraints)
        if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
            yield Problem(
                "issuer", f"{name_of(one)} issued a certificate and is no certification authority; get another"
            )
        elif constraints.path_length is not None and below > constraints.path_length:
            yield Problem("issuer", f"{name_of(one)} may not issue for other authorities, and did; get another chain")


def _time_problems(chain: Chain, now: datetime) -> Iterator[Problem]:
    for index, one in enumerate(chain):
        if index and self_issued(one):
            continue  # left out when signing
        if one.not_valid_after_utc < now:
            yield Problem("expired", f"the certificate of {name_of(one)} expired on {one.not_valid_after_utc:%Y-%m-%d}")
        if one.not_valid_before_utc > now:
            start = f"{one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            yield Problem("not-yet-valid", f"the certificate of {name_of(one)} is valid from {start}; check the clock")


def _leaf(certificates: list[x509.Certificate], public_key: Any) -> x509.Certificate:
    if public_key is not None:
        wanted = public_der(public_key)
        for one in certificates:
            known = not is_gost(one.public_key_algorithm_oid.dotted_string)
            if known and public_der(one) == wanted:
                return one
    candidates = [one for one in certificates if not any(_issued(other, one) for other in certificates if other != one)]
    return next((one for one in candidates if not is_authority(one)), (candidates or certificates)[0])


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return not _sound_digest(certificate)  # SHA-1, GOST: nothing here checks it, and `problems` tells of it
    return True


def _sound_digest(certificate: x509.Certificate) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return digest is None or digest.name in _DIGESTS
