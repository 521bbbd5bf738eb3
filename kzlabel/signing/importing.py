"""A certificate chain that comes from elsewhere, with or without its key, before it is let into a folder of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from ..inert import inert
from .base import KeyAccess
from .certificates import key_pem
from .chain import MAX_CERTIFICATES, ordered, problems, read_chain
from .file import load_private, read_public, read_secret, shown
from .key_files import noted_algorithm
from .key_info import ENCRYPTED
from .passphrase import Passphrase
from .pkcs12 import read_pkcs12

if TYPE_CHECKING:
    from cryptography import x509

PKCS12 = (".p12", ".pfx")
_PRIVATE = b"PRIVATE KEY-----"


@dataclass(frozen=True)
class Incoming:
    """What a person wants to import. chain: the leaf first. key: None where only the chain was given.

    encrypted: the key as it came, if that was encrypted PEM. protected: it came in a PKCS#12 file. alg: as the chain
    file tells it, None as a rule.
    """

    chain: tuple[x509.Certificate, ...]
    key: Any = field(default=None, repr=False)
    encrypted: bytes | None = field(default=None, repr=False)
    protected: bool = False
    alg: str | None = None

    @property
    def public_key(self) -> Any:
        return self.key.public_key() if self.key is not None else None

    @property
    def common_name(self) -> str:
        from cryptography.x509.oid import NameOID

        found = self.chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""

    def key_to_keep(self, passphrase: Passphrase) -> bytes | None:
        """The key as its file will have it: encrypted as it came, else with the passphrase told, if one is."""
        if self.key is None or self.encrypted is not None:
            return self.encrypted
        if not self.protected:
            passphrase = replace(passphrase, prompt=False)
        secret = passphrase.get("the key as it will be kept", new=True) if passphrase.tells else None
        return key_pem(self.key, secret)


def read_incoming(chain: Path, key: Path | None, access: KeyAccess) -> Incoming:
    """Read the files given. Raises SigningError."""
    if chain.suffix.casefold() in PKCS12:
        opened = read_pkcs12(chain, access)
        found = [
            one.certificate for one in (opened.cert, *opened.additional_certs[:MAX_CERTIFICATES]) if one is not None
        ]
        if opened.key is None or not found:
            missing = "private key" if opened.key is None else "certificate"
            raise SigningError(f"{shown(chain)}: no {missing} is in this file; export it again, with both")
        return Incoming(ordered(found, opened.key.public_key()), opened.key, protected=True)
    pem = read_public(chain)
    certificates = read_chain(pem, shown(chain))
    if key is None and _PRIVATE in pem:
        key = chain
    if key is None:
        return Incoming(ordered(certificates), alg=noted_algorithm(pem))
    secret = read_secret(key, access)
    loaded = load_private(secret, shown(key), access)
    ours = ordered(certificates, loaded.public_key())
    return Incoming(ours, loaded, secret if ENCRYPTED in secret else None, alg=noted_algorithm(pem))


def find_root(
    chain: Sequence[x509.Certificate], given: Path | None, known: Iterable[x509.Certificate], name: str
) -> x509.Certificate:
    """The root that a chain leads to: the one given, else one at its end, else one that is known.

    Raises SigningError when there is none: then nobody can tell whether the chain is complete.
    """
    if given is not None:
        named = read_chain(read_public(given), shown(given))
        return _above(chain, named) or named[0]
    if len(chain) > 1 and chain[-1].subject == chain[-1].issuer:
        return chain[-1]
    if found := _above(chain, known):
        return found
    issuer = inert(chain[-1].issuer.rfc4514_string())
    raise SigningError(
        f"{name}: the chain ends with a certificate issued by {issuer}, and no such root is known; "
        "add the certificates between, or name the root with --root"
    )


def _above(chain: Sequence[x509.Certificate], known: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The certificate that issued the end of a chain, or is that end."""
    for one in known:
        fits = one.subject == chain[-1].issuer
        if fits and not any(problem.code == "incomplete" for problem in problems(chain, root=one)):
            return one
    return None
