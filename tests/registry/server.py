"""A PostgreSQL server of the tests' own, on a socket in a folder of its own, by a user who is not root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ..system import need


def programs() -> Path:
    """The folder of initdb and pg_ctl: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    if not found:
        need("initdb", package="postgresql")
    return found[-1].parent


@contextmanager
def server() -> Iterator[str]:
    """The address of the database `postgres` on a fresh server; others can be made beside it."""
    folder = programs()
    user = "postgres" if os.geteuid() == 0 else None
    room = Path(tempfile.mkdtemp(prefix="kzpg-"))
    if user:
        shutil.chown(room, user)
    data = room / "data"

    def run(*arguments: str | Path) -> None:
        subprocess.run(
            [*map(str, arguments)], user=user, cwd=room, check=True, timeout=60,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    try:
        run(folder / "initdb", "-D", data, "-U", "kz", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        told = f"-k {room} -c listen_addresses= -c fsync=off -c max_connections=60 -c shared_buffers=16MB"
        run(folder / "pg_ctl", "-D", data, "-o", told, "-l", room / "log", "-w", "start")
        try:
            yield f"postgresql://kz@/postgres?host={quote(str(room), safe='')}"
        finally:
            run(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(room, ignore_errors=True)
