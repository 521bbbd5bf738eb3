"""ffmpeg: the one place that finds it, starts it on files that nobody trusts, and ends it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...errors import LimitExceeded, MissingProgram
from ...limits import Limits
from .failures import failure, not_running

# Lines of the program's talk that are kept: the beginning holds the report on the input, the end the reason of failure.
KEPT_FIRST = 4_000
KEPT_LAST = 200
MAX_LINE = 16 * 1024  # characters of one line; the rest is dropped unread
BYTES_PER_PIXEL = 8  # of one plane at most, with room to spare: bounds a single allocation of the program
HOUR = 3600.0

Consumer = Callable[[bytes], None]
"""Takes what the program writes to its standard output, piece by piece."""

Feed = Generator[bytes, None, None]
"""Makes what the program reads from its standard input, piece by piece."""


@dataclass(frozen=True)
class Programs:
    """Which external programs to run. ffmpeg: a path, or None for the one in the imageio-ffmpeg package."""

    ffmpeg: str | None = None


@dataclass(frozen=True)
class Finished:
    """A run that ended well. log: what the program said, line by line, beginning and end kept."""

    log: tuple[str, ...]


def find(program: str | None = None) -> str:
    """The path of ffmpeg: the one named, else the one in the imageio-ffmpeg package. Raises MissingProgram.

    The package's own look-up is passed over because it obeys an environment variable and searches PATH.
    """
    if program is not None:
        return program
    spec = importlib.util.find_spec("imageio_ffmpeg")
    folders = [Path(place) / "binaries" for place in (spec and spec.submodule_search_locations) or ()]
    found = sorted(path for folder in folders if folder.is_dir() for path in folder.glob("ffmpeg-*"))
    if not found:
        raise MissingProgram(
            "ffmpeg is missing; films and recordings need it: run pip install imageio-ffmpeg, or name one with --ffmpeg"
        )
    return str(found[-1])


def version(program: str | None = None) -> str:
    """The version as the program tells it, "n9.0.2". Raises MissingProgram when it does not run."""
    path = find(program)
    try:
        told = subprocess.run(
            [path, "-hide_banner", "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MissingProgram(not_running(path, error)) from None
    match = re.match(rb"ffmpeg version (\S+)", told.stdout)
    if not match:
        raise MissingProgram(f"{path}: this is not ffmpeg; name another one with --ffmpeg")
    return match[1].decode("ascii", "replace")


def opened(source: Path, demuxer: str, limits: Limits, **options: Any) -> Any:
    """The ffmpeg-python input node for a file that nobody trusts.

    demuxer: forced, from our own detection, so that a playlist or script under a film's name is never obeyed. It may
    read this file only: other protocols and formats are shut, external references are off, and one frame or one
    allocation may not exceed the limits. options: further ffmpeg options of the input, by name.
    """
    guards: dict[str, Any] = {
        "format": demuxer,
        "protocol_whitelist": "file,pipe",
        "format_whitelist": demuxer,
        "max_pixels": min(limits.max_pixels, (1 << 31) - 1),
    }
    if demuxer == "mov":
        guards |= {"enable_drefs": 0, "use_absolute_path": 0}
    return builder().input(location(source), **guards, **options)


def builder() -> Any:
    """ffmpeg-python, which puts arguments together: `input`, `filter`, `output`, `merge_outputs`. Untyped."""
    import ffmpeg

    return ffmpeg


def location(path: Path) -> str:
    """A path as ffmpeg must be told it: absolute, and marked as a file, so that no name is taken for an address."""
    return f"file:{path.absolute()}"


def arguments(output: Any, *repeated: str) -> list[str]:
    """The arguments of an ffmpeg-python output node. repeated: options that stand several times, which it cannot say.

    With `repeated` there is one output only; they are put before its name.
    """
    built: list[str] = builder().get_args(output)
    return [*built[:-1], *repeated, *built[-1:]] if repeated else built


def run(
    outputs: Any,
    *,
    name: str,
    limits: Limits,
    program: str | None = None,
    duration: float | None = None,
    progress: Callable[[float], None] | None = None,
    consumer: Consumer | None = None,
    feed: Feed | None = None,
    report: bool = False,
) -> Finished:
    """Run ffmpeg on what ffmpeg-python has put together, and wait for it.

    outputs: an ffmpeg-python output node, several merged into one, or a list of arguments. name: the input's name, for
    messages. duration: seconds of media, for progress and for the time-out. progress: called with 0..1.
    consumer: gets standard output (an output to `pipe:1`). feed: goes into standard input (an input from `pipe:0`),
    made in a thread of its own, closed afterwards. report: keep all that the program says, not only errors.

    Raises MissingProgram, UnreadableFile, LimitExceeded when time runs out, OutputError when the disk is full, and
    whatever `consumer`, `feed` or `progress` raise. The program never outlives this call.
    """
    options = ["-progress", "pipe:2", "-stats_period", "0.25"] if progress else []
    command = _command(outputs, program, limits, "info" if report else "error", options)
    process = _started(command, feed is not None, consumer is not None)
    with process, _Watch(process, _seconds(limits, duration)) as watch:
        reader = _Reader(process, consumer) if consumer else None
        writer = _Writer(process, feed) if feed else None
        assert process.stderr
        log = _listen(process.stderr, duration, progress)
        for thread in (writer, reader):
            if thread:
                thread.finish()
        status = process.wait()
    _judge(watch, status, log, name, command[0])
    return Finished(tuple(log))


@contextmanager
def reading(
    outputs: Any, *, size: int, name: str, limits: Limits, program: str | None = None, duration: float | None = None
) -> Iterator[Iterator[bytes]]:
    """Run ffmpeg and take what it writes to `pipe:1` as it is asked for.

    size: bytes of a piece; the last one may be shorter. The program ends with the block, whether all was read or not.
    The iterator raises at its end what `run` raises.
    """
    command = _command(outputs, program, limits, "error", [])
    process = _started(command, False, True)
    with process, _Watch(process, _seconds(limits, duration)) as watch:
        ears = _Ears(process)

        def pieces() -> Iterator[bytes]:
            assert process.stdout
            while piece := process.stdout.read(size):
                yield piece
            _judge(watch, process.wait(), ears.heard(), name, command[0])

        yield pieces()


def _command(outputs: Any, program: str | None, limits: Limits, level: str, options: list[str]) -> list[str]:
    common = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", level, "-y"]
    common += ["-max_alloc", str(limits.max_pixels * BYTES_PER_PIXEL), *options]
    return [find(program), *common, *(outputs if isinstance(outputs, Sequence) else arguments(outputs))]


def _started(command: list[str], fed: bool, heard: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if heard else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise MissingProgram(not_running(command[0], error)) from None


def _seconds(limits: Limits, duration: float | None) -> float:
    return limits.program_timeout * max(1.0, (duration or 0.0) / HOUR)


def _judge(watch: _Watch, status: int, log: Sequence[str], name: str, path: str) -> None:
    if watch.fired:
        raise LimitExceeded(
            f"{name}: ffmpeg did not end within {watch.seconds:.0f} seconds; raise the limit program_timeout"
        )
    if status != 0:
        raise failure(name, path, status, log)


_PROGRESS = re.compile(r"^(frame|fps|stream_\S+|bitrate|total_size|out_time\w*|dup_frames|drop_frames|speed|progress)=")
# Libraries that talk past ffmpeg's log level, about nothing that went wrong.
_CHATTER = re.compile(r"^(Svt\[(info|warn)\]|x26[45] \[(info|warning)\])")


class _Watch:
    """Kills the process when its time is up, and whenever the block is left while it still runs."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.fired = False
        self.seconds = seconds
        self._process = process
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._fire)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._process.poll() is None:
            self._process.kill()
        self._timer.join()

    def _fire(self) -> None:
        self.fired = True
        self._process.kill()


