from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from pathlib import Path

import ffmpeg
import pytest

from kzlabel.errors import LimitExceeded, MissingProgram, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.programs.ffmpeg import find, opened, reading, run, version

TONE = ["-f", "lavfi", "-i", "sine=d=2:r=8000", "-f", "s16le", "pipe:1"]
ENDLESS = ["-re", "-f", "lavfi", "-i", "sine=r=8000", "-f", "s16le", "pipe:1"]
RAW = ["-f", "s16le", "-ar", "8000", "-i", "pipe:0"]


def test_the_program_of_the_package_runs() -> None:
    assert Path(find()).is_file()
    assert version()[0].isalnum()


def test_a_program_that_is_not_there_is_named() -> None:
    for call in (lambda: version("/no/such/ffmpeg"), lambda: _run(TONE, program="/no/such/ffmpeg")):
        with pytest.raises(MissingProgram, match=r"/no/such/ffmpeg: ffmpeg does not run"):
            call()


def test_a_program_that_is_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingProgram):
        version(sys.executable)
    script = tmp_path / "ffmpeg"
    script.write_bytes(b"\x7fELF nonsense")
    script.chmod(0o755)
    with pytest.raises(MissingProgram, match="does not run"):
        _run(TONE, program=str(script))


def test_output_arrives_whole_and_progress_rises_to_one() -> None:
    pieces: list[bytes] = []
    shares: list[float] = []
    _run(TONE, consumer=pieces.append, progress=shares.append, duration=2.0)
    assert len(b"".join(pieces)) == 2 * 8000 * 2
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_run_beyond_its_time_is_ended_and_says_so() -> None:
    threads = threading.active_count()
    with pytest.raises(LimitExceeded, match="program_timeout"):
        _run(ENDLESS, consumer=len, limits=Limits(program_timeout=0.3))
    assert threading.active_count() == threads


def test_an_error_of_the_consumer_ends_the_program() -> None:
    def refuse(_: bytes) -> None:
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        _run(ENDLESS, consumer=refuse)


def test_an_interruption_during_progress_ends_the_program() -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(ENDLESS, consumer=len, progress=interrupt, duration=10.0)


def test_a_file_that_is_no_film_gives_one_clean_sentence(tmp_path: Path) -> None:
    film = tmp_path / "-not \n a film.mp4"
    film.write_bytes(b"\0\0\0\x10ftypisom" + bytes(4000))
    outputs = ffmpeg.output(opened(film, "mov", DEFAULT_LIMITS), "pipe:1", format="null")
    with pytest.raises(UnreadableFile) as caught:
        run(outputs, name="film.mp4", limits=DEFAULT_LIMITS)
    assert str(caught.value) == "film.mp4: ffmpeg cannot work with this file: moov atom not found"


def test_what_is_fed_comes_out_as_the_program_made_it() -> None:
    pieces: list[bytes] = []

    def silence() -> Generator[bytes, None, None]:
        for _ in range(4):
            yield bytes(16_000)

    _run([*RAW, "-f", "s16le", "pipe:1"], feed=silence(), consumer=pieces.append)
    assert b"".join(pieces) == bytes(64_000)


def test_an_error_of_the_feed_ends_the_program_and_is_raised() -> None:
    closed: list[bool] = []

    def broken() -> Generator[bytes, None, None]:
        try:
            yield bytes(16_000)
            raise ValueError("enough")
        finally:
            closed.append(True)

    threads = threading.active_count()
    with pytest.raises(ValueError, match="enough"):
        _run([*RAW, "-f", "null", "-"], feed=broken())
    assert closed == [True]
    assert threading.active_count() == threads


def test_a_program_that_stops_taking_its_feed_says_why_and_the_feed_is_closed() -> None:
    closed: list[bool] = []

    def endless() -> Generator[bytes, None, None]:
        try:
            while True:
                yield bytes(16_000)
        finally:
            closed.append(True)

    _run([*RAW, "-t", "0.5", "-f", "null", "-"], feed=endless())
    assert closed == [True]
    with pytest.raises(UnreadableFile):
        _run([*RAW, "-c:a", "pcm_s16le", "-f", "nonsense", "-"], feed=endless())
    assert closed == [True, True]


def test_a_program_that_is_read_piece_by_piece_ends_when_no_more_is_wanted() -> None:
    threads = threading.active_count()
    with reading(ENDLESS, size=1000, name="tone", limits=DEFAULT_LIMITS) as pieces:
        assert len(next(pieces)) == 1000
    with reading(TONE, size=20_000, name="tone", limits=DEFAULT_LIMITS) as pieces:
        assert [len(piece) for piece in pieces] == [20_000, 12_000]
    assert threading.active_count() == threads


def test_a_program_that_is_read_piece_by_piece_is_held_to_its_time_and_its_end() -> None:
    limits = Limits(program_timeout=0.3)
    with (
        pytest.raises(LimitExceeded, match="program_timeout"),
        reading(ENDLESS, size=1000, name="t", limits=limits) as pieces,
    ):
        list(pieces)
    with (
        pytest.raises(UnreadableFile, match="bad"),
        reading(["-i", "file:/none", "-f", "null", "-"], size=10, name="bad", limits=DEFAULT_LIMITS) as pieces,
    ):
        list(pieces)


def _run(arguments: list[str], **options: object) -> None:
    run(arguments, name="tone", **{"limits": DEFAULT_LIMITS, **options})  # type: ignore[arg-type]
