"""PKCS#12 files around GOST keys, as national authorities issue them; by hand, as nothing here makes such keys."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

# Key algorithms and their parameters: Kazakhstan's (34.10-2015), its former (34.310-2004), Russia's (34.10-2012).
KEYS = {
    "GOST 34.10-2015 of Kazakhstan": ("1.2.398.3.10.1.1.2.2", "1.2.398.3.10.1.1.2.2.1"),
    "GOST 34.310-2004 of Kazakhstan": ("1.2.398.3.10.1.1.1.1", "1.2.398.3.10.1.1.1.1.1"),
    "GOST R 34.10-2012": ("1.2.643.7.1.1.1.1", "1.2.643.2.2.35.1"),
}
_DATA = "1.2.840.113549.1.7.1"
_SHROUDED_KEY = "1.2.840.113549.1.12.10.1.2"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_ROUNDS = 2048


def key_info(kind: str) -> bytes:
    """A PrivateKeyInfo (PKCS#8) in DER whose key is of this kind; the number in it is of no account."""
    algorithm, parameters = KEYS[kind]
    named = _sequence(_oid(algorithm), _sequence(_oid(parameters)))
    return _sequence(_element(2, b"\0"), named, _octets(_octets(bytes(range(1, 33)))))


def p12(kind: str, passphrase: str) -> bytes:
    """As exported today: the key under PBES2 (AES-256), which hides what it is; integrity by HMAC-SHA-256."""
    bag = _sequence(_oid(_SHROUDED_KEY), _element(0xA0, _encrypted(key_info(kind), passphrase.encode())))
    safe = _sequence(_sequence(_oid(_DATA), _element(0xA0, _octets(_sequence(bag)))))
    salt = os.urandom(8)
    mac = hmac.HMAC(_derived(passphrase, salt, 3, 32), hashes.SHA256())
    mac.update(safe)
    digest = _sequence(_sequence(_oid(_SHA256), _element(5, b"")), _octets(mac.finalize()))
    checked = _sequence(digest, _octets(salt), _number(_ROUNDS))
    return _sequence(_number(3), _sequence(_oid(_DATA), _element(0xA0, _octets(safe))), checked)


def _encrypted(plain: bytes, passphrase: bytes) -> bytes:
    salt, start = os.urandom(16), os.urandom(16)
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, _ROUNDS).derive(passphrase)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    hidden = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    function = _sequence(_oid("1.2.840.113549.2.9"), _element(5, b""))
    derivation = _sequence(_oid("1.2.840.113549.1.5.12"), _sequence(_octets(salt), _number(_ROUNDS), function))
    cipher = _sequence(_oid("2.16.840.1.101.3.4.1.42"), _octets(start))
    return _sequence(_sequence(_oid("1.2.840.113549.1.5.13"), _sequence(derivation, cipher)), _octets(hidden))


def _derived(passphrase: str, salt: bytes, purpose: int, size: int) -> bytes:
    """The key derivation of PKCS#12 (RFC 7292, appendix B.2) with SHA-256, one block of it."""
    block, text = 64, (passphrase + "\0").encode("utf-16-be")

    def repeated(piece: bytes) -> bytes:
        length = -(-len(piece) // block) * block
        return (piece * (length // len(piece) + 1))[:length]

    value = bytes([purpose]) * block + repeated(salt) + repeated(text)
    for _ in range(_ROUNDS):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(value)
        value = digest.finalize()
    return value[:size]


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _element(0x30, b"".join(parts))


def _octets(content: bytes) -> bytes:
    return _element(4, content)


def _number(value: int) -> bytes:
    return _element(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytes([first * 40 + second])
    for number in others:
        piece = bytes([number & 0x7F])
        while number := number >> 7:
            piece = bytes([0x80 | number & 0x7F]) + piece
        content += piece
    return _element(6, content)
