"""What still has to reach a registry: one file for each labelled work, in the state folder.

It is written before the registry is told, and removed once the registry knows that the labelled file is in place. So
whatever ends us in between, what is left tells what is to be done: see `deliver`.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, KzlabelError, RegistryError
from ..files import locked, reason, replace_whole, sha256_of
from ..limits import DEFAULT_LIMITS
from .entry import MOST_DATA, MOST_KEYS, MOST_PRINTS, Entry, Printed, State, printed
from .resolver import Keeper

ENDING = ".json"
# base64 takes a third more.
MOST_BYTES = 2 * (DEFAULT_LIMITS.max_manifest_bytes + MOST_PRINTS * (MOST_DATA + 8 * MOST_KEYS))
FIRST, SECONDS = 200, 10.0  # records that one run delivers, and for how long: a label must not wait for a long outbox
_LOCK = ".lock"


@dataclass(frozen=True)
class Waiting:
    """place: the registry's name. target: where the labelled file goes. placed: known to be there."""

    place: str
    entry: Entry
    store: bytes
    target: Path
    placed: bool = False
    fingerprints: tuple[Printed, ...] = ()

    def to_bytes(self) -> bytes:
        values = {
            "v": 1,
            "registry": self.place,
            "entry": self.entry.to_json(),
            "store": base64.b64encode(self.store).decode("ascii"),
            "target": os.fsencode(self.target).hex(),
            "placed": self.placed,
            "fingerprints": [one.to_json() for one in self.fingerprints],
        }
        return json.dumps(values).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Waiting:
        """Raises ValueError."""
        try:
            values: dict[str, Any] = json.loads(data)
            target = Path(os.fsdecode(bytes.fromhex(values["target"])))
            store = base64.b64decode(values["store"], validate=True)
            entry, placed = Entry.from_json(values["entry"]), values["placed"] is True
            return cls(values["registry"], entry, store, target, placed, printed(values.get("fingerprints")))
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("this is no record of an outbox") from error


@dataclass(frozen=True)
class Delivered:
    """How many records were delivered, were void since their file never came into place, and stay."""

    delivered: int = 0
    void: int = 0
    left: int = 0
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"delivered": self.delivered, "void": self.void, "left": self.left, "why": self.why}


class Outbox:
    """Safe for any number of processes: who holds a record's lock deals with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def holding(self, waiting: Waiting) -> Iterator[Path]:
        """Write a record and hold it while its file is on its way. Raises RegistryError."""
        name = f"{waiting.entry.manifest}{ENDING}"
        with ExitStack() as held:
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                held.enter_context(locked(self.folder / f"{name}{_LOCK}"))
                replace_whole(self.folder / name, waiting.to_bytes())
            except OSError as error:
                raise RegistryError(f"{self.folder}: the outbox cannot be written: {reason(error)}") from None
            yield self.folder / name

    def names(self) -> list[str]:
        with suppress(OSError):
            return sorted(path.name for path in self.folder.glob(f"*{ENDING}"))
        return []

    def deliver(self, registry: Keeper, *, most: int | None = FIRST) -> Delivered:
        """Tell `registry` what waits for it: a file in place is confirmed, a file that never came is withdrawn.

        Records that another process is still busy with are left to it, others' registries' too. most: of them, and
        then in SECONDS; None for all.
        """
        delivered = void = left = 0
        why: str | None = None
        began = time.monotonic()
        for name in self.names()[:most]:
            if most is not None and time.monotonic() > began + SECONDS:
                break
            with _at_once(self.folder / f"{name}{_LOCK}") as free:
                if not free:
                    continue
                waiting = _read(self.folder / name)
                if waiting is None and not (self.folder / name).exists():  # delivered meanwhile
                    remove(self.folder / name)
                    continue
                if waiting is None or waiting.place != registry.place.name:
                    left += 1
                    continue
                try:
                    if waiting.placed or _is_there(waiting):
                        registry.register(waiting.entry, waiting.store, State.CONFIRMED, waiting.fingerprints)
                        delivered += 1
                    else:
                        registry.withdraw(waiting.entry)
                        void += 1
                except KzlabelError as error:
                    left, why = left + 1, str(error)
                    continue
                remove(self.folder / name)
        return Delivered(delivered, void, left, why)


def remove(path: Path) -> None:
    """A record that is done with, and its lock."""
    for one in (path, path.with_name(path.name + _LOCK)):
        with suppress(OSError):
            one.unlink()


def _is_there(waiting: Waiting) -> bool:
    try:
        return sha256_of(waiting.target) == waiting.entry.sha256
    except (OSError, InputError):
        return False


def _read(path: Path) -> Waiting | None:
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return Waiting.from_bytes(path.read_bytes())
    except (OSError, ValueError):
        return None


@contextmanager
def _at_once(path: Path) -> Iterator[bool]:
    """Hold a lock if nobody else does; whether we do."""
    if os.name == "nt":
        with locked(path):
            yield True
        return
    import fcntl

    with open(path, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
        fcntl.flock(file, fcntl.LOCK_UN)
