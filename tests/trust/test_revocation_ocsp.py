"""OCSP against OpenSSL's responder."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID

from kzlabel.errors import ConfigurationError
from kzlabel.network import fetch
from kzlabel.trust import Anchor
from kzlabel.trust.revocation import Answer, Mode, Revocation, RevocationChecker, Status, ocsp

from .. import pki
from .responder import (
    Entry,
    addresses,
    certificates,
    chain,
    delegate,
    free_port,
    issuer,
    openssl_responder,
    web,
)

DAY = timedelta(days=1)


def checker(signer: pki.PrivateSigner, **options: Any) -> RevocationChecker:
    now = options.pop("now", None)
    clock = {"now": now} if now else {}
    options.setdefault("mode", Mode.OCSP)
    return RevocationChecker(Revocation(**options), [Anchor("root.pem", None, signer.root)], **clock)


@dataclass
class Authority:
    """A signer whose certificates name a responder's address, and the way to let one answer there."""

    folder: Path
    stack: ExitStack
    signer: pki.PrivateSigner
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def leaf(self) -> x509.Certificate:
        return certificates(self.signer.chain)[0]

    def answers(self, *entries: Entry, options: tuple[str, ...] = (), by: Any = None) -> None:
        self.stack.enter_context(
            openssl_responder(
                self.folder, self.port, issuer(self.signer), self.signer.issuers[0], entries, *options, by=by
            )
        )

    def check(self, signed_at: datetime | None = None, **options: Any) -> Answer:
        return checker(self.signer, **options).check(chain(self.signer), signed_at)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    port = free_port()
    signer = pki.signer(extensions=addresses(ocsp=f"http://127.0.0.1:{port}"))
    with ExitStack() as stack:
        yield Authority(tmp_path, stack, signer, port)


def test_a_certificate_that_is_not_revoked_is_good(authority: Authority) -> None:
    authority.answers(Entry(authority.leaf))
    answer = authority.check()
    assert answer.status is Status.GOOD
    assert answer.method == "ocsp"
    assert answer.url == authority.url
    assert answer.this_update is not None
    assert answer.next_update is not None
    assert answer.this_update < answer.next_update


def test_a_revoked_one_is_told_with_day_and_reason(authority: Authority) -> None:
    when = datetime.now(UTC).replace(microsecond=0) - DAY
    authority.answers(Entry(authority.leaf, when))
    answer = authority.check()
    assert answer.status is Status.REVOKED
    assert answer.counts
    assert answer.revoked_at == when
    assert answer.reason == "keyCompromise"


def test_one_that_the_responder_does_not_know_is_unknown(authority: Authority) -> None:
    authority.answers()
    answer = authority.check()
    assert answer.status is Status.UNKNOWN
    assert "does not know" in str(answer.why)


def test_a_responder_that_is_down_is_named(authority: Authority) -> None:
    answer = authority.check()
    assert answer.status is Status.NOT_CHECKED
    assert authority.url in str(answer.why)
    assert "cannot be reached" in str(answer.why)


