"""What the watermark of films withstands and costs: counted over works and attacks, through the ffmpeg program."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..detection import Detection, Unmarkable
from ..keys import WatermarkKey
from ..payload import Payload
from ..strength import Strength
from ..video import (
    CHANGE,
    FRAMES_PER_SECOND,
    SWITCH,
    Dose,
    choose_strength,
    detect,
    detect_still,
    overlay,
    pattern,
    reading_size,
    trial_frames,
)
from .counting import Row, identifier_of, total

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Luma = NDArray[np.uint8]

TIMEOUT = 900  # seconds, one run of ffmpeg
SECONDS = 10  # of each work
KEY_DISTANCE = 250  # frames, x264's own
ENCODER = ("-c:v", "libx264", "-preset", "faster", "-crf", "20", "-g", str(KEY_DISTANCE))
AGAIN = ("-c:v", "libx264", "-preset", "veryfast")
STILLS = (0.15, 0.4, 0.65, 0.9)  # shares of a film's length at which a frame is exported


@dataclass(frozen=True)
class Attack:
    """steps: one encoding after another, each a line of ffmpeg's output options; x264 where no codec is named."""

    name: str
    group: str
    steps: tuple[str, ...]


_CUT = "crop=trunc(iw*.4)*2:trunc(ih*.4)*2:iw*.07:ih*.13"
_UPRIGHT = "crop=trunc(ih*9/32)*2:ih"

ATTACKS = (
    Attack("none", "film", ()),
    Attack("CRF 28", "film", ("-crf 28",)),
    Attack("CRF 32", "film", ("-crf 32",)),
    Attack("CRF 36", "film", ("-crf 36",)),
    Attack("480p, CRF 28", "film", ("-vf scale=-2:480 -crf 28",)),
    Attack("360p, CRF 30", "film", ("-vf scale=-2:360 -crf 30",)),
    Attack(
        "VP9, 480p, 500 kbit/s", "film", ("-vf scale=-2:480 -c:v libvpx-vp9 -b:v 500k -deadline realtime -cpu-used 7",)
    ),
    Attack("AV1, CRF 38", "film", ("-c:v libsvtav1 -preset 9 -crf 38",)),
    Attack("15 fps, CRF 28", "film", ("-vf fps=15 -crf 28",)),
    Attack("cut to 80 %, CRF 28", "film", (f"-vf {_CUT} -crf 28",)),
    Attack("cut to 80 %, 480p, CRF 28", "film", (f"-vf {_CUT},scale=-2:480 -crf 28",)),
    Attack("cut to 9:16, CRF 28", "film", (f"-vf {_UPRIGHT} -crf 28",)),
    Attack("cut to 9:16, 404x720, CRF 28", "film", (f"-vf {_UPRIGHT},scale=404:720 -crf 28",)),
    Attack("logo, CRF 28", "film", ("-vf drawbox=iw*.03:ih*.04:iw*.22:ih*.12:white@1:fill -crf 28",)),
    Attack("twice: 480p CRF 28, 720p CRF 30", "film", ("-vf scale=-2:480 -crf 28", "-vf scale=-2:720 -crf 30")),
    Attack("screen recording", "film", ("-vf scale=1180:-2,pad=1280:960:(ow-iw)/2:(oh-ih)/2 -crf 28",)),
    Attack("upright screen recording", "film", ("-vf scale=720:-2,pad=720:1280:(ow-iw)/2:(oh-ih)/2 -crf 30",)),
    Attack("single frames as pictures", "still", ()),
)


@dataclass(frozen=True)
class Quality:
    """Of one marked film. psnr: of the luma where the mark is shown, dB. growth: of bytes; kilobits: a second."""

    dose: Dose
    psnr: float
    growth: float
    kilobits: float

    def __str__(self) -> str:
        dose = f"{self.dose.level} levels, {self.dose.shown:g} s in {SWITCH}"
        return f"{dose}, Y-PSNR {self.psnr:.1f} dB, bytes {100 * self.growth:+.1f} % ({self.kilobits:+.0f} kbit/s)"


