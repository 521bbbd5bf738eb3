"""What is asked about revocation, and what is answered: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError
from ...inert import inert
from ..revocation_mode import Mode
from .paths import usable

TIMEOUT = 5.0  # seconds for one signer, all its certificates and addresses together
MAX_AGE = 24 * 3600.0  # seconds; an answer may be valid for weeks, and a revocation must be noticed sooner
RETRY_AFTER = 300.0  # seconds until a failure is tried again, so that a batch does not wait for it at each file
MAX_OCSP_BYTES = 64 << 10  # an answer with a delegated responder's certificates has 2 to 6 KB
MAX_CRL_BYTES = 32 << 20  # the largest lists of public authorities have some 10 MB

# Reasons for which a key may have been in other hands before the day of the revocation (RFC 5280, 5.3.1).
_COMPROMISED = ("keyCompromise", "cACompromise", "aACompromise")


@dataclass(frozen=True)
class Revocation:
    """Whether and how to ask; nothing is asked by default.

    mode: what may be fetched. lists: revocation lists (DER) at hand, looked at first and also where mode is off.
    responder: an OCSP responder to ask in place of those that certificates name. cache: folder for answers, None to
    keep them in memory only. timeout: seconds for one signer. max_age: seconds that an answer is kept at most.
    retry_after: seconds until a failure is tried again. max_ocsp_bytes, max_crl_bytes: size of one answer.
    Raises ConfigurationError for an impossible address.
    """

    mode: Mode = Mode.OFF
    lists: tuple[bytes, ...] = field(default=(), repr=False)
    responder: str | None = None
    cache: Path | None = None
    timeout: float = TIMEOUT
    max_age: float = MAX_AGE
    retry_after: float = RETRY_AFTER
    max_ocsp_bytes: int = MAX_OCSP_BYTES
    max_crl_bytes: int = MAX_CRL_BYTES

    def __post_init__(self) -> None:
        if self.responder is not None and not usable(self.responder):
            shown = inert(self.responder, 200)
            raise ConfigurationError(
                f"{shown}: this is no http or https address that an OCSP responder can be asked at"
            )

    @property
    def asked(self) -> bool:
        return self.mode is not Mode.OFF or bool(self.lists)


OFF = Revocation()


class Status(StrEnum):
    """What is known about a certificate's revocation."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The authority's responder answers that it does not know the certificate."""
    NOT_CHECKED = "not-checked"
    """No answer that could be relied on; `why` says what was in the way."""


@dataclass(frozen=True)
class Answer:
    """What is known about one certificate, or, after `conclude`, about a signer's whole chain.

    method: "ocsp" or "crl". certificate: the subject's name where it is not the signer's own certificate but that of
    an authority above. invalid_since: since when the key may have been in other hands, if the authority says so.
    after_signing: revoked, but after a trusted time-stamp; the signature counts.
    """

    status: Status
    why: str | None = None
    method: str | None = None
    url: str | None = None
    checked_at: datetime | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str | None = None
    invalid_since: datetime | None = None
    certificate: str | None = None
    after_signing: bool = False

    @property
    def counts(self) -> bool:
        """Whether the signature is worth nothing because of it."""
        return self.status is Status.REVOKED and not self.after_signing

    @property
    def settled(self) -> bool:
        return self.status in (Status.GOOD, Status.REVOKED)

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "status": str(self.status),
            "why": self.why,
            "method": self.method,
            "url": self.url,
            "checked_at": _iso(self.checked_at),
            "this_update": _iso(self.this_update),
            "next_update": _iso(self.next_update),
            "revoked_at": _iso(self.revoked_at),
            "reason": self.reason,
            "invalid_since": _iso(self.invalid_since),
            "certificate": self.certificate,
            "after_signing": self.after_signing or None,
        }
        return {key: value for key, value in values.items() if value is not None}

    def revoked_before(self, signed_at: datetime | None) -> bool:
        """Whether the revocation reaches a signature of this trusted time; None: nobody knows when it was made.

        C2PA 2.4, 15.9: a revocation after the attested time leaves the signature as it is. Stricter than that, a key
        that the authority says was in other hands since an earlier time counts as revoked from that time on.
        """
        if self.status is not Status.REVOKED:
            return False
        if signed_at is None or self.revoked_at is None:
            return True
        since = self.revoked_at
        if self.invalid_since is not None and self.reason in _COMPROMISED:
            since = min(since, self.invalid_since)
        return since <= signed_at


def not_checked(why: str) -> Answer:
    return Answer(Status.NOT_CHECKED, why)


# A stranger's certificate is never a reason to touch the network: its addresses are whatever the stranger wrote.
STRANGER = not_checked("nobody you trust vouches for the signer, so that nobody was asked")


def gravest(answers: Sequence[Answer], signed_at: datetime | None) -> Answer:
    """The answer about a chain: the leaf's first, unless one further up is graver.

    A revocation that reaches the signature outweighs a gap, a gap outweighs a revocation that came later, and that
    is still told where all was checked.
    """
    for answer in answers:
        if answer.revoked_before(signed_at):
            return answer
    for answer in answers:
        if not answer.settled:
            return answer
    later = [answer for answer in answers if answer.status is Status.REVOKED]
    return next(iter(later), answers[0])


def _iso(time: datetime | None) -> str | None:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
