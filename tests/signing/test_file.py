"""`file:`: keys and chains in PEM files."""

from __future__ import annotations

import os
import subprocess
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import KeyAccess, Passphrase, open_signer
from kzlabel.trust import Anchor
from tests import pki
from tests.signing.stores import (
    ALGORITHMS,
    PASSPHRASE,
    VARIABLE,
    access,
    key_pem,
    pem_files,
    private,
    told,
    with_algorithm,
)
from tests.signing.works import picture
from tests.system import need

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_signs_pictures_that_verify_under_the_root(alg: str, tmp_path: Path) -> None:
    made = pki.signer(alg, intermediate=True, days=90)
    labeller = Labeller(LabelOptions(signer=with_algorithm(pem_files(tmp_path, made), made), keys=tmp_path))
    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(Anchor("Root", None, made.root),))))
    for format in ("jpeg", "png"):
        verdict = verifier.verify(labeller.image(picture(), format))
        assert verdict.kind == "verified", verdict.notes
        assert verdict.signer
        assert verdict.signer["fingerprint"] == made.fingerprint
    assert labeller.take_news() == ()


@pytest.mark.parametrize("alg", ["es256", "ps256", "ed25519"])
def test_keys_of_every_form_are_read(alg: str, tmp_path: Path) -> None:
    made = pki.signer(alg)
    forms = [key_pem(made), key_pem(made, PASSPHRASE)]
    if alg != "ed25519":
        old = key_pem(made, form=PrivateFormat.TraditionalOpenSSL)
        assert b"EC PRIVATE" in old or b"RSA PRIVATE" in old
        forms += [old, key_pem(made, PASSPHRASE, PrivateFormat.TraditionalOpenSSL)]
    (tmp_path / "chain.pem").write_text(made.chain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, PASSPHRASE)
        for form in forms:
            private(tmp_path / "leaf.key", form)
            signer = open_signer(f"file:{tmp_path / 'chain.pem'},{tmp_path / 'leaf.key'}", told(tmp_path))
            assert (signer.fingerprint, len(signer.sign(b"claim")) > 0) == (made.fingerprint, True)


def test_openssls_own_files_are_read(tmp_path: Path) -> None:
    """A key with its parameters before it, a certificate with text around it, both in one file."""
    need("openssl", package="openssl")
    made = pki.signer()
    private(tmp_path / "leaf.key", key_pem(made))
    (tmp_path / "chain.pem").write_text(made.chain)

    def told_by(*arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True).stdout

    key = told_by("ecparam", "-name", "prime256v1") + told_by("ec", "-in", "leaf.key")
    both = private(tmp_path / "both.pem", key + told_by("x509", "-text", "-in", "chain.pem"))
    assert open_signer(f"file:{both}", access(tmp_path)).fingerprint == made.fingerprint


def test_one_file_may_hold_both_and_the_order_does_not_matter(tmp_path: Path) -> None:
    made = pki.signer(intermediate=True)
    leaf, between = made.chain.split("-----END CERTIFICATE-----\n")[:2]
    parts = [f"{part}-----END CERTIFICATE-----\n".encode() for part in (leaf, between)]
    private(tmp_path / "a,b.pem", made.root.encode() + parts[1] + key_pem(made) + parts[0])
    signer = open_signer(f"file:{tmp_path / 'a,b.pem'}", access(tmp_path))
    assert (signer.chain, signer.fingerprint) == (made.chain, made.fingerprint)


def test_the_last_comma_parts_the_paths_and_a_tilde_is_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pki.signer()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "Studio, Almaty + more %41.pem").write_text(made.chain)
    private(tmp_path / "leaf.key", key_pem(made))
    signer = open_signer("file:~/Studio, Almaty + more %41.pem,~/leaf.key", access(tmp_path))
    assert signer.fingerprint == made.fingerprint


def test_a_windows_path_keeps_its_drive(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"^C:\\keys\\chain\.pem: "):
        open_signer(r"file:C:\keys\chain.pem,C:\keys\leaf.key", access(tmp_path))


