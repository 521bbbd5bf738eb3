"""What may stand in a file of trust anchors, and what may not."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as some

from kzlabel.errors import TrustError
from kzlabel.trust.authorities import authorities, expired_sentences, first_expiry, read_content

from .. import pki

TRUSTED = "http://c2pa.org/conformance/trust-list/trusted"
WITHDRAWN = "http://c2pa.org/conformance/trust-list/withdrawn"


def der(pem: str) -> bytes:
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def listed(*roots: str, status: str = TRUSTED, date: str = "2026-08-05T00:11:39Z") -> dict[str, Any]:
    services = [
        {
            "ServiceInformation": {
                "ServiceDigitalIdentity": {"X509Certificates": [{"val": base64.b64encode(der(root)).decode()}]},
                "ServiceStatus": status,
            }
        }
        for root in roots
    ]
    scheme = {"ListIssueDateTime": date}
    return {"LoTE": {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": [{"TrustedEntityServices": services}]}}


def encoded(values: Any) -> bytes:
    return json.dumps(values).encode()


def test_pem_der_and_the_json_form_of_a_list_yield_the_same() -> None:
    root = pki.signer().root
    assert read_content(root.encode(), "a").pem == read_content(der(root), "a").pem
    content = read_content(encoded(listed(root)), "a")
    assert content.pem == read_content(root.encode(), "a").pem
    assert content.date == "2026-08-05"


def test_an_authority_that_was_withdrawn_is_left_out() -> None:
    one, other = pki.signer().root, pki.signer().root
    values = listed(one)
    values["LoTE"]["TrustedEntitiesList"] += listed(other, status=WITHDRAWN)["LoTE"]["TrustedEntitiesList"]
    assert len(authorities(read_content(encoded(values), "a").pem)) == 1


@pytest.mark.parametrize(
    "values",
    [
        [],
        {},
        {"LoTE": []},
        {"LoTE": {"ListAndSchemeInformation": {}}},
        {"LoTE": {"ListAndSchemeInformation": {"ListIssueDateTime": "2026-08-05"}, "TrustedEntitiesList": 5}},
        listed(),
        listed(pki.signer().root, status=WITHDRAWN),
        listed(pki.signer().root, date="yesterday"),
    ],
)
def test_a_json_that_is_no_list_is_refused_in_one_sentence(values: Any) -> None:
    with pytest.raises(TrustError, match=r"list\.json: ") as caught:
        read_content(encoded(values), "list.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("date", ["2026-99-99", "2026-13-01T00:00:00Z", "٢٠٢٦-٠٨-٠٥", "soon"])
def test_a_list_of_a_day_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(TrustError, match="does not say when it was issued"):
        read_content(encoded(listed(pki.signer().root, date=date)), "list.json")


def test_a_certificate_of_an_impossible_version_is_refused() -> None:
    version = b"\xa0\x03\x02\x01"
    forged = der(pki.signer().root).replace(version + b"\x02", version + b"\x05", 1)
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(forged) + b"-----END CERTIFICATE-----\n"
    for data in (forged, pem):
        with pytest.raises(TrustError, match="malformed"):
            read_content(data, "root")


def test_a_root_whose_names_cannot_be_read_is_refused() -> None:
    of_x400 = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3002a300"))
    root = x509.load_pem_x509_certificates(pki.signer(intermediate=True, extensions=(of_x400,)).chain.encode())[1]
    with pytest.raises(TrustError, match="is not a certificate authority"):
        read_content(root.public_bytes(Encoding.PEM), "root.pem")


def test_a_root_that_may_not_sign_certificates_is_refused() -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "R")])
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), 5, now, now + timedelta(days=5))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(pki._usage(signs_certificates=False), True)
        .sign(key, hashes.SHA256())
    )
    with pytest.raises(TrustError, match="may not sign certificates"):
        read_content(root.public_bytes(Encoding.PEM), "a")


def test_terms_are_told() -> None:
    old = pki.signer(start=datetime.now(UTC) - timedelta(days=3660)).root
    young = pki.signer().root
    assert expired_sentences(young, "a.pem") == ()
    (told,) = expired_sentences(old + young, "a.pem")
    assert told.startswith("a.pem: CN=Test Root,O=Test Authority,C=KZ expired on ")
    assert first_expiry(old + young) == (datetime.now(UTC) - timedelta(days=10)).date().isoformat()


@settings(max_examples=200, deadline=None)
@given(
    some.one_of(
        some.binary(max_size=300),
        some.binary(max_size=100).map(lambda data: b"\x30\x82" + data),
        some.binary(max_size=200).map(lambda data: b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(data) + b"\n"),
        some.recursive(some.text() | some.integers() | some.none(), lambda inner: some.lists(inner, max_size=3)).map(
            lambda value: json.dumps({"LoTE": value}).encode()
        ),
    )
)
def test_no_bytes_raise_anything_but_our_own_error(data: bytes) -> None:
    with pytest.raises(TrustError):
        read_content(data, "a")


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_a_damaged_certificate_raises_nothing_but_our_own_error(place: int) -> None:
    data = bytearray(der(ROOT))
    data[place % len(data)] ^= 0xFF
    with contextlib.suppress(TrustError):
        authorities(read_content(bytes(data), "a").pem)


ROOT = pki.signer().root
