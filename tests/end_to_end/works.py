"""One small unlabelled work of every format, with metadata of its own, made once and copied for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.media import reels, sounds
from tests.media.pictures import scene

TITLE = "A title of its own"


def _picture(path: Path, **options: object) -> None:
    from PIL import Image

    Image.fromarray(scene(640, 480)).save(path, **options)  # type: ignore[arg-type]


def _moving(path: Path, **options: object) -> None:
    from PIL import Image

    frames = [Image.fromarray(scene(400, 300, step=step)) for step in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[80, 120, 160, 200], loop=3, **options)  # type: ignore[arg-type]


def _jpeg(path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = TITLE  # ImageDescription
    _picture(path, quality=88, exif=exif, comment=TITLE.encode())


def _png(path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", TITLE)
    _picture(path, pnginfo=info)


def _film(codec: str, *more: str, sound: str = "aac") -> Callable[[Path], None]:
    return lambda path: _made(reels.make(path, codec, "-metadata", f"title={TITLE}", *more, sound=sound))


def _sound(*options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        sounds.encoded(path, sounds.music(11.0), 44_100, "-metadata", f"title={TITLE}", *options)

    return make


def _made(path: Path) -> None:
    assert path.stat().st_size


def _text(content: str, encoding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: _made_text(path, content.encode(encoding))


def _made_text(path: Path, data: bytes) -> None:
    path.write_bytes(data)


STORY = "Қаладағы жел тынды.\r\nВетер утих.\r\nThe wind has dropped, and only the grass can be heard.\r\n"
NOTE = f"---\ntitle: {TITLE}\n---\n# Evening\n\nThe wind has dropped, and only the grass can be heard.\n"
PAGE = f"<!DOCTYPE html><html><head><title>{TITLE}</title></head><body><p>The wind has dropped.</p></body></html>\n"

MAKERS: dict[str, Callable[[Path], None]] = {
    "photo.jpg": _jpeg,
    "progressive.jpg": lambda path: _picture(path, quality=85, progressive=True),
    "picture.png": _png,
    "moving.png": _moving,
    "picture.webp": lambda path: _picture(path, quality=85),
    "moving.webp": _moving,
    "picture.avif": lambda path: _picture(path, quality=80),
    "moving.avif": _moving,
    "moving.gif": _moving,
    "picture.tiff": lambda path: _picture(path, compression="tiff_lzw"),
    "h264.mp4": _film("h264", "-movflags", "+faststart"),
    "hevc.mp4": _film("hevc"),
    "av1.mp4": _film("av1"),
    "fragmented.mp4": _film("h264", "-movflags", "frag_keyframe+empty_moov"),
    "h264.mov": _film("h264"),
    "vp9.webm": _film("vp9", sound="libopus"),
    "h264.mkv": _film("h264"),
    "song.mp3": _sound("-b:a", "128k"),
    "song.wav": _sound(),
    "song.flac": _sound(),
    "song.m4a": _sound("-c:a", "aac", "-b:a", "128k"),
    "song.ogg": _sound("-c:a", "libvorbis"),
    "song.opus": _sound("-c:a", "libopus", "-ar", "48000"),
    "story.txt": _text(STORY),
    "wide.txt": _text("\ufeff" + STORY, "utf-16-le"),
    "note.md": _text(NOTE),
    "page.html": _text(PAGE),
}
IN_SIDECAR = {"vp9.webm", "h264.mkv", "song.ogg", "song.opus"}


@cache
def _shelf() -> tempfile.TemporaryDirectory[str]:
    """Gone when the interpreter ends."""
    return tempfile.TemporaryDirectory(prefix="kzlabel-works-")


def work(name: str, folder: Path) -> Path:
    """A fresh copy of the work of this name in `folder`."""
    original = Path(_shelf().name) / name
    if not original.exists():
        MAKERS[name](original)
    copy = folder / name
    copy.write_bytes(original.read_bytes())
    return copy
