"""The registry on both databases."""

from __future__ import annotations

import multiprocessing
import socket
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from sqlalchemy import text

from kzlabel.errors import ConfigurationError, ExitCode, RegistryError, SignerNotEnrolled
from kzlabel.registry import Printed, State, place_of, store
from kzlabel.registry.database import CONNECT, engine_at, writing
from kzlabel.registry.migration import SCRIPTS, upgrade
from kzlabel.registry.place import named
from kzlabel.registry.schema import VERSION, metadata
from kzlabel.registry.store import Registry, initialise, migrate

from .conftest import Places
from .works import plain

WHO = "5" * 64


def test_what_is_registered_is_found_by_everything_it_is_known_by(registry: Registry) -> None:
    registry.enrol(WHO)
    entry, store = plain(1)
    assert registry.register(entry, store, State.PENDING)
    assert registry.confirm(entry)
    assert [kept.entry for kept in registry.find(entry.identifier)] == [entry]
    assert [kept.state for kept in registry.find_file(entry.sha256)] == [State.CONFIRMED]
    other = replace(entry, manifest_id="urn:c2pa:x", identifier="a" * 12, watermark=None, sha256="7" * 64)
    registry.register(replace(other, sha256="8" * 64), store, State.PENDING)
    registry.register(other, store, State.CONFIRMED)
    assert [kept.state for kept in registry.find_manifest("urn:c2pa:x")] == [State.CONFIRMED, State.PENDING]
    assert registry.find_manifest("urn:c2pa:y") == []
    assert registry.manifest(entry.manifest) == store
    assert registry.find("f" * 12) == []
    assert registry.manifest("f" * 64) is None


def test_registering_twice_changes_nothing(registry: Registry) -> None:
    registry.enrol(WHO)
    entry, store = plain(1)
    assert registry.register(entry, store, State.CONFIRMED)
    before, found = registry.count(), registry.find(entry.identifier)
    assert not registry.register(entry, store, State.PENDING)
    assert not registry.register(entry, store, State.CONFIRMED)
    assert (registry.count(), registry.find(entry.identifier)) == (before, found)


def test_an_identifier_is_issued_once_and_belongs_to_who_took_it(registry: Registry) -> None:
    registry.enrol(WHO)
    registry.enrol("6" * 64)
    assert registry.issue("a" * 12, WHO) is None
    assert registry.issue("a" * 12, "6" * 64) == WHO
    entry, store = plain(1, "6" * 64)
    with pytest.raises(RegistryError, match="issued to another signer"):
        registry.register(replace(entry, identifier="a" * 12), store, State.PENDING)
    assert registry.count().manifests == 0


def test_a_signer_who_is_not_enrolled_is_refused(registry: Registry) -> None:
    entry, store = plain(1)
    with pytest.raises(SignerNotEnrolled, match="registry enrol"):
        registry.register(entry, store, State.PENDING)
    assert registry.enrol(WHO)
    assert not registry.enrol(WHO)
    assert registry.register(entry, store, State.PENDING)


def test_a_local_registry_admits_its_first_signer_and_development_keys(registry: Registry) -> None:
    if not registry.place.local:
        with pytest.raises(SignerNotEnrolled):
            registry.admit(WHO, development=True)
        return
    registry.admit(WHO, development=False)
    with pytest.raises(SignerNotEnrolled):
        registry.admit("6" * 64, development=False)
    registry.admit("7" * 64, development=True)
    assert registry.count().signers == 2


def test_prune_takes_what_was_never_confirmed_and_leaves_the_rest(registry: Registry) -> None:
    registry.enrol(WHO)
    for number, state in enumerate((State.CONFIRMED, State.PENDING)):
        registry.register(*plain(number), state)
    assert registry.prune(3600) == (0, 0)
    assert registry.prune(0) == (1, 1)
    count = registry.count()
    assert (count.confirmed, count.pending, count.manifests, count.identifiers) == (1, 0, 1, 2)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_manifests_can_be_kept_in_a_folder(places: Places, tmp_path: Path, scheme: str) -> None:
    place, folder = places.place(), tmp_path / "manifests"
    made = initialise(place, f"{scheme}{folder}")
    made.enrol(WHO)
    entry, store = plain(1)
    made.register(entry, store, State.PENDING)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in files] == [f"{entry.manifest}.c2pa"]
    assert made.manifest(entry.manifest) == store
    files[0].write_bytes(b"another")
    with pytest.raises(RegistryError, match="damaged"):
        made.manifest(entry.manifest)
    made.prune(0)
    assert not [path for path in folder.rglob("*") if path.is_file()]
    with pytest.raises(RegistryError, match="already"):
        initialise(place, str(tmp_path / "elsewhere"))


