"""Fingerprints in the database: kept with an entry, and found by the keys that they share with another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, literal, select

from ..errors import RegistryError
from . import schema
from .entry import MOST_PRINTS, Printed
from .statements import insert_once, numbers

MOST_ASKED = 1 << 16  # keys of one look-up
# Fingerprints that are looked at for one key, those that came first: a key that a million share must not cost more.
MOST_SHARED = 500
# Fingerprints with most hits whose entries are looked at: of thousands that share one key, reading entries costs most.
MOST_READ = 60
_LARGEST = (1 << 63) - 1


def keep(connection: Connection, entry: int, fingerprints: Sequence[Printed]) -> None:
    """Keep an entry's fingerprints, unless it has some already. Raises RegistryError for too many."""
    if len(fingerprints) > MOST_PRINTS:
        raise RegistryError(f"registry: an entry has {len(fingerprints)} fingerprints, and {MOST_PRINTS} are kept")
    table = schema.fingerprint
    if not fingerprints or connection.execute(select(table.c.number).where(table.c.entry == entry)).first():
        return
    for one in fingerprints:
        digest = hashlib.sha256(one.data).hexdigest()
        row = {"entry": entry, "algorithm": one.algorithm, "data": one.data, "digest": digest}
        if not insert_once(connection, table, row):
            continue
        same = (table.c.entry == entry) & (table.c.algorithm == one.algorithm) & (table.c.digest == digest)
        number = connection.execute(select(table.c.number).where(same)).scalar_one()
        keys = select(numbers(connection, sorted(set(one.keys))), literal(number))
        connection.execute(insert(schema.lookup).from_select(["key", "fingerprint"], keys))


def of_entry(connection: Connection, entry: int) -> tuple[Printed, ...]:
    table, lookup = schema.fingerprint, schema.lookup
    rows = connection.execute(select(table).where(table.c.entry == entry).order_by(table.c.number)).all()
    found = []
    for row in rows:
        keys = connection.execute(select(lookup.c.key).where(lookup.c.fingerprint == row.number).order_by(lookup.c.key))
        found.append(Printed(row.algorithm, bytes(row.data), tuple(keys.scalars())))
    return tuple(found)


def of_manifest(connection: Connection, digest: str) -> list[tuple[str, bytes]]:
    """Algorithms and data, those of an entry in the order in which they were given; each once."""
    table = schema.fingerprint
    wanted = select(table.c.algorithm, table.c.data).join(schema.entry).where(schema.entry.c.manifest == digest)
    rows = connection.execute(wanted.order_by(table.c.number))
    return list(dict.fromkeys((row.algorithm, bytes(row.data)) for row in rows))


def sharing(connection: Connection, algorithm: str, keys: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Numbers of the fingerprints that share most keys, and how many; of as many, confirmed entries first.

    Whoever makes keys mixes the algorithm into them, so that fingerprints of others do not take the places.
    Raises RegistryError for more than MOST_ASKED keys.
    """
    asked = sorted(set(keys))
    if len(asked) > MOST_ASKED:
        raise RegistryError(f"registry: a look-up by {len(asked)} keys, and {MOST_ASKED} is the most")
    table, lookup, entry = schema.fingerprint, schema.lookup, schema.entry
    key = numbers(connection, asked)
    shared = lookup.alias("shared")
    beyond = select(shared.c.fingerprint).where(shared.c.key == key).order_by(shared.c.fingerprint)
    until = func.coalesce(beyond.limit(1).offset(MOST_SHARED).scalar_subquery(), _LARGEST)
    # Materialised, so that the bound is found once for a key and not for each of its fingerprints.
    wanted = select(key.label("key"), until.label("until")).cte("asked").prefix_with("MATERIALIZED")
    hits = func.count().label("hits")
    counted = (
        select(lookup.c.fingerprint, hits)
        .select_from(wanted.join(lookup, (lookup.c.key == wanted.c.key) & (lookup.c.fingerprint < wanted.c.until)))
        .group_by(lookup.c.fingerprint)
        .order_by(hits.desc(), lookup.c.fingerprint)
        .limit(max(MOST_READ, most))
        .subquery()
    )
    rows = connection.execute(
        select(table.c.number, counted.c.hits)
        .select_from(counted.join(table, table.c.number == counted.c.fingerprint).join(entry))
        .where(table.c.algorithm == algorithm)
        .order_by(counted.c.hits.desc(), entry.c.state, table.c.number)
        .limit(most)
    )
    return [(row.number, row.hits) for row in rows]
