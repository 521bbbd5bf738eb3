"""Connections to either database: how they are opened, how long they wait, and what their errors are to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ..errors import ConfigurationError, RegistryError
from ..inert import inert
from .place import Place

# Seconds. A writer waits for others: eight at once are through in a tenth of it. A server that is not there is given
# up soon, for the label waits.
BUSY, CONNECT, STATEMENT = 10, 3, 10
_LOCK = 0x6B7A6C61  # "kzla": PostgreSQL's advisory lock for migrations


def engine_at(place: Place) -> Engine:
    """Raises ConfigurationError for a malformed address, RegistryError where the driver is missing."""
    if place.file is not None:
        engine = create_engine(f"sqlite:///{place.file}", connect_args={"timeout": BUSY})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        url = make_url(place.url or "").set(drivername="postgresql+psycopg")
        return create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT,
                "tcp_user_timeout": STATEMENT * 1000,  # a network that went away
                "options": f"-c statement_timeout={STATEMENT}s",
            },
        )
    except ArgumentError:
        raise ConfigurationError("registry: this address is malformed") from None
    except ImportError:
        raise RegistryError("registry: PostgreSQL needs a driver; pip install 'kzlabel[postgresql]'") from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves: Python's would not lock in time
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def telling(place: Place) -> Iterator[None]:
    """Turn errors of the database into one sentence. Raises RegistryError."""
    try:
        yield
    except DBAPIError as error:
        raise RegistryError(f"registry {place.name}: {_sentence(str(error.orig))}") from None
    except (SQLAlchemyError, OSError) as error:
        raise RegistryError(f"registry {place.name}: {_sentence(str(error))}") from None


def _sentence(words: str) -> str:
    first = words.strip().splitlines()
    return inert(first[0] if first else "it does not answer", 200)


@contextmanager
def reading(engine: Engine, place: Place) -> Iterator[Connection]:
    with telling(place), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, place: Place) -> Iterator[Connection]:
    """A transaction that may write from its beginning; rolled back if anything is raised."""
    with telling(place), engine.connect().execution_options(writing=True) as connection, connection.begin():
        yield connection


def lock_for_migration(connection: Connection) -> None:
    """Until the transaction ends. SQLite's own transaction locks already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
