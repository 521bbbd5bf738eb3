"""Raw signatures as COSE wants them (RFC 9053, RFC 8230): made, checked, and brought into shape.

ECDSA: r and s side by side. RSA: PSS, MGF1 and a salt of the digest's length. Ed25519 as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PSS
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

_INTEGER = {"es256": 32, "es384": 48, "es512": 66}  # bytes of r and of s: RFC 9053, section 2.1


def sign(key: Any, alg: str, data: bytes) -> bytes:
    """The raw signature of `data` with a private key of `cryptography` that fits `alg`."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if alg == "ed25519":
        return bytes(key.sign(data))
    if alg in _INTEGER:
        return _raw(key.sign(data, ec.ECDSA(_hash(alg))), alg)
    return bytes(key.sign(data, _pss(alg), _hash(alg)))


def verify_signature(public_key: Any, alg: str, data: bytes, signature: bytes) -> bool:
    """Whether `signature` is the raw signature of `data` by the owner of `public_key`, which must fit `alg`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if len(signature) != signature_size(public_key, alg):
        return False
    try:
        if alg == "ed25519":
            public_key.verify(signature, data)
        elif alg in _INTEGER:
            size = _INTEGER[alg]
            r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
            public_key.verify(encode_dss_signature(r, s), data, ec.ECDSA(_hash(alg)))
        else:
            public_key.verify(signature, data, _pss(alg), _hash(alg))
    except InvalidSignature:
        return False
    return True


def checked(chain: str, alg: str, data: bytes, signature: bytes, who: str) -> bytes:
    """What a key service gave for `data`, as a raw signature that fits the first certificate of `chain` (PEM).

    An ECDSA signature in DER, as most services give it, is brought into COSE's shape. who: as the sentence begins,
    such as "the program sign.sh". Raises SigningError if the signature is of another key, shape or padding.
    """
    public_key = leaf_key(chain)
    size = signature_size(public_key, alg)
    if alg in _INTEGER and len(signature) != size:
        signature = _from_der(signature, alg) or signature
    if len(signature) != size:
        raise SigningError(
            f"{who} gave {len(signature)} bytes, and a signature of {alg} has {size}; check its algorithm"
        )
    if verify_signature(public_key, alg, data, signature):
        return signature
    if other := _other_padding(public_key, alg, data, signature):
        raise SigningError(f"{who} signed with {other}, and {alg} needs PSS with a salt as long as the digest")
    raise SigningError(f"{who} signed with another key than the certificate's, or another algorithm than {alg}")


def signature_size(public_key: Any, alg: str) -> int:
    """Bytes of a raw signature."""
    if alg == "ed25519":
        return 64
    return 2 * _INTEGER[alg] if alg in _INTEGER else (int(public_key.key_size) + 7) // 8


@lru_cache(maxsize=16)
def leaf_key(chain: str) -> Any:
    """The public key of the first certificate of a PEM chain that was checked before."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(chain.encode())[0].public_key()


def _hash(alg: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    known: dict[str, HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    return known[alg[2:]]


def _pss(alg: str) -> PSS:
    from cryptography.hazmat.primitives.asymmetric import padding

    digest = _hash(alg)
    return padding.PSS(padding.MGF1(digest), digest.digest_size)


def _raw(der: bytes, alg: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(der)
    return r.to_bytes(_INTEGER[alg], "big") + s.to_bytes(_INTEGER[alg], "big")


def _from_der(signature: bytes, alg: str) -> bytes | None:
    try:
        return _raw(signature, alg)
    except (ValueError, OverflowError):
        return None


def _other_padding(public_key: Any, alg: str, data: bytes, signature: bytes) -> str | None:
    """The mistake that key services make most: the right key, and a padding that C2PA does not know."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    if not alg.startswith("ps"):
        return None
    digest = _hash(alg)
    salted = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
    for name, other in (("PKCS#1 v1.5 padding", padding.PKCS1v15()), ("a salt of another length", salted)):
        try:
            public_key.verify(signature, data, other, digest)
            return name
        except InvalidSignature:
            continue
    return None
