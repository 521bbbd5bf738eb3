"""`Registry`: identifiers issued once, entries registered once, and what is found by them and by fingerprints."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Row, delete, func, or_, select, update

from ..errors import DamagedEntry, IdentifierTaken, RegistryError, SignerNotEnrolled
from . import prints, schema
from .database import engine_at, reading, telling, writing
from .entry import Entry, Kept, Printed, Similar, State
from .manifests import Manifests
from .migration import upgrade, version
from .place import Place
from .resolver import MOST_CANDIDATES, Candidate
from .schema import VERSION
from .statements import insert_once

MANIFESTS = "manifests"  # the setting that names a folder or bucket
PAGE = 500  # entries read at a time
LOOKING = 10.0  # seconds after which no further manifest of one look-up is read: each takes statements of its own


@dataclass(frozen=True)
class Count:
    """What a registry holds."""

    confirmed: int
    pending: int
    identifiers: int
    manifests: int
    signers: int


class Registry:
    """Opened by `Place.open`; safe for threads and any number of processes. Every method raises RegistryError."""

    def __init__(self, place: Place, engine: Engine, manifests: Manifests) -> None:
        self.place, self._engine, self._manifests = place, engine, manifests

    @classmethod
    def open(cls, place: Place) -> Registry:
        """A registry of this version, that is there. Raises RegistryError."""
        if place.file is not None and not place.file.exists():
            raise RegistryError(f"registry {place.name}: it is not there; make it with kzlabel registry init")
        engine = engine_at(place)
        with reading(engine, place) as connection:
            found = version(connection)
            if found is None:
                raise RegistryError(f"registry {place.name}: it was not initialised; run kzlabel registry init")
            if found < VERSION:
                raise RegistryError(
                    f"registry {place.name}: its tables are of version {found}, and this kzlabel needs {VERSION}; "
                    "run kzlabel registry migrate"
                )
            if found > VERSION:
                raise RegistryError(f"registry {place.name}: a newer kzlabel made it; update this one")
            outside = connection.execute(
                select(schema.setting.c.value).where(schema.setting.c.name == MANIFESTS)
            ).scalar()
        return cls(place, engine, Manifests(outside))

    @property
    def name(self) -> str:
        return self.place.name

    def close(self) -> None:
        self._engine.dispose()

    # --- who may write ---

    def enrol(self, fingerprint: str) -> bool:
        """Let a signer write; whether it could not before."""
        with writing(self._engine, self.place) as connection:
            return _enrol(connection, fingerprint)

    def enrolled(self, fingerprint: str) -> bool:
        with reading(self._engine, self.place) as connection:
            return _is_enrolled(connection, fingerprint)

    def admit(self, fingerprint: str, *, development: bool) -> None:
        """Make sure that a signer may write: a local registry enrols its first one, and development keys at any time.

        Raises SignerNotEnrolled.
        """
        if self.enrolled(fingerprint):
            return
        if self.place.local:
            with writing(self._engine, self.place) as connection:
                table = schema.signer
                first = connection.execute(select(table).where(table.c.enrolled.is_not(None)).limit(1)).first() is None
                if first or development:
                    _enrol(connection, fingerprint)
                    return
        raise _not_enrolled(self.place, fingerprint)

    # --- registering ---

    def issue(self, identifier: str, signer: str) -> str | None:
        """Take an identifier for a signer. Returns whose it was before: None if nobody's. Raises SignerNotEnrolled."""
        with writing(self._engine, self.place) as connection:
            self._check_writer(connection, signer)
            return _issue(connection, identifier, signer)

    def register(self, entry: Entry, store: bytes, state: State, fingerprints: Sequence[Printed] = ()) -> bool:
        """Add an entry with its manifest; whether it is new. One that is there stays; a pending one may be confirmed.

        fingerprints: kept where the entry has none so far.

        Raises SignerNotEnrolled, IdentifierTaken.
        """
        with writing(self._engine, self.place) as connection:
            self._check_writer(connection, entry.signer)
            return self._add(connection, entry, store, state, int(time.time()), fingerprints)

    def receive(self, kept: Kept, store: bytes, fingerprints: Sequence[Printed] = ()) -> bool:
        """Add an entry of another registry, whoever signed it: its signer is known then, not enrolled."""
        with writing(self._engine, self.place) as connection:
            insert_once(connection, schema.signer, {"fingerprint": kept.entry.signer})
            return self._add(connection, kept.entry, store, State.CONFIRMED, kept.created, fingerprints)

    def confirm(self, entry: Entry) -> bool:
        """Say that the file is in place; whether there was such an entry."""
        with writing(self._engine, self.place) as connection:
            return bool(connection.execute(_confirming(entry)).rowcount)

    def withdraw(self, entry: Entry) -> bool:
        """Remove a pending entry whose file never came into place; whether there was one."""
        table = schema.entry
        with writing(self._engine, self.place) as connection:
            pending = delete(table).where(_this(entry), table.c.state == State.PENDING.value)
            return bool(connection.execute(pending).rowcount)

    def prune(self, older_than: float) -> tuple[int, int]:
        """Remove entries pending for so many seconds, and manifests without entries; how many of each."""
        table = schema.entry
        with writing(self._engine, self.place) as connection:
            old = delete(table).where(table.c.state == State.PENDING.value, table.c.created <= time.time() - older_than)
            entries = connection.execute(old).rowcount
            digests = self._manifests.unused(connection)
        with telling(self.place):
            self._manifests.remove_outside(digests)
        return entries, len(digests)

    # --- looking up ---

    def find(self, identifier: str) -> list[Kept]:
        """Every entry whose content carries this identifier, or whose declaration has it; confirmed ones first."""
        table = schema.entry
        with reading(self._engine, self.place) as connection:
            # Two searches: with "or" in one, neither index would be used alone.
            rows = [
                *connection.execute(select(table).where(table.c.watermark == identifier)),
                *connection.execute(select(table).where(table.c.identifier == identifier)),
            ]
        unique = {row.number: row for row in rows}
        return [_kept(row) for row in sorted(unique.values(), key=lambda row: (row.state, row.number))]

    def candidates(self, identifier: str) -> list[Candidate]:
        """The manifests that were registered for the watermark with this identifier: see `Resolver`."""
        return self._whole(self.vouched(identifier, MOST_CANDIDATES))

    def vouched(self, watermark: str, most: int) -> list[tuple[Kept, bool]]:
        """Entries of the watermark with this identifier, and whether their signers may write; confirmed ones first."""
        table, signer = schema.entry, schema.signer
        wanted = select(table, signer.c.enrolled).join(signer, signer.c.fingerprint == table.c.signer)
        ordered = wanted.where(table.c.watermark == watermark).order_by(table.c.state, table.c.number)
        with reading(self._engine, self.place) as connection:
            return [(_kept(row), row.enrolled is not None) for row in connection.execute(ordered.limit(most))]

    def alike(self, algorithm: str, keys: Sequence[int]) -> list[Candidate]:
        """The manifests whose fingerprint shares keys with these: see `Resolver`."""
        found = (one.kept for one in self.similar(algorithm, keys, MOST_CANDIDATES))
        return self._whole((kept, self.enrolled(kept.entry.signer)) for kept in found)

    def _whole(self, found: Iterable[tuple[Kept, bool]]) -> list[Candidate]:
        """Entries, and whether their signers may write, with their manifests, each once. A damaged one hides no other.

        Raises DamagedEntry where there is no whole one, RegistryError where none came in time.
        """
        whole: dict[str, Candidate] = {}
        problem: RegistryError | None = None
        until = time.monotonic() + LOOKING
        for kept, enrolled in found:
            if time.monotonic() > until:
                problem = RegistryError(f"registry {self.name}: it does not answer in time")
                break
            digest = kept.entry.manifest
            try:
                store = None if digest in whole else self.manifest(digest)
            except DamagedEntry as error:
                problem = error
                continue
            if store is not None:
                whole[digest] = self._candidate(kept, store, enrolled)
        if problem is not None and not whole:
            raise problem
        return list(whole.values())

    def _candidate(self, kept: Kept, store: bytes, enrolled: bool) -> Candidate:
        entry, beside = kept.entry, tuple(self.fingerprints(kept.entry.manifest))
        return Candidate(store, entry.manifest_id, enrolled, kept.state, entry.signer, beside)

    def find_file(self, sha256: str) -> list[Kept]:
        """Every entry of the file with this hash, or with this manifest."""
        table = schema.entry
        with reading(self._engine, self.place) as connection:
            wanted = select(table).where(or_(table.c.sha256 == sha256, table.c.manifest == sha256))
            return [_kept(row) for row in connection.execute(wanted.order_by(table.c.number))]

    def find_manifest(self, manifest_id: str) -> list[Kept]:
        """Every entry whose manifest has this URN; confirmed ones first, and then those that came first."""
        table = schema.entry
        with reading(self._engine, self.place) as connection:
            wanted = select(table).where(table.c.manifest_id == manifest_id)
            return [_kept(row) for row in connection.execute(wanted.order_by(table.c.state, table.c.number))]

    def manifest(self, digest: str) -> bytes | None:
        """A manifest store by its SHA-256; None if it is not known."""
        with reading(self._engine, self.place) as connection:
            return self._manifests.get(connection, digest)

    def fingerprints(self, manifest: str) -> list[tuple[str, bytes]]:
        """Algorithms and data of the fingerprints that were registered with this manifest, by its SHA-256."""
        with reading(self._engine, self.place) as connection:
            return prints.of_manifest(connection, manifest)

    def printed(self, entry: Entry) -> tuple[Printed, ...]:
        """An entry's fingerprints with their keys, as they were registered."""
        with reading(self._engine, self.place) as connection:
            number = connection.execute(select(schema.entry.c.number).where(_this(entry))).scalar()
            return prints.of_entry(connection, number) if number is not None else ()

    def similar(self, algorithm: str, keys: Sequence[int], most: int = 20) -> list[Similar]:
        """The entries whose fingerprints of this algorithm share most keys with these, pending ones included.

        Most hits first; of as many, confirmed entries first, and then those that came first.
        """
        table, entry = schema.fingerprint, schema.entry
        with reading(self._engine, self.place) as connection:
            hits = dict(prints.sharing(connection, algorithm, keys, most))
            wanted = select(entry, table.c.number.label("print")).join(table)
            rows = {row.print: row for row in connection.execute(wanted.where(table.c.number.in_(hits)))}
        return [Similar(_kept(rows[number]), hits[number]) for number in hits]

    def entries(self) -> Iterator[Kept]:
        """All confirmed entries, in the order in which they came."""
        table, last = schema.entry, 0
        while True:
            with reading(self._engine, self.place) as connection:
                page = select(table).where(table.c.number > last, table.c.state == State.CONFIRMED.value)
                rows = list(connection.execute(page.order_by(table.c.number).limit(PAGE)))
            yield from map(_kept, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].number

    def count(self) -> Count:
        def number(*where: object) -> int:
            return connection.execute(select(func.count()).select_from(where[0]).where(*where[1:])).scalar_one()  # type: ignore[arg-type]

        table = schema.entry
        with reading(self._engine, self.place) as connection:
            return Count(
                number(table, table.c.state == State.CONFIRMED.value),
                number(table, table.c.state == State.PENDING.value),
                number(schema.issued),
                number(schema.manifest),
                number(schema.signer, schema.signer.c.enrolled.is_not(None)),
            )

    # --- within a transaction ---

    def _check_writer(self, connection: Connection, fingerprint: str) -> None:
        if not _is_enrolled(connection, fingerprint):
            raise _not_enrolled(self.place, fingerprint)

    def _add(
        self,
        connection: Connection,
        entry: Entry,
        store: bytes,
        state: State,
        created: int,
        fingerprints: Sequence[Printed],
    ) -> bool:
        owner = _issue(connection, entry.identifier, entry.signer)
        if owner not in (None, entry.signer):
            raise IdentifierTaken(
                f"registry {self.place.name}: the identifier {entry.identifier} was issued to another signer"
            )
        if self._manifests.keep(connection, store) != entry.manifest:
            raise RegistryError("registry: the manifest is not the one that the entry names")
        done = state is State.CONFIRMED
        row = {**entry.to_json(), "state": state.value, "created": created, "confirmed": created if done else None}
        new = insert_once(connection, schema.entry, row)
        if done and not new:
            connection.execute(_confirming(entry))
        if fingerprints:
            number = connection.execute(select(schema.entry.c.number).where(_this(entry))).scalar_one()
            prints.keep(connection, number, fingerprints)
        return new


