"""Keys on PKCS#11 tokens: found, logged in to, used; one at a time, and found again when a token was away.

python-pkcs11 initialises a module without locking (`C_Initialize(NULL)`), which forbids several threads inside it,
in however many sessions: SoftHSM2 crashes at once. So each module has one lock, and whoever enters it holds that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from ..inert import inert
from .pkcs11_uri import KeyUri

if TYPE_CHECKING:
    import pkcs11

EXTRA = "signer pkcs11: the package python-pkcs11 is not installed; run pip install 'kzlabel[pkcs11]'"
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

        module = _module(self.uri.module)
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
        module = _module(self.uri.module)
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
        module = _module(self.uri.module)
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
        with _module(self.uri.module).trying(token, told):
            return bytes(key.sign(data, mechanism=mechanism, mechanism_param=parameter, pin=told))

    def _known(self, module: _Module) -> pkcs11.PrivateKey | None:
        """The key as this process has found it, if there is hope that it is still there."""
        return self._found[1] if self._found and self._found[0] == os.getpid() and module.ready else None

    def _key(self, module: _Module) -> pkcs11.PrivateKey:
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

    def _token(self, module: _Module) -> pkcs11.Token:
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
            self._pin = self._ask(_name(token))
        return self._pin

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import pkcs11

        try:
            yield
        except pkcs11.PKCS11Error as error:
            raise SigningError(f"{self.uri.shown}: {_reason(error)}") from None


class _Module:
    """A module in one process. Hold `lock` for every call that enters it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._process = os.getpid()
        self._library: Any = None
        self._sessions: dict[bytes, pkcs11.Session] = {}
        self._refused: dict[bytes, set[str]] = {}

    @property
    def ready(self) -> bool:
        return self._library is not None

    def tokens(self) -> list[pkcs11.Token]:
        """All initialised tokens that are present."""
        from pkcs11.exceptions import GeneralError

        try:
            return self._present()
        except GeneralError:  # SoftHSM2 says so for good once its folder was away for a moment
            self._sessions.clear()
            self._library.finalize()
            self._library = None
            return self._present()

    def session(self, token: pkcs11.Token, pin: Callable[[], str]) -> pkcs11.Session:
        """The session with this token, shared by all its keys: a token counts the logins of a process as one."""
        if token.serial not in self._sessions:
            self._sessions[token.serial] = self._login(token, pin)
        return self._sessions[token.serial]

    def forget(self, session: pkcs11.Session) -> None:
        """Give up a session that was lost, unless another key's loss has renewed it already."""
        from pkcs11 import PKCS11Error

        if self._sessions.get(session.token.serial) is session:
            del self._sessions[session.token.serial]
            with suppress(PKCS11Error):
                session.close()

    def library(self) -> Any:
        """The module, loaded and initialised once in this process. Raises SigningError."""
        if self._library is None:
            try:
                import pkcs11
            except ImportError:
                raise SigningError(EXTRA) from None
            try:
                loaded: Any = pkcs11.lib(str(self.path))
                inherited = any(path == self.path and process != self._process for path, process in _MODULES)
                self._library = _initialised_anew(loaded) if inherited else loaded
            except (pkcs11.PKCS11Error, OSError) as error:
                raise SigningError(
                    f"signer pkcs11: the module {self.path} cannot be used: {_reason(error)}; check module-path"
                ) from None
        return self._library

    def _present(self) -> list[pkcs11.Token]:
        from pkcs11 import TokenFlag
        from pkcs11.exceptions import TokenNotPresent, TokenNotRecognised

        found = []
        for slot in self.library().get_slots(token_present=True):
            with suppress(TokenNotPresent, TokenNotRecognised):
                token = slot.get_token()
                if token.flags & TokenFlag.TOKEN_INITIALIZED:
                    found.append(token)
        return found

    def _login(self, token: pkcs11.Token, pin: Callable[[], str]) -> pkcs11.Session:
        """Log in, with one try only: tokens lock after a few wrong PINs, and the next file must not cost another."""
        from pkcs11 import PROTECTED_AUTH, TokenFlag
        from pkcs11.exceptions import UserAlreadyLoggedIn

        name = _name(token)
        if not token.flags & TokenFlag.LOGIN_REQUIRED:
            return token.open()
        if token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH:
            return token.open(user_pin=PROTECTED_AUTH)
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise SigningError(f"{name}: the PIN is locked after wrong tries; have it unlocked with the SO PIN")
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
            raise SigningError(
                f"{name}: the next wrong PIN would lock this token, so kzlabel does not try; log in once with "
                "the token's own tool, such as pkcs11-tool --login --test"
            )
        told = pin()
        with self.trying(token, told):
            try:
                return token.open(user_pin=told)
            except UserAlreadyLoggedIn:  # by another user of this module in this process
                return token.open()

    @contextmanager
    def trying(self, token: pkcs11.Token, pin: str) -> Iterator[None]:
        """Use a PIN, unless it was refused before; remember it if it is refused now."""
        from pkcs11.exceptions import PinIncorrect, PinInvalid, PinLenRange

        refused = self._refused.setdefault(token.serial, set())
        if pin in refused:
            raise SigningError(
                f"{_name(token)}: this PIN was refused before and is not tried again; give the right one"
            )
        try:
            yield
        except (PinIncorrect, PinInvalid, PinLenRange):
            refused.add(pin)
            raise SigningError(
                f"{_name(token)}: the PIN is wrong; it was tried once and will not be again, because tokens lock after "
                "a few wrong tries: make sure of it before the next run"
            ) from None


# What is initialised once in a process must be known to all who use it there: modules by path and process.
_MODULES: dict[tuple[Path, int], _Module] = {}


def _module(path: Path) -> _Module:
    try:
        import pkcs11  # noqa: F401
    except ImportError:
        raise SigningError(EXTRA) from None
    path = path.resolve()
    return _MODULES.setdefault((path, os.getpid()), _Module(path))


def _initialised_anew(loaded: Any) -> Any:
    """The module in a forked process. A module that has noticed the fork only wants to be initialised."""
    import pkcs11

    try:
        return type(loaded)(loaded.so)
    except pkcs11.PKCS11Error:
        with suppress(pkcs11.PKCS11Error):
            loaded.finalize()
        loaded.initialize()
        return loaded


def _fits(token: pkcs11.Token, wanted: Mapping[str, str], module: _Module) -> bool:
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
        return f"{shown}: several keys fit on {_name(token)}: {seen}; add id= or object= to the URI"
    return f"{shown}: no such key on {_name(token)}; it shows: {seen or 'no private key'}"


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


def _name(token: pkcs11.Token) -> str:
    return f"the token {inert(token.label, 60)}"


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


def _reason(error: Exception) -> str:
    """One clause for what a module reports by a code."""
    name = type(error).__name__
    known = {
        "PinLocked": "the PIN is locked after wrong tries; have it unlocked with the SO PIN",
        "PinExpired": "the PIN has expired; set a new one with the token's own tool",
        "UserPinNotInitialized": "no PIN has been set on this token; initialise it first",
        "MechanismInvalid": "the token cannot sign with this algorithm; choose another with alg=, or another key",
        "MechanismParamInvalid": "the token cannot sign with this algorithm; choose another with alg=, or another key",
        "KeyTypeInconsistent": "the key does not fit the algorithm; leave out alg=",
        "KeySizeRange": "the key's size does not fit the algorithm; use another key",
        "TokenNotRecognised": "the token is not recognised by its module",
    }
    told = inert(str(error), 200)
    return known.get(name) or (f"{name}: {told}" if told else f"the token reports {name}")
