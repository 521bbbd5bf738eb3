"""What a signer is, and how one is found by the scheme of its URI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from ..errors import ConfigurationError, KzlabelError, SigningError
from ..inert import inert
from .passphrase import Passphrase

DEVELOPMENT = "dev:"  # the URI of the signer that is used unless told otherwise
ENTRY_POINTS = "kzlabel.signers"  # the group under which other packages offer schemes

# Scheme -> module and opener, imported when the scheme is asked for: some need a package that is an extra.
SCHEMES: Mapping[str, tuple[str, str]] = {
    "dev": (".development", "open_development"),
    "file": (".file", "open_file"),
    "pkcs12": (".pkcs12", "open_pkcs12"),
    "pkcs11": (".pkcs11", "open_pkcs11"),
    "awskms": (".awskms", "open_awskms"),
    "command": (".command", "open_command"),
}


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


@dataclass(frozen=True)
class KeyAccess:
    """What a signer may need besides its URI.

    folder: where keys are kept. passphrase: tells passphrases and PINs. allow_shared_key: use key files that others
    may read.
    """

    folder: Path
    passphrase: Passphrase = field(default_factory=Passphrase)
    allow_shared_key: bool = False


SignerOpener = Callable[[str, KeyAccess], Signer]
"""Takes the part of the URI behind the scheme. Raises SigningError, or ConfigurationError for a malformed URI."""


def open_signer(uri: str, access: KeyAccess, openers: Mapping[str, SignerOpener] | None = None) -> Signer:
    """The signer that `uri` names, by its scheme: see SCHEMES, and the entry points of other packages.

    Raises ConfigurationError when the scheme is unknown or the URI malformed, SigningError when the signer cannot be
    used.
    """
    scheme, colon, rest = uri.partition(":")
    scheme = scheme.casefold()
    if not colon or not scheme:
        raise ConfigurationError(f"signer {uri!r} has no scheme; use dev: for the development key")
    opener = (_own(scheme) if openers is None else openers.get(scheme)) or _installed(scheme)
    if opener is None:
        known = ", ".join(sorted(SCHEMES if openers is None else openers))
        raise ConfigurationError(f"signer scheme {scheme!r} is not known; known are {known}")
    try:
        return opener(rest, access)
    except KzlabelError:
        raise
    except (OSError, ValueError) as error:
        raise SigningError(f"signer {scheme}: cannot be used: {inert(str(error))}") from None


def fingerprint_of(chain: str) -> str:
    """SHA-256 of the first certificate of a PEM chain in DER, hexadecimal. Raises SigningError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificates(chain.encode())[0].fingerprint(SHA256()).hex()
    except ValueError:
        raise SigningError("the signer's certificate chain is no PEM; check the signer") from None


def split_options(rest: str, known: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """A URI's path and its options: `KEY?alg=ps384&cert=chain.pem`.

    The path is taken as it stands, up to the first `?`; the values of options may be percent-encoded. Raises
    ConfigurationError for options that are unknown or given twice.
    """
    path, _, query = rest.partition("?")
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in known:
            raise ConfigurationError(f"signer: there is no option {name!r}; known are {', '.join(known)}")
        if name in options:
            raise ConfigurationError(f"signer: the option {name} is given twice; leave one out")
        options[name] = unquote(value)
    return path, options


def _own(scheme: str) -> SignerOpener | None:
    if scheme not in SCHEMES:
        return None
    module, name = SCHEMES[scheme]
    opener: SignerOpener = getattr(import_module(module, __package__), name)
    return opener


def _installed(scheme: str) -> SignerOpener | None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name.casefold() == scheme:
            try:
                opener: SignerOpener = entry.load()
            except (ImportError, AttributeError) as error:
                raise SigningError(
                    f"signer {inert(scheme)}: the package that offers it cannot be loaded: {inert(str(error))}"
                ) from error
            return opener
    return None
