"""The folder of keys: made, asked for, answered, taken in, shown and renewed, whole at every moment."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kzlabel.errors import SigningError, UsageError
from kzlabel.signing import KeyAccess, Passphrase, Signer, keyring, open_signer
from kzlabel.signing.certificates import ocsp_of, public_der
from kzlabel.signing.cose import leaf_key, verify_signature
from kzlabel.signing.development import development_signer
from kzlabel.signing.file import read_secret
from kzlabel.signing.key_files import LOCK, KeyFiles, key_name, write_whole
from kzlabel.signing.key_info import KeyInfo, key_info
from tests import pki
from tests.signing.stores import PASSPHRASE, VARIABLE, certificate, key_pem, new_key, p12_bytes, pem, private

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
TOLD = Passphrase(variable=VARIABLE)


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSPHRASE)


def made(folder: Path, name: str = "Studio", **options: Any) -> KeyInfo:
    return keyring.init(name, folder=folder, passphrase=None, **options)


def opened(info: KeyInfo, passphrase: Passphrase = TOLD) -> Signer:
    assert info.signer is not None
    return open_signer(info.signer, KeyAccess(Path("nowhere"), passphrase))


def leaf_of(info: KeyInfo) -> x509.Certificate:
    return x509.load_pem_x509_certificate(info.files[0].read_bytes())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def signs(info: KeyInfo) -> bool:
    signer = opened(info)
    return verify_signature(leaf_of(info).public_key(), signer.alg, b"claim", signer.sign(b"claim"))


# --- init


@pytest.mark.parametrize("alg", ["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"])
def test_a_key_of_every_algorithm_signs_by_the_uri_that_is_told(tmp_path: Path, alg: str) -> None:
    info = made(tmp_path, alg=alg)
    assert info.alg == alg
    assert opened(info).alg == alg
    assert signs(info)
    assert keyring.show("studio", folder=tmp_path) == (info,)


def test_the_keys_are_encrypted_with_the_passphrase(tmp_path: Path) -> None:
    info = keyring.init("Studio", folder=tmp_path, passphrase=TOLD)
    assert info.encrypted
    for name in ("studio.key", "studio.root.key"):
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / name).read_bytes()
    assert signs(info)


@posix_only
def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.name[0] != "."}
    assert modes == {"studio.key": 0o600, "studio.root.key": 0o600, "studio.pem": 0o644, "studio.root.pem": 0o644}


def test_files_are_called_after_the_name_in_any_script() -> None:
    assert key_name("Студия «Аян», 7!") == "студия-аян-7"
    assert key_name("../../etc/passwd") == "etc-passwd"
    assert len(key_name("я" * 300)) == 40
    for impossible in ("", "...", "dev", "ROOT"):
        with pytest.raises(UsageError):
            key_name(impossible)


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    made(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match="never overwritten"):
        made(tmp_path)
    with pytest.raises(UsageError, match="never overwritten"):
        keyring.request("studio", folder=tmp_path, passphrase=None)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"days": 367}, "at most 366 days at assurance level 1"),
        ({"days": 0}, "0 days"),
        ({"root_days": 100}, "give 365, for its leaf"),
        ({"root_days": 40_000}, "36500"),
        ({"alg": "rs256"}, "known are es256"),
        ({"country": "Kazakhstan"}, "ISO 3166"),
        ({"ocsp_url": "ocsp.example.org"}, "no address"),
    ],
)
def test_what_no_certificate_could_be_is_refused_before_anything_is_made(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        made(tmp_path / "keys", **options)
    assert not (tmp_path / "keys").exists()


def test_a_folder_whose_name_a_signer_could_not_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="comma"):
        made(tmp_path / "keys, mine")


def test_without_a_passphrase_a_key_that_shall_be_encrypted_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="needs a passphrase"):
        keyring.init("Studio", folder=tmp_path)
    assert names(tmp_path) == set()


def _initialise(folder: Path) -> bool:
    try:
        made(folder)
    except UsageError:
        return False
    return True


def test_of_processes_that_make_the_same_key_at_once_one_does(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert sorted(pool.map(_initialise, [tmp_path] * 3, chunksize=1)) == [False, False, True]
    assert signs(keyring.show("studio", folder=tmp_path)[0])


# --- request, issue, import


def answered(folder: Path, name: str, root: str, **options: Any) -> Path:
    output = folder / f"answer-{name}.crt"
    keyring.issue(folder / f"{name}.request.pem", output, root=root, folder=folder, **options)
    return output


def test_a_request_is_answered_and_its_answer_finds_its_key(tmp_path: Path) -> None:
    made(tmp_path, "House")
    asked = keyring.request("Studio", organization="Studio LLP", folder=tmp_path, passphrase=TOLD, alg="ps384")
    assert (asked.signer, asked.request, asked.encrypted) == (None, tmp_path / "studio.request.pem", True)
    assert asked.organization == "Studio LLP"
    info = keyring.import_(answered(tmp_path, "studio", "house", days=30), folder=tmp_path)
    assert (info.name, info.request, info.encrypted, info.alg) == ("studio", None, True, "ps384")
    assert info.days_left == 29
    assert info.root is not None
    assert info.root.read_bytes() == (tmp_path / "house.root.pem").read_bytes()
    assert not [name for name in names(tmp_path) if ".request." in name]
    assert signs(info)


def test_an_issued_certificate_follows_the_profile_whatever_the_request_asks(tmp_path: Path) -> None:
    made(tmp_path, "House", organization="House LLP")
    key = new_key()
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Token")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "token.csr").write_bytes(asked.public_bytes(Encoding.PEM))
    info = keyring.issue(tmp_path / "token.csr", tmp_path / "token.crt", root="House", folder=tmp_path)
    leaf = leaf_of(info)
    assert info.subject == "CN=Token,O=House LLP,C=KZ"
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert public_der(leaf) == public_der(key)


def test_what_is_no_request_or_too_weak_is_not_issued_for(tmp_path: Path) -> None:
    made(tmp_path, "House")
    weak = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Token")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(weak, hashes.SHA256())
    forged = bytearray(asked.public_bytes(Encoding.DER))
    forged[-1] ^= 1
    for file, content, words in (
        ("weak.csr", asked.public_bytes(Encoding.PEM), "weak"),
        ("text.csr", b"nothing", "no PEM certificate request"),
        ("forged.csr", x509.load_der_x509_csr(bytes(forged)).public_bytes(Encoding.PEM), "not signed by its own key"),
    ):
        (tmp_path / file).write_bytes(content)
        with pytest.raises(SigningError, match=words):
            keyring.issue(tmp_path / file, tmp_path / "out.crt", root="house", folder=tmp_path)
        assert not (tmp_path / "out.crt").exists()


def test_a_leaf_may_not_outlive_its_root(tmp_path: Path) -> None:
    made(tmp_path, "House", days=5, root_days=5)
    keyring.request("Studio", folder=tmp_path, passphrase=None)
    with pytest.raises(UsageError, match="the root ends on"):
        answered(tmp_path, "studio", "house")


def test_only_a_root_whose_key_is_there_can_issue(tmp_path: Path) -> None:
    made(tmp_path, "House")
    keyring.request("Studio", folder=tmp_path, passphrase=None)
    with pytest.raises(UsageError, match=r"known are house, studio"):
        answered(tmp_path, "studio", "villa")
    away = tmp_path / "stick"
    away.mkdir()
    (tmp_path / "house.root.key").rename(away / "root.key")
    with pytest.raises(UsageError, match=r"house\.root\.key is missing"):
        answered(tmp_path, "studio", "house")
    with pytest.raises(SigningError, match="not the key of"):
        answered(tmp_path, "studio", "house", root_key=tmp_path / "house.key")
    assert answered(tmp_path, "studio", "house", root_key=away / "root.key").exists()


def given(folder: Path, signer: pki.PrivateSigner, passphrase: str | None = None) -> tuple[Path, Path, Path]:
    """Chain, key and root, as a certification authority and its customer have them."""
    folder.mkdir(exist_ok=True)
    chain, root = folder / "chain.pem", folder / "root.pem"
    chain.write_text(signer.chain)
    root.write_text(signer.root)
    return chain, private(folder / "leaf.key", key_pem(signer, passphrase)), root


@pytest.mark.parametrize("alg", ["es256", "ed25519", "ps256"])
def test_a_chain_and_its_key_are_taken_in_as_they_are(tmp_path: Path, alg: str) -> None:
    signer = pki.signer(alg, name="Nomad Press", intermediate=True)
    chain, key, root = given(tmp_path / "from", signer, PASSPHRASE)
    info = keyring.import_(chain, key, root=root, folder=tmp_path / "keys", passphrase=TOLD)
    assert (info.name, info.encrypted) == ("nomad-press", True)
    assert (tmp_path / "keys" / "nomad-press.key").read_bytes() == key.read_bytes()
    assert opened(info).chain == signer.chain
    assert signs(info)


def test_a_key_that_was_not_encrypted_is_if_a_passphrase_is_told(tmp_path: Path) -> None:
    chain, key, root = given(tmp_path / "from", pki.signer())
    plain = keyring.import_(chain, key, root=root, folder=tmp_path / "plain")
    hidden = keyring.import_(chain, key, root=root, folder=tmp_path / "hidden", passphrase=TOLD)
    assert (plain.encrypted, hidden.encrypted) == (False, True)
    assert signs(plain)
    assert signs(hidden)


def test_a_pkcs12_file_brings_key_and_chain(tmp_path: Path) -> None:
    signer = pki.signer("ps256", intermediate=True)
    file = private(tmp_path / "studio.p12", p12_bytes(signer, more=signer.root))
    info = keyring.import_(file, name="studio", folder=tmp_path / "keys", passphrase=TOLD)
    assert (info.name, info.encrypted) == ("studio", True)
    assert info.root is not None
    assert info.root.read_text() == signer.root
    assert signs(info)


def test_one_pem_file_may_hold_both(tmp_path: Path) -> None:
    signer = pki.signer()
    both = private(tmp_path / "both.pem", (signer.chain + signer.root).encode() + key_pem(signer))
    assert signs(keyring.import_(both, name="studio", folder=tmp_path / "keys"))


def weak_key() -> Any:
    return rsa.generate_private_key(65537, 1024)


KEY, ROOT = new_key(), new_key()
BEFORE = timedelta(days=-100)

DEFECTS: dict[str, tuple[Callable[[], x509.Certificate], str]] = {
    "of another key": (lambda: certificate("Leaf", "Root", new_key(), ROOT), "does not belong to the certificate"),
    "self-signed": (lambda: certificate("Leaf", "Leaf", KEY, KEY), "self-signed"),
    "an authority": (lambda: certificate("Leaf", "Root", KEY, ROOT, authority=True), "certification authority"),
    "for encryption": (
        lambda: certificate("Leaf", "Root", KEY, ROOT, usage=("key_encipherment",)),
        "not for digital signatures",
    ),
    "for servers": (
        lambda: certificate("Leaf", "Root", KEY, ROOT, purposes=(pki.SERVER_AUTHENTICATION,)),
        "extended key usage",
    ),
    "expired": (lambda: certificate("Leaf", "Root", KEY, ROOT, start=BEFORE, days=90), "expired on"),
    "not yet valid": (lambda: certificate("Leaf", "Root", KEY, ROOT, start=timedelta(days=3)), "valid from"),
    "of another root": (lambda: certificate("Leaf", "Root", KEY, new_key()), "add the certificates between"),
    "without its intermediate": (lambda: certificate("Leaf", "Between", KEY, new_key()), "certificates between"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_cannot_sign_is_not_taken_in(tmp_path: Path, defect: str) -> None:
    make, words = DEFECTS[defect]
    chain = tmp_path / "chain.pem"
    chain.write_text(pem(make()))
    root = tmp_path / "root.pem"
    root.write_text(pem(certificate("Root", "Root", ROOT, ROOT, authority=True)))
    key = private(tmp_path / "leaf.key", KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningError, match=words) as refusal:
        keyring.import_(chain, key, root=root, folder=tmp_path / "keys")
    assert str(refusal.value).startswith("chain.pem: ")
    assert not (tmp_path / "keys").exists()


def test_a_weak_key_is_not_taken_in(tmp_path: Path) -> None:
    weak = weak_key()
    chain, root = tmp_path / "chain.pem", tmp_path / "root.pem"
    chain.write_text(pem(certificate("Leaf", "Root", weak, ROOT)))
    root.write_text(pem(certificate("Root", "Root", ROOT, ROOT, authority=True)))
    key = private(tmp_path / "leaf.key", weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningError, match="RSA of 1024 bits"):
        keyring.import_(chain, key, root=root, folder=tmp_path / "keys")


def test_a_chain_whose_root_nobody_knows_is_refused_and_known_roots_help(tmp_path: Path) -> None:
    signer = pki.signer(intermediate=True)
    chain, key, root = given(tmp_path / "from", signer)
    with pytest.raises(SigningError, match="no such root is known"):
        keyring.import_(chain, key, folder=tmp_path / "keys")
    known = [x509.load_pem_x509_certificate(root.read_bytes())]
    assert signs(keyring.import_(chain, key, known_roots=known, folder=tmp_path / "keys"))


def test_a_certificate_that_nothing_waits_for_needs_its_key(tmp_path: Path) -> None:
    chain, _, root = given(tmp_path / "from", pki.signer())
    made(tmp_path / "keys")
    with pytest.raises(UsageError, match="name its key as well"):
        keyring.import_(chain, root=root, folder=tmp_path / "keys")


@posix_only
def test_a_key_that_others_can_read_is_not_taken_in_unless_allowed(tmp_path: Path) -> None:
    chain, key, root = given(tmp_path / "from", pki.signer())
    key.chmod(0o640)
    with pytest.raises(SigningError, match="chmod 600"):
        keyring.import_(chain, key, root=root, folder=tmp_path / "keys")
    info = keyring.import_(chain, key, root=root, folder=tmp_path / "keys", allow_shared_key=True)
    assert info.files[1].stat().st_mode & 0o777 == 0o600


def test_the_same_again_changes_nothing_and_another_under_that_name_is_refused(tmp_path: Path) -> None:
    chain, key, root = given(tmp_path / "from", pki.signer())
    first = keyring.import_(chain, key, root=root, folder=tmp_path / "keys", name="Studio")
    before = names(tmp_path / "keys")
    assert keyring.import_(chain, key, root=root, folder=tmp_path / "keys") == first
    assert names(tmp_path / "keys") == before
    other, other_key, other_root = given(tmp_path / "from", pki.signer())
    with pytest.raises(UsageError, match="never overwritten"):
        keyring.import_(other, other_key, root=other_root, folder=tmp_path / "keys", name="Studio")
    given(tmp_path / "from", pki.signer())


# --- show


def at(info: KeyInfo, days: float) -> datetime:
    assert info.valid_until is not None
    return info.valid_until + timedelta(days=days)


def test_a_certificate_that_ends_soon_or_has_ended_is_warned_of(tmp_path: Path) -> None:
    info = made(tmp_path, days=60)
    files = KeyFiles(tmp_path, "studio")
    assert key_info(files, now=at(info, -31.5)).warnings == ()
    (soon,) = key_info(files, now=at(info, -29.5)).warnings
    assert "expires in 29 days" in soon
    assert "keys rotate studio" in soon
    ended = key_info(files, now=at(info, 2))
    assert ended.days_left is not None
    assert ended.days_left < 0
    assert "expired on" in ended.warnings[0]


def test_a_root_of_ones_own_that_ends_soon_is_warned_of(tmp_path: Path) -> None:
    info = made(tmp_path, days=5, root_days=20)
    leaf, root = key_info(KeyFiles(tmp_path, "studio"), now=at(info, -1)).warnings
    assert leaf.startswith("studio: the certificate expires in 1 day, on")
    assert root.startswith("studio.root.pem: the certificate expires in 16 days")


def test_everything_in_the_folder_is_shown_and_what_is_damaged_hides_nothing(tmp_path: Path) -> None:
    made(tmp_path)
    development_signer(tmp_path)
    keyring.request("Waiting", folder=tmp_path, passphrase=None)
    (tmp_path / "broken.pem").write_text("nothing")
    found = {one.name: one for one in keyring.show(folder=tmp_path)}
    assert list(found) == ["broken", "dev", "studio", "waiting"]
    assert found["dev"].signer == "dev:"
    assert found["dev"].root == tmp_path / "root.pem"
    assert (found["waiting"].signer, found["waiting"].request) == (None, tmp_path / "waiting.request.pem")
    assert "no PEM certificate" in found["broken"].warnings[0]
    assert {one.name for one in found.values() if one.warnings} == {"broken"}
    assert keyring.show(folder=tmp_path / "nowhere") == ()


def test_a_signer_is_shown_by_its_uri(tmp_path: Path) -> None:
    info = made(tmp_path)
    (shown,) = keyring.show(signer=info.signer, folder=tmp_path)
    assert (shown.fingerprint, shown.subject, shown.alg) == (info.fingerprint, info.subject, "es256")


@posix_only
def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / "studio.key").chmod(0o644)
    assert "chmod 600" in keyring.show("studio", folder=tmp_path)[0].warnings[0]


# --- rotate


def test_a_new_pair_takes_the_place_of_the_old_one_which_is_kept(tmp_path: Path) -> None:
    old = keyring.init(
        "Studio", folder=tmp_path, passphrase=TOLD, days=80, alg="es384", ocsp_url="http://ocsp.example.org"
    )
    new = keyring.rotate("Studio", folder=tmp_path, passphrase=TOLD)
    assert (new.signer, new.subject, new.issuer, new.alg) == (old.signer, old.subject, old.issuer, old.alg)
    assert new.fingerprint != old.fingerprint
    assert new.valid_until is not None
    assert new.valid_from is not None
    assert new.valid_until - new.valid_from == timedelta(days=80)
    assert ocsp_of(leaf_of(new)) == "http://ocsp.example.org"
    assert new.encrypted
    assert signs(new)
    today = datetime.now(UTC).date().isoformat()
    (kept,) = keyring.show(f"studio.{today}", folder=tmp_path)
    assert (kept.fingerprint, kept.replaced) == (old.fingerprint, True)
    assert signs(kept)


def test_a_key_of_an_authority_stays_in_use_until_the_answer_comes(tmp_path: Path) -> None:
    made(tmp_path, "House")
    keyring.request("Studio", folder=tmp_path, passphrase=None)
    old = keyring.import_(answered(tmp_path, "studio", "house"), folder=tmp_path)
    (tmp_path / "answer-studio.crt").unlink()
    asked = keyring.rotate("studio", folder=tmp_path)
    assert (asked.fingerprint, asked.request) == (old.fingerprint, tmp_path / "studio.request.pem")
    assert signs(asked)
    with pytest.raises(UsageError, match="waits for its certificate"):
        keyring.rotate("studio", folder=tmp_path)
    new = keyring.import_(answered(tmp_path, "studio", "house"), folder=tmp_path)
    assert (new.signer, new.request) == (old.signer, None)
    assert new.fingerprint != old.fingerprint
    assert signs(new)
    assert [one.fingerprint for one in keyring.show(folder=tmp_path) if one.replaced] == [old.fingerprint]


def test_a_renewed_certificate_for_the_same_key_is_taken_in(tmp_path: Path) -> None:
    made(tmp_path, "House")
    keyring.request("Studio", folder=tmp_path, passphrase=None)
    (tmp_path / "kept.pem").write_bytes((tmp_path / "studio.request.pem").read_bytes())
    old = keyring.import_(answered(tmp_path, "studio", "house", days=10), folder=tmp_path)
    output = tmp_path / "again.crt"
    keyring.issue(tmp_path / "kept.pem", output, root="house", folder=tmp_path, days=100)
    (tmp_path / "kept.pem").unlink()
    new = keyring.import_(output, folder=tmp_path)
    assert new.name == "studio"
    assert (old.days_left, new.days_left) == (9, 99)
    assert signs(new)


def test_a_wrong_passphrase_for_the_root_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.init("Studio", folder=tmp_path, passphrase=TOLD)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setenv(VARIABLE, "another")
    with pytest.raises(SigningError, match="passphrase is wrong") as refusal:
        keyring.rotate("studio", folder=tmp_path, passphrase=TOLD)
    assert "another" not in str(refusal.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_cannot_be_rotated_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make one with kzlabel keys init"):
        keyring.rotate("studio", folder=tmp_path)
    development_signer(tmp_path)
    made(tmp_path)
    keyring.rotate("studio", folder=tmp_path)
    keyring.request("Waiting", folder=tmp_path, passphrase=None)
    (replaced,) = (one.name for one in keyring.show(folder=tmp_path) if one.replaced)
    for name, words in (("dev", "by itself"), (replaced, "has been replaced"), ("waiting", "import the answer")):
        with pytest.raises(UsageError, match=words):
            keyring.rotate(name, folder=tmp_path)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("write", range(1, 6))
def test_a_rotation_cut_short_leaves_a_key_with_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    keyring.init("Studio", folder=tmp_path, passphrase=TOLD)
    done = 0

    def cut_short(path: Path, content: bytes) -> None:
        nonlocal done
        done += 1
        if done == write:
            raise Killed
        write_whole(path, content)

    monkeypatch.setattr("kzlabel.signing.key_files.write_whole", cut_short)
    with pytest.raises(Killed):
        keyring.rotate("studio", folder=tmp_path, passphrase=TOLD)
    assert signs(keyring.show("studio", folder=tmp_path)[0])
    monkeypatch.undo()
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    assert signs(keyring.rotate("studio", folder=tmp_path, passphrase=TOLD))


def test_a_signer_whose_key_is_replaced_while_it_is_opened_gets_the_new_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = made(tmp_path)

    def too_late(path: Path, access: KeyAccess) -> bytes:
        monkeypatch.undo()
        keyring.rotate("studio", folder=tmp_path)
        return read_secret(path, access)

    monkeypatch.setattr("kzlabel.signing.file.read_secret", too_late)
    signer = opened(info)
    assert signer.fingerprint == keyring.show("studio", folder=tmp_path)[0].fingerprint != info.fingerprint
    assert verify_signature(leaf_key(signer.chain), "es256", b"claim", signer.sign(b"claim"))


@posix_only
def test_nothing_is_written_into_a_folder_that_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    written = []

    def checked(path: Path, content: bytes) -> None:
        with (tmp_path / LOCK).open("ab") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        written.append(path.name)
        write_whole(path, content)

    for module in ("key_files", "keyring"):
        monkeypatch.setattr(f"kzlabel.signing.{module}.write_whole", checked)
    made(tmp_path, "House")
    keyring.request("Studio", folder=tmp_path, passphrase=None)
    answer = answered(tmp_path, "studio", "house")
    for _ in range(2):
        keyring.import_(answer, folder=tmp_path)
    keyring.rotate("house", folder=tmp_path)
    assert len(written) == 4 + 2 + 3 + 1 + 5


def _rotate(folder: Path) -> str | None:
    return keyring.rotate("studio", folder=folder).fingerprint


def test_rotations_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    made(tmp_path)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(_rotate, [tmp_path] * 3, chunksize=1))) >= 1
    found = keyring.show(folder=tmp_path)
    assert len(found) == 4
    assert len({one.fingerprint for one in found}) == 4
    assert all(signs(one) for one in found)
