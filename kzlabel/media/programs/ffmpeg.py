"""ffmpeg: the one place that finds it, starts it on files that nobody trusts, and ends it."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...errors import KzlabelError, LimitExceeded, MissingProgram, OutputError, UnreadableFile
from ...limits import Limits

# Lines of the program's talk that are kept: the beginning holds the report on the input, the end the reason of failure.
KEPT_FIRST = 4_000
KEPT_LAST = 200
MAX_LINE = 16 * 1024  # characters of one line; the rest is dropped unread
MAX_REASON = 200  # characters of the program's own words within one of our sentences
BYTES_PER_PIXEL = 8  # of one plane at most, with room to spare: bounds a single allocation of the program
HOUR = 3600.0

Consumer = Callable[[bytes], None]
"""Takes what the program writes to its standard output, piece by piece."""


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
        raise MissingProgram(_not_running(path, error)) from None
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
    report: bool = False,
) -> Finished:
    """Run ffmpeg on what ffmpeg-python has put together, and wait for it.

    outputs: an ffmpeg-python output node, several merged into one, or a list of arguments. name: the input's name, for
    messages. duration: seconds of media, for progress and for the time-out. progress: called with 0..1.
    consumer: gets standard output (an output to `pipe:1`). report: keep all that the program says, not only errors.

    Raises MissingProgram, UnreadableFile, LimitExceeded when time runs out, OutputError when the disk is full, and
    whatever `consumer` or `progress` raise. The program never outlives this call.
    """
    path = find(program)
    level = "info" if report else "error"
    common = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", level, "-y"]
    common += ["-max_alloc", str(limits.max_pixels * BYTES_PER_PIXEL)]
    if progress:
        common += ["-progress", "pipe:2", "-stats_period", "0.25"]
    command = [path, *common, *(outputs if isinstance(outputs, Sequence) else arguments(outputs))]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if consumer else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise MissingProgram(_not_running(path, error)) from None
    seconds = limits.program_timeout * max(1.0, (duration or 0.0) / HOUR)
    with process, _Watch(process, seconds) as watch:
        reader = _Reader(process, consumer) if consumer else None
        assert process.stderr
        log = _listen(process.stderr, duration, progress)
        if reader:
            reader.finish()
        status = process.wait()
    if watch.fired:
        raise LimitExceeded(f"{name}: ffmpeg did not end within {seconds:.0f} seconds; raise the limit program_timeout")
    if status != 0:
        raise _failure(name, path, status, log)
    return Finished(tuple(log))


def reason(log: Sequence[str]) -> str:
    """What went wrong, in the program's own words: the first complaint, cleaned of addresses and control characters."""
    complaints = [_clean(line) for line in log if not line.startswith(" ")]
    known = [line for line in complaints if line and not _EMPTY_WORDS.search(line)]
    return (known or [line for line in complaints if line] or ["no reason given"])[0][:MAX_REASON]


# ffmpeg's frame around the real reason, which stands before it.
_EMPTY_WORDS = re.compile(
    r"^(Error (opening|while|submitting|muxing|initializing|processing|parsing|reinitializing)|Conversion failed"
    r"|Nothing was written|Task finished|Terminating|Exiting|Failed to|Could not open encoder)"
)
_SPEAKER = re.compile(r"^(\[[^\]\n]{1,60} @ (0x)?[0-9a-f]+\] ?)+")
# Libraries that talk past ffmpeg's log level, about nothing that went wrong.
_CHATTER = re.compile(r"^(Svt\[(info|warn)\]|x26[45] \[(info|warning)\])")
_PROGRESS = re.compile(r"^(frame|fps|stream_\S+|bitrate|total_size|out_time\w*|dup_frames|drop_frames|speed|progress)=")


class _Watch:
    """Kills the process when its time is up, and whenever the block is left while it still runs."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.fired = False
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


def _failure(name: str, path: str, status: int, log: Sequence[str]) -> KzlabelError:
    words = reason(log)
    if any("No space left on device" in line or "Disk quota exceeded" in line for line in log):
        return OutputError(f"{name}: the disk is full; free some space and run it again")
    if -status == getattr(signal, "SIGXFSZ", None):
        return OutputError(f"{name}: the output would be larger than this system allows")
    if any("Unknown encoder" in line or "Unknown decoder" in line for line in log):
        return MissingProgram(f"{name}: {path} was built without a codec that this film needs: {words}")
    if status in (126, 127) or any("error while loading shared libraries" in line for line in log):
        return MissingProgram(f"{path}: ffmpeg does not run: {words}; reinstall imageio-ffmpeg")
    if status < 0:
        return UnreadableFile(f"{name}: ffmpeg was ended by signal {-status} while it worked on this file")
    return UnreadableFile(f"{name}: ffmpeg cannot work with this file: {words}")


def _not_running(path: str, error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return f"{path}: ffmpeg does not run: {words.lower()}; reinstall imageio-ffmpeg, or name another one with --ffmpeg"


def _clean(line: str) -> str:
    return "".join(letter for letter in _SPEAKER.sub("", line) if letter.isprintable()).strip()
