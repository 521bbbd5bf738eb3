"""Finds out whether a signer's certificates were revoked: from memory, lists at hand, a folder, or the network."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING

from ...errors import NetworkError
from ...inert import inert
from ..anchors import Anchor
from ..authorities import hostile
from ..revocation_mode import Mode
from . import lists, ocsp
from .answers import STRANGER, Answer, Revocation, Status, gravest, not_checked
from .asking import Asker
from .cache import AnswerCache
from .paths import Way, list_addresses, opened, path, responders

if TYPE_CHECKING:
    from cryptography import x509

MAX_CHAINS = 512  # signers whose answers are remembered
_TURNS = 16  # signers asked about at the same time


@dataclass(frozen=True)
class _Known:
    answers: tuple[Answer, ...]
    until: datetime


class RevocationChecker:
    """Checks signers with the same options and anchors for many files. Safe for threads.

    A signer is asked about once, then remembered until the answer ends, at most `max_age`; a failure for `retry_after`.
    now: the time, as the machine's clock has it.
    """

    def __init__(
        self,
        options: Revocation,
        anchors: Sequence[Anchor],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.options = options
        self._lists = tuple(anchors)
        self._now = now
        self._asker = Asker(options.retry_after, lambda: now().timestamp())
        self._cache = AnswerCache(options.cache, options.max_age) if options.cache else None
        self._known: dict[bytes, _Known] = {}
        self._lock = threading.Lock()
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))

    def check(self, chain: Sequence[bytes], signed_at: datetime | None) -> Answer:
        """Whether the signer's certificate, or one of the authorities' above, was revoked when the work was signed.

        chain: certificates, DER, the signer's first, as they stand beside the signature. signed_at: the time of a
        trusted time-stamp, None where there is none. Lasts at most `timeout` seconds. Never raises.
        """
        key = _digest(chain)
        known = self._remembered(key)
        if known is None:
            with self._turns[key[0] % _TURNS]:
                known = self._remembered(key) or self._remember(key, self._look(chain))
        answer = gravest(known.answers, signed_at)
        later = answer.status is Status.REVOKED and not answer.revoked_before(signed_at)
        return replace(answer, after_signing=later)

    def _remembered(self, key: bytes) -> _Known | None:
        with self._lock:
            known = self._known.get(key)
        return known if known and self._now() < known.until else None

    def _remember(self, key: bytes, answers: tuple[Answer, ...]) -> _Known:
        now = self._now()
        kept = self.options.max_age if all(one.settled for one in answers) else self.options.retry_after
        ends = [one.next_update for one in answers if one.next_update and one.status is Status.GOOD]
        known = _Known(answers, min(now + timedelta(seconds=kept), *ends, now + timedelta(days=366)))
        with self._lock:
            while len(self._known) >= MAX_CHAINS:
                self._known.pop(next(iter(self._known)))
            self._known[key] = known
        return known

    def _look(self, chain: Sequence[bytes]) -> tuple[Answer, ...]:
        """An answer for each certificate below the anchor, the signer's first."""
        end = time.monotonic() + self.options.timeout
        try:
            certificates = opened(chain[:1]) and opened(chain)
            way = path(certificates, self._anchors) if certificates else None
        except hostile():
            way = None
        if way is None:
            return (STRANGER,)
        if len(way) == 1:
            return (not_checked("the signer's certificate is itself a trust anchor, about which nobody can be asked"),)
        return tuple(self._about(way, number, end) for number in range(len(way) - 1))

    @cached_property
    def _anchors(self) -> list[x509.Certificate]:
        return [authority.certificate for anchor in self._lists for authority in anchor.authorities]

    def _about(self, way: Way, number: int, end: float) -> Answer:
        certificate, issuer = way[number], way[number + 1]
        problems: list[Answer] = []
        for answer in map(partial(_if_in_term, certificate), self._answers(certificate, issuer, end)):
            if answer.settled:
                break
            problems.append(answer)
        else:
            unknown = next((one for one in problems if one.status is Status.UNKNOWN), None)
            why = "; ".join(dict.fromkeys(one.why for one in problems if one.why))
            answer = unknown or replace(not_checked(why), checked_at=self._now())
        return replace(answer, certificate=_subject(certificate)) if number else answer

    def _answers(self, certificate: x509.Certificate, issuer: x509.Certificate, end: float) -> Iterator[Answer]:
        """What each source says, the nearest first; none is asked before it is needed."""
        fitting = [data for data in self.options.lists if lists.speaks_for(data, issuer)]
        for data in fitting:
            yield lists.judged(data, certificate, issuer, now=self._now(), url=None)
        mode = self.options.mode
        if mode is Mode.OFF and not fitting:
            yield not_checked("none of the revocation lists given is that of the certificate's issuer")
        if mode in (Mode.OCSP, Mode.ANY):
            yield from self._by_ocsp(certificate, issuer, end)
        if mode in (Mode.CRL, Mode.ANY):
            yield from self._by_list(certificate, issuer, end)

    def _by_ocsp(self, certificate: x509.Certificate, issuer: x509.Certificate, end: float) -> Iterator[Answer]:
        configured = self.options.responder
        try:
            urls = (configured,) if configured else responders(certificate)
            asked = ocsp.question(certificate, issuer)
        except hostile():
            urls = ()
        if not urls:
            yield not_checked("the certificate names no OCSP responder that could be asked")
            return
        limit = self.options.max_ocsp_bytes
        for url in urls:

            def judged(data: bytes, fresh: bool, url: str = url) -> Answer:
                return ocsp.judged(data, asked, issuer, now=self._now(), url=url, fresh=fresh)

            key = (b"ocsp", url.encode(), _print(certificate), _print(issuer))
            yield self._kept(key, limit, judged) or self._fetched(key, url, asked.der, ocsp.HEADERS, limit, end, judged)

    def _by_list(self, certificate: x509.Certificate, issuer: x509.Certificate, end: float) -> Iterator[Answer]:
        try:
            urls = list_addresses(certificate)
        except hostile():
            urls = ()
        if not urls:
            yield not_checked("the certificate names no revocation list that could be fetched")
        limit = self.options.max_crl_bytes
        for url in urls:

            def judged(data: bytes, fresh: bool, url: str = url) -> Answer:
                return lists.judged(data, certificate, issuer, now=self._now(), url=url)

            key = (b"crl", url.encode(), _print(issuer))
            yield self._kept(key, limit, judged) or self._fetched(key, url, None, {}, limit, end, judged)

    def _kept(self, key: tuple[bytes, ...], limit: int, judged: Callable[[bytes, bool], Answer]) -> Answer | None:
        """The answer in the cache if it still holds: it is verified as if it came from the network."""
        data = self._cache.load(*key, limit=limit) if self._cache else None
        answer = judged(data, False) if data is not None else None
        return answer if answer and answer.settled else None

    def _fetched(
        self,
        key: tuple[bytes, ...],
        url: str,
        question: bytes | None,
        headers: dict[str, str],
        limit: int,
        end: float,
        judged: Callable[[bytes, bool], Answer],
    ) -> Answer:
        left = end - time.monotonic()
        if left <= 0:
            return not_checked(f"no time was left for {inert(url, 200)}")
        try:
            data = self._asker.ask(url, data=question, headers=headers, limit=limit, timeout=left)
        except NetworkError as error:
            return not_checked(str(error))
        answer = judged(data, True)
        if answer.settled and self._cache:
            self._cache.save(*key, data=data)
        return answer if answer.settled else replace(answer, url=url, why=f"{inert(url, 200)}: {answer.why}")


def _if_in_term(certificate: x509.Certificate, answer: Answer) -> Answer:
    """Authorities forget expired certificates: that one is not named as revoked says nothing then."""
    made = answer.this_update
    if answer.status is Status.GOOD and made is not None and certificate.not_valid_after_utc < made:
        return not_checked("the certificate has expired, and authorities need not tell of expired ones any more")
    return answer


def _digest(chain: Sequence[bytes]) -> bytes:
    digest = sha256()
    for der in chain:
        digest.update(len(der).to_bytes(8, "big") + der)
    return digest.digest()


def _print(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256())


def _subject(certificate: x509.Certificate) -> str:
    try:
        return inert(certificate.subject.rfc4514_string(), 200)
    except hostile():
        return "an authority"
