"""What ffmpeg's end means: its own words, and the error of ours that says what to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence

from ...errors import KzlabelError, MissingProgram, OutputError, UnreadableFile

MAX_REASON = 200  # characters of the program's own words within one of our sentences


def failure(name: str, path: str, status: int, log: Sequence[str]) -> KzlabelError:
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


def not_running(path: str, error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return f"{path}: ffmpeg does not run: {words.lower()}; reinstall imageio-ffmpeg, or name another one with --ffmpeg"


def reason(log: Sequence[str]) -> str:
    """What went wrong, in the program's own words: the first complaint, cleaned of addresses and control characters."""
    complaints = [_clean(line) for line in log if not line.startswith(" ")]
    known = [line for line in complaints if line and not _EMPTY_WORDS.search(line)]
    return (known or [line for line in complaints if line] or ["no reason given"])[0][:MAX_REASON]


# ffmpeg's frame around the real reason, which stands before it.
_EMPTY_WORDS = re.compile(
    r"^(Error (opening|while|submitting|muxing|initializing|processing|parsing|reinitializing)|Conversion failed"
    r"|Nothing was written|Task finished|Terminating|Exiting|Failed to|Could not open encoder"
    r"|ffmpeg stats and -progress|Guessed Channel Layout)"
)
_SPEAKER = re.compile(r"^(\[[^\]\n]{1,60} @ (0x)?[0-9a-f]+\] ?)+")


def _clean(line: str) -> str:
    return "".join(letter for letter in _SPEAKER.sub("", line) if letter.isprintable()).strip()
