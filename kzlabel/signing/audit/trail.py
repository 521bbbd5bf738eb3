"""Where records go: to a file, to the system's log, or nowhere. Safe for any number of writing processes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol

from ...errors import ConfigurationError, SigningError
from ...files import locked, reason
from ...settings import state_folder
from .record import BEGINNING, MAX_LINE, NOTHING, Head, Link, Signature, link, sealed

OFF, SYSLOG = "off", "syslog:"
FILE, SYSLOG_HEAD = "audit.jsonl", "audit.syslog"

# Read from a file's end for each record: the last one, and what a writer that was cut short may have left behind it.
WINDOW = 4 * MAX_LINE
# RFC 5424, 6.2.1: facility 10, security, which systems keep from the eyes of most users; severity 6, informational.
PRIORITY = 10 * 8 + 6
SOCKETS = (Path("/dev/log"), Path("/var/run/syslog"))
PATIENCE = 5.0  # seconds until a log that takes nothing is given up

_HEAD = re.compile(rb"([0-9]{18}) ([0-9a-f]{64})\n")


class Trail(Protocol):
    """Keeps records of signatures."""

    def ready(self) -> None:
        """Make sure, before any work is done, that a record could be written. Raises SigningError."""
        ...

    def record(self, signature: Signature) -> None:
        """Write one record. Raises SigningError; then nothing may be published."""
        ...


def open_trail(place: str | None = None) -> Trail:
    """The trail at `place`: a file, `syslog:`, `syslog:SOCKET` or `off`; None for the file in the state folder.

    Raises ConfigurationError for an impossible place.
    """
    if not place:
        return FileTrail(default_file())
    if place == OFF:
        return NoTrail()
    if f"{place}:".startswith(SYSLOG):
        socket = place.partition(":")[2]
        return SyslogTrail(Path(socket) if socket else None, state_folder() / SYSLOG_HEAD)
    return FileTrail(file_at(place))


def file_at(place: str) -> Path:
    """The file that `place` names. Raises ConfigurationError for what is no path."""
    if "://" in place or "\0" in place:
        raise ConfigurationError(f"audit {place!r}: this is no place for records; name a file, {SYSLOG} or {OFF}")
    with contextlib.suppress(RuntimeError):  # no home
        return Path(place).expanduser()
    return Path(place)


def default_file() -> Path:
    return state_folder() / FILE


@dataclass(frozen=True)
class NoTrail:
    """Keeps nothing."""

    def ready(self) -> None:
        return

    def record(self, signature: Signature) -> None:
        return


@dataclass(frozen=True)
class FileTrail:
    """Keeps records in a file, one a line; beside it the chain's head, and a file for the lock."""

    path: Path

    def ready(self) -> None:
        with _telling(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._open() as file:
                _end_of(file, self.path)  # without the lock: what is half written now is as good as torn

    def record(self, signature: Signature) -> None:
        with _telling(self.path), contextlib.ExitStack() as opened:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(lock_of(self.path)):
                file = opened.enter_context(self._open())  # only now: it may have been moved away while we waited
                end, known = _end_of(file, self.path), read_head(self.path)
                # A head ahead of the file tells of records that were taken away: the chain goes on from there, and
                # shows the gap for ever.
                head = known if known and known.seq >= end.head.seq else end.head
                line, made = sealed(signature, head, begins=end.head == NOTHING, after_torn=end.torn)
                _append(file, end.separator + line + b"\n")
                _write_head(self.path, made)
            os.fsync(file.fileno())  # when others may write already: the system flushes for several at once

    def _open(self) -> FileIO:
        file = _opened(self.path, "ab+")
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise SigningError(f"{self.path}: this is no regular file; name another place with --audit")
        return file


@dataclass(frozen=True)
class SyslogTrail:
    """Sends records to the system's log, through `socket` if one is named; the head of the chain is kept at `state`."""

    socket: Path | None
    state: Path

    def ready(self) -> None:
        with _telling(self._socket()), self._head():
            self._send(None)

    def record(self, signature: Signature) -> None:
        with _telling(self._socket()), self._head() as head:
            line, made = sealed(signature, head, begins=head == NOTHING)
            self._send(line)
            _write_head(self.state, made, flush=True)

    @contextlib.contextmanager
    def _head(self) -> Iterator[Head]:
        self.state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(lock_of(self.state)):
            known = read_head(self.state)
            if known is None and head_of(self.state).exists():
                raise SigningError(f"{head_of(self.state)}: this file is damaged; remove it, which begins a new chain")
            yield known or NOTHING

    def _socket(self) -> Path:
        return self.socket or next((path for path in SOCKETS if path.exists()), SOCKETS[0])

    def _send(self, line: bytes | None) -> None:
        """Send a line; with None, only see whether anybody listens."""
        import socket

        if not hasattr(socket, "AF_UNIX"):
            raise ConfigurationError(f"audit {SYSLOG} this system has no such log; name a file")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(PATIENCE)
            channel.connect(str(self._socket()))
            if line is not None:
                channel.send(b"<%d>kzlabel[%d]: %s" % (PRIORITY, os.getpid(), line))


def lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def head_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def read_head(path: Path) -> Head | None:
    """The head kept beside `path`; None if there is none, or it is damaged."""
    try:
        with head_of(path).open("rb", buffering=0) as file:
            found = _HEAD.fullmatch(file.read(100) or b"")
    except FileNotFoundError:
        return None
    return Head(int(found[1]), found[2].decode("ascii")) if found else None


def _write_head(path: Path, head: Head, *, flush: bool = False) -> None:
    """Overwritten in place, by bytes of the same number: one write, and no file to rename."""
    with _opened(head_of(path), "rb+", os.O_CREAT) as file:
        file.write(b"%018d %s\n" % (head.seq, head.hash.encode("ascii")))
        if flush:
            os.fsync(file.fileno())


def _opened(path: Path, mode: str, more: int = 0) -> FileIO:
    """A file that nobody else may read if it is made now, without a buffer."""
    return FileIO(path, mode, opener=lambda name, flags: os.open(name, flags | more, 0o600))


@contextlib.contextmanager
def _telling(place: Path) -> Iterator[None]:
    """Turn errors of the operating system into one sentence. Raises SigningError."""
    try:
        yield
    except OSError as error:
        raise SigningError(
            f"{place}: the audit record cannot be written: {reason(error)}; "
            f"name another place with --audit, or turn it off with --audit {OFF}"
        ) from None


# --- the end of a file ---


@dataclass(frozen=True)
class _End:
    """head: of the last whole record. torn: hash of what follows it. separator: what ends that."""

    head: Head = NOTHING
    torn: str | None = None
    separator: bytes = b""


def _end_of(file: FileIO, path: Path) -> _End:
    """Read a file's last bytes, however long it is. Raises SigningError if they are none of ours."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - WINDOW, 0))
    data = file.read(WINDOW) or b""
    if not data:
        return _End()
    separator = b"" if data.endswith(b"\n") else b"\n"
    lines = data.removesuffix(b"\n").split(b"\n")
    for place in range(len(lines) - 1, -1, -1):
        found: Link | None = link(lines[place])
        if found and found.intact:
            rest = lines[place + 1 :]
            return _End(found.head, _digest(b"\n".join(rest)) if rest else None, separator)
    started = data.startswith(BEGINNING[: len(data)]) or not data.strip(b"\0")
    if size > WINDOW or not started:
        raise SigningError(f"{path}: this file does not end with an audit record; move it away, or name another place")
    return _End(NOTHING, _digest(data.removesuffix(b"\n")), separator)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _append(file: FileIO, data: bytes) -> None:
    """Write all of `data` at the end, or nothing."""
    size = os.fstat(file.fileno()).st_size
    written = file.write(data) or 0
    if written < len(data):
        with contextlib.suppress(OSError):  # the line then stays torn, and the next record says so
            file.truncate(size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
