"""Unmarked carriers by number, each the same on every machine: photographs cut and harmed, drawn, noise, flat."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kzlabel.demo.scenery import landscape

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Chance = np.random.Generator

SOUND_RATE = 44_100
SOUND_SECONDS, FILM_SECONDS, FILM_RATE = 10, 10, 30
FILM_SIZE = 270, 480  # near the size at which films are read


@dataclass(frozen=True)
class Sources:
    """Files that real carriers are cut out of. A kind without any files is made of the others."""

    pictures: Sequence[Path] = ()
    sounds: Sequence[Path] = ()
    films: Sequence[Path] = ()


def picture(number: int, sources: Sources) -> tuple[str, Bytes]:
    """What it is, and (height, width, 3): 200 to 900 pixels a side, every second one once through JPEG."""
    chance = np.random.default_rng([1, number])
    makers: list[tuple[str, Callable[[], Bytes]]] = [
        ("poster", lambda: poster(number, *_size(chance))),
        ("page", lambda: page(number, *_size(chance))),
        ("scene", lambda: np.asarray(landscape(*_size(chance), seed=number))),
        ("noise", lambda: _noise_picture(chance)),
        ("flat", lambda: _flat(chance)),
        ("waves", lambda: _waves(chance)),
    ]
    real = [("photo", lambda: _cut(sources.pictures, chance))] * 6 if sources.pictures else []
    kind, make = (*real, *makers)[number % (len(real) + len(makers))]
    made = make()
    if chance.random() < 0.5:
        held = io.BytesIO()
        Image.fromarray(made).save(held, "JPEG", quality=int(chance.integers(30, 96)))
        made = np.asarray(Image.open(held).convert("RGB"))
    return kind, made


def sound(number: int, sources: Sources, load: Callable[[Path, float], Floats]) -> tuple[str, Floats]:
    """What it is, and (n, 2) float32, SOUND_SECONDS of SOUND_RATE. load: a stretch of a file from a second on."""
    chance = np.random.default_rng([2, number])
    makers: list[tuple[str, Callable[[], Floats]]] = [
        ("noise", lambda: _noise_sound(chance)),
        ("tones", lambda: _tones(chance)),
        ("pulses", lambda: _pulses(chance)),
        ("silence", lambda: np.zeros((SOUND_SECONDS * SOUND_RATE, 2), np.float32)),
    ]

    def recording() -> Floats:
        for _ in range(20):
            path = sources.sounds[int(chance.integers(len(sources.sounds)))]
            samples = load(path, float(chance.uniform(0, 120)))
            if len(samples) > SOUND_RATE * 3:
                break
            samples = load(path, 0.0)
            if len(samples) > SOUND_RATE * 3:
                break
        gain, tilt = 10 ** chance.uniform(-1, 0), chance.uniform(-0.5, 0.5)
        bent = samples.copy()
        bent[1:] += np.float32(tilt) * samples[:-1]
        return np.asarray(bent * np.float32(gain), np.float32)

    real = [("recording", recording)] * 8 if sources.sounds else []
    kind, make = (*real, *makers)[number % (len(real) + len(makers))]
    return kind, make()


def film(number: int, sources: Sources, load: Callable[[Path, float], list[Bytes]]) -> tuple[str, list[Bytes]]:
    """What it is, and frames (h, w) of luma, FILM_SECONDS of FILM_RATE. load: those of a file from a second on."""
    chance = np.random.default_rng([3, number])
    height, width = FILM_SIZE
    frames = FILM_SECONDS * FILM_RATE

    def grained(still: Callable[[int], Any], amount: float) -> list[Bytes]:
        grain = chance.standard_normal((8, height, width)).astype(np.float32) * amount
        return [np.clip(still(index) + grain[index % 8], 0, 255).astype(np.uint8) for index in range(frames)]

    def large() -> Floats:
        pages = (
            np.asarray(landscape(width * 2, height * 2, seed=number)),
            poster(number, width * 2, height * 2),
            page(number, width * 2, height * 2),
        )
        return np.asarray(cv2.cvtColor(pages[int(chance.integers(3))], cv2.COLOR_RGB2GRAY), np.float32)

    def pan() -> list[Bytes]:
        whole, speed = large(), chance.uniform(0.1, 1.5, 2)

        def at(index: int) -> Floats:
            x, y = (int(speed[0] * index) % width, int(speed[1] * index) % height)
            return whole[y : y + height, x : x + width]

        return grained(at, 1.0)

    def still() -> list[Bytes]:
        whole = large()[:height, :width]
        return grained(lambda index: whole, 0.0 if number % 2 else 1.5)

    def flicker() -> list[Bytes]:
        whole = large()[:height, :width]
        return grained(lambda index: whole * (0.6 + 0.4 * np.sin(index / 9.0)), 1.0)

    makers: list[tuple[str, Callable[[], list[Bytes]]]] = [
        ("pan", pan),
        ("still", still),
        ("flicker", flicker),
        ("noise", lambda: [chance.integers(0, 256, FILM_SIZE, np.uint8) for _ in range(frames)]),
        ("flat", lambda: [np.full(FILM_SIZE, int(chance.integers(256)), np.uint8)] * frames),
    ]

    def camera() -> list[Bytes]:
        path = sources.films[int(chance.integers(len(sources.films)))]
        seen = load(path, float(chance.uniform(0, 8)))
        return seen if len(seen) > FILM_RATE else load(path, 0.0)

    real = [("camera", camera)] * 5 if sources.films else []
    kind, make = (*real, *makers)[number % (len(real) + len(makers))]
    return kind, make()


def poster(seed: int, width: int = 900, height: int = 1200) -> Bytes:
    """Flat art: shapes of one colour each, and large letters."""
    chance = np.random.default_rng([4, seed])
    image = Image.new("RGB", (width * 2, height * 2), _colour(chance, 60))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y = int(chance.integers(-200, width * 2)), int(chance.integers(-200, height * 2))
        side = int(chance.integers(min(150, width // 2), width))
        shape = int(chance.integers(3))
        if shape == 0:
            draw.ellipse((x, y, x + side, y + side), fill=_colour(chance))
        elif shape == 1:
            draw.rectangle((x, y, x + side, y + side // 2), fill=_colour(chance))
        else:
            draw.polygon([(x, y), (x + side, y + side // 3), (x + side // 4, y + side)], fill=_colour(chance))
    draw.text((width // 8, height // 3), f"KAZ {2000 + seed % 100}", font=_font(width // 4), fill=(255, 255, 255))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def page(seed: int, width: int = 850, height: int = 1100, size: int = 18) -> Bytes:
    """Black words on white, in paragraphs."""
    chance = np.random.default_rng([5, seed])
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw, font = ImageDraw.Draw(image), _font(size)
    y = 60
    while y < height - 60:
        x = 60
        while x < width - 120:
            word = "".join(chr(97 + int(letter)) for letter in chance.integers(0, 26, int(chance.integers(2, 10))))
            draw.text((x, y), word, font=font, fill=(20, 20, 20))
            x += int(draw.textlength(f"{word} ", font=font))
            if chance.random() < 0.03:
                break
        y += int(size * 1.5) + (size if chance.random() < 0.1 else 0)
    return np.asarray(image)


def _size(chance: Chance) -> tuple[int, int]:
    width, height = chance.integers(200, 901, 2)
    return int(width), int(height)


def _colour(chance: Chance, darkest: int = 0) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in chance.integers(darkest, 256, 3))
    return red, green, blue


def _font(size: int) -> Any:
    return ImageFont.load_default(size)


@lru_cache(maxsize=128)
def _photo(path: Path) -> Bytes:
    image = Image.open(path).convert("RGB")
    image.thumbnail((1600, 1600))
    return np.asarray(image)


def _cut(paths: Sequence[Path], chance: Chance) -> Bytes:
    whole = _photo(paths[int(chance.integers(len(paths)))])
    height, width = (int(chance.integers(200, max(201, min(900, side) + 1))) for side in whole.shape[:2])
    y, x = (int(chance.integers(max(1, a - b + 1))) for a, b in zip(whole.shape[:2], (height, width), strict=True))
    return np.ascontiguousarray(whole[y : y + height, x : x + width])


def _noise_picture(chance: Chance) -> Bytes:
    width, height = _size(chance)
    grain = chance.standard_normal((height, width, 3)).astype(np.float32)
    blur = float(chance.choice([0.0, 0.7, 2.0, 8.0]))
    if blur:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), blur), np.float32)
        grain /= grain.std()
    return np.asarray(np.clip(128 + grain * chance.uniform(2, 60), 0, 255), np.uint8)


def _flat(chance: Chance) -> Bytes:
    width, height = _size(chance)
    slope = np.linspace(0, float(chance.choice([0, 0, 40, 200])), width, dtype=np.float32)
    return np.broadcast_to(
        np.clip(np.array(_colour(chance), np.float32) + slope[None, :, None], 0, 255), (height, width, 3)
    ).astype(np.uint8)


def _waves(chance: Chance) -> Bytes:
    """Regular patterns, which look most like a template."""
    width, height = _size(chance)
    down, across = np.mgrid[:height, :width].astype(np.float32)
    total = np.zeros((height, width), np.float32)
    for _ in range(int(chance.integers(1, 12))):
        ky, kx = chance.uniform(-0.4, 0.4, 2)
        total += np.cos(2 * np.pi * (ky * down + kx * across) + chance.uniform(0, 6.28)).astype(np.float32)
    total = 128 + total * chance.uniform(3, 60)
    return np.repeat(np.clip(total, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _noise_sound(chance: Chance) -> Floats:
    count = SOUND_SECONDS * SOUND_RATE
    white = chance.standard_normal((count, 2))
    pitch = np.fft.rfftfreq(count, 1 / SOUND_RATE)[:, None] + 20
    shaped = np.fft.irfft(np.fft.rfft(white, axis=0) / pitch ** chance.uniform(0, 1), count, axis=0)
    return np.asarray(shaped / np.abs(shaped).max() * chance.uniform(0.05, 1), np.float32)


def _tones(chance: Chance) -> Floats:
    when = np.arange(SOUND_SECONDS * SOUND_RATE) / SOUND_RATE
    total = np.zeros((len(when), 2))
    for _ in range(int(chance.integers(1, 20))):
        begin, lasts = chance.uniform(0, SOUND_SECONDS - 1), chance.uniform(0.1, 3)
        shape = np.exp(-np.maximum(when - begin, 0) / lasts) * (when >= begin)
        tone = np.sin(2 * np.pi * 55 * 2 ** (chance.integers(0, 72) / 12) * when)
        total += (shape * tone)[:, None] * chance.uniform(0, 1, 2)
    return np.asarray(total / max(1e-9, np.abs(total).max()) * 0.7, np.float32)


def _pulses(chance: Chance) -> Floats:
    """Bursts in a regular beat: as like the cells of a mark as sound gets."""
    count = SOUND_SECONDS * SOUND_RATE
    beat = chance.uniform(0.02, 0.3)
    on = (np.arange(count) / SOUND_RATE / beat % 1) < chance.uniform(0.2, 0.8)
    return np.asarray(_noise_sound(chance) * on[:, None], np.float32)
