"""How options are declared: each has an environment variable KZLABEL_* and a key in the configuration file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from ..limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from ..signing import Passphrase
    from ..trust import Policy

PASSPHRASE_VARIABLE = "KZLABEL_PASSPHRASE"
TOKEN_VARIABLE = "KZLABEL_REGISTRY_TOKEN"


@dataclass(frozen=True)
class Settings:
    """What the main command hands to each verb. policies: own ones by name, from the configuration file."""

    limits: Limits = DEFAULT_LIMITS
    policies: Mapping[str, Policy] = field(default_factory=dict)


def passphrase(variable: str | None, descriptor: int | None) -> Passphrase:
    """Where passphrases come from: a descriptor, a variable, and where somebody sits there, a question.

    Programs that are run later, such as ffmpeg, do not inherit the variable.
    """
    from ..signing import Passphrase

    for name in (variable, PASSPHRASE_VARIABLE):
        if name is not None and name in os.environ:
            os.unsetenv(name)  # what is inherited; `os.environ`, which we read, keeps it
    return Passphrase(variable or PASSPHRASE_VARIABLE, descriptor, prompt=sys.stdin is not None and sys.stdin.isatty())


def registry_token() -> str | None:
    """What lets us write to a registry at https: from a variable, never from an argument that others can list."""
    if TOKEN_VARIABLE in os.environ:
        os.unsetenv(TOKEN_VARIABLE)  # as for passphrases
    return os.environ.get(TOKEN_VARIABLE) or None


def option(*names: str, help: str, **more: Any) -> Any:
    """A typer option with the environment variable that its long name implies: --text-place, KZLABEL_TEXT_PLACE."""
    more.setdefault("readable", False)  # whether a file can be read is told by what reads it, with the right exit code
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    return typer.Option(*names, help=help, envvar="KZLABEL_" + long[2:].upper().replace("-", "_"), **more)
