from __future__ import annotations

import sys
import threading
from pathlib import Path

import ffmpeg
import pytest

from kzlabel.errors import LimitExceeded, MissingProgram, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.programs.ffmpeg import find, opened, run, version

TONE = ["-f", "lavfi", "-i", "sine=d=2:r=8000", "-f", "s16le", "pipe:1"]
ENDLESS = ["-re", "-f", "lavfi", "-i", "sine=r=8000", "-f", "s16le", "pipe:1"]


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


def _run(arguments: list[str], **options: object) -> None:
    run(arguments, name="tone", **{"limits": DEFAULT_LIMITS, **options})  # type: ignore[arg-type]
