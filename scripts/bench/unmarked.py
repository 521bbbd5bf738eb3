"""How often a mark is reported where there is none: many unmarked works, searched as `detect` searches.

    python scripts/bench/unmarked.py image 10000 results/image.jsonl photos/*.jpg
    python scripts/bench/unmarked.py audio 10000 results/audio.jsonl music/*.ogg
    python scripts/bench/unmarked.py video 500 results/video.jsonl films/*.mkv

One line for each work is appended to the result; started again, it goes on where it was. Works are made by number:
cut out of the files that are named, and drawn, or noise, or flat.

Each reading of an unmarked work has a check that differs from the right one in as many of its 40 bits as chance says
(binomial, one half each): that is what the bound on false reports rests on. So all distances are counted and compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import carriers
import cv2
import numpy as np
from carriers import FILM_RATE, FILM_SECONDS, FILM_SIZE, SOUND_RATE, SOUND_SECONDS, Sources

from kzlabel.media.programs.ffmpeg import find
from kzlabel.watermark import audio, audio_reading, image, image_reading, payload, video, video_reading
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import CHECK_BITS, INFORMATION_BITS, MESSAGE_BITS, false_positive

PATIENCE = 600.0  # seconds: that no search is cut short
READERS = (audio_reading, image_reading, video_reading)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("medium", choices=("image", "audio", "video"))
    parser.add_argument("count", type=int)
    parser.add_argument("result", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    told = parser.parse_args()
    told.result.parent.mkdir(parents=True, exist_ok=True)
    done = {row["number"] for row in _rows(told.result)}
    todo = [number for number in range(told.count) if number not in done]
    search = partial(searched, told.medium, tuple(sorted(told.files)))
    with told.result.open("a", encoding="utf-8") as lines, ProcessPoolExecutor(told.jobs) as pool:
        for row in pool.map(search, todo, chunksize=4):
            lines.write(json.dumps(row) + "\n")
            lines.flush()
    summary(told.medium, [row for row in _rows(told.result) if row["number"] < told.count])


def searched(medium: str, files: tuple[Path, ...], number: int) -> dict[str, Any]:
    """One work: what was found, how many readings were tried, and how far each distinct one was from its check."""
    cv2.setNumThreads(1)
    distances: Counter[int] = Counter()
    words: set[bytes] = set()
    for module in READERS:
        module.read = partial(_observed, distances, words)  # type: ignore[attr-defined]
    if medium == "image":
        kind, work = carriers.picture(number, Sources(pictures=files))
        found = image.detect(cv2.cvtColor(work, cv2.COLOR_RGB2GRAY).astype(np.float32), patience=PATIENCE)
    elif medium == "audio":
        kind, sound = carriers.sound(number, Sources(sounds=files), _sound)
        found = audio.detect(sound, SOUND_RATE, patience=PATIENCE)
    else:
        kind, frames = carriers.film(number, Sources(films=files), _frames)
        found = video.detect(frames, FILM_RATE, patience=PATIENCE)
    marks = [[one.payload.identifier, str(one.certainty), one.readings] for one in found]
    return {"number": number, "kind": kind, "found": marks, "readings": len(words), "distances": distances}


def summary(medium: str, rows: list[dict[str, Any]]) -> None:
    found = [row for row in rows if row["found"]]
    readings = sorted(row["readings"] for row in rows)
    n = len(rows)
    print(f"{medium}: {n} unmarked works, {len(found)} reported to carry a mark")
    for kind, count in sorted(Counter(row["kind"] for row in rows).items()):
        print(f"  {kind:<12} {count}")
    for row in found:
        print(f"  number {row['number']}, {row['kind']}: {row['found']}")
    upper = 1 - 0.05 ** (1 / n) if not found else math.nan
    print(f"  by this count alone, at most {upper:.1e} of all works (95 %)")
    worst = readings[-1]
    print(
        f"  readings a work: {sum(readings) / n:.1f} on the average, {readings[int(n * 0.99)]} in 99 %, {worst} at most"
    )
    usual = false_positive(round(sum(readings) / n))
    print(f"  falsely reported, by calculation: {usual:.1e} on the average, {false_positive(worst):.1e} at most")
    distances: Counter[int] = Counter()
    for row in rows:
        distances.update({int(distance): count for distance, count in row["distances"].items()})
    total = sum(distances.values())
    mean = sum(distance * count for distance, count in distances.items()) / total
    spread = math.sqrt(sum((distance - mean) ** 2 * count for distance, count in distances.items()) / total)
    print(
        f"  {total} checks differ in {mean:.3f} of {CHECK_BITS} bits, deviation {spread:.3f}; "
        f"chance says {CHECK_BITS / 2:.0f} and {math.sqrt(CHECK_BITS) / 2:.3f}"
    )
    print("  at most so many bits differ: measured, expected")
    for most in range(2, 15, 2):
        seen = sum(count for distance, count in distances.items() if distance <= most)
        expected = total * sum(math.comb(CHECK_BITS, k) for k in range(most + 1)) / 2**CHECK_BITS
        print(f"    {most:>2}: {seen:>8} {expected:12.2f}")


def _observed(
    distances: Counter[int], words: set[bytes], bits: np.ndarray[Any, Any], key: WatermarkKey
) -> payload.Payload | None:
    packed = np.packbits(bits).tobytes()
    if packed not in words:
        words.add(packed)
        right = np.unpackbits(
            np.frombuffer(key.check(np.packbits(bits[:MESSAGE_BITS]).tobytes(), CHECK_BITS // 8), np.uint8)
        )
        distances[int((bits[MESSAGE_BITS:INFORMATION_BITS] != right).sum())] += 1
    return payload.read(bits, key)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def _sound(path: Path, start: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    asked = ("-ss", f"{start:.3f}", "-t", str(SOUND_SECONDS), "-i", str(path), "-vn")
    raw = _ffmpeg(*asked, "-ac", "2", "-ar", str(SOUND_RATE), "-f", "f32le", "-")
    return np.frombuffer(raw, "<f4").reshape(-1, 2)


def _frames(path: Path, start: float) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    height, width = FILM_SIZE
    asked = ("-ss", f"{start:.3f}", "-t", str(FILM_SECONDS), "-i", str(path), "-an")
    graph = f"fps={FILM_RATE},extractplanes=y,scale={width}:{height}:flags=area,format=gray"
    raw = _ffmpeg(*asked, "-vf", graph, "-f", "rawvideo", "-")
    return list(np.frombuffer(raw, np.uint8).reshape(-1, height, width))


def _ffmpeg(*arguments: str) -> bytes:
    command = [find(), "-v", "error", "-nostdin", "-threads", "1", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    main()
