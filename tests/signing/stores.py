"""Where tests keep the keys of the private PKI: PEM files, PKCS#12 files, and programs that sign."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from kzlabel.signing import KeyAccess, Passphrase
from tests.pki import CLAIM_SIGNING, EMAIL_PROTECTION, PrivateSigner

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
PASSPHRASE = "Құпия сөз 7!"
VARIABLE = "KZLABEL_TEST_PASSPHRASE"


def access(folder: Path, **options: Any) -> KeyAccess:
    return KeyAccess(folder, **options)


def told(folder: Path) -> KeyAccess:
    """With the passphrase, once a test has put it into VARIABLE."""
    return KeyAccess(folder, Passphrase(variable=VARIABLE))


def private(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def key_pem(signer: PrivateSigner, passphrase: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return bytes(signer.secret.private_bytes(Encoding.PEM, form, hidden))


def pem_files(folder: Path, signer: PrivateSigner, passphrase: str | None = None) -> str:
    """The URI of two new files."""
    (folder / "chain.pem").write_text(signer.chain)
    private(folder / "leaf.key", key_pem(signer, passphrase))
    return f"file:{folder / 'chain.pem'},{folder / 'leaf.key'}"


def p12_bytes(signer: PrivateSigner, passphrase: str | None = PASSPHRASE, *, more: str = "") -> bytes:
    """more: certificates that stand before those of the chain, PEM."""
    leaf, *others = x509.load_pem_x509_certificates((signer.chain + more).encode())
    hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"9b1e03", signer.secret, leaf, others[::-1], hidden)


def p12_file(folder: Path, signer: PrivateSigner, passphrase: str | None = PASSPHRASE, *, more: str = "") -> str:
    return f"pkcs12:{private(folder / 'leaf.p12', p12_bytes(signer, passphrase, more=more))}"


# A key service in ten lines, by the protocol of c2patool's signer program.
_PROGRAM = """#!{python}
import argparse, sys
parser = argparse.ArgumentParser()
for name in ("--reserve-size", "--alg", "--sign-cert"):
    parser.add_argument(name, required=True)
given = parser.parse_args()
sys.path.insert(0, {package!r})
from kzlabel.signing.cose import sign
from cryptography.hazmat.primitives.serialization import load_pem_private_key
key = load_pem_private_key(open({key!r}, "rb").read(), None)
sys.stdout.buffer.write(sign(key, given.alg, sys.stdin.buffer.read()))
"""


def program(folder: Path, text: str, name: str = "sign-it") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def python(folder: Path, body: str, name: str = "sign-it") -> Path:
    return program(folder, f"#!{sys.executable}\n{body}\n", name)


def key_service(folder: Path, signer: PrivateSigner) -> str:
    """The URI of a program that signs with this key."""
    (folder / "chain.pem").write_text(signer.chain)
    key = private(folder / "service.key", key_pem(signer))
    package = str(Path(__file__).parents[2])
    path = program(folder, _PROGRAM.format(python=sys.executable, package=package, key=str(key)))
    return f"command:{path}?cert={folder / 'chain.pem'}&alg={signer.alg}"


def with_algorithm(uri: str, signer: PrivateSigner) -> str:
    return uri if "alg=" in uri else f"{uri}?alg={signer.alg}"


def reloaded(pem: bytes) -> Any:
    return load_pem_private_key(pem, None)


def certificate(
    subject: str,
    issuer: str,
    key: Any,
    issuer_key: Any,
    *,
    authority: bool = False,
    path_length: int | None = None,
    usage: tuple[str, ...] | None = ("digital_signature",),
    purposes: tuple[str, ...] = (EMAIL_PROTECTION, CLAIM_SIGNING),
    identifier: bool = True,
    extra: x509.ExtensionType | None = None,
    digest: hashes.HashAlgorithm | None = None,
    start: timedelta = timedelta(hours=-1),
    days: int = 90,
) -> x509.Certificate:
    """A certificate, well made unless told otherwise."""
    begin = datetime.now(UTC) + start
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    )
    if authority and usage == ("digital_signature",):
        usage = ("key_cert_sign", "crl_sign")
    if usage is not None:
        builder = builder.add_extension(_usage(usage), critical=True)
    if purposes and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(one) for one in purposes]), False)
    if identifier:
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(known, critical=False)
    if extra is not None:
        builder = builder.add_extension(extra, critical=True)
    return builder.sign(issuer_key, digest or hashes.SHA256())


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Studio"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(names: tuple[str, ...]) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in names for name in every})
