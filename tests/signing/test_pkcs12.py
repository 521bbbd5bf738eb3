"""`pkcs12:`: key and chain in one file, as authorities issue them, and what they issue that cannot sign."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import Passphrase, open_signer
from kzlabel.trust import Anchor
from tests import pki
from tests.signing import gost
from tests.signing.stores import (
    ALGORITHMS,
    PASSPHRASE,
    VARIABLE,
    access,
    certificate,
    key_pem,
    new_key,
    p12_bytes,
    p12_file,
    pem,
    private,
    told,
    with_algorithm,
)
from tests.signing.test_file import assert_silent
from tests.signing.works import picture
from tests.system import need


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSPHRASE)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_signs_pictures_that_verify_under_the_root(alg: str, tmp_path: Path) -> None:
    made = pki.signer(alg, intermediate=True, days=90)
    uri = with_algorithm(p12_file(tmp_path, made, more=made.root), made)
    labeller = Labeller(LabelOptions(signer=uri, keys=tmp_path, passphrase=Passphrase(variable=VARIABLE)))
    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(Anchor("Root", None, made.root),))))
    for format in ("jpeg", "png"):
        verdict = verifier.verify(labeller.image(picture(), format))
        assert verdict.kind == "verified", verdict.notes
        assert verdict.signer
        assert verdict.signer["fingerprint"] == made.fingerprint


# As OpenSSL 3 exports by default, as it did before, and as authorities still do.
ENCRYPTIONS = {
    "AES-256": (),
    "RC2-40 and 3DES": ("-legacy",),
    "3DES": ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"),
    "RC4-128": ("-legacy", "-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "PBE-SHA1-RC4-128"),
    "nothing but the key": ("-certpbe", "NONE"),
}


def exported(folder: Path, made: pki.PrivateSigner, *options: str, passphrase: str = "password") -> Path:
    """By OpenSSL, with the certificates in its order."""
    need("openssl", package="openssl")
    private(folder / "leaf.key", key_pem(made))
    (folder / "chain.pem").write_text(made.chain)
    path = private(folder / "leaf.p12", b"")
    words = ["openssl", "pkcs12", "-export", "-inkey", "leaf.key", "-in", "chain.pem", "-out", path.name]
    secret = {**os.environ, "EXPORT": passphrase}
    done = subprocess.run(
        [*words, "-passout", "env:EXPORT", *options], cwd=folder, env=secret, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_old_and_new_encryption_is_opened(encryption: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "password")
    made = pki.signer("ps256", intermediate=True)
    path = exported(tmp_path, made, *ENCRYPTIONS[encryption], "-name", "AUTH_RSA256_9b1e03")
    signer = open_signer(f"pkcs12:{path}", told(tmp_path))
    assert (signer.alg, signer.chain, signer.fingerprint) == ("ps256", made.chain, made.fingerprint)


def test_where_old_encryption_is_switched_off_the_way_out_is_told_and_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pki.signer("ps256")
    path = exported(tmp_path, made, "-legacy")
    code = (
        "import sys; from pathlib import Path; from kzlabel.errors import SigningError\n"
        "from kzlabel.signing import KeyAccess, Passphrase, open_signer\n"
        "try: open_signer(sys.argv[1], KeyAccess(Path('.'), Passphrase(variable='TOLD')))\n"
        "except SigningError as error: print(error)\n"
    )
    switched_off = {**os.environ, "CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1", "TOLD": "password"}
    said = subprocess.run(
        [sys.executable, "-c", code, f"pkcs12:{path}"], env=switched_off, capture_output=True, text=True, check=True
    ).stdout
    assert "convert it with openssl pkcs12 -legacy -in OLD.p12 -out NEW.pem, and sign with file:NEW.pem" in said
    converted = private(tmp_path / "new.pem", b"")
    subprocess.run(
        ["openssl", "pkcs12", "-legacy", "-in", path, "-out", converted, "-passin", "env:TOLD", "-passout", "env:TOLD"],
        env=switched_off,
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv(VARIABLE, "password")
    assert open_signer(f"file:{converted}", told(tmp_path)).fingerprint == made.fingerprint


def test_a_file_without_passphrase_asks_for_none(tmp_path: Path) -> None:
    made = pki.signer()
    assert open_signer(p12_file(tmp_path, made, None), access(tmp_path)).fingerprint == made.fingerprint


def test_missing_intermediates_are_added_from_a_file(tmp_path: Path) -> None:
    made = pki.signer(intermediate=True)
    end = "-----END CERTIFICATE-----\n"
    leaf, between = (part + end for part in made.chain.split(end)[:2])
    (tmp_path / "more & more.pem").write_text(made.root + between)
    alone = pki.PrivateSigner(made.alg, leaf, made.root, made.secret)
    uri = p12_file(tmp_path, alone)
    assert open_signer(uri, told(tmp_path)).chain == leaf
    signer = open_signer(f"{uri}?cert={tmp_path}/more%20%26%20more.pem", told(tmp_path))
    assert signer.chain == made.chain


@pytest.mark.parametrize("kind", gost.KEYS)
def test_a_gost_key_is_refused_with_the_reason_and_the_way_out(kind: str, tmp_path: Path) -> None:
    path = private(tmp_path / "GOST512_9b1e03.p12", gost.p12(kind, PASSPHRASE))
    with pytest.raises(SigningError, match=r"GOST512_9b1e03\.p12: this is a GOST 34\.10 key, .* use the RSA key of"):
        open_signer(f"pkcs12:{path}", told(tmp_path))


def test_the_gost_file_of_the_tests_is_a_true_pkcs12_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above would pass on rubbish."""
    need("openssl", package="openssl")
    path = private(tmp_path / "gost.p12", gost.p12("GOST 34.10-2015 of Kazakhstan", "password"))
    monkeypatch.setenv("TOLD", "password")
    words = ["openssl", "pkcs12", "-in", str(path), "-info", "-noout", "-passin", "env:TOLD"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC" in done.stderr
    with pytest.raises(SigningError, match="the passphrase is wrong"):
        open_signer(f"pkcs12:{path}", told(tmp_path))


def test_a_gost_key_is_recognised_with_no_passphrase_where_it_stands_in_clear(tmp_path: Path) -> None:
    for kind in gost.KEYS:
        private(tmp_path / "clear.p12", b"\x30\x82\x01\x00" + gost.key_info(kind))
        with pytest.raises(SigningError, match="GOST"):
            open_signer(f"pkcs12:{tmp_path / 'clear.p12'}", access(tmp_path))


def test_gost_keys_of_a_real_library_are_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs where Debian's libengine-gost-openssl is installed; the files made by hand stand in elsewhere."""
    if not shutil.which("openssl") or b"[ available ]" not in told_by("engine", "-t", "gost"):
        pytest.skip("OpenSSL's GOST engine is not installed (libengine-gost-openssl)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOLD", "password")
    monkeypatch.setenv(VARIABLE, "password")
    new = ("-newkey", "gost2012_256", "-pkeyopt", "paramset:A", "-nodes", "-subj", "/CN=Gost")
    told_by("req", "-engine", "gost", "-x509", *new, "-keyout", "gost.key", "-out", "gost.pem")
    for options in ((), ("-keypbe", "gost89", "-certpbe", "gost89", "-macalg", "md_gost12_256")):
        files = ("-inkey", "gost.key", "-in", "gost.pem", "-out", "gost.p12", "-passout", "env:TOLD")
        told_by("pkcs12", "-engine", "gost", "-export", *files, *options)
        Path("gost.p12").chmod(0o600)
        with pytest.raises(SigningError, match=r"GOST 34\.10"):
            open_signer("pkcs12:gost.p12", told(tmp_path))
    with pytest.raises(SigningError, match=r"GOST 34\.10"):
        open_signer("file:gost.pem,gost.key", told(tmp_path))


def told_by(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True).stdout


def test_the_log_in_certificate_of_an_issue_is_refused_for_the_signing_one(tmp_path: Path) -> None:
    root = new_key()
    leaf = pki.signer("ps256")
    purposes = ("1.3.6.1.5.5.7.3.2", "1.2.398.3.3.4.1.1")  # client authentication, a natural person
    chain = pem(certificate("Person", "NCA", leaf.secret, root, purposes=purposes))
    uri = p12_file(tmp_path, pki.PrivateSigner("ps256", chain, "", leaf.secret))
    with pytest.raises(SigningError, match=r"has only 1\.3\.6\.1\.5\.5\.7\.3\.2, .* e-mail .* take the signing one"):
        open_signer(uri, told(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "this is no PKCS#12 file"),
        (b"-----BEGIN CERTIFICATE-----", "this is no PKCS#12 file; for PEM files use the signer file:"),
        (b"\x30\x82\x00\x04aaaa", "the passphrase is wrong, or the file is damaged"),
        (b"\x30\x80" + bytes(range(3, 67)), "the passphrase is wrong, or the file is damaged"),
    ],
)
def test_what_is_no_such_file_is_refused_in_one_sentence(content: bytes, words: str, tmp_path: Path) -> None:
    path = private(tmp_path / "odd.p12", content)
    with pytest.raises(SigningError, match=rf"odd\.p12: {words}"):
        open_signer(f"pkcs12:{path}", told(tmp_path))


