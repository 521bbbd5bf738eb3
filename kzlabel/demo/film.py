"""Encodes the demonstration's film and recording from frames and samples of our own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..errors import MissingProgram
from ..files import scratch
from .melody import RATE, melody
from .scenery import landscape

SIZE = (1280, 720)
FPS = 25
SECONDS = 6


def write_film(target: Path, *, ffmpeg: str) -> None:
    """A slow pan over a wide landscape with music, H.264 and AAC. Raises MissingProgram."""
    width, height = SIZE
    scene = landscape(width * 3 // 2, height, seed=7)
    frames = FPS * SECONDS
    reach = scene.width - width
    with scratch() as folder:
        sound = folder / "sound.raw"
        sound.write_bytes(melody().astype("<f4").tobytes())
        encoder = [
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "pipe:0"),
            *("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", str(sound), "-t", str(SECONDS)),
            *("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", "yuv420p"),
            *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"),
            *("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-g", "50"),
            *("-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(target)),
        ]
        with _start(ffmpeg, encoder) as process:
            assert process.stdin
            for frame in range(frames):
                left = round(reach * frame / (frames - 1))
                process.stdin.write(scene.crop((left, 0, left + width, height)).tobytes())
            process.stdin.close()
            _finish(process)


def write_recording(target: Path, *, ffmpeg: str) -> None:
    """The melody as MP3 with a title. Raises MissingProgram."""
    encoder = [
        *("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "pipe:0"),
        *("-c:a", "libmp3lame", "-b:a", "160k", "-metadata", "title=Кешкі дала", str(target)),
    ]
    with _start(ffmpeg, encoder) as process:
        process.communicate(melody().astype("<f4").tobytes())
        _finish(process)


def _start(ffmpeg: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    command = [ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    except OSError as error:
        raise MissingProgram(f"ffmpeg does not run: {error.strerror}; reinstall imageio-ffmpeg") from None


def _finish(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise MissingProgram(f"ffmpeg ended with status {process.returncode} while it encoded the demonstration")
