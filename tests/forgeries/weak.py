"""What cryptography itself refuses to make: a certificate signed with SHA-1."""

from __future__ import annotations

from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding


def signed_with_sha1(certificate: x509.Certificate, key: Any) -> bytes:
    """The same certificate, DER, with a signature over SHA-1 by its issuer's key."""
    made = asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    body = made["tbs_certificate"].copy()
    body["signature"] = {"algorithm": "sha1_ecdsa"}
    signature = key.sign(body.dump(force=True), ec.ECDSA(hashes.SHA1()))
    return bytes(
        asn1_x509.Certificate(
            {
                "tbs_certificate": body,
                "signature_algorithm": {"algorithm": "sha1_ecdsa"},
                "signature_value": signature,
            }
        ).dump()
    )


def with_an_extension_twice(certificate: x509.Certificate, key: Any) -> bytes:
    """The same certificate, DER, with its extended key usage in it twice."""
    made = asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
    body = made["tbs_certificate"].copy()
    purposes = next(one for one in body["extensions"] if one["extn_id"].native == "extended_key_usage")
    body["extensions"].append(purposes.copy())
    signature = key.sign(body.dump(force=True), ec.ECDSA(hashes.SHA256()))
    told = {"tbs_certificate": body, "signature_algorithm": body["signature"], "signature_value": signature}
    return bytes(asn1_x509.Certificate(told).dump())
