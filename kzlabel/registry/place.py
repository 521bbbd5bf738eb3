"""Where a registry is: the file in the state folder, another file, PostgreSQL, a server of the C2PA's API, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ConfigurationError, RegistryError
from ..settings import state_folder

if TYPE_CHECKING:
    from .store import Registry

NONE = "none"
FOLDER, FILE, OUTBOX = "registry", "registry.db", "outbox"
_SQLITE, _POSTGRESQL = "sqlite:///", ("postgresql://", "postgres://")
_HTTPS, _HTTP = "https://", "http://"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})  # where nobody listens in on http


@dataclass(frozen=True)
class Place:
    """file: of an SQLite database, None for a server. url: of the server. configured: a person named it.

    token: for a server of the Soft Binding Resolution API, to write there.
    """

    file: Path | None = None
    url: str | None = None
    configured: bool = True
    token: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """As it is told and noted: without user and password."""
        if self.file is not None:
            return str(self.file)
        if self.remote:
            return self.url or ""
        parts = urlsplit(self.url or "")
        query = f"?{parts.query}" if parts.query and "password" not in parts.query else ""
        return f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}{query}"

    @property
    def shown(self) -> str:
        """The same in what is handed on, such as a verdict: of a file its name alone, and not whose folder it is in."""
        return self.file.name if self.file is not None else self.name

    @property
    def local(self) -> bool:
        return self.file is not None

    @property
    def remote(self) -> bool:
        """Whether it is a server of the Soft Binding Resolution API rather than a database."""
        return self.url is not None and self.url.startswith((_HTTPS, _HTTP))

    def open(self) -> Registry:
        """The database. Raises RegistryError: not there, not initialised, of another version, or behind a server."""
        if self.remote:
            raise RegistryError(f"registry {self.name}: this is a server, and its database is needed; ask its operator")
        from .store import Registry

        return Registry.open(self)


def default_file() -> Path:
    return state_folder() / FOLDER / FILE


def outbox_folder() -> Path:
    return state_folder() / FOLDER / OUTBOX


def place_of(text: str | None, token: str | None = None) -> Place | None:
    """The registry that a setting names; None for `none`, and where nothing is set and none was initialised.

    token: for a server of the Soft Binding Resolution API, to write there.

    Raises ConfigurationError.
    """
    if text == NONE:
        return None
    if not text:
        return Place(default_file(), configured=False) if default_file().exists() else None
    return named(text, token)


def named(text: str, token: str | None = None) -> Place:
    """The registry of this name: `sqlite:///PATH`, `postgresql://…` or `https://…`. Raises ConfigurationError."""
    if text.startswith(_SQLITE) and len(text) > len(_SQLITE) and "\0" not in text:
        return Place(Path(text.removeprefix(_SQLITE)).absolute())
    for scheme in _POSTGRESQL:
        if text.startswith(scheme):
            try:
                _ = urlsplit(text).port
            except ValueError:
                raise ConfigurationError("registry: this address is malformed; check its port") from None
            return Place(url=text)
    if text.startswith((_HTTPS, _HTTP)):
        return Place(url=_address(text), token=token)
    raise ConfigurationError(
        "registry: this is no address of one; use postgresql://USER@HOST/DATABASE, sqlite:///PATH, https://…, or none"
    )


def _address(text: str) -> str:
    """The address of a server, without a slash at its end. Raises ConfigurationError."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or "@" in parts.netloc or parts.query or parts.fragment or not text.isascii() or not text.isprintable():
        raise ConfigurationError("registry: this address is malformed; a server's is https://HOST/PATH")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError("registry: http can be read by others on the way; use https, or http://127.0.0.1")
    return text.rstrip("/")
