"""A server over a registry of its own, and what talks to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from kzlabel.registry.place import named
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing import Signer
from kzlabel.signing.development import development_signer

from .serving import TOKEN, serving

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Told:
    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    url: str
    registry: Registry

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Told:
        """headers: with _ for -."""
        named_so = {name.replace("_", "-"): value for name, value in headers.items()}
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            answer = pool.request(method, self.url + path, body=body, headers=named_so, redirect=False)
            return Told(answer.status, answer.headers.get("Content-Type", ""), answer.data)

    def send(self, path: str, values: object, **headers: str) -> Told:
        return self.ask("POST", path, json.dumps(values).encode(), Content_Type="application/json", **headers)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return development_signer(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('served') / 'registry.db'}"
    registry = initialise(named(url))
    registry.enrol(signer.fingerprint)
    with serving(url) as address:
        yield Served(address, registry)
    registry.close()
