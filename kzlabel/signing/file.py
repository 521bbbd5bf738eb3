"""Keys in PEM files: `file:CERT.pem,KEY.pem`, or `file:BOTH.pem`, with `?alg=ps384` where the key leaves a choice.

The last comma parts the two paths, so that the first may hold commas; a whole that names an existing file is taken for
one file with both. `~` is the home folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SigningError
from ..files import reason
from ..inert import inert
from .base import KeyAccess, split_options
from .certificates import public_der
from .chain import MAX_BYTES, read_chain
from .gost import is_gost, unusable_key
from .local import LocalSigner, local_signer

if TYPE_CHECKING:
    from cryptography import x509

MAX_KEYS = 4  # of one file; while a pair is replaced, its key file has two

# Up to the next BEGIN at most, so that a file of nothing else takes no longer than its length.
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,20}PRIVATE KEY)-----(?:(?!-----BEGIN).)*?-----END \1-----", re.DOTALL)


def open_file(rest: str, access: KeyAccess) -> LocalSigner:
    """The signer of `file:`. Raises SigningError, ConfigurationError."""
    paths, options = split_options(rest, ("alg",))
    certificate, key = _paths(paths)
    pems = read_public(certificate), read_secret(key, access)
    chain, loaded = _parsed(pems, certificate, key, access)
    if not _fits(loaded, chain) and pems != (pems := (read_public(certificate), read_secret(key, access))):
        chain, loaded = _parsed(pems, certificate, key, access)  # the pair was replaced between the two readings
    return local_signer(loaded, chain, name=shown(certificate), wanted=options.get("alg"))


def load_private(pem: bytes, name: str, access: KeyAccess, chain: Sequence[x509.Certificate] = ()) -> Any:
    """The first private key in a PEM file: PKCS#8 or traditional, encrypted or not. Raises SigningError.

    name: as errors and the question for a passphrase name it. chain: of several keys, as a file has them while
    `kzlabel keys rotate` replaces one, take that of a certificate in this chain.
    """
    blocks = [found[0] for found in _KEY.finditer(pem)][:MAX_KEYS]
    if not blocks:
        raise SigningError(f"{name}: no private key is in this file; give one with -----BEGIN PRIVATE KEY-----")
    for block in blocks if len(blocks) > 1 and chain else ():
        with contextlib.suppress(SigningError):
            if _fits(loaded := _load(block, name, access), chain):
                return loaded
    return _load(blocks[0], name, access)


def passphrase_of(name: str, access: KeyAccess) -> bytes:
    """The passphrase of a key file, as told. Raises SigningError if nothing tells it."""
    # Variables may hold bytes that are no UTF-8: an encoding error would carry the passphrase.
    return access.passphrase.get(f"the key {name}").encode("utf-8", "surrogateescape")


def read_public(path: Path) -> bytes:
    """A file with certificates. Raises SigningError when it is missing, unreadable or too large."""
    return _read(path, None)


def read_secret(path: Path, access: KeyAccess) -> bytes:
    """A file with a private key. Raises SigningError, also when others may read it and `access` does not allow that."""
    return _read(path, access)


def expanded(text: str) -> Path:
    """A path of a URI, `~` expanded. Raises ConfigurationError when it is empty or there is no home."""
    if not text.strip():
        raise ConfigurationError("signer: a file name is missing; write file:CERT.pem,KEY.pem or pkcs12:FILE.p12")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigurationError(f"signer: there is no home folder for {inert(text)}; write the whole path") from None


def shown(path: Path) -> str:
    """A path as sentences name it."""
    return inert(str(path))


def _parsed(
    pems: tuple[bytes, bytes], certificate: Path, key: Path, access: KeyAccess
) -> tuple[tuple[x509.Certificate, ...], Any]:
    chain = read_chain(pems[0], shown(certificate))
    return chain, load_private(pems[1], shown(key), access, chain)


def _load(block: bytes, name: str, access: KeyAccess) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    passphrase = None
    try:
        try:
            return load_pem_private_key(block, None)
        except TypeError:  # it is encrypted
            passphrase = passphrase_of(name, access)
            return load_pem_private_key(block, passphrase)
    except UnsupportedAlgorithm as error:
        raise SigningError(f"{name}: {unusable_key(error, block)}") from None
    except (ValueError, TypeError):
        damaged = "the private key is damaged"
        told = damaged if passphrase is None else f"the passphrase is wrong, or {damaged}"
        raise SigningError(f"{name}: {told}") from None


def _fits(key: Any, chain: Sequence[x509.Certificate]) -> bool:
    """Whether a private key is that of a certificate."""
    from cryptography.exceptions import UnsupportedAlgorithm

    own = [one for one in chain if not is_gost(one.public_key_algorithm_oid.dotted_string)]
    try:
        return public_der(key) in [public_der(one) for one in own]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False  # the checks of the chain say what is wrong


def _paths(text: str) -> tuple[Path, Path]:
    whole = expanded(text)
    if "," not in text or whole.is_file():
        return whole, whole
    certificate, _, key = text.rpartition(",")
    return expanded(certificate), expanded(key)


def _read(path: Path, secret: KeyAccess | None) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            open_to_others = os.name == "posix" and stat.S_IMODE(mode) & 0o077
            if secret and open_to_others and not secret.allow_shared_key:
                raise SigningError(
                    f"{shown(path)}: others may read this private key; run chmod 600 on it, or say --allow-shared-key"
                )
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SigningError(f"{shown(path)}: {reason(error)}; check the signer") from None
    except ValueError:
        raise SigningError(f"{shown(path)}: this is no possible file name; check the signer") from None
    if len(content) > MAX_BYTES:
        raise SigningError(f"{shown(path)}: over {MAX_BYTES >> 20} MB; this is no file with a key or certificates")
    return content
