"""A reader of films written from docs/watermark-spec.md alone: for whole films in their own size and time."""

from __future__ import annotations

import hashlib
import math

import numpy as np

KEY = hashlib.sha256(b"kzlabel open watermark key, version 1").digest()


def stream(purpose: str, size: int) -> bytes:
    return hashlib.shake_256(KEY + purpose.encode()).digest(size)


def order(purpose: str, count: int) -> list[int]:
    numbers = [int.from_bytes(stream(purpose, 8 * count)[8 * i : 8 * i + 8]) for i in range(count)]
    return sorted(range(count), key=lambda i: numbers[i])


def data_waves() -> list[tuple[int, int]]:
    waves = [(ky, kx) for ky in range(-32, 33) for kx in range(1, 33) if 36 <= ky * ky + kx * kx <= 1024]
    able = [wave for wave in waves if 100 <= wave[0] ** 2 + wave[1] ** 2 <= 900]
    pilots: list[tuple[int, int]] = []
    for i in order("video pilot places", len(able)):
        ky, kx = able[i]
        if all((ky - py) ** 2 + (kx - px) ** 2 >= 8 for py, px in pilots):
            pilots.append((ky, kx))
        if len(pilots) == 64:
            break
    return [wave for wave in waves if wave not in pilots]


def soft_bits(frames: np.ndarray, rate: float) -> np.ndarray:
    """frames: (n, h, w) luma. The sum with the sign of F3, each wave's parts against their chips."""
    times = np.arange(len(frames)) / rate % 8
    signs = np.where(times < 3.9, 1.0, np.where((times >= 4) & (times < 7.9), -1.0, 0.0))
    total = np.tensordot(signs, frames.astype(float), 1)
    height, width = total.shape
    q = math.sqrt(2**17 / (height * width))
    waves = data_waves()
    down = np.exp(-2j * np.pi / 128 * np.outer(range(-32, 33), (np.arange(height) + 0.5 - height / 2) * q))
    across = np.exp(-2j * np.pi / 128 * np.outer((np.arange(width) + 0.5 - width / 2) * q, range(33)))
    found = (down @ total) @ across
    parts = np.empty(2 * len(waves))
    for j, (ky, kx) in enumerate(waves):
        value = found[ky + 32, kx] * math.sqrt(12 / max(math.hypot(ky, kx), 12))
        parts[2 * j], parts[2 * j + 1] = value.real, -value.imag
    bits = np.unpackbits(np.frombuffer(stream("video chips", (len(parts) + 7) // 8), np.uint8))[: len(parts)]
    soft = np.zeros(276)
    parts = np.clip(parts, -2 * np.median(abs(parts)), 2 * np.median(abs(parts))) * (1 - 2.0 * bits)
    for i, part in enumerate(order("video chip owners", len(parts))):
        soft[i % 276] += parts[part]
    return soft


def decoded(soft: np.ndarray) -> list[int]:
    """Viterbi around the word three times, the middle round taken. A state holds 12 bits, the newest the lowest."""
    states = np.arange(4096)
    worth = np.zeros((2, 92, 4096))
    for upper in range(2):
        for g, generator in enumerate((0o14271, 0o14377, 0o16547)):
            register = states | upper << 12
            parity = np.zeros(4096, int)
            for k in range(13):
                parity ^= (register >> k & 1) & (generator >> (12 - k) & 1)
            worth[upper] += soft.reshape(92, 3)[:, g, None] * (1 - 2 * parity)
    metric, chosen = np.zeros(4096), []
    for step in range(3 * 92):
        low = metric[states >> 1] + worth[0, step % 92]
        high = metric[states >> 1 | 2048] + worth[1, step % 92]
        chosen.append(high > low)
        metric = np.maximum(low, high)
    state, bits = int(metric.argmax()), []
    for step in range(3 * 92 - 1, -1, -1):
        bits.append(state & 1)
        state = state >> 1 | (2048 if chosen[step][state] else 0)
    return bits[::-1][92:184]


def identifier(frames: np.ndarray, rate: float) -> str | None:
    """The identifier in a film marked under the open key; None where the check does not hold."""
    bits = decoded(soft_bits(frames, rate))
    message = np.packbits(bits[:52]).tobytes()
    check = hashlib.blake2s(message, digest_size=5, key=KEY).digest()
    if np.packbits(bits[52:]).tobytes() != check or bits[:3] != [0, 0, 1]:
        return None
    return f"{int(''.join(map(str, bits[4:52])), 2):012x}"
