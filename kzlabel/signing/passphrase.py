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
            return _first_line(self.descriptor)
        if self.variable and (told := os.environ.get(self.variable)) is not None:
            return told
        if self.prompt:
            return _ask(what, new)
        ways = f"set {self.variable}, " if self.variable else ""
        raise SigningError(f"{what} needs a passphrase; {ways}name a variable with --passphrase-env, or a descriptor")


def _first_line(descriptor: int) -> str:
    try:
        status = os.fstat(descriptor)
        line = _read(descriptor, status.st_dev, status.st_ino)
    except (OSError, OverflowError):
        raise SigningError(f"no passphrase can be read from the file descriptor {descriptor}") from None
    if len(line) >= MAX_BYTES:
        raise SigningError(f"the first line of the file descriptor {descriptor} is too long for a passphrase")
    # What is no UTF-8 is kept, as it is in variables.
    return line.decode("utf-8", "surrogateescape").rstrip("\r\n")


@lru_cache(maxsize=4)
def _read(descriptor: int, device: int, inode: int) -> bytes:
    """A pipe can be read only once, and several keys may ask; device and inode tell it from a later one."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.readline(MAX_BYTES)


def _ask(what: str, new: bool) -> str:
    import getpass

    try:
        told = getpass.getpass(f"Passphrase of {what}: ")
        if new and getpass.getpass("Once more: ") != told:
            raise SigningError(f"the two passphrases of {what} differ; try again")
    except (EOFError, OSError):
        raise SigningError(f"{what} needs a passphrase, and there is no terminal to ask at") from None
    return told