def test_a_damaged_file_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    whole = p12_bytes(pki.signer())
    for place in range(0, len(whole), 37):
        path = private(tmp_path / "odd.p12", whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(SigningError, match=r"odd\.p12: "):
            open_signer(f"pkcs12:{path}", told(tmp_path))


def test_files_that_lack_something_are_refused(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    made = pki.signer()
    leaf = x509.load_pem_x509_certificate(made.chain.encode())
    path = private(tmp_path / "a.p12", pkcs12.serialize_key_and_certificates(None, None, None, [leaf], NoEncryption()))
    with pytest.raises(SigningError, match="no private key is in this file"):
        open_signer(f"pkcs12:{path}", told(tmp_path))
    private(path, pkcs12.serialize_key_and_certificates(None, made.secret, None, None, NoEncryption()))
    with pytest.raises(SigningError, match="no certificate is in this file; add &cert="):
        open_signer(f"pkcs12:{path}", told(tmp_path))
    with pytest.raises(ConfigurationError, match="a file name is missing"):
        open_signer("pkcs12:", told(tmp_path))
    with pytest.raises(SigningError, match=r"^missing\.p12: no such file"):
        open_signer("pkcs12:missing.p12", told(tmp_path))


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_a_file_that_others_may_read_is_refused_unless_allowed(tmp_path: Path) -> None:
    uri = p12_file(tmp_path, pki.signer())
    (tmp_path / "leaf.p12").chmod(0o644)
    with pytest.raises(SigningError, match="chmod 600"):
        open_signer(uri, told(tmp_path))
    open_signer(uri, access(tmp_path, passphrase=Passphrase(variable=VARIABLE), allow_shared_key=True))


def test_a_wrong_passphrase_is_said_and_never_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = p12_file(tmp_path, pki.signer())
    monkeypatch.setenv(VARIABLE, "not-this-one")
    with pytest.raises(SigningError, match=r"leaf\.p12: the passphrase is wrong, or") as caught:
        open_signer(uri, told(tmp_path))
    assert_silent(caught.value, "not-this-one")
    with pytest.raises(SigningError, match=r"the key .*leaf\.p12 needs a passphrase"):
        open_signer(uri, access(tmp_path))


def test_the_key_that_is_hidden_in_the_gost_file_is_one_that_no_library_here_knows() -> None:
    from cryptography.exceptions import UnsupportedAlgorithm

    with pytest.raises((UnsupportedAlgorithm, ValueError)):
        load_der_private_key(gost.key_info("GOST R 34.10-2012"), None)
