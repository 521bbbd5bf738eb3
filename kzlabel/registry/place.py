"""Where a registry is: the file in the state folder, another file, a PostgreSQL server, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..settings import state_folder

if TYPE_CHECKING:
    from .store import Registry

NONE = "none"
FOLDER, FILE, OUTBOX = "registry", "registry.db", "outbox"
_SQLITE, _POSTGRESQL = "sqlite:///", ("postgresql://", "postgres://")


@dataclass(frozen=True)
class Place:
    """file: of an SQLite database, None for a server. url: of the server. configured: a person named it."""

    file: Path | None = None
    url: str | None = None
    configured: bool = True

    @property
    def name(self) -> str:
        """As it is told and noted: without user and password."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.url or "")
        query = f"?{parts.query}" if parts.query and "password" not in parts.query else ""
        return f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}{query}"

    @property
    def local(self) -> bool:
        return self.file is not None

    def open(self) -> Registry:
        """Raises RegistryError: not there, not initialised, or of another version."""
        from .store import Registry

        return Registry.open(self)


def default_file() -> Path:
    return state_folder() / FOLDER / FILE


def outbox_folder() -> Path:
    return state_folder() / FOLDER / OUTBOX


def place_of(text: str | None) -> Place | None:
    """The registry that a setting names; None for `none`, and where nothing is set and none was initialised.

    Raises ConfigurationError.
    """
    if text == NONE:
        return None
    if not text:
        return Place(default_file(), configured=False) if default_file().exists() else None
    return named(text)


def named(text: str) -> Place:
    """The registry of this name: `sqlite:///PATH` or `postgresql://…`. Raises ConfigurationError."""
    if text.startswith(_SQLITE) and len(text) > len(_SQLITE) and "\0" not in text:
        return Place(Path(text.removeprefix(_SQLITE)).absolute())
    for scheme in _POSTGRESQL:
        if text.startswith(scheme):
            try:
                _ = urlsplit(text).port
            except ValueError:
                raise ConfigurationError("registry: this address is malformed; check its port") from None
            return Place(url=text)
    raise ConfigurationError(
        "registry: this is no address of one; use postgresql://USER@HOST/DATABASE, sqlite:///PATH, or none"
    )
