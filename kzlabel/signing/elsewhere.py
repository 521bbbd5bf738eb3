"""Certificate requests for keys that never leave their token or their service: signed there, like claims."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, SigningError
from ..files import check_target, write_text
from ..settings import config_folder
from .base import KeyAccess
from .certificates import Subject, certificate_pem, certificate_request
from .chain import algorithm_for
from .key_files import with_algorithm
from .passphrase import Passphrase

if TYPE_CHECKING:
    from .pkcs11_token import TokenKey

    Sign = Callable[[bytes, str, str], bytes]

SCHEMES = ("pkcs11", "awskms")

# RFC 8017, section 9.2, note 1: what stands before a digest under PKCS#1 v1.5.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def request_elsewhere(
    name: str,
    signer: str,
    output: Path,
    *,
    organization: str | None = None,
    country: str = "KZ",
    passphrase: Passphrase | None = None,
    allow_shared_key: bool = False,
) -> None:
    """Write the request (PKCS#10, PEM) for a certificate of the key that a URI of a token or a key service names.

    name: whom the certificate shall name. organization: that of `name` by default. output: a new file. A certificate
    need not be there yet, so that cert= may be left out. Raises UsageError, SigningError, ConfigurationError,
    OutputError.
    """
    subject = Subject(name, organization or name, country)
    check_target(output, (), overwrite=False)
    key = _key(signer, KeyAccess(config_folder() / "keys", passphrase or Passphrase(), allow_shared_key))
    alg = algorithm_for(key.public_key())
    request = certificate_request(subject.name(), key)
    if not request.is_signature_valid:
        raise SigningError(
            f"{signer.partition(':')[0]}: the key signed its request wrongly; check the token or service"
        )
    write_text(output, with_algorithm(certificate_pem(request), alg).decode("ascii"), overwrite=False)


def _key(uri: str, access: KeyAccess) -> Any:
    scheme, _, rest = uri.partition(":")
    if scheme.casefold() == "pkcs11":
        from .pkcs11 import token_key

        token = token_key(rest, access)
        return _private_key(token.public_key(), lambda data, kind, digest: _token_sign(token, data, kind, digest))
    if scheme.casefold() == "awskms":
        from .awskms import service_key

        service = service_key(rest)
        names = {"ec": "ECDSA_SHA_", "rsa": "RSASSA_PKCS1_V1_5_SHA_"}
        return _private_key(
            service.public_key(),
            lambda data, kind, digest: service.sign(hashlib.new(digest, data).digest(), names[kind] + digest[3:]),
        )
    raise ConfigurationError(f"a request is made for a key that lives elsewhere: give a signer of {', '.join(SCHEMES)}")


def _token_sign(key: TokenKey, data: bytes, kind: str, digest: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from pkcs11 import Mechanism

    if kind == "ed25519":
        return key.sign(data, Mechanism.EDDSA)
    hashed = hashlib.new(digest, data).digest()
    if kind == "rsa":
        return key.sign(_DIGEST_INFO[digest] + hashed, Mechanism.RSA_PKCS)
    raw = key.sign(hashed, Mechanism.ECDSA)
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def _private_key(public_key: Any, sign: Sign) -> Any:
    """A private key in the eyes of `cryptography`, which looks at the class and asks it to sign.

    sign: from the data, "ec", "rsa" or "ed25519", and the digest's name, to the signature as certificates hold it.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    class EllipticCurveKey(_KeyElsewhere):
        @property
        def curve(self) -> Any:
            return self.public_key().curve

        def sign(self, data: bytes, algorithm: Any) -> bytes:
            return sign(data, "ec", algorithm.algorithm.name)

    class RsaKey(_KeyElsewhere):
        def sign(self, data: bytes, padding: Any, algorithm: Any) -> bytes:
            return sign(data, "rsa", algorithm.name)

    class EdwardsKey(_KeyElsewhere):
        def sign(self, data: bytes) -> bytes:
            return sign(data, "ed25519", "")

    ec.EllipticCurvePrivateKey.register(EllipticCurveKey)
    rsa.RSAPrivateKey.register(RsaKey)
    ed25519.Ed25519PrivateKey.register(EdwardsKey)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return EllipticCurveKey(public_key)
    return RsaKey(public_key) if isinstance(public_key, rsa.RSAPublicKey) else EdwardsKey(public_key)


class _KeyElsewhere:
    def __init__(self, public_key: Any) -> None:
        self._public_key = public_key

    def public_key(self) -> Any:
        return self._public_key
