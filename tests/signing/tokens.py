"""SoftHSM2 tokens in a folder of the test's own, with keys made on them and certificates of a test root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from .. import pki
from ..system import need

PIN = "pin-of-the-test-token-5f0c"
SO_PIN = "so-pin-of-the-test-token"
_CURVES = {"es256": "secp256r1", "es384": "secp384r1", "es512": "secp521r1"}
# SoftHSM2 names the curve by a PrintableString, as PKCS#11 2.40 did.
_ED25519 = bytes.fromhex("130c656477617264733235353139")


@dataclass(frozen=True)
class Token:
    """A token of the store. uri: without attributes of a key, to be gone on with."""

    label: str
    module: Path
    pin: str = field(default=PIN, repr=False)

    def uri(self, *path: str, **query: str | Path) -> str:
        asked = {"module-path": self.module, **{name.replace("_", "-"): value for name, value in query.items()}}
        told = "&".join(f"{name}={quote(str(value))}" for name, value in asked.items())
        return f"pkcs11:{';'.join((f'token={quote(self.label)}', *path))}?{told}"

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Logged in to write, and out again: what a signer does later is its own login."""
        import pkcs11

        session = pkcs11.lib(str(self.module)).get_token(token_label=self.label).open(rw=True, user_pin=self.pin)
        try:
            yield session
        finally:
            session.close()


@dataclass(frozen=True)
class Store:
    """A folder with tokens, and the configuration that leads SoftHSM2 there."""

    folder: Path
    module: Path

    @property
    def configuration(self) -> Path:
        return self.folder / "softhsm2.conf"

    def token(self, label: str) -> Token:
        """A new token. Make all before the module is loaded, for it looks for tokens but once."""
        pins = ("--pin", PIN, "--so-pin", SO_PIN)
        command = ("softhsm2-util", "--module", str(self.module), "--init-token", "--free", "--label", label, *pins)
        environment = {"SOFTHSM2_CONF": str(self.configuration), "PATH": "/usr/bin:/usr/local/bin:/bin"}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return Token(label, self.module)


def store(folder: Path) -> Store:
    need("softhsm2-util", package="softhsm2")
    (folder / "tokens").mkdir(parents=True)
    made = Store(folder, softhsm2())
    made.configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    return made


def softhsm2() -> Path:
    """Where the distribution put the module."""
    folders = ("/usr/lib/softhsm", "/usr/lib64", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm", "/usr/lib/pkcs11")
    return next(path for folder in folders if (path := Path(folder) / "libsofthsm2.so").exists()).resolve()


def make_key(session: Any, alg: str, label: str, id: bytes) -> Any:
    """A key pair made on the token; returns the public key."""
    from pkcs11 import Attribute, KeyType, Mechanism
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
    from pkcs11.util.rsa import encode_rsa_public_key

    about = {"id": id, "label": label, "store": True}
    if alg.startswith("ps"):
        public, _ = session.generate_keypair(KeyType.RSA, 2048, **about)
        return load_der_public_key(encode_rsa_public_key(public))
    if alg == "ed25519":
        curve = session.create_domain_parameters(KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519}, local=True)
        public, _ = curve.generate_keypair(mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, **about)
        return ed25519.Ed25519PublicKey.from_public_bytes(public[Attribute.EC_POINT][-32:])
    parameters = {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[alg])}
    public, _ = session.create_domain_parameters(KeyType.EC, parameters, local=True).generate_keypair(**about)
    return load_der_public_key(encode_ec_public_key(public))


def keep_certificates(session: Any, chain: str, label: str, id: bytes) -> None:
    """Store a PEM chain: the leaf under the key's label and id, its issuers under others."""
    from pkcs11 import Attribute
    from pkcs11.util.x509 import decode_x509_certificate

    for place, certificate in enumerate(x509.load_pem_x509_certificates(chain.encode())):
        about = decode_x509_certificate(certificate.public_bytes(Encoding.DER))
        about |= {Attribute.TOKEN: True, Attribute.LABEL: label if not place else f"issuer {place} of {label}"}
        session.create_object(about | {Attribute.ID: id if not place else b"\xca" + bytes([place]) + id})


def key_with_certificate(token: Token, alg: str, label: str, id: bytes, **about: Any) -> pki.PrivateSigner:
    """Make a key, and store what a test root issued for it. about: see pki.signer. Returns chain and root."""
    with token.session() as session:
        issued = pki.signer(alg, public_key=make_key(session, alg, label, id), **about)
        keep_certificates(session, issued.chain, label, id)
    return issued
