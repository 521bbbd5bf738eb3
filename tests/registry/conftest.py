"""One registry, on either database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kzlabel.registry import Place
from kzlabel.registry.place import named
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing import Signer
from kzlabel.signing.development import development_signer

from .server import server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    with server() as address:
        yield address


@dataclass(frozen=True)
class Places:
    """Makes places for registries on one kind of database."""

    make: Callable[[], str]

    def url(self) -> str:
        return self.make()

    def place(self) -> Place:
        return named(self.make())


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    if request.param == "sqlite":
        return Places(lambda: f"sqlite:///{tmp_path / secrets.token_hex(4)}.db")
    import psycopg

    address: str = request.getfixturevalue("postgresql")

    def make() -> str:
        name = f"kz_{secrets.token_hex(4)}"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return address.replace("/postgres?", f"/{name}?")

    return Places(make)


@pytest.fixture
def registry(places: Places) -> Iterator[Registry]:
    made = initialise(places.place())
    yield made
    made.close()


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return development_signer(tmp_path_factory.mktemp("keys") / "keys")
