"""What is no recording, half a recording, or pretends to be one."""

from __future__ import annotations

import contextlib
import random
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.errors import KzlabelError, LimitExceeded, UnreadableFile, UnsupportedFormat, UsageError
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media import RenderPlan, detect
from kzlabel.media.audio import FORMATS, Flac, M4a, Mp3, Opus, Wav, transcode, write_wave
from kzlabel.media.audio.recording import Recording
from kzlabel.media.audio.refused import Refused
from tests.media.sounds import decoded, encoded, ffmpeg, lag, speech

CODECS = {"mp3": (), "wav": (), "flac": (), "m4a": (), "ogg": ("-c:a", "libvorbis"), "opus": ()}
PLAN = RenderPlan(disclosure=DisclosurePlan(languages=("en",)))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("golden")
    return {
        kind: encoded(folder / f"a.{kind}", speech(0.4), 48_000, *options).read_bytes()
        for kind, options in CODECS.items()
    }


def found(data: bytes, name: str = "") -> type | None:
    format = detect(data[: 64 * 1024], name, FORMATS)
    return type(format) if format else None


@pytest.mark.parametrize("kind", CODECS)
def test_a_recording_is_known_by_its_bytes_whatever_its_name(kind: str, golden: dict[str, bytes]) -> None:
    expected = {"mp3": "Mp3", "wav": "Wav", "flac": "Flac", "m4a": "M4a", "ogg": "OggVorbis", "opus": "Opus"}[kind]
    for name in (f"a.{kind}", "a.mp3", "a.txt", ""):
        format = found(golden[kind], name)
        assert format
        assert format.__name__ == expected


def test_what_looks_like_a_recording_at_first_sight_is_none(golden: dict[str, bytes]) -> None:
    ten = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
    for data in (
        b"",
        b"#EXTM3U\nfile:///etc/passwd\n",
        "ffconcat version 1.0\nfile a.wav\n".encode("utf-16"),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(5000),
        b"\xff\xfb\x90\x00" + bytes(5000),
        ten + b"just text",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"OggS" + bytes(23) + b"\x01\x07\x80theora",
        b"\0\0\0\x18ftypavif" + bytes(100),
    ):
        assert found(data) is None, data[:20]
    assert found(ten + golden["flac"]) is Flac
    assert found(ten + golden["mp3"]) is Mp3


def test_a_film_in_mp4_is_left_to_the_films(tmp_path: Path) -> None:
    sound = encoded(tmp_path / "a.m4a", speech(0.4), 48_000)
    film = tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64:d=0.4", "-i", str(sound), "-movflags", "+faststart", str(film))
    assert M4a.score(film.read_bytes()[:65536]) == 0
    plain = tmp_path / "sound.mp4"
    ffmpeg("-i", str(sound), "-c", "copy", "-movflags", "+faststart", str(plain))
    assert M4a.score(plain.read_bytes()[:65536]) == 95
    with pytest.raises(UnsupportedFormat, match="it holds a film"):
        M4a().probe(film, DEFAULT_LIMITS)


def test_recordings_that_cannot_be_labelled_are_refused_by_name(tmp_path: Path) -> None:
    sound = speech(0.4)
    made = {
        "a.aac": ("Raw AAC", ()),
        "a.aiff": ("AIFF", ()),
        "a.wma": ("Windows Media", ()),
        "a.oga": ("FLAC in Ogg", ("-c:a", "flac")),
        "big.wav": ("RF64", ("-rf64", "always")),
        "a.caf": ("Core Audio", ()),
        "a.wv": ("WavPack", ()),
    }
    for name, (words, options) in made.items():
        path = encoded(tmp_path / name, sound, 48_000, *options)
        format = detect(path.read_bytes()[:65536], name, FORMATS)
        assert isinstance(format, Refused), name
        with pytest.raises(UnsupportedFormat, match=rf"{name}: {words}.* cannot be labelled; (convert|put)"):
            format.render(path, tmp_path / "out", PLAN)


def test_a_wav_of_another_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.wav", speech(0.4), 48_000, "-c:a", "adpcm_ms")
    with pytest.raises(UnsupportedFormat, match="adpcm_ms, which cannot be written in WAV; convert it"):
        Wav().render(path, tmp_path / "out.wav", PLAN)


