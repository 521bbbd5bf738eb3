"""Measures two ways of doing a thing in turn, in one run on one machine, and prints them side by side."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SAMPLING = 0.02  # seconds between two looks at the memory of running processes


@dataclass(frozen=True)
class Cost:
    """cpu: seconds of this process and of its children that have ended. wall: seconds on the clock."""

    cpu: float
    wall: float


def cost(work: Callable[[], object]) -> Cost:
    begun, cpu = time.perf_counter(), _cpu()
    work()
    return Cost(_cpu() - cpu, time.perf_counter() - begun)


def alternating(runs: int, *works: Callable[[], object]) -> list[Cost]:
    """The median cost of each, run in turn `runs` times after one run that does not count."""
    for work in works:
        work()
    costs = [[cost(work) for work in works] for _ in range(runs)]
    columns = list(zip(*costs, strict=True))
    return [Cost(*(statistics.median(getattr(one, kind) for one in column) for kind in _KINDS)) for column in columns]


def compare(title: str, runs: int, target: float, baseline: tuple[str, Cost], ours: tuple[str, Cost]) -> bool:
    """Print both and their ratios. Returns whether the ratio of CPU time is within the target."""
    ratio = ours[1].cpu / baseline[1].cpu
    print(f"{title} (medians of {runs} alternating runs)")
    for name, spent in (baseline, ours):
        print(f"  {name:<58} CPU {_time(spent.cpu)}   wall {_time(spent.wall)}")
    verdict = "met" if ratio <= target else "MISSED"
    wall = ours[1].wall / baseline[1].wall
    print(f"  ratio: CPU {ratio:.2f}, wall {wall:.2f}; target {target:.2f}: {verdict}", flush=True)
    return ratio <= target


def within(title: str, bound: float, spent: float) -> bool:
    """Print seconds of CPU beside their bound. Returns whether they are within it."""
    verdict = "met" if spent <= bound else "MISSED"
    print(f"  {title:<58} CPU {_time(spent)}   bound {_time(bound)}: {verdict}", flush=True)
    return spent <= bound


@dataclass(frozen=True)
class Run:
    """One run of another program. peak: bytes resident in it and all its children together, sampled."""

    cost: Cost
    peak: int


def watched(command: Sequence[str]) -> Run:
    """Run a program and watch its memory and that of its children. Needs /proc. Ends this one where it fails."""
    peak = 0
    ended = threading.Event()

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def watch() -> None:
        nonlocal peak
        while not ended.wait(SAMPLING):
            peak = max(peak, _resident_below(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        spent = cost(run)
    finally:
        ended.set()
        watcher.join()
    return Run(spent, peak)


@contextmanager
def bench_folder() -> Iterator[Path]:
    """A temporary folder (TMPDIR says where), in which keys are made as well, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kzlabel-bench-") as name:
        os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = name
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # programs start from compiled code, as once installed
        yield Path(name)


def kzlabel(*arguments: object) -> list[str]:
    """The command line of this very Python's kzlabel."""
    return [sys.executable, "-m", "kzlabel", *map(str, arguments)]


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


_KINDS = ("cpu", "wall")


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def _resident_below(parent: int) -> int:
    """Bytes resident in all processes below one; pages that they share count once for each."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
    found, waiting = 0, {parent}
    while waiting:
        waiting = {child for child, above in parents.items() if above in waiting}
        for child in waiting:
            try:
                found += int(Path(f"/proc/{child}/statm").read_text().split()[1]) * resource.getpagesize()
            except (OSError, ValueError):
                continue
    return found


def _time(seconds: float) -> str:
    return f"{seconds * 1000:9.2f} ms" if seconds < 10 else f"{seconds:9.2f} s "
