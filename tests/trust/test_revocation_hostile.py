"""Answers and lists with bytes changed: they yield one of our answers, never an error, and never another truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kzlabel.trust import Anchor
from kzlabel.trust.revocation import Answer, Mode, Revocation, RevocationChecker, Status, lists, ocsp

from .. import pki
from .responder import addresses, certificates, chain, delegate, revocation_list

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """An honest answer, and how it is judged."""

    data: bytes
    judge: Callable[[bytes], Answer]


@cache
def cases() -> tuple[Case, ...]:
    signer = pki.signer(extensions=addresses("http://127.0.0.1:1/", "http://127.0.0.1:1/list"))
    leaf, root = certificates(signer.chain + signer.root)
    key = signer.issuers[0]
    question = ocsp.question(leaf, root)
    now = datetime.now(UTC)

    def by_ocsp(data: bytes) -> Answer:
        return ocsp.judged(data, question, root, now=now, url="http://127.0.0.1:1/")

    def by_list(data: bytes) -> Answer:
        return lists.judged(data, leaf, root, now=now, url=None)

    found = [Case(answer(leaf, root, key, question, revoked, by), by_ocsp) for revoked in (0, 1) for by in (0, 1)]
    found += [Case(revocation_list(root, key, one, at=YESTERDAY), by_list) for one in ((), (leaf,))]
    return tuple(found)


def answer(
    leaf: x509.Certificate, root: x509.Certificate, key: object, asked: ocsp.Question, revoked: int, appointed: int
) -> bytes:
    by, by_key = delegate(root, key) if appointed else (root, key)
    builder = library.OCSPResponseBuilder().add_response(
        leaf,
        root,
        hashes.SHA1(),
        library.OCSPCertStatus.REVOKED if revoked else library.OCSPCertStatus.GOOD,
        datetime.now(UTC) - timedelta(minutes=1),
        datetime.now(UTC) + timedelta(hours=1),
        YESTERDAY if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(library.OCSPResponderEncoding.NAME, by)
    builder = builder.add_extension(x509.OCSPNonce(asked.nonce), critical=False)
    if appointed:
        builder = builder.certificates([by])
    return builder.sign(by_key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def test_the_honest_ones_are_understood() -> None:
    found = [case.judge(case.data).status for case in cases()]
    good, revoked = Status.GOOD, Status.REVOKED
    assert found == [good, good, revoked, revoked, good, revoked]


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_changed_bytes_never_make_another_answer(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases()))
    changed = bytearray(case.data)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        kind = data.draw(st.sampled_from(("set", "insert", "delete", "cut", "repeat")))
        if kind == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            changed[at:at] = data.draw(st.binary(max_size=4))
        elif kind == "delete":
            del changed[at : at + data.draw(st.integers(1, 8))]
        elif kind == "cut":
            del changed[at + 1 :]
        else:
            changed[at:at] = changed[at : at + 40]
        if not changed:
            break
    found = case.judge(bytes(changed))
    assert found.status is Status.NOT_CHECKED or found.status is case.judge(case.data).status


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_other_bytes_are_no_answer(data: bytes) -> None:
    for case in cases()[::4]:
        assert case.judge(data).status is Status.NOT_CHECKED


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_certificates_are_strangers(data: st.DataObject) -> None:
    """Nothing of a chain with changed bytes is asked about, unless the change is beside the way to the anchor."""
    signer = pki_signer()
    ders = [bytearray(der) for der in chain(signer)]
    der = data.draw(st.sampled_from(ders))
    signature = x509.load_der_x509_certificate(bytes(der)).signature
    at = data.draw(st.integers(0, len(der) - 1))
    # That byte counts the signature's unused bits; where these are zero, the certificate is the same one.
    assume(at != len(der) - len(signature) - 1)
    der[at] ^= data.draw(st.integers(1, 255))
    checker = RevocationChecker(Revocation(Mode.CRL), [Anchor("root.pem", None, signer.root)])
    found = checker.check([bytes(one) for one in ders], None)
    assert found.status is Status.NOT_CHECKED
    assert "nobody you trust" in str(found.why)


@cache
def pki_signer() -> pki.PrivateSigner:
    return pki.signer(intermediate=True)


def test_a_chain_of_anything_is_a_stranger() -> None:
    checker = RevocationChecker(Revocation(Mode.ANY), [Anchor("root.pem", None, pki_signer().root)])
    for ders in ([], [b""], [b"\x30"] * 5000, [b"x" * (1 << 20)], [*chain(pki.signer()), *chain(pki_signer())]):
        assert checker.check(ders, None).status is Status.NOT_CHECKED


def test_authorities_that_vouch_for_each_other_lead_nowhere() -> None:
    """Many authorities of one name and key: each vouches for each, and the way must end all the same."""
    made = pki_signer()
    _, between = certificates(made.chain)
    ring = []
    for _ in range(12):
        builder = (
            x509.CertificateBuilder()
            .subject_name(between.subject)
            .issuer_name(between.subject)
            .public_key(between.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(YESTERDAY)
            .not_valid_after(YESTERDAY + timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        ring.append(builder.sign(made.issuers[0], hashes.SHA256()).public_bytes(Encoding.DER))
    checker = RevocationChecker(Revocation(Mode.ANY), [Anchor("root.pem", None, pki.signer().root)])
    assert "nobody you trust" in str(checker.check([chain(made)[0], *ring], None).why)
