"""PKCS#11 modules: loaded, initialised and logged in to once in a process, and entered by one thread at a time.

python-pkcs11 initialises a module without locking (`C_Initialize(NULL)`), which forbids several threads inside it,
in however many sessions: SoftHSM2 crashes at once. So each module has one lock, and whoever enters it holds that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from ..inert import inert

if TYPE_CHECKING:
    import pkcs11

EXTRA = "signer pkcs11: the package python-pkcs11 is not installed; run pip install 'kzlabel[pkcs11]'"


class Module:
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
        """Whether it is initialised, so that what was found in it may still be there."""
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
                    f"signer pkcs11: the module {self.path} cannot be used: {reason_of(error)}; check module-path"
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

        name = name_of(token)
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
                f"{name_of(token)}: this PIN was refused before and is not tried again; give the right one"
            )
        try:
            yield
        except (PinIncorrect, PinInvalid, PinLenRange):
            refused.add(pin)
            raise SigningError(
                f"{name_of(token)}: the PIN is wrong; it was tried once and will not be again, because tokens lock "
                "after a few wrong tries: make sure of it before the next run"
            ) from None


# What is initialised once in a process must be known to all who use it there: modules by path and process.
_MODULES: dict[tuple[Path, int], Module] = {}


def module_of(path: Path) -> Module:
    """The module of this process. Raises SigningError when the extra is not installed."""
    try:
        import pkcs11  # noqa: F401
    except ImportError:
        raise SigningError(EXTRA) from None
    path = path.resolve()
    return _MODULES.setdefault((path, os.getpid()), Module(path))


def name_of(token: pkcs11.Token) -> str:
    """A token as sentences name it."""
    return f"the token {inert(token.label, 60)}"


def reason_of(error: Exception) -> str:
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
