"""The one statement that both databases know and SQLAlchemy writes apart."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def insert_once(connection: Connection, table: Table) -> Insert:
    """An insertion that does nothing where a unique row is there already; its rowcount is 0 then."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