@pytest.mark.parametrize("drop", [b"", b"x"], ids=["silent", "a header without end"])
def test_a_responder_that_hangs_costs_no_more_than_the_time_given(drop: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answered = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: " if drop else b"")
                while not answered.wait(0.02):
                    connection.sendall(drop)

        thread = threading.Thread(target=drip)
        thread.start()
        signer = pki.signer(extensions=addresses(ocsp=f"http://127.0.0.1:{server.getsockname()[1]}"))
        answer = checker(signer, timeout=0.2).check(chain(signer), None)  # returns although nothing came
        answered.set()
        thread.join()
    assert answer.status is Status.NOT_CHECKED
    assert "in time" in str(answer.why)


def _kept_answer(authority: Authority, **options: Any) -> bytes:
    """The bytes of a real answer, out of the cache."""
    folder = authority.folder / "answers"
    assert authority.check(cache=folder, **options).settled
    (file,) = folder.glob("*.der")
    return file.read_bytes()


def test_an_answer_about_another_certificate_of_the_same_authority_is_none(authority: Authority) -> None:
    """The good signer's answer, made ahead and so without a nonce, is offered for one that was revoked."""
    root, key = issuer(authority.signer), authority.signer.issuers[0]
    second, _ = delegate(root, key, name="Second Signer")
    authority.answers(Entry(authority.leaf), Entry(second, datetime.now(UTC) - DAY))
    request = OCSPRequestBuilder().add_certificate(authority.leaf, root, SHA1()).build().public_bytes(Encoding.DER)
    good = fetch(authority.url, data=request, headers=ocsp.HEADERS, limit=1 << 16)
    with web() as served:
        served.pages["/"] = good
        asked = checker(authority.signer, responder=served.url + "/")
        assert asked.check(chain(authority.signer), None).status is Status.GOOD
        answer = asked.check([second.public_bytes(Encoding.DER)], None)
    assert answer.status is Status.NOT_CHECKED
    assert "another certificate" in str(answer.why)


def test_the_answer_to_another_question_is_none(authority: Authority) -> None:
    """A good answer, caught before the revocation, does not help a thief who stands between."""
    authority.answers(Entry(authority.leaf))
    old = _kept_answer(authority)
    with web() as served:
        served.pages["/"] = old
        answer = authority.check(responder=served.url + "/")
    assert answer.status is Status.NOT_CHECKED
    assert "another question" in str(answer.why)


def test_an_expired_answer_is_none(authority: Authority) -> None:
    authority.answers(Entry(authority.leaf), options=("-nmin", "1"))
    later = datetime.now(UTC) + timedelta(minutes=30)
    answer = authority.check(now=lambda: later)
    assert answer.status is Status.NOT_CHECKED
    assert "expired" in str(answer.why)


def test_an_answer_from_the_future_is_none(authority: Authority) -> None:
    authority.answers(Entry(authority.leaf))
    answer = authority.check(now=lambda: datetime.now(UTC) - DAY)
    assert answer.status is Status.NOT_CHECKED
    assert "future" in str(answer.why)


def test_an_answer_without_an_end_is_taken_for_a_day(authority: Authority) -> None:
    authority.answers(Entry(authority.leaf), options=("-resp_no_certs",))  # in place of -nmin
    assert authority.check().status is Status.GOOD
    later = datetime.now(UTC) + timedelta(hours=25)
    assert authority.check(now=lambda: later).status is Status.NOT_CHECKED


def test_a_bad_signature_is_noticed(authority: Authority) -> None:
    authority.answers(Entry(authority.leaf), options=("-nmin", "60", "-badsig"))
    answer = authority.check()
    assert answer.status is Status.NOT_CHECKED
    assert "signature" in str(answer.why)


def test_a_responder_that_the_authority_appointed_may_answer(authority: Authority) -> None:
    by = delegate(issuer(authority.signer), authority.signer.issuers[0])
    authority.answers(Entry(authority.leaf), by=by)
    assert authority.check().status is Status.GOOD


def test_one_known_by_the_hash_of_its_key_may_answer(authority: Authority) -> None:
    by = delegate(issuer(authority.signer), authority.signer.issuers[0])
    authority.answers(Entry(authority.leaf), by=by, options=("-nmin", "60", "-resp_key_id"))
    assert authority.check().status is Status.GOOD


@pytest.mark.parametrize("defect", ["stranger", "purpose", "expired", "namesake"])
def test_whoever_was_not_appointed_may_not_answer(authority: Authority, defect: str) -> None:
    root, key = issuer(authority.signer), authority.signer.issuers[0]
    stranger = pki.signer()  # its root bears the same name
    by = {
        "stranger": lambda: delegate(issuer(stranger), stranger.issuers[0]),
        "purpose": lambda: delegate(root, key, purpose=ExtendedKeyUsageOID.TIME_STAMPING),
        "expired": lambda: delegate(root, key, start=datetime.now(UTC) - 40 * DAY),
        "namesake": lambda: (issuer(stranger), stranger.issuers[0]),
    }[defect]()
    authority.answers(Entry(authority.leaf), by=by)
    answer = authority.check()
    assert answer.status is Status.NOT_CHECKED
    words = {"expired": "not valid now", "namesake": "does not hold"}
    assert words.get(defect, "did not authorise") in str(answer.why)


def test_a_revocation_after_the_trusted_time_stamp_leaves_the_signature(authority: Authority) -> None:
    when = datetime.now(UTC) - DAY
    authority.answers(Entry(authority.leaf, when))
    before, after = authority.check(when - DAY), authority.check(when + DAY / 2)
    assert before.status is Status.REVOKED
    assert before.after_signing
    assert not before.counts
    assert after.counts


def test_a_key_lost_before_the_time_stamp_does_not(authority: Authority) -> None:
    when = datetime.now(UTC) - DAY
    authority.answers(Entry(authority.leaf, when, "keyTime", when - 10 * DAY))
    answer = authority.check(when - DAY)
    assert answer.counts
    assert answer.invalid_since is not None
    assert not authority.check(when - 11 * DAY).counts


def test_an_authority_in_between_is_asked_about_as_well(tmp_path: Path) -> None:
    """Leaf and intermediate have different issuers: one responder each, behind one address."""
    with web() as served:
        signer = pki.signer(intermediate=True, extensions=addresses(ocsp=served.url + "/"))
        leaf, between, root = certificates(signer.chain + signer.root)
        with ExitStack() as stack:
            ports = (free_port(), free_port())
            when = datetime.now(UTC) - DAY
            stack.enter_context(openssl_responder(tmp_path / "1", ports[0], between, signer.issuers[0], [Entry(leaf)]))
            stack.enter_context(
                openssl_responder(tmp_path / "2", ports[1], root, signer.issuers[1], [Entry(between, when)])
            )
            served.pages["/"] = _forwarding(ports)
            answer = checker(signer).check(chain(signer), None)
    assert answer.status is Status.REVOKED
    assert "Test Intermediate" in str(answer.certificate)


def _forwarding(ports: tuple[int, int]) -> Any:
    """The first question goes to the first responder, the second to the second."""
    order = list(ports)

    def forward(body: bytes) -> bytes:
        headers = {"Content-Type": "application/ocsp-request"}
        return fetch(f"http://127.0.0.1:{order.pop(0)}", data=body, headers=headers, limit=1 << 16)

    return forward


def test_a_strangers_certificate_is_no_reason_to_touch_the_network() -> None:
    with web() as served:
        stranger = pki.signer(extensions=addresses(served.url + "/ocsp", served.url + "/list"))
        answer = checker(pki.signer(), mode=Mode.ANY).check(chain(stranger), None)
        assert served.asked == []
    assert answer.status is Status.NOT_CHECKED
    assert "nobody you trust" in str(answer.why)


def test_a_chain_through_a_leaf_leads_nowhere() -> None:
    """A leaf of a trusted authority is no authority, and vouches for no address."""
    trusted = pki.signer()
    with web() as served:
        forged, _ = delegate(certificates(trusted.chain)[0], trusted.secret, name="Forged")
        answer = checker(trusted, responder=served.url).check(
            [forged.public_bytes(Encoding.DER), *chain(trusted)], None
        )
        assert served.asked == []
    assert "nobody you trust" in str(answer.why)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://user:pass@127.0.0.1/x",
        "http:///x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1/" + "x" * 3000,
        "ldap://127.0.0.1/x",
    ],
)
def test_addresses_of_other_kinds_are_not_asked(url: str) -> None:
    signer = pki.signer(extensions=addresses(url, url))
    answer = checker(signer, mode=Mode.ANY).check(chain(signer), None)
    assert answer.status is Status.NOT_CHECKED
    assert "names no OCSP responder" in str(answer.why)
    assert "names no revocation list" in str(answer.why)
    with pytest.raises(ConfigurationError):
        Revocation(responder=url)


def test_a_redirect_is_not_followed() -> None:
    with web() as served:
        served.pages["/ocsp"] = 302
        signer = pki.signer(extensions=addresses(served.url + "/ocsp"))
        answer = checker(signer).check(chain(signer), None)
    assert "status 302" in str(answer.why)


def test_a_large_answer_is_cut_off() -> None:
    with web() as served:
        served.pages["/ocsp"] = b"\x30" * (1 << 20)
        signer = pki.signer(extensions=addresses(served.url + "/ocsp"))
        answer = checker(signer).check(chain(signer), None)
    assert "larger than the limit" in str(answer.why)


def test_the_refusal_of_a_responder_is_told(authority: Authority) -> None:
    with web() as served:
        served.pages["/"] = b"\x30\x03\x0a\x01\x03"  # tryLater
        answer = authority.check(responder=served.url + "/")
    assert "try later" in str(answer.why)
