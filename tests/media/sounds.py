"""Sounds for tests: synthesised, encoded by ffmpeg, decoded and measured by it, apart from the code under test."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from kzlabel.media.audio import write_wave
from kzlabel.media.programs.ffmpeg import find


def speech(seconds: float, rate: int = 48_000, *, level: float = -27.0, channels: int = 1) -> Any:
    """Something like speech: noise and a buzz shaped to the band of a voice, in syllables. (samples, channels)."""
    random = np.random.default_rng(1)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * time + k) / k for k in range(1, 12) if 120 * k < rate / 2)
    breath = np.convolve(random.standard_normal(count), np.ones(8) / 8, "same")
    sound = (buzz + 0.4 * breath) * np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) ** 0.7
    sound *= 10 ** (level / 20) / np.sqrt(np.mean(sound**2))
    return np.repeat(np.clip(sound, -0.98, 0.98)[:, None], channels, axis=1)


def music(seconds: float, rate: int = 44_100, *, level: float = -9.0) -> Any:
    """Loud, dense, wide: chords and noise pressed against the ceiling. (samples, 2)."""
    random = np.random.default_rng(2)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    sides = []
    for shift in (0.0, 0.7):
        chord = sum(np.sin(2 * np.pi * f * time + shift) for f in (110, 220, 277, 330, 554, 1108, 2216))
        beat = random.standard_normal(count) * np.exp(-((time * 2) % 1) * 9) * 3
        sides.append(np.tanh((chord + beat) * 0.7))
    sound = np.stack(sides, axis=1)
    return np.clip(sound * 10 ** (level / 20) / np.sqrt(np.mean(sound**2)), -0.97, 0.97)


def encoded(path: Path, sound: Any, rate: int, *options: str) -> Path:
    """Write `sound` to `path` with ffmpeg's options; the codec follows the ending."""
    plain = path.with_name(path.name + ".plain.wav")
    write_wave(sound, rate, plain)
    ffmpeg("-i", str(plain), *options, "-fflags", "+bitexact", str(path))
    plain.unlink()
    return path


def decoded(path: Path, rate: int | None = None) -> Any:
    """All samples, (samples, channels), float32."""
    channels = int(re.search(r"ch=(\d+)", _shape(path))[1])  # type: ignore[index]
    resample = ["-ar", str(rate)] if rate else []
    raw = ffmpeg("-i", str(path), "-map", "0:a:0", *resample, "-f", "f32le", "pipe:1")
    return np.frombuffer(raw, "<f4").reshape(-1, channels)


def exact(path: Path, codec: str) -> bytes:
    """All samples as a PCM codec's bytes."""
    return ffmpeg("-i", str(path), "-map", "0:a:0", "-c:a", f"pcm_{codec}", "-f", codec, "pipe:1")


def loudness(path: Path, start: int = 0, end: int | None = None) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP of a stretch of samples, by ebur128."""
    trim = f"atrim=start_sample={start}" + (f":end_sample={end}" if end is not None else "")
    told = _talk("-i", str(path), "-af", f"{trim},asetpts=N/SR/TB,ebur128=peak=true:framelog=quiet", "-f", "null", "-")
    summary = told[told.rindex("Summary:") :]
    found = re.search(r"I: +(\S+) LUFS.*?Peak: +(\S+) dBFS", summary, re.DOTALL)
    assert found
    return float(found[1]), float(found[2])


def ffmpeg(*arguments: str) -> bytes:
    command = [find(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def lag(one: Any, other: Any) -> int:
    """By how many samples `other` comes later than `one`, by cross-correlation of the first channel."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(other[:, 0], size) * np.conj(np.fft.rfft(one[:, 0], size))
    place = int(np.argmax(np.fft.irfft(product, size)))
    return place - size if place > size // 2 else place


def _shape(path: Path) -> str:
    return _talk("-i", str(path), "-map", "0:a:0", "-af", "ashowinfo", "-frames:a", "1", "-f", "null", "-").replace(
        "channels:", "ch="
    )


def _talk(*arguments: str) -> str:
    command = [find(), "-hide_banner", "-nostats", "-nostdin", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stderr.decode("utf-8", "replace")