def initialise(place: Place, manifests: str | None = None) -> Registry:
    """Make the registry's tables, or leave those that are there. manifests: a folder or bucket for manifests.

    Raises RegistryError, also where it exists and keeps its manifests elsewhere.
    """
    with telling(place):
        if place.file is not None:
            place.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.file.touch(mode=0o600)
    engine = engine_at(place)
    upgrade(engine, place)
    table = schema.setting
    with writing(engine, place) as connection:
        if manifests is not None:
            empty = connection.execute(select(schema.manifest.c.digest).limit(1)).first() is None
            row = {"name": MANIFESTS, "value": manifests}
            if empty:
                insert_once(connection, table, row)
            kept = connection.execute(select(table.c.value).where(table.c.name == MANIFESTS)).scalar()
            if kept != manifests:
                raise RegistryError(f"registry {place.name}: its manifests are in {kept or 'the database'} already")
    engine.dispose()
    return Registry.open(place)


def migrate(place: Place) -> tuple[str | None, str]:
    """Bring an existing registry up to date; versions before and after. Raises RegistryError."""
    if place.file is not None and not place.file.exists():
        raise RegistryError(f"registry {place.name}: it is not there; make it with kzlabel registry init")
    engine = engine_at(place)
    with reading(engine, place) as connection:
        if version(connection) is None:
            raise RegistryError(f"registry {place.name}: it was not initialised; run kzlabel registry init")
    try:
        return upgrade(engine, place)
    finally:
        engine.dispose()


