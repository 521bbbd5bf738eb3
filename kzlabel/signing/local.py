"""The signer for a key in hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from . import cose
from .chain import credential

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class LocalSigner:
    """Signs with a private key that this process holds. Safe for threads; hashable and picklable, key included.

    chain, alg, fingerprint, news: see Signer. key: PKCS#8 PEM, not encrypted.
    """

    chain: str
    key: bytes = field(repr=False)
    alg: str
    fingerprint: str
    news: str | None = field(default=None, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The raw COSE signature of `data`. Raises SigningError."""
        try:
            return cose.sign(load_key(self.key), self.alg, data)
        except (ValueError, TypeError, AttributeError):
            raise SigningError(f"the signer's key cannot sign with {self.alg}; check key and algorithm") from None


def local_signer(
    key: Any, certificates: Iterable[x509.Certificate], *, name: str, wanted: str | None = None
) -> LocalSigner:
    """A signer from a loaded private key and certificates in any order, checked together.

    name: as errors name the source. wanted: an algorithm, None for the key's usual one. Raises SigningError,
    ConfigurationError for an unknown algorithm.
    """
    fit = credential(certificates, key.public_key(), name=name, wanted=wanted)
    return LocalSigner(fit.chain, pkcs8(key), fit.alg, fit.fingerprint, fit.news)


def pkcs8(key: Any) -> bytes:
    """A private key as PKCS#8 PEM, not encrypted: the form that c2pa takes."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@lru_cache(maxsize=8)
def load_key(key: bytes) -> Any:
    """The private key of a PKCS#8 PEM that is not encrypted: parsed once. Raises ValueError, TypeError."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(key, None)
