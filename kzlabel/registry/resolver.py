"""Where a watermark leads to: signed manifests, from a database or from a server of the Soft Binding Resolution API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .entry import State
from .place import named

MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Candidate:
    """A manifest store that was registered for a watermark. Nothing in it was verified.

    manifest_id: the active manifest's URN as the registry has it. enrolled: the registry vouches that the signer may
    write to it. state: `pending` while nobody has said that the labelled file is in place.
    """

    store: bytes
    manifest_id: str | None
    enrolled: bool
    state: State


class Resolver(Protocol):
    @property
    def name(self) -> str:
        """As it is told to a person: without password or token."""

    def candidates(self, identifier: str) -> list[Candidate]:
        """At most MOST_CANDIDATES for this watermark identifier, confirmed ones first. Raises RegistryError."""

    def close(self) -> None: ...


def resolver_at(text: str) -> Resolver:
    """The registry of this address. Raises ConfigurationError, RegistryError."""
    return named(text).open()
