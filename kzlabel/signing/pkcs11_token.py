"""Keys on PKCS#11 tokens: found, used, and found again when a token was away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from ..inert import inert
from .pkcs11_module import Module, module_of, name_of, reason_of
from .pkcs11_uri import KeyUri

if TYPE_CHECKING:
    import pkcs11

MAX_CERTIFICATES = 100  # read from one token
MAX_LISTED = 5  # of tokens or keys in a sentence


@dataclass(frozen=True)
class Stored:
    """A certificate on the token, in DER. belongs: it has the key's identifier, or the key's label."""

    der: bytes
    belongs: bool


class TokenKey:
    """A private key on a token, by its URI. Safe for threads; outlives forks and a token that was away for a while.

    ask: tells the PIN of the token that it is given; asked at most once, and only when a login needs it.
    """

    def __init__(self, uri: KeyUri, ask: Callable[[str], str]) -> None:
        self.uri = uri
        self._ask = ask
        self._pin: str | None = None
        self._serial: bytes | None = None
        self._found: tuple[int, pkcs11.PrivateKey] | None = None  # with the process that found it

    def sign(self, data: bytes, mechanism: pkcs11.Mechanism, parameter: Any = None) -> bytes:
        """What the token makes of `data`. Raises SigningError."""
        import pkcs11

        module = module_of(self.uri.module)
        with module.lock, self._telling():
            if (key := self._known(module)) is not None:
                try:
                    return self._signed(key, data, mechanism, parameter)
                except _lost(pkcs11):
                    module.forget(key.session)
                    self._found = None
            return self._signed(self._key(module), data, mechanism, parameter)

    def certificates(self) -> tuple[Stored, ...]:
        """All X.509 certificates on the key's token. Raises SigningError."""
        module = module_of(self.uri.module)
        with module.lock, self._telling():
            from pkcs11 import Attribute, CertificateType, ObjectClass

            key = self._key(module)
            id, label = _value(key, Attribute.ID), _value(key, Attribute.LABEL)
            wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.CERTIFICATE_TYPE: CertificateType.X_509}
            stored = [
                (bytes(_value(one, Attribute.VALUE) or b""), _value(one, Attribute.ID), _value(one, Attribute.LABEL))
                for one in list(key.session.get_objects(wanted))[:MAX_CERTIFICATES]
            ]
            same = [bool(id) and its_id == id for _, its_id, _ in stored]
            if not any(same):
                same = [bool(label) and its_label == label for _, _, its_label in stored]
            return tuple(Stored(der, belongs) for (der, _, _), belongs in zip(stored, same, strict=True))

    def public_key(self) -> Any:
        """The public key that belongs to it, which the token shows beside it or in it. Raises SigningError."""
        module = module_of(self.uri.module)
        with module.lock, self._telling():
            from pkcs11 import Attribute, ObjectClass

            key = self._key(module)
            id, label = _value(key, Attribute.ID), _value(key, Attribute.LABEL)
            shown = list(key.session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY}))
            beside = [one for one in shown if id and _value(one, Attribute.ID) == id]
            beside = beside or [one for one in shown if label and _value(one, Attribute.LABEL) == label]
            for one in (*beside, key):
                if (found := _public_key(one)) is not None:
                    return found
            raise SigningError(f"{self.uri.shown}: the token does not show the public key; store it there as well")

    def _signed(self, key: pkcs11.PrivateKey, data: bytes, mechanism: pkcs11.Mechanism, parameter: Any) -> bytes:
        from pkcs11 import Attribute

        if not hasattr(key, "sign"):
            raise SigningError(f"{self.uri.shown}: this key may not sign (CKA_SIGN is off); name another")
        if not _value(key, Attribute.ALWAYS_AUTHENTICATE):
            return bytes(key.sign(data, mechanism=mechanism, mechanism_param=parameter))
        token = key.session.token
        told = self._known_pin(token)
        with module_of(self.uri.module).trying(token, told):
            return bytes(key.sign(data, mechanism=mechanism, mechanism_param=parameter, pin=told))

    def _known(self, module: Module) -> pkcs11.PrivateKey | None:
        """The key as this process has found it, if there is hope that it is still there."""
        return self._found[1] if self._found and self._found[0] == os.getpid() and module.ready else None

    def _key(self, module: Module) -> pkcs11.PrivateKey:
        """The key, in a session of this process that is logged in."""
        from pkcs11 import Attribute, ObjectClass

        if (known := self._known(module)) is not None:
            return known
        token = self._token(module)
        session = module.session(token, lambda: self._known_pin(token))
        wanted: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        if self.uri.id is not None:
            wanted[Attribute.ID] = self.uri.id
        if self.uri.label is not None:
            wanted[Attribute.LABEL] = self.uri.label
        fitting: list[Any] = list(session.get_objects(wanted))
        if len(fitting) != 1:
            raise SigningError(_choice(self.uri.shown, token, fitting, session))
        self._found = (os.getpid(), fitting[0])
        return self._found[1]

    def _token(self, module: Module) -> pkcs11.Token:
        """The one token that fits; once found, only the one with its serial number."""
        present = module.tokens()
        fitting = [
            token for token in present if _fits(token, self.uri.token, module) and self._serial in (None, token.serial)
        ]
        if not fitting:
            seen = ", ".join(map(_shown, present[:MAX_LISTED])) or "none"
            raise SigningError(f"{self.uri.shown}: no such token; the module {module.path.name} shows: {seen}")
        if len(fitting) > 1:
            seen = ", ".join(map(_shown, fitting[:MAX_LISTED]))
            raise SigningError(f"{self.uri.shown}: several tokens fit: {seen}; add serial= to the URI")
        self._serial = fitting[0].serial
        return fitting[0]

    def _known_pin(self, token: pkcs11.Token) -> str:
        if self._pin is None:
            self._pin = self._ask(name_of(token))
        return self._pin

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import pkcs11

        try:
            yield
        except pkcs11.PKCS11Error as error:
            raise SigningError(f"{self.uri.shown}: {reason_of(error)}") from None


