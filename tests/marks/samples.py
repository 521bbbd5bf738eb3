"""Small files of every format that carries a manifest, drawn and synthesised here."""

from __future__ import annotations

import io
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
from PIL import Image

from kzlabel.signing.development import DevelopmentSigner, development_signer
from kzlabel.trust import Anchor, Trust

EMBEDDED = {
    "picture.jpg": "image/jpeg",
    "progressive.jpg": "image/jpeg",
    "picture.png": "image/png",
    "animated.png": "image/png",
    "picture.webp": "image/webp",
    "animated.webp": "image/webp",
    "picture.avif": "image/avif",
    "animated.gif": "image/gif",
    "pages.tiff": "image/tiff",
    "film.mp4": "video/mp4",
    "faststart.mp4": "video/mp4",
    "fragmented.mp4": "video/mp4",
    "film.mov": "video/quicktime",
    "sound.mp3": "audio/mpeg",
    "sound.wav": "audio/wav",
    "sound.flac": "audio/flac",
    "sound.m4a": "audio/mp4",
}
DETACHED = {
    "film.webm": "video/webm",
    "film.mkv": "video/x-matroska",
    "sound.ogg": "audio/ogg",
    "sound.opus": "audio/ogg",
}

_PICTURES: dict[str, dict[str, object]] = {
    "picture.jpg": {},
    "progressive.jpg": {"progressive": True},
    "picture.png": {},
    "animated.png": {"save_all": True},
    "picture.webp": {},
    "animated.webp": {"save_all": True},
    "picture.avif": {},
    "animated.gif": {"save_all": True},
    "pages.tiff": {"save_all": True},
}
_FILM = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=0.5:r=10", "-f", "lavfi", "-i", "sine=d=0.5"]
_SOUND = ["-f", "lavfi", "-i", "sine=d=0.5"]
_FFMPEG = {
    "film.mp4": [*_FILM],
    "faststart.mp4": [*_FILM, "-movflags", "+faststart"],
    "fragmented.mp4": [*_FILM, "-movflags", "frag_keyframe+empty_moov"],
    "film.mov": [*_FILM],
    "film.webm": [*_FILM, "-c:v", "libvpx"],
    "film.mkv": [*_FILM],
    "sound.mp3": [*_SOUND],
    "sound.wav": [*_SOUND],
    "sound.flac": [*_SOUND],
    "sound.m4a": [*_SOUND],
    "sound.ogg": [*_SOUND, "-c:a", "libvorbis"],
    "sound.opus": [*_SOUND],
}


@dataclass(frozen=True)
class Desk:
    """A development key, and the trust in it."""

    signer: DevelopmentSigner
    trust: Trust


def desk(folder: Path) -> Desk:
    signer = development_signer(folder)
    return Desk(signer, Trust((Anchor("test root", "2026-11-24", signer.root),)))


def picture(shade: int = 0) -> Image.Image:
    """96 by 64, noise, so that every encoder has something to write."""
    return Image.frombytes("RGB", (96, 64), random.Random(shade).randbytes(96 * 64 * 3))


def jpeg(shade: int = 0) -> bytes:
    target = io.BytesIO()
    picture(shade).save(target, "JPEG")
    return target.getvalue()


def make(folder: Path, name: str) -> Path:
    """One sample by its name."""
    path = folder / name
    if path.exists():
        return path
    if name in _PICTURES:
        options = dict(_PICTURES[name])
        if options.get("save_all"):
            options["append_images"] = [picture(40), picture(80)]
        picture().save(path, **options)
    else:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *_FFMPEG[name], str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path