@pytest.mark.parametrize("kind", ["wav", "flac", "m4a"])
def test_a_recording_cut_off_is_refused(kind: str, golden: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(golden[kind][: len(golden[kind]) * 2 // 3])
    format = detect(path.read_bytes(), path.name, FORMATS)
    assert isinstance(format, Recording)
    with pytest.raises(UnreadableFile, match=r"^cut\.[a-z0-9]+: "):
        format.render(path, tmp_path / "out", PLAN)


def test_a_wav_without_samples_or_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    shape = b"fmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    for body in (
        shape + b"data\0\0\0\0",
        shape,
        b"data\x04\0\0\0abcd",
        shape.replace(b"\x02\0\x10\0", bytes(4)) + b"data\x04\0\0\0abcd",
    ):
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
        with pytest.raises(UnreadableFile):
            Wav().render(path, tmp_path / "out.wav", PLAN)


def test_a_wav_from_a_pipe_gets_its_real_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    plain = encoded(tmp_path / "b.wav", speech(0.4), 48_000)
    data = plain.read_bytes()
    place = data.index(b"data") + 4
    path.write_bytes(data[:4] + b"\xff" * 4 + data[8:place] + b"\xff" * 4 + data[place + 4 :])
    rendered = Wav().render(path, tmp_path / "out.wav", PLAN)
    Wav().check(path, tmp_path / "out.wav", rendered, DEFAULT_LIMITS)
    out = (tmp_path / "out.wav").read_bytes()
    assert int.from_bytes(out[4:8], "little") == len(out) - 8


def test_too_long_a_recording_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.flac", speech(2), 48_000)
    with pytest.raises(LimitExceeded, match="max_duration"):
        Flac().render(path, tmp_path / "out.flac", RenderPlan(PLAN.disclosure, limits=Limits(max_duration=1.0)))


def test_an_own_notice_that_is_none_is_refused(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.wav", speech(0.4), 48_000)
    text = tmp_path / "notice.txt"
    text.write_text("ffconcat version 1.0\nfile /etc/passwd\n", encoding="utf-8")
    silent = encoded(tmp_path / "silent.wav", np.zeros(4800), 48_000)
    long = encoded(tmp_path / "long.wav", speech(31, 8000), 8000)
    for notice, kind, words in (
        (text, UsageError, "must be a recording"),
        (silent, UnreadableFile, "silent"),
        (long, UsageError, "30 seconds at most"),
        (tmp_path / "none.wav", UnreadableFile, "no such file"),
    ):
        with pytest.raises(kind, match=words):
            Wav().render(source, tmp_path / "out.wav", RenderPlan(DisclosurePlan(notice=notice)))


@pytest.mark.parametrize("kind", CODECS)
def test_only_our_own_errors_leave_a_mutilated_recording(kind: str, golden: dict[str, bytes], tmp_path: Path) -> None:
    chance = random.Random(f"audio {kind}")
    for number in range(12):
        data = bytearray(golden[kind])
        if number % 3 == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.choice((1, 4, 60))):
            if data:
                # Headers stand at both ends; damage there reaches the most code.
                place = chance.choice((chance.randrange(len(data)), chance.randrange(min(300, len(data)))))
                data[place] = chance.choice((0, 255, chance.randrange(256)))
        path, target = tmp_path / f"{number}.{kind}", tmp_path / f"out-{number}.{kind}"
        path.write_bytes(data)
        format = detect(bytes(data[:65536]), path.name, FORMATS)
        if format is None or isinstance(format, Refused):
            continue
        with contextlib.suppress(KzlabelError):
            rendered = format.render(path, target, PLAN)
            format.check(path, target, rendered, DEFAULT_LIMITS)


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "ID3\x04\0\0\0\0\0\x05", "OggS", "RIFF", "fLaC", "\0\0\0\x20ftypisom"]),
)
def test_scores_of_random_bytes_are_numbers(data: bytes, start: str) -> None:
    header = start.encode("latin-1") + data
    assert all(0 <= format.score(header) <= 100 for format in FORMATS)


@cache
def _array() -> np.ndarray:
    return speech(1.0, 44_100, channels=2).astype(np.float32)


@pytest.mark.parametrize("to", [Mp3(), Flac(), M4a(), Opus()], ids=lambda format: format.name)
def test_samples_in_memory_become_a_labelled_recording_with_one_encoding(to: Recording, tmp_path: Path) -> None:
    write_wave(_array(), 44_100, tmp_path / "samples.wav")
    rendered = Wav().render(tmp_path / "samples.wav", tmp_path / "spoken.wav", PLAN)
    target = tmp_path / f"out{to.extensions[0]}"
    transcode(tmp_path / "spoken.wav", target, to, limits=DEFAULT_LIMITS)
    after = decoded(target, 44_100)
    assert found(target.read_bytes()) is type(to)
    assert abs(lag(_array(), after) - rendered.info.detail["promise"].notice) <= 2


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_samples_of_every_usual_kind_are_written_as_they_are(kind: type, channels: int, tmp_path: Path) -> None:
    floats = np.repeat(np.linspace(-0.5, 0.5, 101)[:, None], channels, axis=1)
    ints = np.issubdtype(kind, np.integer)
    scale = 2.0 ** (8 * np.dtype(kind).itemsize - 1) if ints else 1.0
    samples = (floats * scale + (128 if kind is np.uint8 else 0)).astype(kind)
    write_wave(samples[:, 0] if channels == 1 else samples, 16_000, tmp_path / "a.wav")
    assert np.allclose(decoded(tmp_path / "a.wav"), floats, atol=2 / scale + 1e-6 if ints else 1e-6)


def test_samples_of_impossible_shape_are_refused(tmp_path: Path) -> None:
    for samples, rate in (
        (np.zeros((0, 2)), 48_000),
        (np.zeros((10, 9)), 48_000),
        (np.zeros((2, 2, 2)), 48_000),
        (np.full(10, np.nan), 48_000),
        (np.zeros(10), 0),
    ):
        with pytest.raises(UsageError):
            write_wave(samples, rate, tmp_path / "a.wav")
    write_wave(np.zeros((48_000, 6)), 48_000, tmp_path / "six.wav")
    with pytest.raises(UsageError, match="MP3 holds one or two channels"):
        transcode(tmp_path / "six.wav", tmp_path / "a.mp3", Mp3(), limits=DEFAULT_LIMITS)
