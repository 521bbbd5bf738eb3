"""What sound goes through on its way, as functions, and a table of how many marks came through it."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..detection import Unmarkable
from ..keys import WatermarkKey
from ..payload import Payload
from ..strength import Strength
from .counting import Row, identifier_of, total

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SECONDS = {"common": 10, "hard": 20}  # of each work, by group of attacks
TIMEOUT = 120  # s, one run of ffmpeg
STEREO = 2  # channels that platforms leave of more


@dataclass(frozen=True)
class Work:
    """samples: (n, channels) float32. rate: samples a second."""

    name: str
    samples: Floats
    rate: int


@dataclass(frozen=True)
class Scene:
    """What an attack may use besides the work: ffmpeg's path, and sounds to be mixed in."""

    ffmpeg: Path
    voice: Work
    music: Work


Attacker = Callable[["Floats", int, Scene], "tuple[Floats, int]"]


@dataclass(frozen=True)
class Attack:
    """group: common, which marks are to survive on 10 s, or hard, on 20 s."""

    name: str
    group: str
    run: Attacker


def run(
    works: Iterable[Work],
    *,
    scene: Scene,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    attacks: Sequence[Attack],
    report: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Mark each work, attack the copies, read them; one row for each attack, then one for each group.

    Works shorter than the group's seconds are taken whole. report: told one line for each work.
    """
    from ..audio import detect, embed

    counted: dict[Attack, tuple[list[str], list[str]]] = {attack: ([], []) for attack in attacks}
    for work in works:
        payload = Payload(identifier_of(work.name))
        told: list[str] = []
        for group in dict.fromkeys(attack.group for attack in attacks):
            part = work.samples[: SECONDS[group] * work.rate]
            try:
                marked = embed(part, work.rate, payload, key=key, strength=strength)
            except Unmarkable as error:
                told.append(str(error))
                continue
            missed = []
            for attack in (one for one in attacks if one.group == group):
                try:
                    samples, rate = attack.run(marked, work.rate, scene)
                except subprocess.SubprocessError:
                    told.append(f"{attack.name} cannot be done to it")
                    continue
                read = any(one.payload == payload for one in detect(samples, rate, key=key))
                counted[attack][not read].append(work.name)
                missed += [] if read else [attack.name]
            lasts = len(part) / work.rate
            told.append(
                f"{lasts:.1f} s, SNR {ratio(part, marked):.1f} dB; lost after: {', '.join(missed) or 'nothing'}"
            )
        report(f"{work.name}: {'; '.join(told)}")
    rows = [
        Row(attack.name, attack.group, len(read), len(read) + len(lost), tuple(lost))
        for attack, (read, lost) in counted.items()
    ]
    return rows + [total(group, rows) for group in dict.fromkeys(row.group for row in rows)]


def ratio(samples: Floats, marked: Floats) -> float:
    """Of the power of the sound to that of its change, dB."""
    import numpy as np

    change = float(np.square(marked - samples, dtype=np.float64).sum())
    return 10 * math.log10(max(float(np.square(samples, dtype=np.float64).sum()), 1e-12) / max(change, 1e-12))


def attacks() -> list[Attack]:
    """The table: first the common ones, then the hard."""
    common: dict[str, Attacker] = {"none": lambda samples, rate, scene: (samples, rate)}
    common |= {f"MP3 {k}k": _codec("mp3", "libmp3lame", k, mono=k < 64) for k in (128, 64, 48)}
    common |= {f"AAC {k}k": _codec("adts", "aac", k, mono=k < 64) for k in (96, 64, 48)}
    common |= {f"Opus {k}k": _codec("ogg", "libopus", k, mono=k < 48) for k in (64, 48, 32)}
    common["Vorbis q1"] = _codec("ogg", "libvorbis", None, "-q:a", "1")
    common["resampled to 16 kHz"] = _filtered(rate=16_000)
    common["noise 30 dB"] = _noise(30)
    common |= {f"speed {p:+d} %": _speed(1 + p / 100) for p in (1, -1, 3, -3, 5, -5)}
    common |= {f"tempo {p:+d} %": _filtered(f"atempo={1 + p / 100}") for p in (-5, 5)}
    common["echo"] = _filtered("aecho=0.8:0.5:60:0.3")
    common["low-pass 4 kHz"] = _band(0, 4000)
    common["high-pass 300 Hz"] = _band(300, 1e9)
    common["high-pass 500 Hz"] = _band(500, 1e9)
    common["compressor, equaliser"] = _filtered("acompressor=threshold=-20dB:ratio=4,bass=g=6,treble=g=-4")
    common["voice mixed in, -10 dB"] = _mixed(lambda scene: scene.voice, decibels=-10)
    common["speed +3 %, MP3 64k"] = _then(_speed(1.03), _codec("mp3", "libmp3lame", 64))
    common["first 1.7 s cut off"] = lambda samples, rate, scene: (samples[int(1.7 * rate) :], rate)
    hard: dict[str, Attacker] = {
        "MP3 32k": _codec("mp3", "libmp3lame", 32, mono=True),
        "Opus 24k": _codec("ogg", "libopus", 24, mono=True),
        "Opus 16k": _codec("ogg", "libopus", 16, mono=True),
        "Opus 16k, voice": _codec("ogg", "libopus", 16, "-application", "voip", mono=True),
        "resampled to 8 kHz": _filtered(rate=8_000),
        "noise 20 dB": _noise(20),
        "8 bit": _coarse,
        "music mixed in, -10 dB": _mixed(lambda scene: scene.music, decibels=-10),
        "room 0.3 s": _room(0.3, 3),
        "room 0.5 s": _room(0.5, 0),
        "hall 0.8 s": _room(0.8, 0),
    }
    return [
        Attack(name, group, attacker)
        for group, table in (("common", common), ("hard", hard))
        for name, attacker in table.items()
    ]


def _codec(container: str, codec: str, kilobits: int | None, *more: str, mono: bool = False) -> Attacker:
    rate_of_bits = ("-b:a", f"{kilobits}k") if kilobits else ()

    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        channels = 1 if mono else min(samples.shape[1], STEREO)
        arguments = ("-c:a", codec, *rate_of_bits, "-ac", str(channels), *more, "-f", container)
        coded = _ffmpeg(scene, (*_raw(samples, rate), *arguments), samples.tobytes())
        back = _ffmpeg(
            scene, ("-f", _DEMUXER.get(container, container), "-i", "pipe:", *_as_raw(rate, channels)), coded
        )
        return _samples(back, channels), rate

    return attack


def _filtered(graph: str = "anull", *, rate: int | None = None) -> Attacker:
    def attack(samples: Floats, own: int, scene: Scene) -> tuple[Floats, int]:
        channels = samples.shape[1]
        arguments = (*_raw(samples, own), "-af", graph, *_as_raw(rate or own, channels))
        return _samples(_ffmpeg(scene, arguments, samples.tobytes()), channels), rate or own

    return attack


def _speed(factor: float) -> Attacker:
    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        return _filtered(f"asetrate={round(rate * factor)},aresample={rate}")(samples, rate, scene)

    return attack


def _then(*attackers: Attacker) -> Attacker:
    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        for one in attackers:
            samples, rate = one(samples, rate, scene)
        return samples, rate

    return attack


def _noise(decibels: float) -> Attacker:
    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        import numpy as np

        size = math.sqrt(float(np.square(samples).mean()) / 10 ** (decibels / 10))
        white = np.random.default_rng(1).standard_normal(samples.shape, np.float32)
        return samples + white * np.float32(size), rate

    return attack


def _band(low: float, high: float) -> Attacker:
    """Butterworth, 48 dB an octave, without delay."""

    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        import numpy as np

        pitch = np.fft.rfftfreq(len(samples), 1 / rate) + 1e-9
        passed = 1 / np.sqrt(1 + (low / pitch) ** 16) / np.sqrt(1 + (pitch / high) ** 16)
        return np.fft.irfft(np.fft.rfft(samples, axis=0) * passed[:, None], len(samples), axis=0).astype("f4"), rate

    return attack


def _coarse(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
    import numpy as np

    return np.round(samples * 127) / np.float32(127), rate


def _mixed(chosen: Callable[[Scene], Work], *, decibels: float) -> Attacker:
    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        import numpy as np

        other = chosen(scene)
        one = other.samples[: 30 * other.rate].mean(axis=1, keepdims=True, dtype=np.float32)
        one, _ = _filtered(rate=rate)(np.ascontiguousarray(one), other.rate, scene)
        added = np.resize(one[:, 0], len(samples))[:, None]
        size = math.sqrt(float(np.square(samples).mean() / np.square(added).mean())) * 10 ** (decibels / 20)
        return samples + added * np.float32(size), rate

    return attack


def _room(seconds: float, direct: float) -> Attacker:
    """Played and recorded again in a room. seconds: until its sound has fallen by 60 dB. direct: dB, the direct sound
    over that of the room; with 30 dB of noise, and what a small loudspeaker leaves out."""

    def attack(samples: Floats, rate: int, scene: Scene) -> tuple[Floats, int]:
        import numpy as np

        chance = np.random.default_rng(5)
        when = np.arange(int((seconds + 0.05) * rate)) / rate
        tail = chance.standard_normal(len(when)) * 10 ** (-3 * when / seconds)
        tail[: int(0.004 * rate)] = 0
        tail *= math.sqrt(10 ** (-direct / 10) / np.square(tail).sum())
        tail[0] = 1
        one = samples.mean(axis=1)
        size = len(one) + len(tail)
        wet = np.fft.irfft(np.fft.rfft(one, size) * np.fft.rfft(tail, size), size)[: len(one), None].astype("f4")
        wet, _ = _band(120, 8000)(wet, rate, scene)
        return _noise(30)(wet, rate, scene)

    return attack


_DEMUXER = {"adts": "aac"}


def _raw(samples: Floats, rate: int) -> tuple[str, ...]:
    return "-f", "f32le", "-ar", str(rate), "-ac", str(samples.shape[1]), "-i", "pipe:"


def _as_raw(rate: int, channels: int) -> tuple[str, ...]:
    return "-ar", str(rate), "-ac", str(channels), "-f", "f32le"


def _samples(data: bytes, channels: int) -> Floats:
    import numpy as np

    return np.frombuffer(data, "<f4").reshape(-1, channels)


def _ffmpeg(scene: Scene, arguments: Sequence[str], data: bytes) -> bytes:
    command = (str(scene.ffmpeg), "-v", "error", "-nostdin", "-threads", "1", *arguments, "pipe:1")
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT).stdout
