"""Labelling a JPEG of 12 megapixels, against Pillow's bare decode and encode at the same tables."""

from __future__ import annotations

from pathlib import Path

from measuring import alternating, bench_folder, compare
from PIL import Image
from works import photo

from kzlabel import Labeller, LabelOptions

RUNS = 15
TARGET = 2.0


def main() -> None:
    with bench_folder() as folder:
        source = photo(folder / "photo.jpg", 4000, 3000)
        labeller = Labeller(LabelOptions(overwrite=True, watermark=False))

        def bare() -> None:
            with Image.open(source) as picture:
                picture.load()
                picture.save(folder / "bare.jpg", qtables=picture.quantization, subsampling="4:2:0")

        def label() -> None:
            labeller.label(source, folder / "labelled.jpg")

        costs = alternating(RUNS, bare, label)
        compare(
            f"label a JPEG of 12 megapixels without a watermark, {_size(source)}",
            RUNS,
            TARGET,
            ("Pillow: decode, encode", costs[0]),
            ("Labeller.label: disclosure, metadata, manifest, read back", costs[1]),
        )


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
