"""`kzlabel --help`, against an empty Python plus what importing typer takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from measuring import alternating, bench_folder, compare, kzlabel

RUNS = 25
TARGET = 2.0


def main() -> None:
    with bench_folder():
        python = [sys.executable, "-c"]
        empty, typer, ours = alternating(
            RUNS, _running(*python, "pass"), _running(*python, "import typer"), _running(*kzlabel("--help"))
        )
        compare(
            "kzlabel --help",
            RUNS,
            TARGET,
            ("python -c 'import typer'", typer),
            ("kzlabel --help", ours),
        )
        print(f"  python -c pass alone: CPU {empty.cpu * 1000:.0f} ms, wall {empty.wall * 1000:.0f} ms")


def _running(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
