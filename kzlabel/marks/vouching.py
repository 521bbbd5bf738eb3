"""Who vouches for a signer: the certificate among the trust anchors, and whether its own term covers the signature.

c2pa says which set of anchors it found the signer under, not which certificate, and gives no heed to an anchor's term.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..inert import inert
from ..trust import Anchor, Trust
from ..trust.authorities import Authority, authorities, hostile
from ..trust.revocation.paths import issued

if TYPE_CHECKING:
    from cryptography import x509

_USUAL = 32 * 1024  # bytes of a chain; longer ones are followed each time, so that nobody fills the memory with them


@dataclass(frozen=True)
class Voucher:
    """Whether anybody vouches for a signer. listed: the list that does. lapsed: who would, had their term not ended."""

    trusted: bool
    listed: dict[str, Any] | None = None
    lapsed: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        lapsed = {"lapsed_anchor": self.lapsed} if self.lapsed else {}
        return {"trusted": self.trusted, "trust_list": self.listed, **lapsed}


NOBODY_VOUCHES = Voucher(False)


def _unconfirmed(anchor: Anchor) -> bool:
    return False


def voucher(
    explanation: str,
    trust: Trust,
    chain: tuple[bytes, ...],
    proven: datetime | None,
    confirmed: Callable[[Anchor], bool] = _unconfirmed,
) -> Voucher:
    """Who vouches for a signer whom c2pa trusts: the first set of anchors that does, with a term that is not over.

    explanation: c2pa's, which names a set of anchors as `anchor_name` does; of several that hold the same certificate
    any one, by chance. chain: the certificates that came with the signature, DER, the leaf first. proven: the time of a
    trusted time-stamp, None where there is none: then the anchor's term must cover today. confirmed: whether c2pa
    trusts the signer under this set alone.
    """
    named = anchor_named(explanation, trust)
    if named is None:
        return NOBODY_VOUCHES
    vouching = _remembered if sum(map(len, chain)) <= _USUAL else _vouching
    found = ((anchor, vouching(anchor.pem, chain)) for anchor in trust.anchors)
    lapsed: list[Voucher] = []
    for anchor, reached in found:
        if anchor is named or (reached and confirmed(anchor)):
            told = _told(anchor, reached, proven or datetime.now(UTC))
            if told.trusted:
                return told
            lapsed.append(told)
    return lapsed[0]


def _told(anchor: Anchor, found: tuple[Authority, ...], time: datetime) -> Voucher:
    """found: the authorities in it that the chain leads to."""
    usable = next((one for one in found if one.valid_at(time)), None)
    if usable is None and (found or not all(one.valid_at(time) for one in anchor.authorities)):
        lapsed = found[0] if found else min(anchor.authorities, key=lambda one: one.expires)
        told = {"name": inert(anchor.name), "anchor": lapsed.subject, "expires": lapsed.expires.date().isoformat()}
        return Voucher(False, lapsed=told)
    listed = {
        "name": inert(anchor.name),
        "date": anchor.date,
        "anchor": usable.subject if usable else None,
        "age_days": _age(anchor),
        "certificates": len(anchor.authorities),
    }
    return Voucher(True, listed)


@lru_cache(maxsize=16)
def for_times_alone(trust: Trust) -> tuple[Anchor, ...]:
    """The anchors for time-stamps, less the certificates that are anchors for signers too.

    Where c2pa is given both, it would name either of them.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    signers = {one.fingerprint for anchor in trust.anchors for one in anchor.authorities}
    rest = (
        (anchor, [one.certificate for one in anchor.authorities if one.fingerprint not in signers])
        for anchor in trust.time_anchors
    )
    return tuple(
        replace(anchor, pem="".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in left))
        for anchor, left in rest
        if left
    )


def anchor_name(number: int) -> str:
    """How a set of anchors is called towards c2pa: by its place, since names may be anything."""
    return f"anchor-{number}"


def anchor_named(explanation: str, trust: Trust) -> Anchor | None:
    """The set of anchors for signers that an explanation of c2pa names; None if it is none of them."""
    found = re.search(r"\banchor-(\d{1,4})\b", explanation)
    return trust.anchors[int(found[1])] if found and int(found[1]) < len(trust.anchors) else None


def _age(anchor: Anchor) -> int | None:
    """Days since the list was issued, today."""
    if anchor.date is None:
        return None
    try:
        return max((datetime.now(UTC).date() - date.fromisoformat(anchor.date)).days, 0)
    except ValueError:
        return None


def _vouching(pem: str, chain: tuple[bytes, ...]) -> tuple[Authority, ...]:
    """The authorities that a chain leads to, step by step from the leaf, each step proven by a signature."""
    from cryptography import x509

    known = authorities(pem)
    try:
        with warnings.catch_warnings(action="ignore"):
            certificates = [x509.load_der_x509_certificate(der) for der in chain]
            return tuple(dict.fromkeys(_above(certificates, known)))
    except hostile():
        return ()


_remembered = lru_cache(maxsize=256)(_vouching)


def _above(chain: list[x509.Certificate], known: tuple[Authority, ...]) -> Iterator[Authority]:
    rest, current = chain[1:], next(iter(chain), None)
    while current is not None:
        for authority in known:
            if current == authority.certificate or issued(current, authority.certificate):
                yield authority
        below = current
        current = next((one for one in rest if issued(below, one)), None)
        rest = [one for one in rest if one is not current]
