"""How many stripped and harmed copies lead back to their signed manifest, and how many that must not do.

    python scripts/bench/recovery.py works/pictures/*.png works/sounds/* works/films/*

Labels each work, registers it in a database of its own (`--registry` names another), sends it through ten paths and
verifies. Then marks are copied onto other works: the difference that a mark made, added to another work, must lead
to no verdict `recovered`. --forgeries: how many of these. NAME-large is NAME in another
size.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from measuring import bench_folder
from numpy.typing import NDArray
from PIL import Image

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.media.programs.ffmpeg import find
from kzlabel.registry.place import named
from kzlabel.registry.store import initialise
from kzlabel.watermark.trials.counting import Row

Pixels = NDArray[np.uint8]
Marked = tuple[Pixels, Pixels, str, str]  # before and after, identifier, name
FILMS = {".mp4", ".mkv", ".webm", ".mov"}
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("works", type=Path, nargs="+")
    asked.add_argument("--registry", help="default: SQLite, in a folder of its own")
    asked.add_argument("--forgeries", type=int, default=100)
    chosen = asked.parse_args()
    cv2.setNumThreads(1)
    with bench_folder() as folder:
        registry = chosen.registry or f"sqlite:///{folder / 'registry.db'}"
        initialise(named(registry)).close()
        labeller = Labeller(LabelOptions(registry=registry, overwrite=True, disclosure=False, audit="off"))
        verifier = Verifier(VerifyOptions(registry=registry))
        pictures = [work for work in chosen.works if work.suffix.lower() in SUFFIXES]
        films = [work for work in chosen.works if work.suffix.lower() in FILMS]
        sounds = [work for work in chosen.works if work not in (*pictures, *films)]
        if pictures:
            _of_pictures(pictures, folder, labeller, verifier, chosen.forgeries)
        if sounds:
            _of_streams("recordings", sounds, SOUND_PATHS, folder, labeller, verifier)
            _forged_sounds(sounds, folder, verifier, chosen.forgeries)
        if films:
            _of_streams("films", films, FILM_PATHS, folder, labeller, verifier)
            _forged_films(films, folder, verifier, chosen.forgeries)


class _Count:
    """Reads of the mark and recoveries, by path."""

    def __init__(self) -> None:
        self._n: Counter[str] = Counter()
        self._read: Counter[str] = Counter()
        self._recovered: Counter[str] = Counter()

    def add(self, path: str, verdict: dict[str, object], identifier: str, work: str) -> None:
        layers = verdict["evidence"]
        assert isinstance(layers, list)
        read = any(layer["layer"] == "watermark" and layer.get("payload") == identifier for layer in layers)
        right = verdict["verdict"] == "recovered" and verdict["identifier"] == identifier
        wrong = verdict["verdict"] == "recovered" and verdict["identifier"] != identifier
        self._n[path] += 1
        self._read[path] += read
        self._recovered[path] += right
        if wrong or (read and not right):
            recovery = verdict["recovery"]
            candidates = recovery["candidates"] if isinstance(recovery, dict) else []
            told = [(one.get("similarity"), one.get("why")) for one in candidates]
            print(f"  {work}, {path}: {'WRONG' if wrong else 'read, not recovered'} {told}", flush=True)

    def told(self, title: str) -> None:
        print(title)
        for path in self._n:
            print(f"  read      {Row(path, '', self._read[path], self._n[path])}")
            print(f"  recovered {Row(path, '', self._recovered[path], self._n[path])}")
        print(f"  of all    {Row('read', '', sum(self._read.values()), sum(self._n.values()))}")
        print(
            f"  of read   {Row('recovered', '', sum(self._recovered.values()), sum(self._read.values()))}", flush=True
        )


# --- pictures ---


def _of_pictures(works: list[Path], folder: Path, labeller: Labeller, verifier: Verifier, forgeries: int) -> None:
    count = _Count()
    marked: list[Marked] = []
    for work in works:
        labelled = labeller.label(work, folder / f"labelled{work.suffix}")
        if labelled.watermark is None or labelled.watermark.identifier is None:
            print(f"  {work.name}: bears no mark")
            continue
        identifier = labelled.watermark.identifier
        with Image.open(work) as opened, Image.open(labelled.output) as output:
            before, after = np.asarray(opened.convert("RGB")), np.asarray(output.convert("RGB"))
        marked.append((before, after, identifier, work.name))
        for name, harm in _paths():
            count.add(name, verifier.verify(harm(Image.fromarray(after)), name=name).to_json(), identifier, work.name)
    count.told(f"{len(marked)} pictures")
    _forged(marked, verifier, forgeries)


def _paths() -> Iterator[tuple[str, Callable[[Image.Image], bytes]]]:
    """What platforms and people do to pictures."""

    def jpeg(picture: Image.Image, quality: int) -> bytes:
        made = io.BytesIO()
        picture.convert("RGB").save(made, "JPEG", quality=quality)
        return made.getvalue()

    def fitted(picture: Image.Image, side: int) -> Image.Image:
        factor = min(1.0, side / max(picture.size))
        return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)

    def cut(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
        sides = picture.width, picture.height
        return picture.crop(
            tuple(round(part * side) for part, side in zip((left, top, right, bottom), sides * 2, strict=True))
        )

    def square(picture: Image.Image) -> Image.Image:
        width, height = (min(picture.size) / side / 2 for side in picture.size)
        return cut(picture, 0.5 - width, 0.5 - height, 0.5 + width, 0.5 + height)

    def screenshot(picture: Image.Image) -> bytes:
        screen = Image.new("RGB", (picture.width + 180, picture.height + 240), (24, 24, 28))
        screen.paste(picture, (90, 120))
        made = io.BytesIO()
        fitted(screen, 1200).save(made, "PNG")
        return made.getvalue()

    def webp(picture: Image.Image) -> bytes:
        made = io.BytesIO()
        picture.convert("RGB").save(made, "WEBP", quality=70)
        return made.getvalue()

    yield "stripped", lambda picture: jpeg(picture, 92)
    yield "messenger: 1280, JPEG 75", lambda picture: jpeg(fitted(picture, 1280), 75)
    yield "post: 1080, JPEG 70", lambda picture: jpeg(fitted(picture, 1080), 70)
    yield "thumbnail: 600, JPEG 80", lambda picture: jpeg(fitted(picture, 600), 80)
    yield "WebP 70", webp
    yield "screenshot", screenshot
    yield "crop to 56 %, JPEG 80", lambda picture: jpeg(cut(picture, 0.1, 0.15, 0.85, 0.9), 80)
    yield "crop to 30 %, JPEG 80", lambda picture: jpeg(cut(picture, 0.35, 0.3, 0.9, 0.85), 80)
    yield (
        "turned by 4 degrees, JPEG 80",
        lambda picture: jpeg(cut(picture.rotate(4, Image.Resampling.BICUBIC), 0.08, 0.08, 0.92, 0.92), 80),
    )
    yield "square, 640, JPEG 70", lambda picture: jpeg(fitted(square(picture), 640), 70)


def _pairs(works: Sequence[Any], name: Callable[[Any], str], most: int) -> list[tuple[Any, Any]]:
    """Two different works each, so many at most."""
    pairs = [
        (one, other)
        for one, other in itertools.permutations(works, 2)
        if name(one).removesuffix("-large") != name(other).removesuffix("-large")
    ]
    random.Random(1).shuffle(pairs)
    return pairs[:most]


def _stem(marked: Marked) -> str:
    return Path(marked[3]).stem


def _forged(marked: list[Marked], verifier: Verifier, most: int) -> None:
    """The difference that marked one picture, added to another, which is scaled to the same size."""
    recovered = read = done = 0
    for (before, after, identifier, name), (other, _, _, its_name) in _pairs(
        marked, lambda one: Path(one[3]).stem, most
    ):
        size = before.shape[1], before.shape[0]
        scaled = np.asarray(Image.fromarray(other).resize(size, Image.Resampling.LANCZOS), np.int16)
        forged = np.clip(scaled + (after.astype(np.int16) - before), 0, 255).astype(np.uint8)
        made = io.BytesIO()
        Image.fromarray(forged).save(made, "PNG", compress_level=1)
        verdict = verifier.verify(made.getvalue()).to_json()
        layers = verdict["evidence"]
        read += any(layer["layer"] == "watermark" and layer.get("payload") == identifier for layer in layers)
        if verdict["verdict"] == "recovered":
            recovered += 1
            print(f"  RECOVERED: {its_name} as {name}, {verdict['recovery']['match'].get('similarity')}", flush=True)
        done += 1
    print(f"forged: {done} pictures with the mark of another; the mark was read in {read}, {recovered} were recovered")


# --- sounds and films ---


def _of_streams(
    kind: str,
    works: list[Path],
    paths: Sequence[tuple[str, str, tuple[str, ...]]],
    folder: Path,
    labeller: Labeller,
    verifier: Verifier,
) -> None:
    count, marked = _Count(), 0
    for work in works:
        labelled = labeller.label(work, folder / f"labelled-{work.stem}{work.suffix}")
        if labelled.watermark is None or labelled.watermark.identifier is None:
            print(f"  {work.name}: bears no mark")
            continue
        marked += 1
        for name, ending, arguments in paths:
            if ending == ".mp3" and "sound" not in labelled.watermark.carriers:
                continue
            copy = folder / f"copy{ending}"
            _run("-i", str(labelled.output), "-map_metadata", "-1", *arguments, str(copy))
            identifier = labelled.watermark.identifier
            count.add(name, verifier.verify(copy).to_json(), identifier, work.name)
    count.told(f"{marked} {kind}")


def _forged_sounds(works: list[Path], folder: Path, verifier: Verifier, most: int) -> None:
    """The difference between a marked recording and itself before, added to another one."""
    told = _Forged()
    for one, other in _pairs(
        [work for work in works if _labelled(work, folder).exists()], lambda work: work.stem, most
    ):
        before, after, victim = (_samples(path) for path in (one, _labelled(one, folder), other))
        size = min(len(before), len(after), len(victim))
        forged = victim[:size] + after[:size] - before[:size]
        path = folder / "forged.wav"
        _run("-f", "f32le", "-ar", "44100", "-ac", "1", "-i", "-", str(path), data=forged.astype("<f4").tobytes())
        told.add(verifier.verify(path).to_json(), f"{other.name} as {one.name}")
    told.told("recordings")


def _forged_films(works: list[Path], folder: Path, verifier: Verifier, most: int) -> None:
    """The same with films: the difference of the two, frame by frame, at the victim's size."""
    told = _Forged()
    marked = [work for work in works if _labelled(work, folder).exists()]
    graph = (
        "[1:v]{fit}[a];[2:v]{fit}[b];[a][b]blend=all_mode=grainextract[d];"
        "[0:v]{fit}[v];[v][d]blend=c0_mode=grainmerge:c1_mode=normal:c2_mode=normal:shortest=1[o]"
    ).format(fit="scale=1280:720,format=yuv420p,fps=25")
    for one, other in _pairs(marked, lambda work: work.stem, most):
        path, inputs = folder / "forged.mp4", (other, _labelled(one, folder), one)
        named = [word for given in inputs for word in ("-i", str(given))]
        _run(*named, "-filter_complex", graph, "-map", "[o]", "-crf", "18", "-t", "10", str(path))
        told.add(verifier.verify(path).to_json(), f"{other.name} as {one.name}")
    told.told("films")


