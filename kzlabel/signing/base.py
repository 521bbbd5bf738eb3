"""What a signer is, and how one is found by the scheme of its URI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import KzlabelError, SigningError

ENTRY_POINTS = "kzlabel.signers"  # the group under which other packages offer schemes


@runtime_checkable
class Signer(Protocol):
    """Signs claims with one key. Hashable by identity or value, safe for threads, picklable where the key allows.

    alg: es256, es384, es512, ps256, ps384, ps512 or ed25519. chain: PEM, the leaf first, the root left out.
    fingerprint: SHA-256 of the leaf in DER, hexadecimal. news: what a person should be told about how this signer
    came to be, such as a key made just now; None as a rule.
    """

    def __hash__(self) -> int: ...

    @property
    def alg(self) -> str: ...

    @property
    def chain(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def news(self) -> str | None: ...

    def sign(self, data: bytes) -> bytes:
        """The raw COSE signature of `data`: r and s side by side for ECDSA. Raises SigningError."""
        ...


SignerOpener = Callable[[str, Path], Signer]
"""Takes the part of the URI behind the scheme, and the folder of keys. Raises SigningError."""


def open_signer(uri: str, folder: Path, openers: Mapping[str, SignerOpener] | None = None) -> Signer:
    """The signer that `uri` names: `dev:` for the development key in `folder`, other schemes from other packages.

    Raises SigningError when the scheme is unknown or the signer cannot be used.
    """
    scheme, colon, rest = uri.partition(":")
    scheme = scheme.casefold()
    if not colon or not scheme:
        raise SigningError(f"signer {uri!r} has no scheme; use dev: for the development key")
    known = dict(_own() if openers is None else openers)
    opener = known.get(scheme) or _installed(scheme)
    if opener is None:
        raise SigningError(f"signer scheme {scheme!r} is not known; known are {', '.join(sorted(known))}")
    try:
        return opener(rest, folder)
    except KzlabelError:
        raise
    except (OSError, ValueError) as error:
        raise SigningError(f"signer {scheme}: cannot be used: {error}") from error


def fingerprint_of(chain: str) -> str:
    """SHA-256 of the first certificate of a PEM chain in DER, hexadecimal. Raises SigningError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificates(chain.encode())[0].fingerprint(SHA256()).hex()
    except ValueError:
        raise SigningError("the signer's certificate chain is no PEM; check the signer") from None


def _own() -> Mapping[str, SignerOpener]:
    from .development import open_development

    return {"dev": open_development}


def _installed(scheme: str) -> SignerOpener | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name.casefold() == scheme:
            opener: SignerOpener = entry.load()
            return opener
    return None
