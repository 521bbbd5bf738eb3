"""Gathers works to judge the watermark by, on which nothing was tuned: out of Debian packages, and drawn here.

    python scripts/bench/watermark_works.py works/

Writes works/pictures (800 pixels on the longer side, some 2,200; posters and text pages), works/small (400 pixels),
works/sounds (speech of people and of synthesizers, music of games) and works/films (10 s each: photographs as a hand
holds a camera, drawings, stills, pans). Needs apt-get, dpkg-deb, espeak-ng and flite, and the package scikit-learn for
its two photographs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import carriers
import numpy as np
from PIL import Image

from kzlabel.media.programs.ffmpeg import find

WALLPAPERS = ("plasma-workspace-wallpapers", "lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "mate-backgrounds")
SPEECH = ("asterisk-core-sounds-en-wav", "asterisk-core-sounds-ru-wav")
MUSIC = ("asc-music", "pingus-data", "neverball-data", "frozen-bubble-data", "singularity-music")
SENTENCES = {
    "kk": "Бүгін қалада жел тынды, ал кешке қарай жаңбыр жауады деп күтілуде. Жолда абай болыңыздар, көшелер тайғақ.",
    "ru": "Сегодня в городе стих ветер, а к вечеру ожидается дождь. Будьте осторожны на дорогах, улицы скользкие.",
    "en-us": "The wind has dropped in the city today, and rain is expected towards evening. Take care on the roads.",
}
PICTURES, LARGE, FLAT, SMALL = 30, 10, 7, 31
SECONDS, RATE = 10, 25


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    folder = asked.parse_args().folder
    packages = folder / "packages"
    for part in ("pictures", "small", "sounds", "films", "packages"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for package in (*WALLPAPERS, *SPEECH, *MUSIC):
        _unpack(package, packages)
    photographs = list(_photographs(packages))
    _pictures(photographs, folder)
    _sounds(packages, folder / "sounds")
    _films(photographs, folder / "films")
    for part in ("pictures", "small", "sounds", "films"):
        print(f"{part}: {sum(1 for _ in (folder / part).iterdir())}")


def _unpack(package: str, folder: Path) -> None:
    if (folder / package).exists():
        return
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True, stdout=sys.stderr)
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, folder / package], check=True)
    archive.unlink()


def _photographs(packages: Path) -> Iterator[tuple[str, Image.Image]]:
    """Each picture once, in its largest size; nothing that is nearly flat or a line drawing of few colours."""
    from sklearn.datasets import load_sample_images

    for name, pixels in zip(("china", "flower"), load_sample_images().images, strict=True):
        yield name, Image.fromarray(pixels)
    for package in WALLPAPERS:
        largest: dict[str, Path] = {}
        for path in sorted((packages / package).rglob("*")):
            if path.suffix.lower() in (".jpg", ".jpeg", ".png") and not path.is_symlink() and path.stat().st_size > 1e5:
                # Plasma has one folder for each picture, with a file for each size of screen in it.
                key = path.parent.parent.parent.name if path.parent.name.startswith("images") else path.stem
                if key not in largest or path.stat().st_size > largest[key].stat().st_size:
                    largest[key] = path
        for name, path in sorted(largest.items()):
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            if picture.width * picture.height > 1 << 19 and _rich(picture):
                yield name.lower(), picture


def _rich(picture: Image.Image) -> bool:
    small = np.asarray(picture.convert("L").resize((400, 300)), np.float32)
    return float(np.abs(np.diff(small, axis=1)).mean()) > 1.5


def _pictures(photographs: list[tuple[str, Image.Image]], folder: Path) -> None:
    for number, (name, picture) in enumerate(photographs[:PICTURES]):
        _scaled(picture, 800).save(folder / "pictures" / f"{name}.png")
        if number % 3 == 0 and number // 3 < LARGE:
            _scaled(picture, 2200).save(folder / "pictures" / f"{name}-large.png")
    for seed in range(FLAT):
        Image.fromarray(carriers.poster(900 + seed)).save(folder / "pictures" / f"flat-poster-{seed}.png")
        Image.fromarray(carriers.page(900 + seed)).save(folder / "pictures" / f"flat-page-{seed}.png")
    for name, picture in photographs[:SMALL]:
        _scaled(picture, 400).save(folder / "small" / f"{name}.png")


def _scaled(picture: Image.Image, longest: int) -> Image.Image:
    copy = picture.copy()
    copy.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return copy


def _sounds(packages: Path, folder: Path) -> None:
    for language, package in zip(("en", "ru"), SPEECH, strict=True):
        files = sorted((packages / package).rglob("*.wav"), key=lambda path: path.stat().st_size, reverse=True)
        for number in range(4):
            _joined(files[number::4][:12], folder / f"speech-{language}-{number}.wav")
    for language, text in SENTENCES.items():
        for voice, speed in (("", 150), ("+f3", 175)):
            spoken = folder / f"espeak-{language}{voice}.wav"
            subprocess.run(
                ["espeak-ng", "-v", language + voice, "-s", str(speed), "-w", spoken, f"{text} " * 5], check=True
            )
    for voice in ("slt", "rms"):
        asked = ["-voice", voice, "-o", str(folder / f"flite-{voice}.wav")]
        subprocess.run(["flite", *asked, "-t", f"{SENTENCES['en-us']} " * 5], check=True)
    for package in MUSIC:
        files = [path for path in (packages / package).rglob("*") if path.suffix in (".ogg", ".mp3")]
        for path in sorted(path for path in files if path.stat().st_size > 600_000)[:6]:
            _ffmpeg("-ss", 10, "-t", 25, "-i", path, "-vn", "-map_metadata", -1, folder / f"music-{path.stem}.flac")
    for path in folder.iterdir():
        if path.stat().st_size < 300_000:
            path.unlink()  # shorter than 20 s


def _joined(files: list[Path], target: Path) -> None:
    inputs = [part for path in files for part in ("-i", path)]
    _ffmpeg(*inputs, "-filter_complex", f"concat=n={len(files)}:v=0:a=1,atrim=end=25", target)


def _films(photographs: list[tuple[str, Image.Image]], folder: Path) -> None:
    rich = [picture for _, picture in photographs if min(picture.size) >= 1000]
    for number, (height, kind) in enumerate(((720, "camera"), (1080, "camera"), (720, "camera"), (480, "camera")) * 2):
        _hand(rich[number], folder / f"{kind}-{height}p-{number}.mp4", height)
    for number in range(2):
        poster = Image.fromarray(carriers.poster(950 + number, 1920, 1080))
        page = Image.fromarray(carriers.page(950 + number, 1280, 720))
        _still(poster, folder / f"still-1080p-{number}.mp4")
        _still(page, folder / f"still-720p-{number}.mp4")
        _pan(Image.fromarray(carriers.poster(960 + number, 2560, 720)), folder / f"pan-720p-{number}.mp4")
        _drawn(folder / f"drawn-720p-{number}.mp4", ("mandelbrot=s=1280x720", "testsrc2=s=1280x720")[number])


def _hand(picture: Image.Image, target: Path, height: int) -> None:
    """A photograph as a hand holds a camera: it sways, comes nearer, and has grain that is new in each frame."""
    width = height * 8 // 9 * 2  # even, as encoders want it
    source = _page(picture, target, width * 3 // 2, height * 3 // 2)
    across, down = "(iw-ow)*(0.5+0.3*sin(t*0.9)+0.05*sin(t*5))", "(ih-oh)*(0.5+0.3*cos(t*0.7)+0.04*sin(t*6))"
    sway = f"crop={width}:{height}:'{across}':'{down}'"
    _looped(source, f"{sway},noise=alls=5:allf=t", target)


def _still(picture: Image.Image, target: Path) -> None:
    _looped(_page(picture, target, *picture.size), "null", target)


def _pan(picture: Image.Image, target: Path) -> None:
    source = _page(picture, target, *picture.size)
    _looped(source, "crop=1280:720:'(iw-ow)*t/10':0", target)


def _drawn(target: Path, drawing: str) -> None:
    _ffmpeg("-f", "lavfi", "-i", f"{drawing}:r={RATE}", "-t", SECONDS, *_ENCODED, target)


def _page(picture: Image.Image, target: Path, width: int, height: int) -> Path:
    page = target.with_suffix(".png")
    picture.resize((width, height), Image.Resampling.LANCZOS).save(page)
    return page


def _looped(source: Path, filters: str, target: Path) -> None:
    _ffmpeg("-loop", 1, "-framerate", RATE, "-i", source, "-vf", filters, "-t", SECONDS, *_ENCODED, target)
    source.unlink()


_ENCODED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")


def _ffmpeg(*arguments: object) -> None:
    command = [find(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
