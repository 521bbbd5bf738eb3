"""The user's own trust lists, and newer copies of those that come with kzlabel: a folder of PEM files and an index.

The index names each file and its hash, and is replaced in one step: a list is there as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ..errors import TrustError
from ..files import locked, reason, replace_whole
from ..inert import inert
from .anchors import Trust
from .authorities import Authority, Content, authorities
from .lists import TrustList, shipped_lists, trust_of
from .purpose import Purpose

INDEX, LOCK = "index.json", ".lock"
MAX_INDEX_BYTES = 1 << 20
MAX_NAME = 100  # characters: it stands in verdicts and on the command line

# A list that loses more than this share of its certificates at once was more likely cut short than cleaned up.
MAX_SHRINKAGE = 0.5


@dataclass(frozen=True)
class Drift:
    """What a newer copy of a list changes."""

    before: TrustList
    after: TrustList
    added: tuple[Authority, ...]
    removed: tuple[Authority, ...]

    @property
    def changed(self) -> bool:
        return bool(self.added or self.removed or self.before.date != self.after.date)

    @classmethod
    def between(cls, before: TrustList, after: TrustList) -> Drift:
        old, new = ({one.fingerprint: one for one in lists.authorities} for lists in (before, after))
        return cls(
            before,
            after,
            tuple(one for print, one in new.items() if print not in old),
            tuple(one for print, one in old.items() if print not in new),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **self.after.to_json(),
            "changed": self.changed,
            "previous_date": self.before.date,
            "added_certificates": [one.to_json() for one in self.added],
            "removed_certificates": [one.to_json() for one in self.removed],
        }


def default_trust(folder: Path | None = None) -> Trust:
    """What the command line believes unless told otherwise: the lists that come with kzlabel, and those in `folder`.

    folder: of the user's own lists, `trust` in the configuration folder; None for the lists of kzlabel alone. A
    `Verifier` believes nobody by itself: `Verifier(VerifyOptions(trust=default_trust()))`. Raises TrustError.
    """
    return trust_of(shipped_lists() if folder is None else TrustStore(folder).lists())


class TrustStore:
    """The lists in one folder, which need not exist before something is added. Safe for several processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lists(self) -> tuple[TrustList, ...]:
        """Every list that is believed: those of kzlabel, or a copy that is not older, then the user's own."""
        kept = {_key(one.name): one for one in self._kept()}
        first = []
        for shipped in shipped_lists():
            copy = kept.pop(_key(shipped.name), None)
            first.append(copy if copy is not None and copy.date >= shipped.date else shipped)
        return (*first, *kept.values())

    def get(self, name: str) -> TrustList:
        """The list of this name, letter case aside. Raises TrustError that names the known ones."""
        found = next((one for one in self.lists() if _key(one.name) == _key(name)), None)
        if found is None:
            known = ", ".join(repr(inert(one.name)) for one in self.lists())
            raise TrustError(f"there is no trust list {inert(name)!r}; known are {known}")
        return found

    def add(self, content: Content, *, name: str, purpose: Purpose, date: str, source: str, today: date) -> TrustList:
        """Take in a list. Raises TrustError for an impossible name, one in use, a day to come, terms that are over."""
        _check_name(name)
        added = TrustList(name, purpose, date, content.pem, source, added=today.isoformat())
        _check_terms(added, today)
        with self._changing() as kept:
            if any(_key(one.name) == _key(name) for one in (*kept, *shipped_lists())):
                raise TrustError(f"there is a trust list {inert(name)!r} already; give another --name, or remove it")
            self._write([*kept, added])
        return added

    def remove(self, name: str) -> TrustList | None:
        """Forget a list; returns the one of kzlabel that counts again in its place, None as a rule.

        Raises TrustError for one that is not there, or comes with kzlabel and stays.
        """
        shipped = next((one for one in shipped_lists() if _key(one.name) == _key(name)), None)
        with self._changing(but=name) as kept:
            rest = [one for one in kept if _key(one.name) != _key(name)]
            if len(rest) == len(kept):
                if shipped is not None:
                    raise TrustError(
                        f"{inert(shipped.name)}: this list comes with kzlabel and stays; "
                        "use verify --no-default-trust to leave it out"
                    )
                self.get(name)
            self._write(rest)
        return shipped

    def update(self, name: str, content: Content, *, date: str, today: date, force: bool = False) -> Drift:
        """Put a newer copy in the place of a list. Raises TrustError if it is older, or has shrunk by over a half.

        force: take it all the same.
        """
        with self._changing() as kept:
            before = self.get(name)
            after = replace(before, pem=content.pem, date=date, added=today.isoformat())
            drift = Drift.between(before, after)
            _check_terms(after, today)
            if not force:
                _check_drift(drift)
            self._write([*(one for one in kept if _key(one.name) != _key(name)), after])
        return drift

    def _kept(self, but: str = "") -> list[TrustList]:
        path = self.folder / INDEX
        try:
            if not path.exists():
                return []
            if path.stat().st_size > MAX_INDEX_BYTES:
                raise TrustError(f"{path}: an index of over 1 MB; move the folder away to start anew")
            entries = json.loads(path.read_text("utf-8"))["lists"]
            return [self._entry(entry, checked=_key(str(entry["name"])) != _key(but)) for entry in entries]
        except OSError as error:
            raise TrustError(f"{self.folder}: the trust lists cannot be read: {reason(error)}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise TrustError(
                f"{path}: the index of trust lists is damaged; move the folder away, add them anew"
            ) from None

    def _entry(self, entry: Mapping[str, Any], *, checked: bool) -> TrustList:
        file = str(entry["file"])
        if Path(file).name != file:
            raise ValueError
        pem = (self.folder / file).read_bytes()
        if checked and hashlib.sha256(pem).hexdigest() != entry["sha256"]:
            raise TrustError(
                f"{file}: this list was changed by hand; remove {inert(str(entry['name']))!r} and add it anew"
            )
        if checked:
            authorities(pem.decode("ascii"))
        texts = {key: str(entry[key]) for key in ("source", "updates", "licence") if entry.get(key)}
        listed = date.fromisoformat(entry["date"]).isoformat()
        added = date.fromisoformat(entry["added"]).isoformat()
        return TrustList(
            str(entry["name"]),
            Purpose(entry["purpose"]),
            listed,
            pem.decode("ascii", "strict" if checked else "replace"),
            added=added,
            **texts,
        )

    @contextmanager
    def _changing(self, but: str = "") -> Iterator[list[TrustList]]:
        """Hold the lock; gives the lists as they stand, whole ones all, save perhaps the one named."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(self.folder / LOCK):
                yield self._kept(but)
        except OSError as error:
            raise TrustError(f"{self.folder}: the trust lists cannot be changed: {reason(error)}") from None

    def _write(self, lists: list[TrustList]) -> None:
        """Files first, then the index that names them, then what nothing names any more goes."""
        entries = []
        for one in lists:
            data = one.pem.encode("ascii")
            digest = hashlib.sha256(data).hexdigest()
            file = f"{re.sub('[^a-z0-9]+', '-', one.name.casefold()).strip('-')[:40]}-{digest[:12]}.pem"
            if not (self.folder / file).exists():
                replace_whole(self.folder / file, data)
            entries.append(
                {
                    "name": one.name,
                    "purpose": str(one.purpose),
                    "date": one.date,
                    "added": one.added,
                    "source": one.source,
                    "updates": one.updates,
                    "licence": one.licence,
                    "file": file,
                    "sha256": digest,
                }
            )
        index = json.dumps({"schema": 1, "lists": entries}, indent=2) + "\n"  # in ASCII, whatever a path is made of
        replace_whole(self.folder / INDEX, index.encode("ascii"))
        named = {entry["file"] for entry in entries}
        for path in self.folder.glob("*.pem"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _key(name: str) -> str:
    return name.strip().casefold()


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise TrustError(f"{inert(name)!r} cannot name a trust list; give up to {MAX_NAME} visible characters")


def _check_terms(added: TrustList, today: date) -> None:
    if date.fromisoformat(added.date) > today + timedelta(days=1):  # elsewhere it is tomorrow already
        raise TrustError(f"{inert(added.name)}: a list of {added.date} is of no day yet; give its true --date")
    if all(one.expires.date() < today for one in authorities(added.pem)):
        last = max(one.expires for one in added.authorities).date().isoformat()
        raise TrustError(f"{inert(added.name)}: its certificates have expired, the last on {last}; get a newer list")


def _check_drift(drift: Drift) -> None:
    name, before, after = inert(drift.before.name), drift.before, drift.after
    if after.date < before.date:
        raise TrustError(
            f"{name}: the list of {after.date} is older than the present one of {before.date}; use --force to take it"
        )
    if len(drift.removed) > MAX_SHRINKAGE * len(before.authorities):
        raise TrustError(
            f"{name}: {len(drift.removed)} of its {len(before.authorities)} certificates are gone; "
            "make sure that this is meant, then use --force"
        )
