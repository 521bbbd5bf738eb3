"""The one statement that both databases know and SQLAlchemy writes apart."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, row: Mapping[str, object]) -> bool:
    """Insert a row unless a unique one is there already; whether it was inserted."""
    key = next(iter(table.primary_key))
    # By what is returned, not by the number of rows: psycopg's is not kept where SQLAlchemy asks for the new key.
    if connection.dialect.name == "postgresql":
        made = connection.execute(postgresql.insert(table).on_conflict_do_nothing().returning(key), row)
    else:
        made = connection.execute(sqlite.insert(table).on_conflict_do_nothing().returning(key), row)
    return made.first() is not None
