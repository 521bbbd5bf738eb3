"""Memory of all processes together: a film of over 2 GB, and films that grow longer."""

from __future__ import annotations

import argparse

from measuring import bench_folder, kzlabel, watched
from works import film, looped

MB = 1_000_000
BOUND = 700 * MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2100, help="of the large film, in MB; default: 2100")
    asked = parser.parse_args()
    with bench_folder() as folder:
        short = film(folder / "short.mp4", 10, "-b:v", "40M", "-crf", "4", "-maxrate", "60M", "-bufsize", "60M")
        large = looped(short, folder / "large.mp4", asked.size * MB)
        labelled = folder / "labelled.mp4"
        print(f"memory: a film of {large.stat().st_size / MB:.0f} MB, all processes together, bound {BOUND // MB} MB")
        _row("label --no-disclosure", kzlabel("label", large, "-o", labelled, "--no-disclosure"), BOUND)
        large.unlink()
        _row("verify", kzlabel("verify", labelled), BOUND)
        labelled.unlink()

        print("memory: films of 1280x720 that grow longer, with disclosure; the encoder's own buffers are most of it")
        for seconds in (30, 120):
            source = film(folder / f"film-{seconds}.mp4", seconds, width=1280, height=720)
            _row(f"label {seconds} s", kzlabel("label", source, "-o", folder / f"labelled-{seconds}.mp4"), None)


def _row(name: str, command: list[str], bound: int | None) -> None:
    run = watched(command)
    verdict = "" if bound is None else " met" if run.peak < bound else " MISSED"
    print(
        f"  {name:<24} peak {run.peak / MB:6.0f} MB{verdict}   wall {run.cost.wall:7.2f} s   CPU {run.cost.cpu:7.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
