"""Settings of the command line: option, then environment, then configuration file, then default.

The file is read from the user's configuration folder or from where `--config` says, never from the working folder:
a downloaded folder must not choose the signer or the programs that run. The library itself never comes here.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import ConfigurationError
from .limits import Limits

MAX_CONFIG_BYTES = 1 << 20
LIMIT_VARIABLE = "KZLABEL_LIMITS_"


def config_folder() -> Path:
    """The user's configuration folder for kzlabel; keys live in its sub-folder `keys`."""
    import platformdirs

    return platformdirs.user_config_path("kzlabel", appauthor=False)


def state_folder() -> Path:
    """The user's folder for what kzlabel keeps from one run to the next, such as the audit record."""
    import platformdirs

    return platformdirs.user_state_path("kzlabel", appauthor=False)


def cache_folder() -> Path:
    """The user's folder for what kzlabel can do without and fetch anew, such as answers on revocation."""
    import platformdirs

    return platformdirs.user_cache_path("kzlabel", appauthor=False)


def read_config(path: Path | None) -> dict[str, Any]:
    """The configuration file as a mapping; empty when the default file is not there. Raises ConfigurationError."""
    file = path or config_folder() / "config.toml"
    try:
        if path is None and not file.exists():
            return {}
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigurationError(f"{file.name}: a configuration file of over 1 MB; is this the right file?")
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: {(error.strerror or str(error)).lower()}; check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{file.name}: this is no valid TOML: {error}") from None


def limits_from(config: Mapping[str, Any], environment: Mapping[str, str]) -> Limits:
    """Limits from the table `[limits]` and from variables such as KZLABEL_LIMITS_MAX_PIXELS, which win.

    Raises ConfigurationError naming the key.
    """
    table = config.get("limits", {})
    if not isinstance(table, Mapping):
        raise ConfigurationError("limits: this must be a table of numbers, [limits]")
    kinds: dict[str, type[int] | type[float]] = {
        field.name: float if field.type == "float" else int for field in dataclasses.fields(Limits)
    }
    chosen: dict[str, Any] = dict(table)
    for variable, text in environment.items():
        if variable.startswith(LIMIT_VARIABLE):
            chosen[variable.removeprefix(LIMIT_VARIABLE).lower()] = text
    values: dict[str, Any] = {}
    for name, value in chosen.items():
        if name not in kinds:
            raise ConfigurationError(f"limits.{name}: there is no such limit; known are {', '.join(kinds)}")
        try:
            number = kinds[name](value) if not isinstance(value, bool) else 0
        except (TypeError, ValueError, OverflowError):
            raise ConfigurationError(f"limits.{name}: {value!r} is not a number") from None
        if not 0 < number < float("inf"):
            raise ConfigurationError(f"limits.{name}: {value!r} is not a positive number")
        values[name] = number
    return Limits(**values)


def source_date_epoch(environment: Mapping[str, str]) -> int | None:
    """SOURCE_DATE_EPOCH as seconds since 1970, or None. Raises ConfigurationError."""
    text = environment.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > 253402300799:  # the year 9999
        raise ConfigurationError(f"SOURCE_DATE_EPOCH: {text!r} is not a number of seconds since 1970")
    return int(text)
