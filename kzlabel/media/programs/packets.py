"""What is in each stream, packet by packet, without decoding: counts, digests, times."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...limits import Limits
from .ffmpeg import builder, opened, run
from .probe import Probe, Stream


@dataclass(frozen=True)
class Track:
    """One stream's packets. size: bytes of all.

    digest: over the size and checksum of each, in order; equal digests mean that every packet is the same.
    times: of presentation, in ticks of `time_base`, rising; kept for films only. first, last: seconds, of all.
    key_distance: the most packets from one keyframe to the next; 0 without packets. reordered: whether packets are
    presented in another order than they are stored in.
    """

    packets: int
    size: int
    digest: str
    time_base: Fraction
    first: float
    last: float
    times: array[int]
    key_distance: int
    reordered: bool


@dataclass(frozen=True)
class Census:
    """Every stream's packets, by stream index. complaints: what ffmpeg found wrong while it read."""

    tracks: dict[int, Track]
    complaints: tuple[str, ...]


def census(
    source: Path, probed: Probe, *, demuxer: str, limits: Limits, program: str | None = None, **options: Any
) -> Census:
    """Read all of `source` once. Raises UnreadableFile, LimitExceeded, MissingProgram.

    The checksum is Adler-32 for each packet, ffmpeg's own: it is there to find our mistakes, not an attacker's.
    """
    counters = _Counters({stream.index: stream for stream in probed.streams})
    outputs = builder().output(
        opened(source, demuxer, limits, **options), "pipe:1", map="0", c="copy", copy_unknown=None, f="framecrc"
    )
    finished = run(
        outputs,
        name=source.name,
        limits=limits,
        program=program,
        duration=probed.duration,
        consumer=counters.take,
    )
    return Census({index: counter.track() for index, counter in counters.each.items()}, finished.log)


@dataclass
class _Counter:
    stream: Stream
    packets: int = 0
    size: int = 0
    sums: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))
    times: array[int] = field(default_factory=lambda: array("q"))
    first: int = 0
    last: int = 0
    latest: int = 0
    since_key: int = 0
    key_distance: int = 0
    reordered: bool = False

    def add(self, time: int, duration: int, size: bytes, checksum: bytes, key: bool) -> None:
        self.first = min(self.first, time) if self.packets else time
        self.reordered = self.reordered or (self.packets > 0 and time < self.latest)
        self.latest = time
        self.last = max(self.last, time + duration) if self.packets else time + duration
        self.packets += 1
        self.size += int(size)
        self.sums.update(size + b" " + checksum + b"\n")
        if self.stream.kind == "video":
            self.times.append(time)
            self.since_key = 1 if key else self.since_key + 1
            self.key_distance = max(self.key_distance, self.since_key)

    def track(self) -> Track:
        base = self.stream.time_base
        times = array("q", sorted(self.times)) if self.reordered else self.times
        return Track(
            packets=self.packets,
            size=self.size,
            digest=self.sums.hexdigest(),
            time_base=base,
            first=float(self.first * base),
            last=float(self.last * base),
            times=times,
            key_distance=self.key_distance,
            reordered=self.reordered,
        )


class _Counters:
    """Takes ffmpeg's list of packets piece by piece: `stream, dts, pts, duration, size, checksum[, F=flags][, …]`."""

    def __init__(self, streams: dict[int, Stream]) -> None:
        self.each = {index: _Counter(stream) for index, stream in streams.items()}
        self._rest = b""

    def take(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line[:1] == b"#" or not line:
                continue
            parts = line.split(b",", 7)
            index, time, duration = int(parts[0]), int(parts[2]), int(parts[3])
            if index not in self.each:
                continue
            # Without flags a packet is a keyframe and nothing else; with them, the lowest bit says so.
            flags = next((part.strip() for part in parts[6:7] if part.strip().startswith(b"F=")), b"F=0x1")
            key = bool(int(flags[2:], 16) & 1)
            self.each[index].add(time, duration, parts[4].strip(), parts[5].strip(), key)
