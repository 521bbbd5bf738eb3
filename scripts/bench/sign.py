"""What a signature adds to a small JPEG with a warm signer, and what eight threads gain from one."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import c2pa
from measuring import alternating, bench_folder
from works import photo

from kzlabel import Declaration
from kzlabel.marks import manifest
from kzlabel.marks.definition import definition
from kzlabel.marks.signing_hand import hand_of
from kzlabel.signing import KeyAccess, Signer, open_signer
from kzlabel.trust import NOBODY

RUNS = 200
TARGET_MS = 3.0  # added to a small JPEG
TARGET_SHARE = 0.85  # of the gain that bare c2pa has from two threads
ROUNDS, FILES = 7, 160


def main() -> None:
    with bench_folder() as folder:
        signer = open_signer("dev:", KeyAccess(folder / "keys"))
        small = photo(folder / "small.jpg", 320, 240, quality=80)
        added(small, folder, signer)
        for picture in (small, photo(folder / "large.jpg", 3360, 2520)):
            threads(picture, folder, signer)


def added(picture: Path, folder: Path, signer: Signer) -> None:
    """A signature against a copy of the same file."""
    declared = definition(Declaration(), None, opened=False, fmt="image/jpeg")

    def copy() -> None:
        shutil.copyfile(picture, folder / "copy.jpg")

    def sign() -> None:
        manifest.sign_file(picture, folder / "signed.jpg", "image/jpeg", declared, signer)

    copied, signed = alternating(RUNS, copy, sign)
    more = (signed.cpu - copied.cpu) * 1000, (signed.wall - copied.wall) * 1000
    print(f"sign a JPEG of {picture.stat().st_size / 1000:.0f} KB, warm signer, against copying it (n {RUNS})")
    verdict = "met" if more[0] <= TARGET_MS else "MISSED"
    print(f"  added: CPU {more[0]:.2f} ms, wall {more[1]:.2f} ms; target {TARGET_MS:.1f} ms: {verdict}", flush=True)


def threads(picture: Path, folder: Path, signer: Signer) -> None:
    """Eight of our threads against one, and two bare c2pa threads against one, in turn."""
    declared = definition(Declaration(), None, opened=False, fmt="image/jpeg")
    context, data, text = manifest._context(NOBODY, os.getpid()), picture.read_bytes(), json.dumps(declared)

    def ours(number: int) -> None:
        manifest.sign_file(picture, folder / f"{number}.jpg", "image/jpeg", declared, signer)

    def bare(number: int) -> None:
        with hand_of(signer, None, "bare") as hand, (folder / f"{number}.jpg").open("w+b") as target:
            c2pa.Builder(text, context=context).sign(hand, "image/jpeg", BytesIO(data), target)

    plan = {"bare 1": (bare, 1), "bare 2": (bare, 2), "ours 1": (ours, 1), "ours 8": (ours, 8)}
    for work, _ in plan.values():
        work(0)
    took: dict[str, list[float]] = {name: [] for name in plan}
    for _ in range(ROUNDS):
        for name, (work, workers) in plan.items():
            took[name].append(_wall(work, workers))
    rates = {name: FILES / statistics.median(times) for name, times in took.items()}
    gains = rates["ours 8"] / rates["ours 1"], rates["bare 2"] / rates["bare 1"]
    share = gains[0] / gains[1]
    print(f"signatures a second of a JPEG of {len(data) / 1e6:.2f} MB (medians of {ROUNDS} rounds of {FILES} files)")
    print("  " + ", ".join(f"{name}: {rate:.0f}" for name, rate in rates.items()))
    verdict = "met" if share >= TARGET_SHARE else "MISSED"
    print(
        f"  gain: ours {gains[0]:.2f}, bare {gains[1]:.2f}; share {share:.2f}, target {TARGET_SHARE}: {verdict}",
        flush=True,
    )


def _wall(work: Callable[[int], None], workers: int) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(FILES)))
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
