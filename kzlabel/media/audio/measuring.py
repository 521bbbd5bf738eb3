"""One look at a recording as it sounds: loudness, number of samples, digest. A decode without an encode.

The notice stands before the programme and must be as loud as the whole of it, so the programme is decoded once to be
measured and once to be encoded; measuring costs 0.1 to 0.5 s of processor for each minute of sound.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...disclosure.notice import SILENCE
from ...errors import UnreadableFile
from ...limits import Limits
from ..programs.ffmpeg import builder, opened, run

# A gating block of 400 ms must be full before it counts, so a shorter sound is measured with silence after it.
SHORTEST = 0.5
_FAULT = re.compile(r"Error|[Ii]nvalid|[Cc]orrupt|Header missing|overread|damaged|mismatch", re.ASCII)


@dataclass(frozen=True)
class Measured:
    """loudness: LUFS, None for silence. samples: of one channel. digest: MD5 of the samples, where asked for.

    faults: how many complaints ffmpeg had about the stream.
    """

    loudness: float | None
    samples: int
    digest: str | None = None
    faults: int = 0


@dataclass(frozen=True)
class Part:
    """A stretch of a recording, in samples: from `start` on, up to `end` (None: to the last)."""

    start: int = 0
    end: int | None = None


def measure(
    source: Path,
    part: Part,
    *,
    demuxer: str,
    limits: Limits,
    program: str | None,
    digest: str | None = None,
    duration: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Measured:
    """Listen to the first audio stream of a recording.

    digest: the PCM codec whose bytes are digested, "pcm_s16le"; None for no digest.
    duration, progress: as in `programs.ffmpeg.run`. Raises UnreadableFile, LimitExceeded, MissingProgram.
    """
    sound = opened(source, demuxer, limits)["a:0"]
    if part != Part():
        bounds = {"start_sample": part.start} | ({} if part.end is None else {"end_sample": part.end})
        sound = sound.filter("atrim", **bounds).filter("asetpts", "N/SR/TB")
    branches = sound.filter_multi_output("asplit", 2) if digest else {0: sound}
    heard = branches[0].filter("astats", measure_perchannel="none", measure_overall="Number_of_samples")
    heard = heard.filter("apad", whole_dur=SHORTEST).filter("ebur128", framelog="quiet")
    outputs: list[Any] = [builder().output(heard, "-", f="null")]
    told = bytearray()
    if digest:
        outputs.append(builder().output(branches[1], "pipe:1", f="hash", hash="md5", acodec=digest))
    log = run(
        outputs[0] if len(outputs) == 1 else builder().merge_outputs(*outputs),
        name=source.name,
        limits=limits,
        program=program,
        duration=duration,
        progress=progress,
        consumer=told.extend if digest else None,
        report=True,
    ).log
    begin = next((place for place, line in enumerate(log) if line.startswith("Stream mapping:")), 0)
    said = log[begin:]  # before it stand the file's own tags, which may say anything
    samples = _number(said, r"Number of samples: (\d+)")
    loudness = _number(said, r"    I: +(-?[\d.]+|nan|-inf) LUFS")
    if samples is None:
        raise UnreadableFile(f"{source.name}: ffmpeg finds no sound in this file; is it complete?")
    audible = loudness is not None and math.isfinite(loudness) and loudness > SILENCE
    found = re.search(rb"MD5=([0-9a-f]{32})", told)
    return Measured(
        loudness if audible else None,
        int(samples),
        found[1].decode() if found else None,
        sum(1 for line in said if _FAULT.search(line)),
    )


def _number(log: tuple[str, ...], pattern: str) -> float | None:
    for line in reversed(log):
        if match := re.search(pattern, line):
            return float(match[1])
    return None
