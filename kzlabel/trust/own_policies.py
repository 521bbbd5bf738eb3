"""Own policies as people write them in the configuration file: `[policies.NAME]`, each narrowing another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, TrustError
from .policy import MAX_DEPTH, Policy, PolicyName

KEYS = ("extends", "identities", "lists", "require_profile", "max_list_age_days", "require_time_stamp")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.IGNORECASE)


def own_policies(table: Any) -> dict[str, Policy]:
    """The table `policies` of the configuration file, by name in lower case.

    Each policy accepts what the one it extends accepts, "signed" by default, as far as its own conditions hold; it
    never accepts more. Raises ConfigurationError that names the key.
    """
    if not isinstance(table, Mapping):
        raise ConfigurationError("policies: these must be tables, such as [policies.newsroom]")
    tables: dict[str, Mapping[str, Any]] = {}
    for name, values in table.items():
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"policies.{name}: this must be a table, [policies.{name}]")
        if not _NAME.fullmatch(name) or name.casefold() in tables:
            raise ConfigurationError(f"policies.{name}: give each policy a name of its own of letters, digits, - and _")
        if name.casefold() in tuple(PolicyName):
            raise ConfigurationError(f"policies.{name}: this policy comes with kzlabel; give yours another name")
        tables[name.casefold()] = values
    made: dict[str, Policy] = {}
    for name in tables:
        _make(name, tables, made, ())
    return made


def _make(
    name: str, tables: Mapping[str, Mapping[str, Any]], made: dict[str, Policy], below: tuple[str, ...]
) -> Policy:
    if name in made:
        return made[name]
    if name in below:
        raise ConfigurationError(f"policies.{name}: it extends itself, by way of {', '.join(below)}")
    if len(below) > MAX_DEPTH:
        raise ConfigurationError(f"policies.{below[0]}: it narrows over {MAX_DEPTH} others; write it out")
    values = tables[name]
    for key in values:
        if key.replace("-", "_") not in KEYS:
            raise ConfigurationError(f"policies.{name}: there is no key {key!r}; known are {', '.join(KEYS)}")
    plain = {key.replace("-", "_"): value for key, value in values.items()}
    extended = _text(name, "extends", plain.get("extends", str(PolicyName.SIGNED))).casefold()
    if extended in tables:
        above = _make(extended, tables, made, (*below, name))
    elif extended in tuple(PolicyName):
        above = Policy(PolicyName(extended))
    else:
        known = ", ".join((*PolicyName, *(one for one in tables if one != name)))
        raise ConfigurationError(f"policies.{name}: it extends {extended!r}, which is none of {known}")
    try:
        made[name] = Policy(
            name,
            _texts(name, "identities", plain.get("identities", [])),
            above,
            _texts(name, "lists", plain.get("lists", [])),
            _text(name, "require_profile", plain["require_profile"]) if "require_profile" in plain else None,
            _days(name, plain.get("max_list_age_days")),
            _switch(name, plain.get("require_time_stamp", False)),
        )
    except TrustError as error:
        raise ConfigurationError(f"policies.{name}: {error}") from None
    return made[name]


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"policies.{name}.{key}: {value!r} is no text; write it in quotes")
    return value.strip()


def _texts(name: str, key: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(name, key, item) for item in (value if isinstance(value, list) else [value]))


def _days(name: str, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ConfigurationError(f"policies.{name}.max_list_age_days: {value!r} is no number of days")
    return value


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigurationError(f"policies.{name}.require_time_stamp: {value!r} is neither true nor false")
    return value