class _Forged:
    def __init__(self) -> None:
        self._done = self._read = self._recovered = 0

    def add(self, verdict: dict[str, Any], name: str) -> None:
        self._done += 1
        self._read += any(layer["layer"] == "watermark" and layer.get("payload") for layer in verdict["evidence"])
        if verdict["verdict"] == "recovered":
            self._recovered += 1
            print(f"  RECOVERED: {name}, {verdict['recovery']['match'].get('similarity')}", flush=True)

    def told(self, kind: str) -> None:
        print(
            f"forged: {self._done} {kind} with the mark of another; the mark was read in {self._read}, "
            f"{self._recovered} were recovered",
            flush=True,
        )


def _labelled(work: Path, folder: Path) -> Path:
    return folder / f"labelled-{work.stem}{work.suffix}"


def _samples(path: Path) -> NDArray[np.float32]:
    return np.frombuffer(_run("-i", str(path), "-f", "f32le", "-ar", "44100", "-ac", "1", "-"), "<f4")


SOUND_PATHS = (
    ("stripped", ".wav", ()),
    ("MP3 128k", ".mp3", ("-b:a", "128k")),
    ("MP3 64k", ".mp3", ("-b:a", "64k")),
    ("AAC 96k", ".m4a", ("-b:a", "96k")),
    ("AAC 48k", ".m4a", ("-b:a", "48k")),
    ("Opus 64k", ".opus", ("-b:a", "64k")),
    ("Opus 32k", ".opus", ("-b:a", "32k")),
    ("a part of it, MP3 96k", ".mp3", ("-ss", "1.7", "-b:a", "96k")),
    ("16 kHz", ".wav", ("-ar", "16000")),
    ("louder, with an equaliser", ".mp3", ("-af", "volume=3dB,equalizer=f=200:t=q:w=1:g=4,alimiter", "-b:a", "128k")),
)


