"""Key and certificates in one encrypted file: `pkcs12:FILE.p12`, also as national authorities issue them.

Options: `alg`, where the key leaves a choice; `cert`, a PEM file with intermediates that FILE.p12 lacks.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SigningError
from .base import KeyAccess, split_options
from .chain import MAX_CERTIFICATES, read_chain
from .file import expanded, passphrase_of, read_public, read_secret, shown
from .gost import GOST_REASON, mentions_gost, unusable_key
from .local import LocalSigner, local_signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates

MAX_KEYS = 4  # that are looked at in one file; real ones have one or two

# pkcs8ShroudedKeyBag (RFC 7292, 4.2.2) and the explicit [0] around its EncryptedPrivateKeyInfo, in DER.
_KEY_BAG = re.compile(
    rb"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02\xa0(?:[\x00-\x7f]|\x81.|\x82..)", re.DOTALL
)

# RC2 and RC4 are in OpenSSL's legacy provider, which a machine may lack or switch off.
_CONVERT = (
    "its old encryption is not available here; convert it with openssl pkcs12 -legacy -in OLD.p12 -out NEW.pem, and "
    "sign with file:NEW.pem"
)


def open_pkcs12(rest: str, access: KeyAccess) -> LocalSigner:
    """The signer of `pkcs12:`. Raises SigningError, ConfigurationError."""
    text, options = split_options(rest, ("alg", "cert"))
    path = expanded(text)
    name = shown(path)
    opened = read_pkcs12(path, access)
    if opened.key is None:
        raise SigningError(f"{name}: no private key is in this file; export it again, with the key")
    found = [opened.cert, *opened.additional_certs]
    certificates = [one.certificate for one in found[:MAX_CERTIFICATES] if one is not None]
    if "cert" in options:
        more = expanded(options["cert"])
        certificates += read_chain(read_public(more), shown(more))
    if not certificates:
        raise SigningError(f"{name}: no certificate is in this file; add &cert=CHAIN.pem to the signer")
    return local_signer(opened.key, certificates, name=name, wanted=options.get("alg"))


def read_pkcs12(path: Path, access: KeyAccess) -> PKCS12KeyAndCertificates:
    """All that is in a PKCS#12 file. Raises SigningError."""
    return _opened(read_secret(path, access), shown(path), access)


def _opened(data: bytes, name: str, access: KeyAccess) -> PKCS12KeyAndCertificates:
    """The file, without a passphrase if it has none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    if not data.startswith(b"\x30"):
        raise SigningError(f"{name}: this is no PKCS#12 file; for PEM files use the signer file:")
    passphrase: bytes | None = None
    try:
        try:
            return load_pkcs12(data, None)
        except ValueError:
            if mentions_gost(data):  # in clear: nobody need be asked for a passphrase
                raise SigningError(f"{name}: {GOST_REASON}") from None
            passphrase = passphrase_of(name, access)
            return load_pkcs12(data, passphrase)
    except UnsupportedAlgorithm:
        raise SigningError(f"{name}: {_CONVERT}") from None
    except (ValueError, TypeError):
        raise SigningError(f"{name}: {_why(data, passphrase)}") from None


def _why(data: bytes, passphrase: bytes | None) -> str:
    """Why a file cannot be opened: `load_pkcs12` says the same of a wrong passphrase, an encryption that this OpenSSL
    lacks and a key of an unknown kind. The key alone tells more.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    for bag in islice(_KEY_BAG.finditer(data), MAX_KEYS):
        try:
            load_der_private_key(_first_element(data[bag.end() :]), passphrase)
            return _CONVERT
        except UnsupportedAlgorithm as error:
            return unusable_key(error, b"") if "key" in str(error) else _CONVERT
        except (ValueError, TypeError):
            continue
    return "the passphrase is wrong, or the file is damaged"


def _first_element(der: bytes) -> bytes:
    """The first DER element of some bytes, which may go on."""
    head = der[:4]
    if len(head) < 4 or head[1] > 0x82 or head[1] == 0x80:
        return b""
    size = head[1] if head[1] < 0x80 else head[2] if head[1] == 0x81 else int.from_bytes(head[2:4], "big")
    start = 2 + max(head[1] - 0x80, 0)
    return der[: start + size]
