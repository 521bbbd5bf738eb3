"""Answers on revocation that stand beside the signature, which c2pa judges, whether or not anybody asks for more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from kzlabel import Verifier, VerifyOptions
from kzlabel.declaration import Declaration
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import sign_file
from kzlabel.trust import Anchor, Trust

from .. import pki
from ..marks.samples import jpeg
from ..trust.responder import certificates, delegate


def answer(signer: pki.PrivateSigner, status: ocsp.OCSPCertStatus) -> bytes:
    leaf, between, _ = certificates(signer.chain + signer.root)
    key = signer.issuers[0]
    usage = x509.KeyUsage(True, *[False] * 8)
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    by, by_key = delegate(between, key, extensions=(usage, own))
    now = datetime.now(UTC)
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        leaf,
        between,
        hashes.SHA1(),
        status,
        now - timedelta(minutes=1),
        now + timedelta(hours=1),
        now - timedelta(minutes=30) if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, by).certificates([by])
    return builder.sign(by_key, hashes.SHA256()).public_bytes(Encoding.DER)


def stapled(signed: bytes, answer: bytes) -> bytes:
    """A signed picture with an answer in place of a part of the signature's padding, as C2PA 2.4, 10.3.2.6, has it.

    The unprotected header of the signature is a CBOR map of nothing but `pad`; no signature or hash covers it.
    """
    at = signed.index(b"\xa1\x63pad\x59")
    padding = int.from_bytes(signed[at + 6 : at + 8], "big")
    header = b"\xa2\x65rVals\xa1\x68ocspVals\x81\x59" + len(answer).to_bytes(2, "big") + answer + b"\x63pad\x59"
    left = padding + 8 - len(header) - 2
    return signed[:at] + header + left.to_bytes(2, "big") + bytes(left) + signed[at + 8 + padding :]


@pytest.mark.parametrize(
    ("status", "verdict", "reason", "code"),
    [
        (ocsp.OCSPCertStatus.GOOD, "verified", "manifest.trusted", "notRevoked"),
        (ocsp.OCSPCertStatus.REVOKED, "invalid", "manifest.invalid.revoked", "revoked"),
    ],
    ids=["good", "revoked"],
)
def test_an_answer_beside_the_signature_counts_without_asking_anybody(
    tmp_path: Path, status: ocsp.OCSPCertStatus, verdict: str, reason: str, code: str
) -> None:
    signer = pki.signer(intermediate=True)
    source, picture = tmp_path / "source.jpg", tmp_path / "signed.jpg"
    source.write_bytes(jpeg())
    sign_file(source, picture, "image/jpeg", definition(Declaration(), None, opened=False, fmt="image/jpeg"), signer)
    picture.write_bytes(stapled(picture.read_bytes(), answer(signer, status)))
    trust = Trust((Anchor("root.pem", None, signer.root),))
    found = Verifier(VerifyOptions(trust=trust)).verify(picture)
    assert (found.kind, found.reason) == (verdict, reason)
    assert f"signingCredential.ocsp.{code}" in found.evidence[0].codes
    assert found.not_checked == {}
