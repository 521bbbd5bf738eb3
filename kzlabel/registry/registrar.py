"""What a labeller does with a registry: an identifier before the work, an entry around the moment of publishing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..declaration import Declaration, new_identifier
from ..errors import KzlabelError, RegistryError, UsageError
from ..files import replace_whole
from ..signing import DEVELOPMENT, Signer
from .entry import Entry, Printed, State
from .outbox import Outbox, Waiting, remove
from .place import Place, outbox_folder
from .resolver import PATIENCE, Keeper, keeper_of

DRAWS = 16  # of an identifier; with 10^9 issued, one draw in 281,000 collides


class Registrar:
    """Keeps a connection for many files. place: None for no registry. required: fail rather than let entries wait.

    development: whether the signer is the development key. Safe for threads.
    """

    def __init__(self, place: Place | None, *, required: bool, signer_uri: str, outbox: Path | None = None) -> None:
        self._place, self._required = place, required
        self._development = signer_uri == DEVELOPMENT
        self._outbox = Outbox(outbox or outbox_folder())
        self._lock = threading.Lock()
        self._failed: tuple[float, RegistryError] | None = None
        self._opened: dict[int, Any] = {}  # by process: connections do not survive a fork

    def issued(self, declaration: Declaration, open_signer: Callable[[], Signer], *, drawn: bool) -> Declaration:
        """The declaration with an identifier that was never issued before.

        drawn: it was drawn at random, so that another may take its place; one that a person chose may come again
        from the same signer. Raises RegistryError if a registry is required, UsageError for another's identifier.
        """
        if self._place is None:
            return declaration
        signer = open_signer()
        try:
            registry = self._registry(signer)
            for _ in range(DRAWS):
                owner = registry.issue(declaration.identifier, signer.fingerprint)
                if owner is None or (not drawn and owner == signer.fingerprint):
                    return declaration
                if not drawn:
                    raise UsageError(
                        f"the identifier {declaration.identifier} was issued to another signer; "
                        "leave it out of the declaration, and a new one is drawn"
                    )
                declaration = replace(declaration, identifier=new_identifier())
            raise RegistryError(f"registry {self._place.name}: no free identifier in {DRAWS} draws")
        except RegistryError:
            if self._required:
                raise
            return declaration  # `entering` will say what is wrong

    @contextmanager
    def entering(
        self, entry: Entry, store: bytes, target: Path, signer: Signer, fingerprints: Sequence[Printed] = ()
    ) -> Iterator[list[str]]:
        """Around the move into place: pending before, confirmed after, withdrawn if it fails.

        Yields sentences for a person, to be read afterwards: one where the entry has to wait.
        Raises RegistryError if a registry is required.
        """
        notes: list[str] = []
        if self._place is None:
            yield notes
            return
        waiting = Waiting(self._place.name, entry, store, target.absolute(), fingerprints=tuple(fingerprints))
        with self._outbox.holding(waiting) as record:
            registry: Keeper | None = None
            why = ""
            try:
                registry = self._registry(signer)
                registry.register(entry, store, State.PENDING, fingerprints)
            except RegistryError as error:
                if self._required:
                    remove(record)
                    raise
                registry, why = None, str(error)
            try:
                yield notes
            except KzlabelError:
                self._withdraw(registry, entry)
                remove(record)
                raise
            try:
                if registry is not None:
                    registry.confirm(entry)
                    remove(record)
                    return
            except RegistryError as error:
                why = str(error)
            replace_whole(record, replace(waiting, placed=True).to_bytes())
            notes.append(
                f"not registered yet: {why.removeprefix('registry ')}; the entry waits, and the next label or "
                "kzlabel registry status --repair delivers it"
            )

    @staticmethod
    def _withdraw(registry: Keeper | None, entry: Entry) -> None:
        try:
            if registry is not None:
                registry.withdraw(entry)
        except RegistryError:
            return  # `registry prune` removes it

    def _registry(self, signer: Signer) -> Keeper:
        """The registry, opened once; the outbox is delivered when it is. Raises RegistryError."""
        assert self._place is not None
        with self._lock:
            known: Keeper | None = self._opened.get(os.getpid())
            if known is None:
                if self._failed is not None and time.monotonic() < self._failed[0] + PATIENCE:
                    raise self._failed[1]
                try:
                    known = keeper_of(self._place)
                    known.admit(signer.fingerprint, development=self._development)
                except RegistryError as error:
                    self._failed = time.monotonic(), error
                    raise
                self._opened[os.getpid()] = known
                self._outbox.deliver(known)
            return known
