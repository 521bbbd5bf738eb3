"""`pkcs11:` a key that never leaves its token: a smart card, a USB key, a hardware security module, SoftHSM2."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SigningError
from ..files import reason
from .base import KeyAccess
from .chain import credential, ordered, read_chain
from .cose import checked
from .file import read_public, shown
from .passphrase import MAX_BYTES as MAX_PIN_BYTES
from .pkcs11_token import Stored, TokenKey
from .pkcs11_uri import KeyUri, parse_key_uri

if TYPE_CHECKING:
    from cryptography import x509

# Signed when the signer is opened: whether key, certificate and algorithm fit is known before any file is touched.
TRIAL = b"kzlabel: does this key belong to this certificate?"


@dataclass(frozen=True, eq=False)
class Pkcs11Signer:
    """Signs on a token, each signature checked against the certificate. Safe for threads, not picklable.

    chain, alg, fingerprint, news: see Signer. who: the key in words, as sentences begin.
    """

    chain: str = field(repr=False)
    alg: str
    fingerprint: str
    who: str
    news: str | None
    _key: TokenKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The raw COSE signature of `data`. Raises SigningError."""
        return checked(self.chain, self.alg, data, _sign(self._key, self.alg, data), self.who)


def open_pkcs11(rest: str, access: KeyAccess) -> Pkcs11Signer:
    """The signer of `pkcs11:` and what follows it, as RFC 7512 has it; see docs/signing.md.

    Asks for the PIN, logs in once and makes one signature to see that everything fits. Raises SigningError,
    ConfigurationError.
    """
    key = token_key(rest, access)
    uri = key.uri
    certificates = _certificates(uri, key.certificates())
    fit = credential(certificates, certificates[0].public_key(), name=uri.shown, wanted=uri.alg)
    signer = Pkcs11Signer(fit.chain, fit.alg, fit.fingerprint, f"{uri.shown}: the key", fit.news, key)
    signer.sign(TRIAL)
    return signer


def token_key(rest: str, access: KeyAccess) -> TokenKey:
    """The key itself, with or without a certificate. Raises SigningError, ConfigurationError."""
    uri = parse_key_uri(rest)
    return TokenKey(uri, _pin(uri, access))


def _sign(key: TokenKey, alg: str, data: bytes) -> bytes:
    """Ask the token. We hash: not every token knows every combined mechanism, and none need see the data."""
    from pkcs11 import MGF, Mechanism

    if alg == "ed25519":
        return key.sign(data, Mechanism.EDDSA)
    size = alg[2:]
    digest = hashlib.new(f"sha{size}", data).digest()
    if alg.startswith("es"):
        return key.sign(digest, Mechanism.ECDSA)
    return key.sign(digest, Mechanism.RSA_PKCS_PSS, (Mechanism[f"SHA{size}"], MGF[f"SHA{size}"], len(digest)))


def _pin(uri: KeyUri, access: KeyAccess) -> Callable[[str], str]:
    def ask(token: str) -> str:
        told = _read_pin(file, access) if file is not None else access.passphrase.get(token)
        if not told:  # as a variable that was never filled: not worth one of the few tries
            raise SigningError(f"{token}: the PIN is empty; check what tells it")
        if not told.isprintable():  # nor can bytes that are no UTF-8 be sent, and the error would carry them
            raise SigningError(f"{token}: the PIN holds characters that no PIN has; check what tells it")
        return told

    file = uri.pin_source
    return ask


def _read_pin(path: Path, access: KeyAccess) -> str:
    """The first line of a file. Raises SigningError, also when others may read it and `access` does not allow that."""
    try:
        with path.open("rb") as file:
            others = os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            if others and not access.allow_shared_key:
                raise SigningError(
                    f"{shown(path)}: others may read this PIN; run chmod 600 on it, or say --allow-shared-key"
                )
            return file.readline(MAX_PIN_BYTES).decode("utf-8", "surrogateescape").rstrip("\r\n")
    except OSError as error:
        raise SigningError(f"{shown(path)}: the PIN cannot be read: {reason(error)}; check pin-source") from None


def _certificates(uri: KeyUri, stored: tuple[Stored, ...]) -> list[x509.Certificate]:
    """The leaf and its issuers, from the file that the URI names and from the token; a leaf in the file goes first."""
    given = ordered(read_chain(read_public(uri.cert), shown(uri.cert))) if uri.cert else ()
    on_token = [(one.belongs, _parsed(one.der)) for one in stored]
    everything = [*given, *(certificate for _, certificate in on_token if certificate)]
    own = [certificate for belongs, certificate in on_token if belongs and certificate]
    if given and not _is_authority(given[0]):
        return _with_issuers(given[0], everything)
    if not own:
        raise SigningError(
            f"{uri.shown}: the token holds no certificate with the key's id or label; store it there, or name a PEM "
            "file with cert=/PATH in the URI"
        )
    # After a renewal the token may hold several for one key.
    return _with_issuers(max(own, key=_preference), everything)


def _with_issuers(leaf: x509.Certificate, others: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """What else lies on the token is none of the chain's business."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    chain, left = [leaf], [one for one in others if one != leaf]
    while True:
        for one in left:
            try:
                chain[-1].verify_directly_issued_by(one)
            except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
                continue
            chain.append(one)
            left.remove(one)
            break
        else:
            return chain


def _preference(certificate: x509.Certificate) -> tuple[bool, datetime, datetime]:
    """Valid now, then issued last, then valid longest."""
    now = datetime.now(UTC)
    valid = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return valid, certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _parsed(der: bytes) -> x509.Certificate | None:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None