def test_the_newest_migration_makes_the_tables_that_the_code_knows(registry: Registry) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    assert max(path.name[:4] for path in (SCRIPTS / "versions").glob("0*.py")) == VERSION
    with engine_at(registry.place).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("first", ["0001", "0002"])
def test_a_registry_of_an_earlier_version_is_refused_until_it_is_migrated_and_keeps_its_data(
    places: Places, first: str
) -> None:
    place = places.place()
    engine = engine_at(place)
    upgrade(engine, place, first)
    entry, store = plain(1)
    with writing(engine, place) as connection:
        for statement in (
            f"INSERT INTO signer VALUES ('{WHO}', 1)",
            f"INSERT INTO issued VALUES ('{entry.identifier}', '{WHO}', 1)",
        ):
            connection.execute(text(statement))
        connection.execute(
            text("INSERT INTO manifest VALUES (:digest, 7, :content)"), {"digest": entry.manifest, "content": store}
        )
        connection.execute(
            text(
                "INSERT INTO entry (identifier, watermark, manifest, sha256, signer, state, created) "
                "VALUES (:identifier, :watermark, :manifest, :sha256, :signer, 'confirmed', 1)"
            ),
            entry.to_json(),
        )
    with pytest.raises(RegistryError, match="kzlabel registry migrate"):
        place.open()
    assert migrate(place) == (first, VERSION)
    assert migrate(place) == (VERSION, VERSION)
    made = place.open()
    assert [kept.entry for kept in made.find(entry.identifier)] == [entry]
    assert made.manifest(entry.manifest) == store
    assert made.printed(entry) == ()
    made.register(entry, store, State.CONFIRMED, [Printed("org.example.1", b"x", (1,))])
    assert [one.kept.entry for one in made.similar("org.example.1", (1,))] == [entry]
    with writing(engine, place) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryError, match="newer kzlabel"):
        place.open()


def test_a_registry_that_is_not_there_is_told_from_one_that_was_never_made(places: Places, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="registry init"):
        places.place().open()
    with pytest.raises(RegistryError) as caught:
        named(f"postgresql://kz:secret@/x?host={tmp_path}").open()
    assert caught.value.exit_code is ExitCode.REGISTRY
    assert "secret" not in str(caught.value)
    assert place_of("none") is None
    with pytest.raises(ConfigurationError):
        place_of("mysql://x")


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(RegistryError, match="timeout"):
            named(f"postgresql://kz@127.0.0.1:{silent.getsockname()[1]}/x").open()
        assert time.monotonic() - began < 3 * CONNECT


def test_eight_processes_register_at_once(places: Places) -> None:
    url = places.url()
    registry = initialise(named(url))
    registry.enrol(WHO)
    context = multiprocessing.get_context("forkserver")  # what each needs is imported once
    context.set_forkserver_preload([__name__])
    processes = [context.Process(target=_many, args=(url, at)) for at in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 8
    count = registry.count()
    assert (count.confirmed, count.pending, count.identifiers) == (8 * 10 + 5, 0, 8 * 10 + 5)


def _many(url: str, at: int) -> None:
    """Ten entries of one's own, and five that all register."""
    registry = named(url).open()
    for number in [*range(1000 * at + 1000, 1000 * at + 1010), *range(5)]:
        entry, store = plain(number)
        registry.issue(entry.identifier, WHO)
        registry.register(entry, store, State.PENDING)
        registry.confirm(entry)


def test_a_look_up_of_many_manifests_ends_in_time(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.enrol("5" * 64)
    for number in (1, 2):
        entry, content = plain(number)
        registry.register(replace(entry, watermark="0" * 12), content, State.CONFIRMED)
    assert len(registry.candidates("0" * 12)) == 2
    monkeypatch.setattr(store, "LOOKING", -1.0)
    with pytest.raises(RegistryError, match="in time"):
        registry.candidates("0" * 12)
    assert registry.candidates("f" * 12) == []


class Closed(MemoryFileSystem):
    """Storage whose package has errors of its own, as those of buckets have."""

    protocol = "closed"

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: object) -> bytes:
        raise RuntimeError("no credentials")


def test_what_a_buckets_package_raises_is_told_as_the_registrys(places: Places) -> None:
    fsspec.register_implementation("closed", Closed, clobber=True)
    made = initialise(named(places.url()), "closed://bucket")
    made.enrol("5" * 64)
    entry, content = plain(1)
    made.register(entry, content, State.CONFIRMED)
    with pytest.raises(RegistryError, match="no credentials"):
        made.manifest(entry.manifest)
