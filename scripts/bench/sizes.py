"""What labelling and verifying cost by the size of the file: time, and memory of all processes together."""

from __future__ import annotations

from pathlib import Path

from measuring import bench_folder, kzlabel, watched
from works import film, looped, music, photo

MB = 1_000_000


def main() -> None:
    print("label and verify by size, one process each, its start of about 0.3 s included")
    columns = f"{'s':>9} {'MB/s':>6} {'peak MB':>8}"
    print(f"  {'':<35}{'label':>25}{'verify':>26}")
    print(f"  {'file':<28}{'MB':>7}{columns}{columns}")
    with bench_folder() as folder:
        short = film(folder / "short.mp4", 4, "-b:v", "8M")
        works = [
            (photo(folder / "photo.jpg", 2800, 2100), ()),
            (photo(folder / "large.jpg", 9000, 6750), ()),
            (photo(folder / "vast.jpg", 13600, 10200, quality=99), ()),
            (photo(folder / "photo.png", 720, 540), ()),
            (photo(folder / "large.png", 2300, 1720), ()),
            (photo(folder / "vast.png", 7400, 5500), ()),
            (music(folder / "jingle.wav", 5), ()),
            (music(folder / "song.wav", 52), ()),
            (music(folder / "album.wav", 520), ()),
            (looped(short, folder / "film-1.mp4", MB // 2), ("--no-disclosure",)),
            (looped(short, folder / "film-10.mp4", 10 * MB), ("--no-disclosure",)),
            (looped(short, folder / "film-100.mp4", 100 * MB), ("--no-disclosure",)),
        ]
        for work, options in works:
            _row(work, options, folder / f"labelled{work.suffix}")
            work.unlink()


def _row(work: Path, options: tuple[str, ...], output: Path) -> None:
    label = watched(kzlabel("label", work, "-o", output, "--overwrite", *options))
    verify = watched(kzlabel("verify", output))
    size = work.stat().st_size / MB
    row = f"  {' '.join((work.name, *options)):<28}{size:7.1f}"
    for run in (label, verify):
        row += f"{run.cost.wall:9.2f} {size / run.cost.wall:6.0f} {run.peak / MB:8.0f}"
    print(row, flush=True)


if __name__ == "__main__":
    main()