def _issue(connection: Connection, identifier: str, signer: str) -> str | None:
    table = schema.issued
    row = {"identifier": identifier, "signer": signer, "issued": int(time.time())}
    if insert_once(connection, table, row):
        return None
    return str(connection.execute(select(table.c.signer).where(table.c.identifier == identifier)).scalar_one())


def _enrol(connection: Connection, fingerprint: str) -> bool:
    insert_once(connection, schema.signer, {"fingerprint": fingerprint})
    table = schema.signer
    late = update(table).where(table.c.fingerprint == fingerprint, table.c.enrolled.is_(None))
    return bool(connection.execute(late.values(enrolled=int(time.time()))).rowcount)


def _is_enrolled(connection: Connection, fingerprint: str) -> bool:
    table = schema.signer
    wanted = select(table.c.enrolled).where(table.c.fingerprint == fingerprint, table.c.enrolled.is_not(None))
    return connection.execute(wanted).first() is not None


def _not_enrolled(place: Place, fingerprint: str) -> SignerNotEnrolled:
    return SignerNotEnrolled(
        f"registry {place.name}: the signer {fingerprint[:16]}… is not enrolled; "
        "let its operator run kzlabel registry enrol CERTIFICATE"
    )


def _this(entry: Entry):  # type: ignore[no-untyped-def]
    return (schema.entry.c.manifest == entry.manifest) & (schema.entry.c.sha256 == entry.sha256)


def _confirming(entry: Entry):  # type: ignore[no-untyped-def]
    table = schema.entry
    pending = update(table).where(_this(entry), table.c.state == State.PENDING.value)
    return pending.values(state=State.CONFIRMED.value, confirmed=int(time.time()))


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    """Raises DamagedEntry: whoever has the database's password can write what they like."""
    try:
        made = Entry(row.identifier, row.watermark, row.manifest, row.manifest_id, row.sha256, row.signer)
    except ValueError as error:
        raise DamagedEntry(f"registry: its entry {row.number} is damaged: {error}") from None
    return Kept(made, State(row.state), row.created, row.confirmed)
