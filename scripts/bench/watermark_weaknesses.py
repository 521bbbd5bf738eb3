"""What is known to hurt or to forge the watermark of pictures, measured: an attacker who knows how it works.

python scripts/bench/watermark_weaknesses.py works/pictures/*.png
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kzlabel.watermark import image
from kzlabel.watermark.detection import Unmarkable
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.trials.counting import Row
from kzlabel.watermark.trials.image import luma, mark

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
PAYLOAD = Payload("0123456789ab")
SECRET = WatermarkKey(b"a secret key of the bench, known to nobody")
SIDES = 600, 800  # all pictures are cut to this size, so that their patterns lie upon each other
STOLEN = (1, 5, 20)  # marked pictures that a thief has of one identifier
COPIES = (2, 4, 8)  # copies of one picture with an identifier each


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("pictures", type=Path, nargs="+")
    cv2.setNumThreads(1)
    works = list(_works(asked.parse_args().pictures))
    half = len(works) // 2
    seen, others = works[:half], works[half:]
    print(f"{len(works)} pictures of {SIDES[1]} x {SIDES[0]}; shares with Wilson's interval, 95 %")
    _told("read without the secret key", (_read(mark(work, PAYLOAD, key=SECRET)) for work in works))
    _stolen(seen, others, None, "open key")
    _stolen(seen, others, SECRET, "secret key")
    _averaged(others)
    for name, harm in _harms():
        _told(f"read after {name}", (_read(harm(mark(work, PAYLOAD))) for work in others))


def _works(paths: list[Path]) -> Iterator[Picture]:
    height, width = SIDES
    for path in paths:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        factor = max(width / picture.width, height / picture.height)
        size = max(width, round(picture.width * factor)), max(height, round(picture.height * factor))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        pixels = np.asarray(picture)[:height, :width]
        try:
            mark(pixels, PAYLOAD)
        except Unmarkable:
            continue
        yield pixels


def _stolen(seen: list[Picture], others: list[Picture], key: WatermarkKey | None, name: str) -> None:
    """The mean of what a smoothing filter takes for noise, over marked pictures, is an estimate of the pattern."""
    for count in STOLEN:
        if count > len(seen):
            break
        stolen = _estimate([mark(work, PAYLOAD, key=key) for work in seen[:count]])
        forged = (_read(_with(work, stolen), key) for work in others)
        removed = (_read(_with(mark(work, PAYLOAD, key=key), -stolen), key) for work in others)
        _told(f"forged with the mean of {count} marked ones, {name}", forged)
        _told(f"read when that mean is taken off, {name}", removed)


def _estimate(marked: list[Picture]) -> Floats:
    """Of the usual strength."""
    rest = [luma(work) - np.asarray(cv2.bilateralFilter(luma(work), 11, 12.0, 3.5), np.float32) for work in marked]
    mean = np.mean([np.clip(each, -4, 4) for each in rest], axis=0)
    return np.asarray(mean / mean.std() * 2.0, np.float32)


def _averaged(works: list[Picture]) -> None:
    for count in COPIES:
        any_, every = [], []
        for work in works:
            payloads = {Payload(f"{number:012x}") for number in range(count)}
            mean = np.mean([mark(work, payload) for payload in payloads], axis=0)
            found = {one.payload for one in image.detect(luma(_bytes(mean)))}
            any_.append(bool(found & payloads))
            every.append(found == payloads)
        _told(f"any of {count} identifiers read from the mean of {count} copies", iter(any_))
        _told(f"all of {count} identifiers read from it", iter(every))


def _harms() -> Iterator[tuple[str, Callable[[Picture], Picture]]]:
    for pixels in (1, 2, 4, 8):
        yield f"waves of {pixels} pixels", lambda picture, pixels=pixels: _waved(picture, pixels)  # type: ignore[misc]
    yield "barrel of 5 %", lambda picture: _barrel(picture, 0.05)
    yield "perspective of 10 %", lambda picture: _perspective(picture, 0.10)
    yield "a quarter of the size and back", lambda picture: _resized(picture, 0.25)
    yield "a third of the size and back", lambda picture: _resized(picture, 1 / 3)
    yield (
        "non-local means, strong",
        lambda picture: _bytes(cv2.fastNlMeansDenoisingColored(picture, None, 10, 10, 7, 21)),
    )
    yield "JPEG 10", _coarse
    yield "rebuilt from 6 components of 8 x 8 pixels", lambda picture: _rebuilt(picture, 6)
    yield "rebuilt from 16 components of 8 x 8 pixels", lambda picture: _rebuilt(picture, 16)


def _waved(picture: Picture, pixels: float) -> Picture:
    down, across = np.indices(picture.shape[:2]).astype(np.float32)
    x = across + pixels * np.sin(2 * np.pi * down / 97).astype(np.float32)
    y = down + pixels * np.sin(2 * np.pi * across / 113).astype(np.float32)
    return _bytes(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))


def _barrel(picture: Picture, share: float) -> Picture:
    height, width = picture.shape[:2]
    down, across = np.indices((height, width)).astype(np.float32)
    v, u = (down - height / 2) / (height / 2), (across - width / 2) / (width / 2)
    grown = (1 - share * (1 - u * u - v * v)).astype(np.float32)
    x, y = (u * grown + 1) * width / 2, (v * grown + 1) * height / 2
    return _bytes(cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))


def _perspective(picture: Picture, share: float) -> Picture:
    height, width = picture.shape[:2]
    before = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    after = before + np.array([[share * width, share * height], [0, 0], [-share * width, 0], [0, 0]], np.float32)
    matrix = cv2.getPerspectiveTransform(before, after)
    return _bytes(cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC))


def _resized(picture: Picture, factor: float) -> Picture:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    return _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_LANCZOS4))


def _coarse(picture: Picture) -> Picture:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 10])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _rebuilt(picture: Picture, kept: int) -> Picture:
    """What a linear encoder learns of the picture itself: a surrogate of models that paint it anew."""
    values = picture.astype(np.float32)
    height, width = (side // 8 * 8 for side in values.shape[:2])
    blocks = values[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 64)
    mean = blocks.mean(axis=0)
    _, _, axes = np.linalg.svd(blocks[:: max(1, len(blocks) // 20_000)] - mean, full_matrices=False)
    rebuilt = (blocks - mean) @ axes[:kept].T @ axes[:kept] + mean
    shaped = rebuilt.reshape(height // 8, width // 8, 3, 8, 8).transpose(0, 3, 1, 4, 2).reshape(height, width, 3)
    return _bytes(shaped)


def _with(picture: Picture, difference: Floats) -> Picture:
    return _bytes(picture.astype(np.float32) + difference[..., None])


def _read(picture: Picture, key: WatermarkKey | None = None) -> bool:
    return any(one.payload == PAYLOAD for one in image.detect(luma(picture), key=key))


def _told(name: str, hits: Iterator[bool]) -> None:
    counted = list(hits)
    print(Row(name, "", sum(counted), len(counted)), flush=True)


def _bytes(values: Any) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


if __name__ == "__main__":
    main()
