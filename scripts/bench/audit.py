"""What a record of a signature costs: one writer, eight at once, a file of a million, and checking that one."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from pathlib import Path

from measuring import bench_folder

from kzlabel.signing.audit import Signature, open_trail
from kzlabel.signing.audit.checking import check
from kzlabel.signing.audit.record import NOTHING, sealed

WORK = Signature("0eac61fe58b5", f"urn:c2pa:{'0' * 36}", "8" * 64, "4" * 64, None, "b" * 64, "kz", "none")
RECORDS, WRITERS, MANY = 1000, 8, 1_000_000
TARGET_MS = 3.0  # that signing may add altogether
TARGET_CHECK = 64 << 20  # bytes: a check streams


def main() -> None:
    with bench_folder() as folder:
        write(folder / "one.jsonl", 1)
        told("one writer", write(folder / "one.jsonl", RECORDS))
        at_once(folder / "eight.jsonl")
        many(folder / "many.jsonl")


def write(path: Path, number: int) -> list[float]:
    """Seconds that each record took, with the look beforehand whether it could be written."""
    trail = open_trail(str(path))
    spent = []
    for _ in range(number):
        begun = time.perf_counter()
        trail.ready()
        trail.record(WORK)
        spent.append(time.perf_counter() - begun)
    return spent


def at_once(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(WRITERS) as pool:
        pool.starmap(write, [(path, 1)] * WRITERS, chunksize=1)  # all have started
        begun = time.perf_counter()
        spent = pool.starmap(write, [(path, RECORDS)] * WRITERS, chunksize=1)
        rate = WRITERS * RECORDS / (time.perf_counter() - begun)
    told(f"{WRITERS} writers at once, {rate:.0f} records a second together", [one for each in spent for one in each])
    found = check([path])
    assert found.whole, found.broken
    assert found.records == WRITERS * (RECORDS + 1)


def many(path: Path) -> None:
    head = NOTHING
    with path.open("wb") as file:
        for number in range(MANY):
            line, head = sealed(WORK, head, begins=number == 0)
            file.write(line + b"\n")
    told(f"one writer, after {MANY:,} records ({path.stat().st_size / 1e6:.0f} MB)", write(path, RECORDS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    assert check([path]).records == MANY + RECORDS
    spent, peak = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    verdict = "met" if peak << 10 <= TARGET_CHECK else "MISSED"
    print(
        f"check of {MANY:,} records: {spent:.1f} s; memory {before >> 10} MB before, {peak >> 10} MB at most: {verdict}"
    )


def told(what: str, spent: list[float]) -> None:
    median, high = statistics.median(spent) * 1000, sorted(spent)[int(len(spent) * 0.99)] * 1000
    print(
        f"{what}: median {median:.2f} ms, 99 % within {high:.2f} ms; target {TARGET_MS} ms for one writer", flush=True
    )


if __name__ == "__main__":
    main()
