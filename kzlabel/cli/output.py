"""What the verbs share towards the terminal: data on stdout, talk on stderr, one sentence for each failure."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ..errors import ExitCode, KzlabelError
from ..inert import inert, inert_json

PATIENCE = 1.0  # seconds: what is over sooner shows no progress bar


def prepare_streams() -> None:
    """Make any console bear any name: what it cannot show is escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def say(sentence: str) -> None:
    """Tell a person something, on stderr."""
    print(inert(sentence, limit=2000), file=sys.stderr, flush=True)


def fail(error: KzlabelError) -> ExitCode:
    """Tell a person what went wrong, on stderr; returns the exit code."""
    say(f"kzlabel: {error}")
    return error.exit_code


def data(value: Any, *, pretty: bool = True, stream: TextIO | None = None) -> None:
    """Write one JSON value to stdout, on several lines or on one."""
    out = stream or sys.stdout
    encoding = (getattr(out, "encoding", None) or "ascii").lower().replace("-", "")
    text = inert_json(json.dumps(value, ensure_ascii=not encoding.startswith("utf8"), indent=2 if pretty else None))
    out.write(text + "\n")
    out.flush()


def crash(error: BaseException) -> ExitCode:
    """An error that nobody foresaw: one sentence, or the traceback when KZLABEL_DEBUG is set."""
    if os.environ.get("KZLABEL_DEBUG"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    say(
        f"kzlabel: unexpected {type(error).__name__}: {error}; this is a bug: please report it, "
        "with what KZLABEL_DEBUG=1 prints"
    )
    return ExitCode.OTHER


@contextlib.contextmanager
def progress(source: Path) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr for what lasts over a second; nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    bar = _Bar(source.name)
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    def __init__(self, name: str) -> None:
        self._name = inert(name, limit=40)
        self._began = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def update(self, share: float) -> None:
        if self._bar is None:
            if time.monotonic() - self._began < PATIENCE:
                return
            from rich.console import Console
            from rich.markup import escape
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(escape(self._name), total=1.0)
            self._bar.start()
        self._bar.update(self._task, completed=share)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def line(text: str) -> None:
    """Write one line of data for a person to stdout."""
    print(inert(text, limit=4000), flush=True)


def lines(text: str) -> None:
    """Write lines that are inert already to stdout."""
    print(text, flush=True)
