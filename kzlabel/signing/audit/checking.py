"""Reads records back: lists them, and proves that the chain is whole. Streams, whatever the length of the files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UnreadableFile, UsageError
from ...files import locked, reason
from ...inert import inert
from .record import MAX_LINE, NOTHING, Head, Link, link
from .trail import head_of, lock_of, read_head

_CHUNK = 1 << 16
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Break:
    """The first place where the chain does not hold.

    line: counted from 1 in `file`, None if what is wrong is missing at the end. record: its number, where it has one.
    what: changed, exchanged, removed, inserted, reordered or torn. sentence: what is wrong, for a person.
    """

    file: str
    line: int | None
    record: int | None
    what: str
    sentence: str


@dataclass(frozen=True)
class Checked:
    """What became of a check. records: how many hold. first, head: the first of them and the last. until: when the
    last was made, RFC 3339. notes: what a person should know although nothing is broken."""

    files: tuple[str, ...]
    records: int
    first: int | None
    head: Head | None
    until: str | None
    notes: tuple[str, ...]
    broken: Break | None

    @property
    def whole(self) -> bool:
        return self.broken is None

    def to_json(self) -> dict[str, Any]:
        return {
            "whole": self.whole,
            "files": list(self.files),
            "records": self.records,
            "first": self.first,
            "head": {"seq": self.head.seq, "hash": self.head.hash} if self.head else None,
            "until": self.until,
            "notes": list(self.notes),
            "broken": vars(self.broken) if self.broken else None,
        }


def check(files: Sequence[Path], *, head: str | None = None) -> Checked:
    """Follow the chain through `files`, the oldest first, up to its first break.

    head: the hash of a record that the chain must hold, kept elsewhere; without it, records cut off at the end are
    missed where the file of the head beside the last file was altered as well.
    Raises UnreadableFile, UsageError.
    """
    if head is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", head):
        raise UsageError(f"--head {inert(head, 80)!r} is no hash of a record: 64 hexadecimal digits")
    walk = _Walk(wanted=head.lower() if head else None)
    return walk.through(files)


def records(files: Sequence[Path], *, since: datetime | None = None) -> Iterator[dict[str, Any] | None]:
    """Every record of `files` made at `since` or later, as it stands, unchecked; None for a line that is no record.

    Raises UnreadableFile.
    """
    earliest = f"{since.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z" if since else ""
    for file in files:
        for line in _lines(file, _snapshot(file)[0]):
            place = link(line.data)
            if place is None or not place.intact:
                yield None
            elif place.time >= earliest:
                yield _fields(line.data)


def moment(text: str, *, now: datetime | None = None) -> datetime:
    """A date, an RFC 3339 time (UTC unless it says otherwise), or how long ago: 30m, 12h, 7d, 2w; in UTC.

    Raises UsageError.
    """
    if ago := re.fullmatch(r"([0-9]{1,5})([mhdw])", text):
        return (now or datetime.now(UTC)) - int(ago[1]) * _UNITS[ago[2]]
    try:
        told = datetime.fromisoformat(text)
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {inert(text, 40)!r} is no time; say 2026-11-24, 2026-11-24T10:00:00Z, or 7d"
        ) from None


def _fields(line: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


# --- following the chain ---


class _Broken(Exception):
    def __init__(self, broken: Break) -> None:
        super().__init__(broken.sentence)
        self.broken = broken


@dataclass
class _Walk:
    """How far a check has come."""

    wanted: str | None
    records: int = 0
    first: int | None = None
    last: Link | None = None
    notes: list[str] = field(default_factory=list)
    torn: _Torn | None = None

    def through(self, files: Sequence[Path]) -> Checked:
        broken: Break | None = None
        try:
            known = None
            for file in files:
                size, known = _snapshot(file)
                lines = _lines(file, size)
                for line in lines:
                    self._step(file, line, lines)
            self._end(files[-1], known)
        except _Broken as error:
            broken = error.broken
        if not self.records and broken is None:
            raise _nothing(files[-1])
        names = tuple(str(file) for file in files)
        head, until = (self.last.head, self.last.time) if self.last else (None, None)
        return Checked(names, self.records, self.first, head, until, tuple(self.notes), broken)

    def _step(self, file: Path, line: _Line, following: Iterator[_Line]) -> None:
        found = link(line.data)
        if found is None:
            self.torn = (self.torn or _Torn(file, line.number)).with_line(line)
            return
        if self.torn is None or found.after_torn != self.torn.digest:
            self._no_torn_line_here()
        if not found.intact:
            raise _broken(file, line, found, "changed", "its hash does not fit its content")
        if found.after_torn and self.torn is None:
            raise _broken(file, line, found, "removed", "the torn line that it tells of is gone")
        self._follows(file, line, found, following)
        if not line.ended:
            raise _broken(file, line, found, "torn", "its line has no end; the next signature gives it one")
        if self.torn:
            self.notes.append(f"{self.torn.place}: torn when a writer was cut short; record {found.seq} tells of it")
        self.torn = None
        if found.hash == self.wanted:
            self.wanted = None
        self.records, self.last = self.records + 1, found

    def _follows(self, file: Path, line: _Line, found: Link, following: Iterator[_Line]) -> None:
        last = self.last
        if last is None:
            if not found.begins:
                raise self._gap(file, line, found, 1, following)
            if found.seq > 1:
                self.notes.append(f"{file.name}: goes on after record {found.seq - 1} of an earlier file; check both")
            elif found.previous != NOTHING.hash:
                raise _broken(file, line, found, "exchanged", "it is the first, and names a record before it")
            self.first = found.seq
        elif found.seq > last.seq + 1:
            raise self._gap(file, line, found, last.seq + 1, following)
        elif found.seq <= last.seq:
            raise _broken(file, line, found, "inserted", f"it stands after record {last.seq}")
        elif found.previous != last.hash:
            raise _broken(
                file, line, found, "exchanged", f"it follows another record {last.seq} than the one before it"
            )

    def _gap(self, file: Path, line: _Line, found: Link, missing: int, following: Iterator[_Line]) -> _Broken:
        """Records are missing before `found`: taken away, or put further down."""
        which = f"record {missing}" if missing == found.seq - 1 else f"records {missing} to {found.seq - 1}"
        start = b'{"v":1,"seq":%d,' % missing
        if any(one.data.startswith(start) for one in following):
            return _broken(
                file, line, found, "reordered", f"{which} should stand before it, and record {missing} follows"
            )
        return _broken(file, line, found, "removed", f"{which} should stand before it")

    def _no_torn_line_here(self) -> None:
        """Nobody tells of the line that is no record, if there is one."""
        if self.torn is not None:
            sentence = f"{self.torn.place}: changed: this is no record, and the next one does not tell of it"
            raise _Broken(Break(str(self.torn.file), self.torn.line, None, "changed", sentence))

    def _end(self, file: Path, known: Head | None) -> None:
        if self.torn is not None and self.torn.unended:
            sentence = f"{self.torn.place}: torn: its end is missing, unless a later record tells of it"
            raise _Broken(Break(str(self.torn.file), self.torn.line, None, "torn", sentence))
        self._no_torn_line_here()
        last = self.last.head if self.last else NOTHING
        if known and known.seq > last.seq:
            sentence = (
                f"{file.name}: removed: the end is missing, up to record {known.seq}, as {head_of(file).name} tells"
            )
            raise _Broken(Break(str(file), None, known.seq, "removed", sentence))
        if known and known.seq == last.seq and known.hash != last.hash:
            sentence = f"{file.name}: exchanged: record {last.seq} is not the one that {head_of(file).name} tells of"
            raise _Broken(Break(str(file), None, last.seq, "exchanged", sentence))
        if self.wanted:
            sentence = f"{file.name}: removed: no record has the hash {self.wanted}; it was cut off, or written anew"
            raise _Broken(Break(str(file), None, None, "removed", sentence))


def _nothing(file: Path) -> UnreadableFile:
    return UnreadableFile(f"{file}: there is no audit record here; nothing was signed yet, or --audit differs")


def _broken(file: Path, line: _Line, found: Link, what: str, why: str) -> _Broken:
    sentence = f"{file.name}: line {line.number}, record {found.seq}: {what}: {why}"
    return _Broken(Break(str(file), line.number, found.seq, what, sentence))


class _Torn:
    """Lines that are no records, until a record tells of them."""

    def __init__(self, file: Path, line: int) -> None:
        self.file, self.line, self.unended = file, line, False
        self._hash = hashlib.sha256()
        self._empty = True

    def with_line(self, line: _Line) -> _Torn:
        self._hash.update(line.data if self._empty else b"\n" + line.data)
        self._empty, self.unended = False, not line.ended
        return self

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def place(self) -> str:
        return f"{self.file.name}: line {self.line}"


# --- reading lines ---


class _Line(NamedTuple):
    """data: without its end, cut to MAX_LINE bytes, at which it is no record any more."""

    number: int
    data: bytes
    ended: bool


def _lines(path: Path, size: int) -> Iterator[_Line]:
    """The lines in the first `size` bytes of a file."""
    try:
        if not size:  # a file that was moved away is none at all
            return
        with path.open("rb", buffering=_CHUNK) as file:
            number = 0
            while size > 0 and (data := file.readline(min(MAX_LINE, size))):
                number, size = number + 1, size - len(data)
                rest = data
                while not rest.endswith(b"\n") and size > 0 and (rest := file.readline(min(_CHUNK, size))):
                    size -= len(rest)
                yield _Line(number, data.removesuffix(b"\n"), rest.endswith(b"\n"))
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {reason(error)}") from None


def _snapshot(path: Path) -> tuple[int, Head | None]:
    """A file's size and the head kept beside it, with no writer half way."""
    try:
        if not path.exists():
            known = read_head(path)
            if known is None:
                raise _nothing(path)
            return 0, known
        if not path.is_file():
            raise UnreadableFile(f"{path.name}: this is no regular file")
        if os.access(lock_of(path), os.W_OK):
            with locked(lock_of(path)):
                return path.stat().st_size, read_head(path)
        known = read_head(path)
        return path.stat().st_size, known
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {reason(error)}") from None