@posix_only
def test_a_key_that_others_may_read_is_refused_unless_allowed(tmp_path: Path) -> None:
    made = pki.signer()
    uri = pem_files(tmp_path, made)
    (tmp_path / "leaf.key").chmod(0o640)
    with pytest.raises(SigningError, match=r"leaf\.key: others may read .* chmod 600"):
        open_signer(uri, access(tmp_path))
    assert open_signer(uri, access(tmp_path, allow_shared_key=True)).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    ("rest", "error", "words"),
    [
        ("", ConfigurationError, "a file name is missing"),
        ("chain.pem,", ConfigurationError, "a file name is missing"),
        (",leaf.key", ConfigurationError, "a file name is missing"),
        ("missing.pem,missing.key", SigningError, r"^missing\.pem: no such file"),
        ("chain.pem,missing.key", SigningError, r"^missing\.key: no such file"),
        ("chain.pem,.", SigningError, "directory"),
        ("chain.pem,chain.pem", SigningError, r"chain\.pem: no private key is in this file"),
        ("leaf.key,leaf.key", SigningError, r"leaf\.key: no PEM certificate is in this file"),
        ("chain.pem,other.key", SigningError, "the key does not belong to the certificate of Test Signer"),
        ("chain.pem,damaged.key", SigningError, r"damaged\.key: the private key is damaged"),
        ("chain.pem,large.key", SigningError, "over 1 MB"),
        ("chain.pem,endless.key", SigningError, r"endless\.key: no private key is in this file"),
        ("chain.pem,nul\0.key", SigningError, "no possible file name"),
        ("chain.pem,leaf.key?alg=es384", SigningError, r"chain\.pem: .* cannot sign with es384; it signs with es256"),
        ("chain.pem,leaf.key?alg=rs256", ConfigurationError, "alg=rs256 is not known"),
        ("chain.pem,leaf.key?pin=1", ConfigurationError, "there is no option 'pin'; known are alg"),
        ("chain.pem,leaf.key?alg=es256&alg=es256", ConfigurationError, "given twice"),
        ("chain.pem,hidden.key", SigningError, r"the key hidden\.key needs a passphrase"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    rest: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pki.signer()
    monkeypatch.chdir(tmp_path)
    pem_files(tmp_path, made)
    Path("chain.pem").chmod(0o600)
    private(Path("other.key"), key_pem(pki.signer()))
    private(Path("hidden.key"), key_pem(made, PASSPHRASE))
    private(Path("damaged.key"), b"-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n")
    private(Path("endless.key"), b"-----BEGIN PRIVATE KEY-----\n" * 30_000)
    private(Path("large.key"), b"\n" * (1 << 20) + key_pem(made))
    with pytest.raises(error, match=words) as caught:
        open_signer(f"file:{rest}", access(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["not-this-one", "", "\udcff\udcfe"])
def test_a_wrong_passphrase_is_said_and_never_repeated(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = pem_files(tmp_path, pki.signer(), PASSPHRASE)
    monkeypatch.setenv(VARIABLE, wrong or " ")
    with pytest.raises(SigningError, match=r"leaf\.key: the passphrase is wrong, or") as caught:
        open_signer(uri, told(tmp_path))
    if len(wrong) > 1:
        assert_silent(caught.value, wrong)


def test_neither_key_nor_passphrase_shows_in_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pki.signer()
    uri = pem_files(tmp_path, made, PASSPHRASE)
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    signer = open_signer(uri, told(tmp_path))
    secrets = [PASSPHRASE, *key_pem(made).decode().splitlines()[1:-1]]
    for secret in secrets:
        assert secret not in repr(signer)
        assert secret not in repr(told(tmp_path))
    private(tmp_path / "leaf.key", key_pem(pki.signer(), PASSPHRASE))
    with pytest.raises(SigningError, match="does not belong") as caught:
        open_signer(uri, told(tmp_path))
    for secret in secrets:
        assert_silent(caught.value, secret)


def test_a_certificate_about_to_expire_is_news(tmp_path: Path) -> None:
    uri = pem_files(tmp_path, pki.signer(days=10))
    labeller = Labeller(LabelOptions(signer=uri, keys=tmp_path))
    labeller.image(picture(), "png")
    signer = open_signer(uri, KeyAccess(tmp_path))
    assert "expires in 9 days" in (signer.news or "")


def test_an_expired_certificate_does_not_sign(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    uri = pem_files(tmp_path, pki.signer(start=datetime.now(UTC) - timedelta(days=40)))
    with pytest.raises(SigningError, match="the certificate of Test Signer expired on"):
        open_signer(uri, access(tmp_path))


def test_a_descriptor_tells_the_passphrase(tmp_path: Path) -> None:
    made = pki.signer()
    uri = pem_files(tmp_path, made, PASSPHRASE)
    reading, writing = os.pipe()
    os.write(writing, f"{PASSPHRASE}\n".encode())
    os.close(writing)
    signer = open_signer(uri, KeyAccess(tmp_path, Passphrase(descriptor=reading)))
    os.close(reading)
    assert signer.fingerprint == made.fingerprint


def assert_silent(error: BaseException, secret: str) -> None:
    """No word of it in the error, its arguments, or whatever stands behind it."""
    assert secret not in "".join(traceback.format_exception(error, chain=True))
    behind: BaseException | None = error
    while behind is not None:
        assert secret not in repr(behind)
        assert not any(secret in str(value) for value in vars(behind).values())
        assert not isinstance(behind, UnicodeError)
        behind = behind.__cause__ or behind.__context__
