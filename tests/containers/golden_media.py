"""Small films and recordings for the container tests: made by the package's ffmpeg once in each test process."""

from __future__ import annotations

import functools
import io
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import av
from hypothesis import strategies as st

from kzlabel.media.programs.ffmpeg import find

_TONE = "sine=f=440:d=0.6:r=8000"
_PICTURES = "testsrc2=s=48x32:r=10:d=0.6"
_FILM = ["-f", "lavfi", "-i", _PICTURES, "-f", "lavfi", "-i", _TONE]
_SOUND = ["-f", "lavfi", "-i", _TONE]
_TITLE = ["-metadata", "title=Сурет", "-fflags", "+bitexact", "-flags", "+bitexact"]

_RECIPES: dict[str, list[str]] = {
    "mp4": [*_FILM, "-c:v", "libx264", "-preset", "ultrafast", "-g", "3", "-c:a", "aac"],
    "webm": [*_FILM, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis", "-ar", "44100"],
    "mp3": [*_SOUND, "-c:a", "libmp3lame", "-b:a", "8k"],
    "flac": [*_SOUND, "-c:a", "flac"],
    "ogg": [*_SOUND, "-c:a", "libvorbis"],
    "opus": [*_SOUND, "-c:a", "libopus", "-b:a", "8k"],
}
_COPIES: dict[str, tuple[str, list[str]]] = {
    "faststart": ("mp4", ["-movflags", "+faststart"]),
    "fragmented": ("mp4", ["-movflags", "+frag_keyframe+empty_moov"]),
    "dash": ("mp4", ["-movflags", "+frag_keyframe+empty_moov+dash"]),
    "indexed": ("mp4", ["-movflags", "+frag_keyframe+empty_moov+dash+global_sidx"]),
    "keys": ("mp4", ["-movflags", "+use_metadata_tags", "-metadata", "AIGC={}"]),
    "mov": ("mov", []),
    "m4a": ("m4a", ["-vn"]),
    "flv": ("flv", ["-metadata", 'AIGC={"Label":"1"}']),
}
FILMS = ("mp4", "faststart", "fragmented", "dash", "indexed", "keys", "mov", "m4a")


@functools.cache
def golden(kind: str) -> bytes:
    """The bytes of one small file."""
    with tempfile.TemporaryDirectory() as folder:
        if kind in _RECIPES:
            target = Path(folder) / f"golden.{kind}"
            arguments = [*_RECIPES[kind], *_TITLE]
        elif kind in ("mkv", "live"):
            source = Path(folder) / "source.webm"
            source.write_bytes(golden("webm"))
            target = Path(folder) / ("golden.mkv" if kind == "mkv" else "golden.webm")
            live = ["-f", "webm", "-live", "1"] if kind == "live" else []
            arguments = ["-i", str(source), "-c", "copy", "-metadata", 'AIGC={"Label":"1"}', *live]
        else:
            ending, options = _COPIES[kind]
            source = Path(folder) / "source.mp4"
            source.write_bytes(golden("mp4"))
            target = Path(folder) / f"golden.{ending}"
            arguments = ["-i", str(source), "-c", "copy", "-fflags", "+bitexact", *options]
        subprocess.run([find(), "-v", "error", "-nostdin", *arguments, str(target)], check=True, timeout=60)
        return target.read_bytes()


def packets(data: bytes) -> list[tuple[int, int | None, int | None, bytes]]:
    """Every packet as an independent demuxer sees it: stream, times, bytes."""
    with av.open(io.BytesIO(data)) as media:
        return [(p.stream_index, p.pts, p.dts, bytes(p)) for p in media.demux() if p.size]


def tags_seen(data: bytes) -> dict[str, str]:
    """The tags as an independent reader sees them, names in lower case."""
    with av.open(io.BytesIO(data)) as media:
        pairs = [*media.metadata.items(), *(pair for stream in media.streams for pair in stream.metadata.items())]
    return {name.lower(): value for name, value in reversed(pairs)}


@dataclass(frozen=True)
class Damage:
    """One defect. place: counted from the head, or from the end if negative. new: what stands there instead of `length`
    bytes: None doubles them."""

    place: int
    length: int
    new: bytes | None


def damages() -> st.SearchStrategy[list[Damage]]:
    """Bytes overwritten, repeated, left out or cut off: mostly near the head and the end, where structure is."""
    reach = st.sampled_from([64, 512, 4096, 40_000])
    place = reach.flatmap(lambda most: st.integers(-most, most))
    overwriting = st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\0\0\0\1", b"\x7f"])
    one = st.one_of(
        st.builds(lambda place, new: Damage(place, len(new), new), place, overwriting),
        st.builds(Damage, place, st.sampled_from([1, 4, 40]), st.sampled_from([b"", None])),
        st.builds(Damage, place, st.just(1 << 30), st.just(b"")),
    )
    return st.lists(one, min_size=0, max_size=6)


def damaged(data: bytes, defects: list[Damage]) -> bytes:
    for defect in defects:
        start = max(0, min(len(data), defect.place if defect.place >= 0 else len(data) + defect.place))
        piece = data[start : start + defect.length]
        data = data[:start] + (piece * 2 if defect.new is None else defect.new) + data[start + defect.length :]
    return data