class _Reader(threading.Thread):
    """Hands standard output to the consumer beside the main thread, which listens to standard error."""

    def __init__(self, process: subprocess.Popen[bytes], consumer: Consumer) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._consumer = consumer
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        assert self._process.stdout
        try:
            while piece := self._process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
                self._consumer(piece)
        except BaseException as error:
            self._error = error
            self._process.kill()

    def finish(self) -> None:
        self.join()
        if self._error is not None:
            raise self._error


class _Writer(threading.Thread):
    """Puts a feed into standard input beside the main thread."""

    def __init__(self, process: subprocess.Popen[bytes], feed: Feed) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._feed = feed
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        assert self._process.stdin
        try:
            for piece in self._feed:
                try:
                    self._process.stdin.write(piece)
                except OSError:
                    break  # the program has ended, and says itself why
            self._feed.close()
        except BaseException as error:
            self._error = error
            self._process.kill()
        finally:
            with suppress(OSError):
                self._process.stdin.close()

    def finish(self) -> None:
        self.join()
        if self._error is not None:
            raise self._error


class _Ears(threading.Thread):
    """Listens to standard error beside the main thread, so that the program never waits for that."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._log: list[str] = []
        self.start()

    def run(self) -> None:
        assert self._process.stderr
        self._log = _listen(self._process.stderr, None, None)

    def heard(self) -> list[str]:
        self.join()
        return self._log


def _listen(stream: IO[bytes], duration: float | None, progress: Callable[[float], None] | None) -> list[str]:
    first: list[str] = []
    last: deque[str] = deque(maxlen=KEPT_LAST)
    done = 0.0
    whole = True
    while piece := stream.readline(MAX_LINE):
        begins, whole = whole, piece.endswith(b"\n")
        if not begins:
            continue  # the rest of an overlong line
        line = piece.decode("utf-8", "replace").rstrip("\r\n")
        if progress and _PROGRESS.match(line):
            key, _, value = line.partition("=")
            if key == "out_time_us" and duration and value.strip().isdigit():
                done = max(done, min(1.0, int(value) / 1e6 / duration))
                progress(done)
            continue
        if _CHATTER.match(line):
            continue
        (first if len(first) < KEPT_FIRST else last).append(line)
    return [*first, *last]
