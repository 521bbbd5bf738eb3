"""What a registry is for: to lead from a watermark to signed manifests, and to take new ones.

A database does both, and so does a server of the C2PA Soft Binding Resolution API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .entry import Entry, Printed, State
from .place import Place, named

MOST_CANDIDATES = 20  # of one look-up
PATIENCE = 30.0  # seconds until a registry that did not answer is asked again: many files must not wait for it


@dataclass(frozen=True)
class Candidate:
    """A manifest store that was registered for a watermark or a fingerprint. Nothing in it was verified.

    manifest_id: the active manifest's URN as the registry has it. enrolled: the registry vouches that the signer may
    write to it. state: `pending` while nobody has said that the labelled file is in place. signer: SHA-256 of the
    certificate that `enrolled` speaks of. fingerprints: algorithm and data of what is kept beside the manifest.
    """

    store: bytes
    manifest_id: str | None
    enrolled: bool
    state: State
    signer: str | None = None
    fingerprints: tuple[tuple[str, bytes], ...] = ()


class Resolver(Protocol):
    """For verifying."""

    @property
    def name(self) -> str:
        """As it is told to a person: without password or token."""

    def candidates(self, identifier: str) -> list[Candidate]:
        """At most MOST_CANDIDATES for this watermark identifier, confirmed ones first.

        Raises RegistryError, and DamagedEntry where it answers and all that it has for this one is of no use.
        """

    def alike(self, algorithm: str, keys: Sequence[int]) -> list[Candidate]:
        """At most MOST_CANDIDATES whose fingerprint of this algorithm shares keys with these, most of them first.

        Raises RegistryError.
        """

    def close(self) -> None: ...


class Keeper(Protocol):
    """For labelling. Each raises RegistryError."""

    @property
    def place(self) -> Place: ...

    def admit(self, fingerprint: str, *, development: bool) -> None:
        """Make sure that a signer may write, as far as that can be known beforehand."""

    def issue(self, identifier: str, signer: str) -> str | None:
        """Take an identifier for a signer. Returns whose it was before: None if nobody's."""

    def register(self, entry: Entry, store: bytes, state: State, fingerprints: Sequence[Printed] = ()) -> bool: ...

    def confirm(self, entry: Entry) -> bool: ...

    def withdraw(self, entry: Entry) -> bool: ...


def resolver_at(text: str, token: str | None = None) -> Resolver:
    """The registry of this address. Raises ConfigurationError, RegistryError."""
    return resolver_of(named(text, token))


def resolver_of(place: Place) -> Resolver:
    """Raises RegistryError."""
    if place.remote:
        from .remote import Remote

        return Remote(place)
    return place.open()


def keeper_of(place: Place) -> Keeper:
    """Raises RegistryError."""
    if place.remote:
        from .remote import Remote

        return Remote(place)
    return place.open()
