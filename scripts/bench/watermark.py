"""What watermarks cost: alone, in pictures and sound; and what they add to labelling and verifying."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from measuring import alternating, bench_folder, compare, within
from PIL import Image
from works import film, photo

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.demo.scenery import landscape
from kzlabel.watermark import audio, image
from kzlabel.watermark.payload import Payload

RUNS, FILM_RUNS = 7, 2
PAYLOAD = Payload("0123456789ab")
RATE, SECONDS = 44_100, 60


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=60, help="of the film")
    seconds = asked.parse_args().seconds
    cv2.setNumThreads(1)
    with bench_folder() as folder:
        _pictures()
        _sound()
        _labelled_pictures(folder)
        _films(folder, seconds)


def _pictures() -> None:
    luma = np.asarray(landscape(4000, 3000).convert("L"), np.float32)
    marked = np.rint(np.clip(luma + image.embed(luma, PAYLOAD), 0, 255)).astype(np.float32)
    assert image.detect(marked)
    assert not image.detect(luma)
    costs = alternating(
        RUNS, lambda: image.embed(luma, PAYLOAD), lambda: image.detect(marked), lambda: image.detect(luma)
    )
    print(f"watermark of a picture of 12 megapixels (medians of {RUNS} alternating runs)")
    for title, bound, spent in zip(("embed", "read, marked", "search, unmarked"), (0.5, 0.1, 0.6), costs, strict=True):
        within(title, bound, spent.cpu)


def _sound() -> None:
    random = np.random.default_rng(1)
    samples = np.cumsum(random.standard_normal((RATE * SECONDS, 2)), axis=0)
    samples -= cv2.blur(samples.astype(np.float32), (1, 2001))
    samples = np.asarray(samples / np.abs(samples).max() * 0.5, np.float32)
    assert not audio.detect(samples, RATE)
    assert audio.detect(audio.embed(samples, RATE, PAYLOAD), RATE)
    costs = alternating(RUNS, lambda: audio.embed(samples, RATE, PAYLOAD), lambda: audio.detect(samples, RATE))
    print(f"watermark of {SECONDS} s of noise, stereo, 44.1 kHz (medians of {RUNS} alternating runs)")
    for title, spent in zip(("embed", "search, unmarked"), costs, strict=True):
        within(f"{title}: {SECONDS / spent.cpu:.0f} times real time", SECONDS / 60, spent.cpu)


def _labelled_pictures(folder: Path) -> None:
    source = photo(folder / "photo.jpg", 4000, 3000)
    plain, marking = (Labeller(LabelOptions(overwrite=True, watermark=watermark)) for watermark in (False, True))

    def bare() -> None:
        with Image.open(source) as picture:
            picture.load()

    costs = alternating(
        RUNS,
        bare,
        lambda: plain.label(source, folder / "plain.jpg"),
        lambda: marking.label(source, folder / "marked.jpg"),
    )
    print(f"label a JPEG of 12 megapixels (medians of {RUNS} alternating runs)")
    print(f"  Pillow: decode {costs[0].cpu:.3f} s, label without a watermark {costs[1].cpu:.3f} s of CPU")
    within("added by the watermark, read-back included", 0.6, costs[2].cpu - costs[1].cpu)


def _films(folder: Path, seconds: float) -> None:
    source = film(folder / "film.mp4", seconds)
    plain, marking = (Labeller(LabelOptions(overwrite=True, watermark=watermark)) for watermark in (False, True))
    unmarked, marked = folder / "plain.mp4", folder / "marked.mp4"
    costs = alternating(FILM_RUNS, lambda: plain.label(source, unmarked), lambda: marking.label(source, marked))
    compare(
        f"label {seconds:g} s of H.264, 1080p",
        FILM_RUNS,
        1.30,
        ("disclosure, metadata, manifest, read back", costs[0]),
        ("the same, and a watermark", costs[1]),
    )
    searching, unsearching = Verifier(), Verifier(VerifyOptions(watermark=False))
    for title, path in (("marked", marked), ("unmarked", unmarked)):
        costs = alternating(
            FILM_RUNS, lambda path=path: unsearching.verify(path), lambda path=path: searching.verify(path)
        )
        print(f"verify {seconds:g} s of H.264, 1080p, {title}")
        print(f"  without looking for a watermark {costs[0].cpu:.2f} s, looking for it {costs[1].cpu:.2f} s of CPU")


if __name__ == "__main__":
    main()
