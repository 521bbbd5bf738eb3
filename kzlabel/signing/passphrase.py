"""Where passphrases and PINs come from: a variable, a file descriptor, or a question at the terminal.

Never from an argument: every user of a machine can read the command lines of its processes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from ..errors import SigningError

MAX_BYTES = 4096  # of a passphrase read from a descriptor


@dataclass(frozen=True)
class Passphrase:
    """Tells a passphrase or PIN when a key asks for it. With nothing set, there is none.

    variable: an environment variable that holds it. descriptor: an open file descriptor, whose first line it is.
    prompt: ask at the terminal if nothing else tells it.
    """

    variable: str | None = None
    descriptor: int | None = None
    prompt: bool = False

    @property
    def tells(self) -> bool:
        """Whether there is something to tell it: a descriptor, a variable that is set, or a terminal."""
        return self.descriptor is not None or self.prompt or (self.variable or "") in os.environ

    def get(self, what: str, *, new: bool = False) -> str:
        """The passphrase of `what`, such as "the key studio.key". new: one that is set now, and asked for twice.

        Raises SigningError if nothing tells it.
        """
        if self.descriptor is not None:
            return _read(self.descriptor)
        if self.variable and (told := os.environ.get(self.variable)) is not None:
            return told
        if self.prompt:
            return _ask(what, new)
        ways = f"set {self.variable}, " if self.variable else ""
        raise SigningError(f"{what} needs a passphrase; {ways}name a variable with --passphrase-env, or a descriptor")


@lru_cache(maxsize=4)
def _read(descriptor: int) -> str:
    """The first line; a pipe can be read only once, and several keys may ask."""
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            line = file.readline(MAX_BYTES)
        return line.decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise SigningError(f"no passphrase can be read from the file descriptor {descriptor}") from None


def _ask(what: str, new: bool) -> str:
    import getpass

    try:
        told = getpass.getpass(f"Passphrase of {what}: ")
        if new and getpass.getpass("Once more: ") != told:
            raise SigningError(f"the two passphrases of {what} differ; try again")
    except (EOFError, OSError):
        raise SigningError(f"{what} needs a passphrase, and there is no terminal to ask at") from None
    return told
