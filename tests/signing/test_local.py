"""The signer for a key in hand: every algorithm, across threads and processes, and a mouth kept shut."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kzlabel.errors import SigningError
from kzlabel.signing import Signer
from kzlabel.signing.chain import read_chain
from kzlabel.signing.cose import checked, signature_size, verify_signature
from kzlabel.signing.local import LocalSigner, local_signer
from tests import pki
from tests.signing.stores import ALGORITHMS, key_pem

SIZES = {"es256": 64, "es384": 96, "es512": 132, "ps256": 256, "ps384": 256, "ps512": 256, "ed25519": 64}


def opened(alg: str) -> LocalSigner:
    made = pki.signer(alg, days=90)
    chain = read_chain(made.chain.encode(), "chain.pem")
    return local_signer(made.secret, chain, name="chain.pem", wanted=alg)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_gives_raw_signatures_that_fit_the_certificate(alg: str) -> None:
    signer = opened(alg)
    public = read_chain(signer.chain.encode(), "x")[0].public_key()
    signature = signer.sign(b"claim")
    assert isinstance(signer, Signer)
    assert (signer.alg, signer.news) == (alg, None)
    assert len(signature) == SIZES[alg] == signature_size(public, alg)
    assert verify_signature(public, alg, b"claim", signature)
    assert not verify_signature(public, alg, b"other", signature)
    assert not verify_signature(public, alg, b"claim", signature[:-1])
    assert not verify_signature(public, alg, b"claim", bytes(len(signature)))


@pytest.mark.parametrize("alg", ["es256", "ps256"])
def test_one_signer_serves_many_threads_and_travels_to_other_processes(alg: str) -> None:
    signer = opened(alg)
    public = read_chain(signer.chain.encode(), "x")[0].public_key()
    claims = [str(number).encode() for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(signer.sign, claims))
    assert all(verify_signature(public, alg, *pair) for pair in zip(claims, signatures, strict=True))
    copy = pickle.loads(pickle.dumps(signer))
    assert copy == signer
    assert hash(copy) == hash(signer)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert verify_signature(public, alg, b"claim", processes.submit(signer.sign, b"claim").result())


def test_the_key_is_pkcs8_as_c2pa_takes_it_and_never_shows() -> None:
    made = pki.signer("es256")
    signer = opened("es256")
    assert signer.key.startswith(b"-----BEGIN PRIVATE KEY-----")
    for shown in (repr(signer), str(signer), f"{signer}"):
        assert "PRIVATE" not in shown
        assert signer.key.decode().splitlines()[1] not in shown
    assert key_pem(made) != signer.key


def test_a_key_that_is_not_the_certificates_makes_no_signer() -> None:
    made, other = pki.signer(), pki.signer()
    with pytest.raises(SigningError, match=r"^studio\.pem: the key does not belong to the certificate of Test Signer"):
        local_signer(other.secret, read_chain(made.chain.encode(), "x"), name="studio.pem")


def test_a_signature_in_der_is_brought_into_shape() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    for alg, digest in (("es256", hashes.SHA256()), ("es384", hashes.SHA384()), ("es512", hashes.SHA512())):
        made = pki.signer(alg)
        raw = checked(made.chain, alg, b"claim", made.secret.sign(b"claim", ec.ECDSA(digest)), "the service")
        assert len(raw) == SIZES[alg]


def test_what_a_service_did_wrong_is_told_apart() -> None:
    curve, rsa = pki.signer(), pki.signer("ps256")
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    cases = [
        (curve, "es256", pki.signer().sign(b"claim"), "signed with another key than the certificate's"),
        (curve, "es256", b"", "gave 0 bytes, and a signature of es256 has 64"),
        (curve, "es256", b"x" * 70, "gave 70 bytes"),
        (rsa, "ps256", rsa.secret.sign(b"claim", padding.PKCS1v15(), hashes.SHA256()), r"signed with PKCS#1 v1\.5"),
        (rsa, "ps256", rsa.secret.sign(b"claim", salted, hashes.SHA256()), "a salt of another length"),
        (rsa, "ps384", rsa.sign(b"claim"), "another algorithm than ps384"),
    ]
    for signer, alg, signature, words in cases:
        with pytest.raises(SigningError, match=f"^the service .*{words}"):
            checked(signer.chain, alg, b"claim", signature, "the service")


def test_the_development_key_is_such_a_signer_too(tmp_path: Path) -> None:
    from kzlabel.signing.development import development_signer

    signer = development_signer(tmp_path)
    assert isinstance(signer, LocalSigner)
    assert "root" in {name for name in vars(signer) if name == "root"}
    assert hash(signer) == hash(development_signer(tmp_path))
