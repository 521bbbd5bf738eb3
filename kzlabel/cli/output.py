"""What the verbs share towards the terminal: data on stdout, talk on stderr, one sentence for each failure."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ExitCode, KzlabelError, UsageError
from ..inert import inert, inert_json

PATIENCE = 1.0  # seconds: what is over sooner shows no progress bar


def prepare_streams() -> None:
    """Make any console bear any name: what it cannot show is escaped instead of ending the program."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        with contextlib.suppress(AttributeError, ValueError):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def quieten_libraries() -> None:
    """Keep stderr for our own sentences: C libraries write to it about what our messages say already.

    They get nowhere to write to, unless KZLABEL_DEBUG is set; Python's own stderr goes where it went.
    """
    if os.environ.get("KZLABEL_DEBUG"):
        return
    warnings.simplefilter("ignore")
    with contextlib.suppress(OSError, AttributeError, ValueError):  # stderr is closed
        ours = os.dup(sys.stderr.fileno())
        sys.stderr = open(ours, "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)  # noqa: SIM115, PTH123
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


class StdoutLost(Exception):
    """Standard output takes no more: nobody reads it any longer, or its disk is full."""


@contextlib.contextmanager
def _to_stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise StdoutLost from None
    except OSError as error:
        raise StdoutLost((error.strerror or str(error)).lower()) from None


def pipe() -> BinaryIO:
    """Standard input. Raises UsageError when it is closed."""
    if sys.stdin is None:
        raise UsageError("-: standard input is closed; pipe a file into it")
    return sys.stdin.buffer


def stream(source: Path) -> None:
    """Write a whole file to stdout."""
    with source.open("rb") as file, _to_stdout():
        shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()


@contextlib.contextmanager
def outcome(given: str, rows: list[dict[str, Any]], codes: list[ExitCode]) -> Iterator[None]:
    """One input's work: whatever goes wrong becomes a sentence, a code and a row, and the next input gets its turn."""
    try:
        yield
        return
    except StdoutLost:
        raise
    except KzlabelError as error:
        sentence, code = str(error), fail(error)
    except Exception as error:
        sentence, code = _unexpected(error), crash(error)
    codes.append(code)
    rows.append({"file": given, "status": "failed", "error": sentence, "exit_code": int(code)})


def say(sentence: str) -> None:
    """Tell a person something, on stderr."""
    print(inert(sentence, limit=2000), file=sys.stderr, flush=True)


def fail(error: KzlabelError) -> ExitCode:
    """Tell a person what went wrong, on stderr; returns the exit code."""
    say(f"kzlabel: {error}")
    return error.exit_code


def data(value: Any, *, pretty: bool = True) -> None:
    """Write one JSON value to stdout, on several lines or on one."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    text = serialised(value, indent=2 if pretty else None, ascii_only=not encoding.startswith("utf8"))
    with _to_stdout():
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def serialised(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """A JSON value as text that steers no screen and can be encoded, whatever names it holds."""
    return inert_json(json.dumps(value, ensure_ascii=ascii_only, indent=indent))


def crash(error: BaseException) -> ExitCode:
    """An error that nobody foresaw: one sentence, or the traceback when KZLABEL_DEBUG is set."""
    if os.environ.get("KZLABEL_DEBUG"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    say(f"kzlabel: {_unexpected(error)}")
    return ExitCode.OTHER


def _unexpected(error: BaseException) -> str:
    return (
        f"unexpected {type(error).__name__}: {error}; this is a bug: please report it, with what KZLABEL_DEBUG=1 prints"
    )


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
    lines(inert(text, limit=4000))


def lines(text: str) -> None:
    """Write lines that are inert already to stdout."""
    with _to_stdout():
        print(text, flush=True)
