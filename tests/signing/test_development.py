from __future__ import annotations

import multiprocessing
import os
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID, NameOID

from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import KeyAccess, Signer, open_signer
from kzlabel.signing.certificates import CLAIM_SIGNING, EMAIL_PROTECTION, issue
from kzlabel.signing.development import DevelopmentSigner, development_signer

posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


def leaf_of(signer: Signer) -> x509.Certificate:
    return x509.load_pem_x509_certificate(signer.chain.encode())


def test_the_first_use_makes_a_key_and_says_so_and_the_next_uses_it_silently(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "keys"
    first = open_signer("dev:", KeyAccess(folder))
    again = open_signer("DEV:", KeyAccess(folder))
    assert first.news is not None
    assert "DEVELOPMENT" in first.news
    assert str(folder / "root.pem") in first.news
    assert again.news is None
    assert again == first
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        "dev.key",
        "dev.pem",
        "root.pem",
    ]


@posix_only
def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    development_signer(folder)
    assert (folder / "dev.key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "root.pem").read_text().count("PRIVATE") == 0


@posix_only
def test_a_key_that_others_can_read_is_refused_unless_allowed(tmp_path: Path) -> None:
    development_signer(tmp_path)
    (tmp_path / "dev.key").chmod(0o644)
    with pytest.raises(SigningError, match="chmod 600"):
        development_signer(tmp_path)
    assert development_signer(tmp_path, allow_shared_key=True).news is None


def test_every_name_says_development(tmp_path: Path) -> None:
    signer = development_signer(tmp_path)
    root = x509.load_pem_x509_certificate(signer.root.encode())
    for name in (leaf_of(signer).subject, root.subject):
        assert "DEVELOPMENT" in name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        assert "DEVELOPMENT" in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value


def test_the_leaf_follows_the_profile_of_the_conformance_programme(tmp_path: Path) -> None:
    leaf = leaf_of(development_signer(tmp_path))
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert leaf.version is x509.Version.v3
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign
    assert constraints.critical
    assert not constraints.value.ca
    assert {one.dotted_string for one in purposes} == {CLAIM_SIGNING, EMAIL_PROTECTION}
    assert leaf.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    assert leaf.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=366)


def test_the_root_vouches_for_the_leaf_and_for_no_other_authority(tmp_path: Path) -> None:
    signer = development_signer(tmp_path)
    root = x509.load_pem_x509_certificate(signer.root.encode())
    leaf_of(signer).verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_signatures_are_raw_and_fit_the_certificate(tmp_path: Path) -> None:
    signer = development_signer(tmp_path)
    signature = signer.sign(b"claim")
    assert len(signature) == 64
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = leaf_of(signer).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(encode_dss_signature(r, s), b"claim", ec.ECDSA(SHA256()))


def test_a_lapsed_leaf_is_replaced_with_a_new_root_and_that_is_said(tmp_path: Path) -> None:
    old = development_signer(tmp_path)
    long_ago = issue(timedelta(days=365), now=datetime.now(UTC) - timedelta(days=400))
    for name, content in (("root.pem", long_ago.root), ("dev.pem", long_ago.leaf), ("dev.key", long_ago.key)):
        (tmp_path / name).write_bytes(content)
    renewed = development_signer(tmp_path)
    assert renewed.news is not None
    assert "lapsed" in renewed.news
    assert renewed.root not in (old.root, long_ago.root.decode())
    assert leaf_of(renewed).not_valid_after_utc > datetime.now(UTC)


def test_files_that_do_not_belong_together_are_made_anew(tmp_path: Path) -> None:
    development_signer(tmp_path)
    (tmp_path / "dev.pem").write_bytes(issue(timedelta(days=1)).leaf)
    assert development_signer(tmp_path).news is not None
    assert development_signer(tmp_path).news is None


@pytest.mark.parametrize("name", ["dev.key", "dev.pem", "root.pem"])
def test_a_damaged_file_is_said_and_not_replaced(tmp_path: Path, name: str) -> None:
    development_signer(tmp_path)
    (tmp_path / name).write_bytes(b"-----BEGIN NOTHING-----")
    with pytest.raises(SigningError, match="damaged"):
        development_signer(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SigningError, match="cannot be used"):
        development_signer(tmp_path / "file" / "keys")


def test_processes_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        signers = pool.map(development_signer, [tmp_path] * 3, chunksize=1)
    assert len({signer.fingerprint for signer in signers}) == 1
    assert sum(signer.news is not None for signer in signers) == 1


def test_a_signer_travels_to_another_process(tmp_path: Path) -> None:
    signer = development_signer(tmp_path)
    copy = pickle.loads(pickle.dumps(signer))
    assert copy == signer
    assert len(copy.sign(b"x")) == 64


def test_the_key_does_not_show_in_a_representation(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(development_signer(tmp_path))


def test_other_schemes_are_refused_by_name_and_can_be_added(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"'pkcs99' is not known; known are awskms, command, dev, file, pkcs11, pkcs12"
    ):
        open_signer("pkcs99:slot", KeyAccess(tmp_path))
    with pytest.raises(ConfigurationError, match="no scheme"):
        open_signer("dev", KeyAccess(tmp_path))
    with pytest.raises(ConfigurationError, match="takes nothing"):
        open_signer("dev:other", KeyAccess(tmp_path))

    def opener(rest: str, access: KeyAccess) -> DevelopmentSigner:
        return development_signer(access.folder / rest)

    assert open_signer("own:sub", KeyAccess(tmp_path), {"own": opener}).alg == "es256"
