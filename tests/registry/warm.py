"""The command, warm: each run is a child of one process that has imported everything, which takes longest.

A run may be told to come first to so many calls of one kind, which fail and change nothing: strace kills whoever makes
the LAST of any kind, so that a run which is to end at its tenth `fsync` makes LAST - 10 of them before.
"""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
LAST = 90  # more than a label makes of any kind
NOBODY, NOWHERE = 1 << 20, Path("/proc/nowhere")
IDLE: dict[str, Callable[[], object]] = {
    "pwrite64": lambda: os.pwrite(NOBODY, b"", 0),
    "fsync": lambda: os.fsync(NOBODY),
    "fdatasync": lambda: os.fdatasync(NOBODY),
    "rename": lambda: NOWHERE.rename(NOWHERE),
    "link": lambda: os.link(NOWHERE, NOWHERE),
    "unlink": lambda: NOWHERE.unlink(),
    "unlinkat": lambda: os.unlink("nowhere", dir_fd=NOBODY),
}


class Warm:
    """Runs commands of a user with this home. under: a program that looks on, with its arguments."""

    def __init__(self, home: Path, under: tuple[str | Path, ...] = ()) -> None:
        from ..end_to_end.command import environment

        self._home = home
        self._process = subprocess.Popen(
            [*under, sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=home,
            env=environment(home, PYTHONPATH=str(ROOT)),
        )

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def end(self, *arguments: str | Path, before: tuple[str, int] | None = None, **variables: str) -> int | None:
        """How a run ended, as os.waitpid says it; its output is in `out` and `err`. None where nobody may look on."""
        asked = {"arguments": [*map(str, arguments)], "before": before, "variables": variables}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        return int(line) if line else None

    def run(self, *arguments: str | Path, **variables: str) -> Any:
        from ..end_to_end.command import Told

        status = self.end(*arguments, **variables)
        assert status is not None
        out, err = ((self._home / name).read_bytes() for name in ("out", "err"))
        return Told(os.waitstatus_to_exitcode(status), out, err.decode())


def _child(asked: dict[str, Any]) -> None:
    from kzlabel.cli import main

    for name, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked["before"]:
        call, number = asked["before"]
        for _ in range(number):
            with suppress(OSError):
                IDLE[call]()
    os.environ.update(asked["variables"])
    sys.argv = ["kzlabel", *asked["arguments"]]
    main()  # ends the child as it ends the program


if __name__ == "__main__":
    import c2pa  # noqa: F401

    import kzlabel.labeller
    import kzlabel.registry.store  # noqa: F401
    from kzlabel.cli import app

    with redirect_stdout(io.StringIO()):
        app.app(args=["--version"], standalone_mode=False)  # typer imports most of itself when it first parses
    gc.freeze()  # or each child looks through all of it when it ends
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            _child(json.loads(line))
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()
