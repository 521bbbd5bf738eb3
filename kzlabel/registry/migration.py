"""Brings the tables up to date, by Alembic, in one transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, inspect, text

from ..errors import RegistryError
from .database import lock_for_migration, writing
from .place import Place
from .schema import VERSION

SCRIPTS = Path(__file__).with_name("migrations")


def version(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def upgrade(engine: Engine, place: Place, to: str = "head") -> tuple[str | None, str]:
    """Versions before and after. Safe for several processes at once. Raises RegistryError."""
    with writing(engine, place) as connection:
        lock_for_migration(connection)
        before = version(connection)
        if before is not None and before > VERSION:
            raise RegistryError(f"registry {place.name}: a newer kzlabel made it (version {before}); update this one")
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        return before, version(connection) or VERSION
