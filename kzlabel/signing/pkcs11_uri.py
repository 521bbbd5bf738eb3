"""The names of keys on tokens: `pkcs11:` URIs (RFC 7512)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from ..errors import ConfigurationError, SigningError
from ..inert import inert
from .file import expanded

# RFC 7512, section 2.3: what tells a token, its slot and its module from others.
TOKEN_ATTRIBUTES = (
    "token",
    "serial",
    "manufacturer",
    "model",
    "slot-id",
    "slot-manufacturer",
    "slot-description",
    "library-manufacturer",
    "library-description",
    "library-version",
)
PATH_ATTRIBUTES = (*TOKEN_ATTRIBUTES, "object", "id", "type")
# RFC 7512, section 2.4, and two of our own.
QUERY_ATTRIBUTES = ("module-path", "module-name", "pin-source", "alg", "cert")

PIN_VALUE = (
    "signer pkcs11: pin-value is refused, because every user of this machine can read command lines; name a file in "
    "pin-source=file:/PATH, a variable in --passphrase-env, or let kzlabel ask at the terminal"
)
# p11-kit's module, which shows the tokens of every module that the system knows.
PROXY = "p11-kit-proxy"
_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
# Where distributions put modules: beside other libraries, in p11-kit's folder, or in a folder of their own.
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib/*-linux-*", "/usr/local/lib", "/opt/homebrew/lib")
_FOLDERS = ("pkcs11", "", "softhsm")


@dataclass(frozen=True)
class KeyUri:
    """One key on one token, and how to get at it.

    token: values by attribute, see TOKEN_ATTRIBUTES. label, id: of the key; None where the URI does not say.
    alg: as asked for, or None. cert: a PEM file with the chain, or with what the token lacks of it.
    """

    token: Mapping[str, str]
    label: str | None
    id: bytes | None
    module: Path
    pin_source: Path | None = None
    alg: str | None = None
    cert: Path | None = None
    shown: str = field(default="pkcs11:", compare=False)


def parse_key_uri(rest: str) -> KeyUri:
    """Read what follows `pkcs11:`. Raises ConfigurationError if malformed, SigningError if no module is there."""
    path, _, query = rest.partition("?")
    named = _attributes(path, ";", PATH_ATTRIBUTES)
    asked = _attributes(query, "&", QUERY_ATTRIBUTES)
    if named.get("type", "private") != "private":
        raise ConfigurationError(f"signer pkcs11: type={named['type']} is no key that signs; use type=private")
    source = asked.get("pin-source")
    pin_source = _pin_file(unquote(source)) if source is not None else None
    return KeyUri(
        token={name: unquote(named[name]) for name in TOKEN_ATTRIBUTES if name in named},
        label=unquote(named["object"]) if "object" in named else None,
        id=unquote_to_bytes(named["id"]) if "id" in named else None,
        module=_module(asked),
        pin_source=pin_source,
        alg=asked.get("alg"),
        cert=expanded(unquote(asked["cert"])) if "cert" in asked else None,
        shown=inert(f"pkcs11:{path}"),
    )


def _attributes(text: str, mark: str, known: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(mark) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise ConfigurationError(PIN_VALUE)
        if not equals:
            raise ConfigurationError("signer pkcs11: each part of the URI is NAME=VALUE; check the URI")
        if name not in known:
            raise ConfigurationError(
                f"signer pkcs11: there is no attribute {name!r} here; known are {', '.join(known)}"
            )
        if name in found:
            raise ConfigurationError(f"signer pkcs11: {name} stands there twice; leave one")
        found[name] = value
    return found


def _pin_file(source: str) -> Path:
    """`file:/PATH` or `file:///PATH`; anything else, such as a program to run, is refused."""
    scheme, _, path = source.partition(":")
    if scheme.casefold() != "file" or not path:
        raise ConfigurationError("signer pkcs11: pin-source names a file that holds the PIN: pin-source=file:/PATH")
    return Path(path.removeprefix("//") if path.startswith("///") else path)


def _module(asked: Mapping[str, str]) -> Path:
    """The module that the URI names by path or name, else p11-kit's."""
    name = unquote(asked.get("module-name", ""))
    if "/" in name or "\\" in name:
        raise ConfigurationError(f"signer pkcs11: module-name={name} is a path; write module-path={name}")
    folders: list[Path] = []
    if "module-path" in asked:
        path = Path(unquote(asked["module-path"]))
        if not path.is_absolute():
            raise ConfigurationError(f"signer pkcs11: module-path={path} must be a whole path, such as /usr/lib/{path}")
        if not path.is_dir():
            if not path.exists():
                raise SigningError(f"signer pkcs11: the module {path} is not there; check module-path")
            return path
        if not name:
            raise ConfigurationError(f"signer pkcs11: module-path={path} is a folder; add the module's file name")
        folders = [path]
    else:
        folders = [
            root / folder if folder else root
            for pattern in _LIBRARIES
            for root in sorted(Path("/").glob(pattern[1:]))
            for folder in _FOLDERS
        ]
    wanted = name or PROXY
    for folder in folders:
        for file in (f"lib{wanted}{_SUFFIX}", f"{wanted}{_SUFFIX}"):
            if (folder / file).is_file():
                return folder / file
    if name:
        raise SigningError(f"signer pkcs11: no module named {name!r} was found; give its path with ?module-path=/PATH")
    raise SigningError("signer pkcs11: name the token's module with ?module-path=/PATH; p11-kit's is not installed")
