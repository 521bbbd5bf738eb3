"""A second reader of the watermark of pictures, written from docs/watermark-spec.md alone.

For whole, unscaled pictures. Takes nothing from kzlabel.watermark.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPEN_KEY = b"kzlabel open watermark key, version 1"
GENERATORS = (0o2327, 0o2353, 0o2671, 0o3175)
BITS, CODED = 92, 368


def identifier_in(luma: NDArray[Any], secret: bytes = OPEN_KEY) -> str | None:
    """The 12 hexadecimal digits in a luma plane (h, w), 0..255, of at most 2^19 pixels; None where there are none."""
    key = hashlib.sha256(secret).digest()
    word = viterbi(coded_bits(half_spectrum(luma), key))
    message = np.packbits(word[:52]).tobytes()
    check = np.packbits(word[52:]).tobytes()
    if hashlib.blake2s(message, digest_size=5, key=key).digest() != check:
        return None
    text = "".join(str(bit) for bit in word[:52])
    return f"{int(text[4:], 2):012x}" if text[:3] == "001" else None


def half_spectrum(luma: NDArray[Any]) -> NDArray[Any]:
    """Of all tiles together, each pixel against the mean around it and over the deviation around it."""
    rest = luma - mean_around(luma, 3)
    even = np.clip(rest / np.sqrt(mean_around(rest * rest, 5) + 4), -2, 2)
    tile = np.zeros((128, 128))
    for top in range(0, even.shape[0], 128):
        for left in range(0, even.shape[1], 128):
            part = even[top : top + 128, left : left + 128]
            tile[: part.shape[0], : part.shape[1]] += part
    return np.fft.rfft2(tile)


def coded_bits(spectrum: NDArray[Any], key: bytes) -> NDArray[Any]:
    """(368,): positive where a coded bit looks like 0."""
    places = [
        (v * v + c * c, v % 128, c, v) for v in range(-64, 64) for c in range(1, 64) if 16 <= v * v + c * c <= 784
    ]
    places.sort(key=lambda place: place[:3])
    template: list[int] = []
    for index in order(key, "image template", len(places)):
        _, _, c, v = places[index]
        if all((v - places[k][3]) ** 2 + (c - places[k][2]) ** 2 >= 9 for k in template):
            template.append(index)
            if len(template) == 72:
                break
    carriers = [place for index, place in enumerate(places) if index not in set(template)]
    count = 2 * len(carriers)
    owners = [owner for deal in range(count // CODED + 1) for owner in order(key, f"image owners {deal}", CODED)]
    chips = 1 - 2 * np.unpackbits(np.frombuffer(stream(key, "image chips", (count + 7) // 8), np.uint8)).astype(int)
    soft = np.zeros(CODED)
    for j, (square, r, c, _) in enumerate(carriers):
        weight = 1 / max(square, 64)  # pictures are louder at low frequencies
        for i, value in ((2 * j, spectrum[r, c].real), (2 * j + 1, spectrum[r, c].imag)):
            soft[owners[i]] += chips[i] * value * weight**-0.25
    return soft


def viterbi(soft: NDArray[Any]) -> list[int]:
    """The likeliest word of a tail-biting code: three times around, the middle one is taken."""
    states = 1024
    register = np.arange(states)[:, None] * 2 + np.arange(2)  # bit k of it: the bit of k steps ago
    outputs = np.zeros((4, states, 2))
    for g, generator in enumerate(GENERATORS):
        parity = sum((generator >> (10 - k) & 1) * (register >> k & 1) for k in range(11)) % 2
        outputs[g] = 1 - 2 * parity
    metric, steps = np.zeros(states), []
    for t in range(3 * BITS):
        worth = metric[:, None] + np.tensordot(soft[4 * (t % BITS) :][:4], outputs, 1)
        # Two registers lead to each state: they differ in the oldest bit.
        into = worth.reshape(2, states)
        steps.append(into.argmax(axis=0))
        metric = into.max(axis=0)
    state, word = int(metric.argmax()), []
    for step in reversed(steps):
        word.append(state & 1)
        state = (state + states * int(step[state])) >> 1
    word.reverse()
    return word[BITS : 2 * BITS]


def mean_around(plane: NDArray[Any], reach: int) -> NDArray[Any]:
    size = 2 * reach + 1
    for axis in (0, 1):
        pad = [(reach, reach) if axis == each else (0, 0) for each in (0, 1)]
        total = np.cumsum(np.pad(plane, pad, mode="edge"), axis=axis)
        zero = np.zeros_like(np.take(total, [0], axis))
        total = np.concatenate([zero, total], axis=axis)
        length = plane.shape[axis]
        plane = np.take(total, range(size, size + length), axis) - np.take(total, range(length), axis)
        plane = plane / size
    return plane


def stream(key: bytes, purpose: str, size: int) -> bytes:
    return hashlib.shake_256(key + purpose.encode("ascii")).digest(size)


def order(key: bytes, purpose: str, count: int) -> list[int]:
    numbers = np.frombuffer(stream(key, purpose, 8 * count), ">u8").tolist()
    return sorted(range(count), key=lambda index: numbers[index])