def run(
    works: Iterable[tuple[str, Path]],
    *,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    attacks: Sequence[Attack] = ATTACKS,
    ffmpeg: Path,
    report: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Mark each film, attack it, read it; one row for each attack, then one for each group.

    works: names and files. report: told one line for each work.
    """
    key = key or WatermarkKey()
    counted: dict[Attack, list[tuple[str, int, int]]] = {attack: [] for attack in attacks}
    for name, path in works:
        with tempfile.TemporaryDirectory() as folder:
            studio = Studio(ffmpeg, Path(folder), key, strength)
            payload = Payload(identifier_of(name))
            try:
                marked, quality = studio.mark(path, payload)
                tried = {attack: studio.try_(marked, attack, payload) for attack in attacks}
            except Unmarkable as error:
                report(f"{name}: {error}")
                continue
        for attack, (read, of) in tried.items():
            counted[attack].append((name, read, of))
        lost = [attack.name for attack, (read, of) in tried.items() if read < of]
        report(f"{name}: {quality}; lost after: {', '.join(lost) or 'nothing'}")
    rows = [
        Row(
            attack.name,
            attack.group,
            sum(read for _, read, _ in results),
            sum(of for *_, of in results),
            tuple(name for name, read, of in results if read < of),
        )
        for attack, results in counted.items()
    ]
    return rows + [total(group, rows) for group in dict.fromkeys(row.group for row in rows)]


@dataclass(frozen=True)
class Studio:
    """Marks, attacks and reads films in a folder of its own."""

    ffmpeg: Path
    folder: Path
    key: WatermarkKey
    strength: Strength

    def mark(self, source: Path, payload: Payload) -> tuple[Path, Quality]:
        """The film encoded with the mark, and what that cost against the film encoded without. Raises Unmarkable."""
        import numpy as np

        width, height, rate, seconds = self.probe(source)
        width, height = width // 2 * 2, height // 2 * 2
        seconds = min(seconds, SECONDS)
        frames = max(1, round(rate * seconds))

        def encoded(name: str, dose: Dose | None) -> Path:
            return self._encoded(source, name, payload, dose, ("-t", str(seconds)))

        def trial(level: float | None) -> list[int]:
            count = trial_frames(frames)
            place = ("-ss", f"{seconds / 3:.3f}", "-t", f"{(count - 0.5) / rate:.3f}")
            dose = None if level is None else Dose(level)
            return self._packets(self._encoded(source, "trial.mkv", payload, dose, place, CHANGE * count / rate))

        dose = choose_strength(
            trial,
            frames=frames,
            rate=rate,
            key_distance=KEY_DISTANCE,
            pixels=width * height,
            strength=self.strength,
        )
        plain = encoded("plain.mkv", None).stat().st_size
        marked = encoded("marked.mkv", dose)
        grown = marked.stat().st_size - plain
        away = pattern(width, height, payload, key=self.key, strength=dose).astype(np.float32) - 128
        psnr = 10 * math.log10(255**2 / float((away * away).mean()))
        return marked, Quality(dose, psnr, grown / plain, grown * 8e-3 / seconds)

    def try_(self, marked: Path, attack: Attack, payload: Payload) -> tuple[int, int]:
        """How often the payload was read, of how many times."""
        if attack.group == "still":
            stills = self._stills(marked)
            hits = [any(one.payload == payload for one in detect_still(still, key=self.key)) for still in stills]
            return sum(hits), len(hits)
        film = marked
        for number, step in enumerate(attack.steps):
            target = self.folder / f"attacked-{number}.mkv"
            options = step.split()
            codec = () if "-c:v" in options else AGAIN
            self._run(*_input(film), "-an", *codec, *options, str(target))
            film = target
        return int(any(one.payload == payload for one in self.read(film))), 1

    def read(self, film: Path) -> list[Detection]:
        """What `detect` finds in a file."""
        width, height, rate, _ = self.probe(film)
        size = reading_size(width, height)
        rate = min(rate, FRAMES_PER_SECOND)
        return detect(self._luma(film, f"fps={rate},", size), rate, key=self.key)

    def probe(self, film: Path) -> tuple[int, int, float, float]:
        """Width and height as shown, frames a second, seconds. Raises Unmarkable."""
        done = subprocess.run(
            [self.ffmpeg, "-hide_banner", "-nostdin", *_input(film)],
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        told = done.stderr.decode("utf-8", "replace")
        size = re.search(r"Video:.*?, (\d+)x(\d+)[, ].*?([\d.]+) fps", told)
        length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told)
        if not size or not length:
            raise Unmarkable(f"{film.name} is no film that ffmpeg reads")
        seconds = int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3])
        turned = re.search(r"[Dd]isplay ?[Mm]atrix: rotation of (-?[\d.]+) degrees", told)
        lying = turned and round(float(turned[1]) / 90) % 2
        width, height = (size[2], size[1]) if lying else (size[1], size[2])
        return int(width), int(height), float(size[3]), seconds

    def _encoded(
        self,
        source: Path,
        name: str,
        payload: Payload,
        dose: Dose | None,
        part: tuple[str, ...],
        first_change: float = SWITCH,
    ) -> Path:
        width, height, _, _ = self.probe(source)
        width, height = width // 2 * 2, height // 2 * 2
        target = self.folder / name
        even = f"crop={width}:{height}:0:0"
        marking: tuple[str, ...] = ("-vf", f"{even},format=yuv420p")
        if dose is not None:
            grey = self.folder / "pattern.yuv"
            luma = pattern(width, height, payload, key=self.key, strength=dose)
            chroma = bytes([128]) * (width * height // 2)
            grey.write_bytes(luma.tobytes() + chroma)
            shape = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "1", "-i", str(grey))
            drawn = overlay("even", "1:v", "out", pixel_format="yuv420p", dose=dose, first_change=first_change)
            marking = (*shape, "-filter_complex", f"[0:v]{even}[even];{drawn}", "-map", "[out]")
        self._run(*part, *_input(source), *marking, "-an", *ENCODER, str(target))
        return target

    def _packets(self, film: Path) -> list[int]:
        """Bytes of each frame, in order of decoding."""
        told = self._run(*_input(film), "-map", "0:v", "-c", "copy", "-f", "framecrc", "-").decode()
        return [int(line.split(",")[4]) for line in told.splitlines() if line and not line.startswith("#")]

    def _stills(self, film: Path) -> list[Luma]:
        width, height, _, seconds = self.probe(film)
        stills = []
        for share in STILLS:
            raw = self._run(
                *("-ss", f"{share * seconds:.3f}", *_input(film), "-frames:v", "1"),
                *("-vf", "extractplanes=y", "-f", "rawvideo", "-pix_fmt", "gray", "-"),
            )
            stills += list(_frames(raw, width, height))
        return stills

    def _luma(self, film: Path, rate: str, size: tuple[int, int]) -> Iterable[Luma]:
        filters = f"{rate}extractplanes=y,scale={size[0]}:{size[1]}:flags=area,format=gray"
        return _frames(self._run(*_input(film), "-vf", filters, "-f", "rawvideo", "-"), *size)

    def _run(self, *options: str) -> bytes:
        """What ffmpeg wrote. Raises Unmarkable where it cannot work with a film."""
        command = [str(self.ffmpeg), "-v", "error", "-nostdin", "-y", "-threads", "1", *options]
        try:
            return subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=True).stdout
        except subprocess.TimeoutExpired:
            raise Unmarkable(f"ffmpeg took longer than {TIMEOUT} s") from None
        except subprocess.CalledProcessError as error:
            words = error.stderr.decode("utf-8", "replace").strip().splitlines()
            raise Unmarkable(f"ffmpeg cannot work with it: {words[0] if words else error.returncode}") from None


def _input(film: Path) -> tuple[str, ...]:
    """A film whose name ffmpeg takes for nothing but the name of a file."""
    return ("-protocol_whitelist", "file", "-i", f"file:{film.absolute()}")


def _frames(raw: bytes, width: int, height: int) -> Iterable[Luma]:
    import numpy as np

    count = len(raw) // (width * height)
    return np.frombuffer(raw, np.uint8, count * width * height).reshape(count, height, width)