def _fits(token: pkcs11.Token, wanted: Mapping[str, str], module: Module) -> bool:
    slot, library = token.slot, module.library()
    values = {
        "token": token.label,
        "serial": token.serial.decode("utf-8", "replace"),
        "manufacturer": token.manufacturer_id,
        "model": token.model,
        "slot-id": str(slot.slot_id),
        "slot-manufacturer": slot.manufacturer_id,
        "slot-description": slot.slot_description,
        "library-manufacturer": library.manufacturer_id,
        "library-description": library.library_description,
        "library-version": ".".join(map(str, library.library_version)),
    }
    return all(values[name].strip() == value.strip() for name, value in wanted.items())


def _choice(shown: str, token: pkcs11.Token, fitting: list[Any], session: pkcs11.Session) -> str:
    from pkcs11 import Attribute, ObjectClass

    keys = fitting or list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
    labels = [inert(str(_value(key, Attribute.LABEL) or ""), 60) for key in keys[:MAX_LISTED]]
    ids = [bytes(_value(key, Attribute.ID) or b"").hex("%") for key in keys[:MAX_LISTED]]
    seen = ", ".join(f"{label!r} (id=%{id})" for label, id in zip(labels, ids, strict=True))
    if fitting:
        return f"{shown}: several keys fit on {name_of(token)}: {seen}; add id= or object= to the URI"
    return f"{shown}: no such key on {name_of(token)}; it shows: {seen or 'no private key'}"


def _value(thing: Any, attribute: pkcs11.Attribute) -> Any:
    """An attribute; None where the token does not know it, or its value cannot be read, as a label in no UTF-8."""
    from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid, FunctionFailed

    try:
        return thing[attribute]
    except (AttributeTypeInvalid, AttributeSensitive, FunctionFailed, ValueError):
        return None


def _public_key(thing: Any) -> Any:
    """From the attributes of a public key, or of a private key that shows them; None where they say too little."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key

    kind, point = _value(thing, Attribute.KEY_TYPE), _value(thing, Attribute.EC_POINT)
    try:
        if kind == KeyType.RSA:
            n, e = _value(thing, Attribute.MODULUS), _value(thing, Attribute.PUBLIC_EXPONENT)
            return (
                rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
                if n and e
                else None
            )
        if kind == KeyType.EC and point:
            return load_der_public_key(encode_ec_public_key(thing))
        if kind == KeyType.EC_EDWARDS and point and len(point) in (32, 34):  # bare, or as an OCTET STRING
            return ed25519.Ed25519PublicKey.from_public_bytes(point[-32:])
    except (ValueError, UnsupportedAlgorithm):
        pass
    return None


def _shown(token: pkcs11.Token) -> str:
    return f"{inert(token.label, 60)!r} (serial {inert(token.serial.decode('utf-8', 'replace'), 40)})"


def _lost(pkcs11: Any) -> tuple[type[Exception], ...]:
    """What is said of a session that does not hold any more: the token was away, the module was initialised anew."""
    errors = pkcs11.exceptions
    return (
        errors.DeviceRemoved,
        errors.DeviceError,
        errors.TokenNotPresent,
        errors.SessionClosed,
        errors.SessionHandleInvalid,
        errors.KeyHandleInvalid,
        errors.ObjectHandleInvalid,
        errors.UserNotLoggedIn,
    )
