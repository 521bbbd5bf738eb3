"""What both databases know and SQLAlchemy writes apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Table, bindparam, func
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


def numbers(connection: Connection, values: Sequence[int]) -> ColumnElement[int]:
    """A column of these numbers, to select or join from: one parameter, however many there are."""
    column = Column("value", BigInteger)
    if connection.dialect.name == "postgresql":
        array: Any = bindparam(None, list(values), type_=postgresql.ARRAY(BigInteger))
        return func.unnest(array).table_valued(column).render_derived(name="wanted").c.value
    return func.json_each(json.dumps(list(values))).table_valued(column, name="wanted").c.value
