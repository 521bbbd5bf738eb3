"""Works to measure with, drawn and encoded here: photo-like pictures, films with grain and sound, music."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kzlabel.demo.scenery import landscape
from kzlabel.media.programs.ffmpeg import find


def photo(path: Path, width: int, height: int, *, quality: int = 92) -> Path:
    """A JPEG or PNG, by its ending; JPEG with 4:2:0."""
    picture = landscape(width, height)
    if path.suffix == ".jpg":
        picture.save(path, quality=quality, subsampling="4:2:0")
    else:
        picture.save(path, compress_level=1)
    return path


def film(path: Path, seconds: float, *encoder: str, width: int = 1920, height: int = 1080) -> Path:
    """A pan over a landscape with grain, 30 frames a second, H.264 and AAC. encoder: further arguments of ffmpeg."""
    scene = path.with_suffix(".png")
    landscape(width * 3 // 2, height).save(scene, compress_level=1)
    pan = f"crop={width}:{height}:'(iw-ow)*(0.5-0.5*cos(t/5))':0,noise=alls=3:allf=t,format=yuv420p"
    _ffmpeg(
        *("-loop", "1", "-framerate", "30", "-i", str(scene)),
        *("-f", "lavfi", "-i", "sine=frequency=220:sample_rate=48000"),
        *("-vf", pan, "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "60"),
        *("-c:a", "aac", "-b:a", "128k", *encoder, str(path)),
    )
    scene.unlink()
    return path


def looped(source: Path, target: Path, size: int) -> Path:
    """A film of at least `size` bytes, out of copies of `source` one after the other."""
    times = size // source.stat().st_size + 1
    _ffmpeg("-stream_loop", str(times), "-i", str(source), "-c", "copy", str(target))
    return target


def music(path: Path, seconds: float) -> Path:
    """Stereo sound of 48 kHz, encoded by the name's ending."""
    _ffmpeg("-f", "lavfi", "-i", f"aevalsrc=0.2*sin(440*t)*sin(t)|0.2*sin(331*t)*cos(t):s=48000:d={seconds}", str(path))
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([find(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments], check=True)
