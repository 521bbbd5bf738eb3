"""Time-stamp tokens (RFC 3161) with any time and any defect, and a stapled answer on revocation."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.pki import TIME_STAMPING, PrivateSigner

from .certificates import Authority, days, now
from .cose import certificates

OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"

_SHA256 = algos.DigestAlgorithm({"algorithm": "sha256"})


@dataclass(frozen=True)
class Stamper:
    """A time-stamping authority with a clock that says what it is told."""

    signer: PrivateSigner
    root: Authority

    @classmethod
    def under(cls, root: Authority, **how: Any) -> Stamper:
        told = {"purposes": (TIME_STAMPING,), "critical_purposes": True, "start": days(-900), "until": days(900), **how}
        return cls(root.signer(name="Test TSA", organization="Test Time", **told), root)

    def reply(self, covered: bytes, at: datetime | None = None) -> bytes:
        """A whole reply, DER, around the token: as it stands in `sigTst`."""
        token = cms.ContentInfo.load(self.token(covered, at))
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())

    def token(self, covered: bytes, at: datetime | None = None) -> bytes:
        """A token, DER, over these bytes: a ContentInfo, as it stands in `sigTst2`."""
        imprint = tsp.MessageImprint({"hash_algorithm": _SHA256, "hashed_message": hashlib.sha256(covered).digest()})
        content = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4.1",
                "message_imprint": imprint,
                "serial_number": secrets.randbits(64),
                "gen_time": at or now(),
            }
        ).dump()
        leaf = asn1_x509.Certificate.load(certificates(self.signer.chain)[0])
        identifier = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(leaf.dump()).digest()})
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
                cms.CMSAttribute(
                    {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]}
                ),
            ]
        )
        signature = self.signer.secret.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        by = cms.SignerInfo(
            {
                "version": "v1",
                "sid": {"issuer_and_serial_number": {"issuer": leaf.issuer, "serial_number": leaf.serial_number}},
                "digest_algorithm": _SHA256,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": signature,
            }
        )
        root = asn1_x509.Certificate.load(self.root.certificate.public_bytes(Encoding.DER))
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [_SHA256],
                "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(content)},
                "certificates": [leaf, root],
                "signer_infos": [by],
            }
        )
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def revocation_list(signer: PrivateSigner, issuer: Authority) -> bytes:
    """The issuer's list, DER, in which the signer was revoked a week ago, and not for a stolen key."""
    (leaf, *_) = x509.load_pem_x509_certificates(signer.chain.encode())
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(leaf.serial_number)
        .revocation_date(days(-7))
        .add_extension(x509.CRLReason(x509.ReasonFlags.cessation_of_operation), critical=False)
        .build()
    )
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(days(-1))
        .next_update(days(6))
        .add_revoked_certificate(entry)
        .sign(issuer.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def answer(signer: PrivateSigner, issuer: Authority, *, revoked: bool, by: Authority | None = None) -> bytes:
    """The answer on revocation (OCSP), DER: good, or revoked a week ago. by: whose responder, the issuer's if None."""
    (leaf, *_) = x509.load_pem_x509_certificates(signer.chain.encode())
    responder = (by or issuer).signer(name="Test Responder", purposes=(OCSP_SIGNING,))
    certificate = x509.load_pem_x509_certificate(responder.chain.encode())
    status, at, why = (
        (ocsp.OCSPCertStatus.REVOKED, days(-7), x509.ReasonFlags.key_compromise)
        if revoked
        else (ocsp.OCSPCertStatus.GOOD, None, None)
    )
    return (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf, issuer.certificate, hashes.SHA1(), status, days(-1), days(6), at, why)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, certificate)
        .certificates([certificate])
        .sign(responder.secret, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
