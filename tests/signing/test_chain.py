"""What a chain and a key must be, each rule by a certificate that breaks it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing.chain import (
    MAX_CERTIFICATES,
    algorithm_for,
    check_chain,
    credential,
    days_left,
    expiry_news,
    ordered,
    pem_of,
    problems,
    read_chain,
)
from kzlabel.signing.local import pkcs8
from tests import pki
from tests.signing.stores import ALGORITHMS, certificate, new_key, pem
from tests.system import need

ROOT, BETWEEN, LEAF = new_key(), new_key(), new_key()
Chain = tuple[x509.Certificate, ...]


def root_made(**options: Any) -> x509.Certificate:
    return certificate("Root", "Root", ROOT, ROOT, authority=True, **options)


def between_made(**options: Any) -> x509.Certificate:
    return certificate("Between", "Root", BETWEEN, ROOT, **{"authority": True, **options})


def leaf_made(key: Any = LEAF, **options: Any) -> x509.Certificate:
    return certificate("Leaf", "Between", key, BETWEEN, **options)


def chain_made(**options: Any) -> Chain:
    return (leaf_made(**options), between_made(), root_made())


def codes(chain: Chain, *args: Any, **options: Any) -> list[str]:
    return [one.code for one in problems(chain, *args, **options)]


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("intermediate", [False, True])
def test_a_good_chain_has_no_problem_with_or_without_its_root(alg: str, intermediate: bool) -> None:
    signer = pki.signer(alg, intermediate=intermediate)
    root = read_chain(signer.root.encode(), "root.pem")
    chain = read_chain(signer.chain.encode(), "chain.pem")
    public = signer.secret.public_key()
    for one in (chain, chain + root):
        assert problems(one, public) == []
        assert problems(one, root=root[0]) == []
    fit = credential(chain + root, public, name="chain.pem", wanted=alg)
    assert (fit.chain, fit.alg, fit.fingerprint) == (signer.chain, alg, signer.fingerprint)


@cache
def long_key() -> Any:
    return rsa.generate_private_key(65537, 5120)


def short_key() -> Any:
    return rsa.generate_private_key(65537, 1024)


# What is wrong, and how each defect is told. The certificates are named after it.
DEFECTS: dict[str, tuple[Callable[[], Chain], str, str]] = {
    "missing intermediate": (lambda: (leaf_made(), root_made()), "incomplete", "was not issued by Root"),
    "foreign issuer of the same name": (
        lambda: (certificate("Leaf", "Between", LEAF, new_key()), between_made(), root_made()),
        "incomplete",
        "was not issued by Between",
    ),
    "root first": (lambda: chain_made()[::-1], "order", "leaf first"),
    "self-signed": (lambda: (certificate("Solo", "Solo", LEAF, LEAF),), "self-signed", "self-signed"),
    "authority as leaf": (lambda: (between_made(), root_made()), "authority", "certification authority"),
    "no digital signature": (lambda: chain_made(usage=("key_agreement",)), "key-usage", "digital signatures"),
    "no key usage": (lambda: chain_made(usage=None), "key-usage", "digital signatures"),
    "may sign certificates": (lambda: chain_made(usage=("digital_signature", "key_cert_sign")), "key-usage", "forbids"),
    "no purpose": (lambda: chain_made(purposes=()), "purpose", "has none as extended key usage"),
    "server authentication": (
        lambda: chain_made(purposes=(pki.SERVER_AUTHENTICATION,)),
        "purpose",
        "has only 1.3.6.1.5.5.7.3.1 .* e-mail protection",
    ),
    "log-in certificate of the national authority": (
        lambda: chain_made(purposes=("1.3.6.1.5.5.7.3.2", "1.2.398.3.3.4.1.2")),
        "purpose",
        "for logging in, so take the signing one",
    ),
    "any purpose": (lambda: chain_made(purposes=("2.5.29.37.0",)), "purpose", "any purpose"),
    "time-stamping too": (
        lambda: chain_made(purposes=(pki.EMAIL_PROTECTION, pki.TIME_STAMPING)),
        "purpose",
        "time-stamping, which C2PA forbids",
    ),
    "no authority key identifier": (lambda: chain_made(identifier=False), "profile", "authority key identifier"),
    "unknown critical extension": (
        lambda: chain_made(extra=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
        "profile",
        "critical extension 1.2.3.4",
    ),
    "RSA of 1024 bits": (lambda: chain_made(key=short_key()), "weak", "RSA of 1024 bits"),
    "RSA of 5120 bits": (lambda: chain_made(key=long_key()), "algorithm", "RSA of at most 4096"),
    "an issuer with RSA of 5120 bits": (
        lambda: (
            certificate("Leaf", "Root", LEAF, long_key()),
            certificate("Root", "Root", long_key(), long_key(), authority=True),
        ),
        "algorithm",
        "the key of Root has 5120 bits",
    ),
    "SHA-224": (lambda: chain_made(digest=hashes.SHA224()), "weak", "signed with SHA-224"),
    "intermediate that is no authority": (
        lambda: (leaf_made(), between_made(authority=False), root_made()),
        "issuer",
        "Between issued a certificate and is no",
    ),
    "intermediate that may not sign certificates": (
        lambda: (leaf_made(), between_made(usage=("crl_sign",)), root_made()),
        "issuer",
        "is no certification authority",
    ),
    "path too long": (
        lambda: (leaf_made(), between_made(), root_made(path_length=0)),
        "issuer",
        "may not issue for other authorities",
    ),
    "expired": (lambda: chain_made(start=timedelta(days=-100)), "expired", r"Leaf expired on \d{4}-"),
    "intermediate expired": (
        lambda: (leaf_made(), between_made(start=timedelta(days=-100)), root_made()),
        "expired",
        "Between expired",
    ),
    "not yet valid": (lambda: chain_made(start=timedelta(days=2)), "not-yet-valid", "valid from .* check the clock"),
    "unknown curve": (lambda: chain_made(key=ec.generate_private_key(ec.SECP256K1())), "algorithm", "secp256k1"),
    "Ed448": (lambda: chain_made(key=ed448.Ed448PrivateKey.generate()), "algorithm", "ED448"),
    "DSA": (lambda: chain_made(key=dsa.generate_private_key(2048)), "algorithm", "DSA"),
    "nothing": (tuple, "incomplete", "no certificate"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_the_first_problem_and_one_sentence(defect: str) -> None:
    make, code, words = DEFECTS[defect]
    chain = make()
    assert codes(chain)[:1] == [code]
    with pytest.raises(SigningError, match=f"(?s)^leaf.pem: .*{words}") as caught:
        check_chain(chain, name="leaf.pem")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_digests_that_are_broken_are_told_as_weak(digest: str, tmp_path: Path) -> None:
    need("openssl", package="openssl")
    authority = rsa.generate_private_key(65537, 2048)
    (tmp_path / "root.pem").write_text(pem(certificate("Root", "Root", authority, authority, authority=True)))
    for name, key in (("root.key", authority), ("leaf.key", LEAF)):
        (tmp_path / name).write_bytes(pkcs8(key))
    (tmp_path / "profile").write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=emailProtection\nauthorityKeyIdentifier=keyid,issuer\n"
    )
    openssl(tmp_path, "req", "-new", "-key", "leaf.key", "-subj", "/O=Test Studio/CN=Leaf", "-out", "leaf.csr")
    signing = ("-CA", "root.pem", "-CAkey", "root.key", f"-{digest}", "-extfile", "profile", "-days", "30")
    openssl(tmp_path, "x509", "-req", "-in", "leaf.csr", *signing, "-out", "leaf.pem")
    chain = read_chain((tmp_path / "leaf.pem").read_bytes() + (tmp_path / "root.pem").read_bytes(), "leaf.pem")
    assert codes(chain) == ["weak"]
    assert codes(ordered(chain[::-1])) == ["weak"]


def openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_rules_hold_for_nothing_but_the_defect() -> None:
    assert codes(chain_made()) == []
    assert codes(chain_made(usage=("digital_signature", "content_commitment"))) == []
    for purpose in (pki.EMAIL_PROTECTION, pki.CLAIM_SIGNING, pki.DOCUMENT_SIGNING):
        assert codes(chain_made(purposes=(purpose,))) == []
    # As Kazakhstan's national authority issues them for signing: own purposes beside e-mail protection.
    assert codes(chain_made(purposes=(pki.EMAIL_PROTECTION, "1.2.398.3.3.4.1.2", "1.2.398.3.3.4.1.2.1"))) == []


def test_a_root_that_has_expired_or_is_signed_weakly_does_not_matter_as_it_is_left_out() -> None:
    root = root_made(start=timedelta(days=-100), digest=hashes.SHA224())
    chain = (leaf_made(), between_made(), root)
    assert codes(chain) == []
    assert pem_of(chain) == pem(*chain[:2])


def test_the_key_must_be_the_leafs() -> None:
    assert codes(chain_made(), LEAF.public_key()) == []
    assert codes(chain_made(), new_key().public_key()) == ["key-mismatch"]
    with pytest.raises(SigningError, match="does not belong to the certificate of Leaf"):
        check_chain(chain_made(), new_key().public_key())


def test_a_chain_must_lead_to_the_root_that_is_asked_for() -> None:
    chain = (leaf_made(), between_made())
    assert codes(chain, root=root_made()) == []
    assert codes(chain[:1], root=root_made()) == ["incomplete"]
    assert codes(chain[:1]) == []  # the issuer may be a root


def test_certificates_are_put_in_order_the_keys_own_first() -> None:
    chain = chain_made()
    assert ordered(reversed(chain)) == chain
    assert ordered((chain[1], chain[2], chain[0], chain[0])) == chain
    other = certificate("Other", "Between", new_key(), BETWEEN)
    assert ordered((other, *chain), LEAF.public_key()) == chain
    assert ordered(()) == ()


def test_certificates_that_lead_nowhere_show_the_gap() -> None:
    stranger = certificate("Stranger", "Stranger", new_key(), ROOT, authority=True)
    assert codes(ordered((stranger, leaf_made()), LEAF.public_key())) == ["incomplete"]


def test_the_algorithm_follows_the_key() -> None:
    usual = {"es256": "es256", "es384": "es384", "es512": "es512", "ps256": "ps256", "ed25519": "ed25519"}
    for kind, alg in usual.items():
        assert algorithm_for(pki.signer(kind).secret.public_key()) == alg
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    assert [algorithm_for(rsa_key, wanted) for wanted in ("PS384", "ps512")] == ["ps384", "ps512"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (lambda: ec.generate_private_key(ec.SECP256K1()), "the curve secp256k1 cannot sign C2PA claims; use P-256"),
        (ed448.Ed448PrivateKey.generate, "the kind ED448 cannot"),
        (lambda: dsa.generate_private_key(1024), "the kind DSA cannot"),
    ],
)
def test_keys_that_c2pa_has_no_algorithm_for_are_refused(key: Callable[[], Any], words: str) -> None:
    with pytest.raises(SigningError, match=words):
        algorithm_for(key().public_key())


def test_an_algorithm_that_the_key_cannot_do_is_refused_with_those_it_can() -> None:
    with pytest.raises(SigningError, match="cannot sign with es384; it signs with es256"):
        algorithm_for(new_key().public_key(), "es384")
    with pytest.raises(SigningError, match="cannot sign with ps256"):
        algorithm_for(ed25519.Ed25519PrivateKey.generate().public_key(), "ps256")
    with pytest.raises(ConfigurationError, match="alg=rs256 is not known; known are es256"):
        algorithm_for(new_key().public_key(), "rs256")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\x30\x82" * 900],
)
def test_a_file_without_certificates_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(SigningError, match=r"odd\.pem: no PEM certificate"):
        read_chain(content, "odd.pem")


def test_a_bundle_is_no_chain() -> None:
    with pytest.raises(SigningError, match="are no chain"):
        read_chain(pem(leaf_made()).encode() * (MAX_CERTIFICATES + 1), "bundle.pem")


def test_what_expires_soon_is_news_and_no_problem() -> None:
    chain = chain_made(days=31)
    now = datetime.now(UTC)
    assert days_left(chain, now) == 30
    assert expiry_news(chain, "leaf.pem", now) is not None
    assert expiry_news(chain, "leaf.pem", now - timedelta(days=1)) is None
    assert "expires in 1 day;" in (expiry_news(chain, "leaf.pem", now + timedelta(days=29)) or "")
    assert days_left(chain, now + timedelta(days=40)) < 0


def test_names_in_certificates_are_shown_inert() -> None:
    chain = (certificate("Bad\x1b[31m\u202e", "Nobody", LEAF, new_key()), root_made())
    sentence = problems(chain)[0].sentence
    assert "\x1b" not in sentence
    assert "\u202e" not in sentence
