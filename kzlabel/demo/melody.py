"""A short melody on plucked strings, synthesised: what the demonstration labels as a recording."""

from __future__ import annotations

from typing import Any

RATE = 48_000
SEED = 20260118

# Steps of a minor pentatonic scale over A3 and their lengths in beats: a tune of our own for a two-stringed lute.
TUNE = (
    (0, 1.0), (7, 0.5), (7, 0.5), (10, 1.0), (7, 1.0), (5, 0.5), (3, 0.5), (5, 1.0), (7, 2.0),
    (12, 1.0), (10, 0.5), (7, 0.5), (10, 1.0), (5, 1.0), (3, 0.5), (5, 0.5), (3, 0.5), (0, 0.5), (0, 2.0),
)  # fmt: skip
BEAT = 0.42  # seconds
ROOT = 220.0  # hertz


def melody() -> Any:
    """About 14 s of music, long enough for the notice in all languages.

    Returns (samples, 2), float32, -1..1, at RATE.
    """
    import numpy as np

    random = np.random.default_rng(SEED)
    played = TUNE * 2
    total = sum(beats for _, beats in played) * BEAT + 1.0
    sound = np.zeros((int(total * RATE), 2), np.float32)
    at = 0.0
    for step, beats in played:
        for frequency, gain, pan in ((ROOT * 2 ** (step / 12), 0.55, 0.4), (ROOT * 0.75, 0.22, 0.65)):
            note = _pluck(frequency, beats * BEAT + 0.8, random) * gain
            start = int(at * RATE)
            stop = min(start + len(note), len(sound))
            sound[start:stop, 0] += note[: stop - start] * (1 - pan)
            sound[start:stop, 1] += note[: stop - start] * pan
        at += beats * BEAT
    return sound / np.abs(sound).max() * 0.7


def _pluck(frequency: float, seconds: float, random: Any) -> Any:
    """One string by the Karplus-Strong method, a block of one period at a time."""
    import numpy as np

    period = round(RATE / frequency)
    string = random.uniform(-1, 1, period).astype(np.float32)
    string = (string + np.roll(string, 1) + np.roll(string, 2)) / 3
    periods = []
    for _ in range(int(seconds * RATE / period) + 1):
        periods.append(string)
        string = (string + np.roll(string, 1)) * 0.4985
    note = np.concatenate(periods)
    fade = min(len(note), RATE // 50)
    note[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return note