FILM_PATHS = (
    ("stripped", ".mp4", ("-c", "copy")),
    ("CRF 28", ".mp4", ("-crf", "28")),
    ("messenger: 480p, CRF 28", ".mp4", ("-vf", "scale=-2:480", "-crf", "28", "-b:a", "64k")),
    ("360p, CRF 28", ".mp4", ("-vf", "scale=-2:360", "-crf", "28")),
    ("VP9, 600 kbit/s", ".webm", ("-vf", "scale=-2:480", "-b:v", "600k", "-deadline", "realtime", "-cpu-used", "6")),
    ("a part of it, CRF 26", ".mp4", ("-ss", "2.3", "-t", "6", "-crf", "26")),
    ("15 frames a second", ".mp4", ("-r", "15", "-crf", "26")),
    ("cut to 80 %", ".mp4", ("-vf", "crop=trunc(iw*0.4)*2:trunc(ih*0.4)*2", "-crf", "26")),
    ("bars above and below", ".mp4", ("-vf", "pad=iw:trunc(ih*0.75)*2:0:-1", "-crf", "26")),
    ("its sound alone, MP3 96k", ".mp3", ("-vn", "-b:a", "96k")),
)


def _run(*arguments: str, data: bytes | None = None) -> bytes:
    command = [find(), "-v", "error", "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout


if __name__ == "__main__":
    main()
