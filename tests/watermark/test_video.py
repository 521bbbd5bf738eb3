"""The mark of films: read after what happens to films, told apart, and found nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from kzlabel.errors import KzlabelError
from kzlabel.media.programs.ffmpeg import find
from kzlabel.watermark.detection import Certainty, Unmarkable
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.strength import Strength
from kzlabel.watermark.video import (
    PULSE,
    Dose,
    blends,
    choose_strength,
    detect,
    detect_still,
    overlay,
    pattern,
    reading_size,
    trial_frames,
)

from .independent_video import identifier

PAYLOAD = Payload("0123456789ab")
OTHER = Payload("fedcba987654")


def picture(width: int, height: int, seed: int = 1, contrast: float = 40) -> np.ndarray:
    """A still whose detail falls with frequency as that of photographs does."""
    dice = np.random.default_rng(seed)
    waves = np.fft.rfft2(dice.normal(size=(height, width)))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    waves /= np.maximum(np.hypot(down, across), 1 / width) ** 1.1
    plane = np.fft.irfft2(waves, (height, width))
    return (128 + contrast * (plane - plane.mean()) / plane.std()).clip(16, 235)


def away(width: int, height: int, payload: Payload = PAYLOAD, level: float = 0.65) -> np.ndarray:
    return pattern(width, height, payload, strength=level).astype(float) - 128


def still_film(seconds: int, rate: int = 2, payload: Payload = PAYLOAD, seed: int = 1) -> list[np.ndarray]:
    base, mark = picture(640, 360, seed), away(640, 360, payload)
    signs = [1 if i // rate % 8 < 4 else -1 for i in range(seconds * rate)]
    return [(base + sign * mark).round().astype(np.uint8) for sign in signs]


def moving_film(width: int, height: int, seconds: int, rate: int) -> list[np.ndarray]:
    dice = np.random.default_rng(4)
    base = picture(width + 300, height, 3, contrast=15)
    grainy = (base[:, 2 * i : 2 * i + width] + dice.normal(0, 2, (height, width)) for i in range(seconds * rate))
    return [frame.round().clip(0, 255).astype(np.uint8) for frame in grainy]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 8 s that moves, marked and encoded in one go."""
    folder = tmp_path_factory.mktemp("film")
    frames = moving_film(1280, 720, 8, 5)
    (folder / "film.raw").write_bytes(b"".join(frame.tobytes() for frame in frames))
    luma = pattern(1280, 720, PAYLOAD)
    (folder / "pattern.raw").write_bytes(luma.tobytes() + bytes([128]) * (1280 * 720 // 2))
    raw = ["-f", "rawvideo", "-s", "1280x720"]
    run(
        *(*raw, "-pix_fmt", "gray", "-r", "5", "-i", str(folder / "film.raw")),
        *(*raw, "-pix_fmt", "yuv420p", "-r", "1", "-i", str(folder / "pattern.raw")),
        *("-filter_complex", overlay("0:v", "1:v", "out", pixel_format="yuv420p"), "-map", "[out]"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", str(folder / "film.mkv")),
    )
    return folder / "film.mkv"


def run(*options: str) -> bytes:
    command = [find(), "-v", "error", "-nostdin", "-y", *options]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def read(path: Path, width: int, height: int) -> list[Payload]:
    size = reading_size(width, height)
    filters = f"extractplanes=y,scale={size[0]}:{size[1]}:flags=area,format=gray"
    raw = run("-i", str(path), "-vf", filters, "-f", "rawvideo", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0])
    return [one.payload for one in detect(frames, 5)]


def test_a_film_is_read_after_it_was_encoded(film: Path) -> None:
    assert read(film, 1280, 720) == [PAYLOAD]


@pytest.mark.parametrize(
    ("filters", "width", "height"),
    [
        ("crop=1024:576:120:60,scale=854:480", 854, 480),
        ("scale=480:270,pad=480:640:0:185", 480, 640),
        ("hflip", 1280, 720),
        ("trim=start=1.4,setpts=PTS-STARTPTS", 1280, 720),
    ],
    ids=["cut and scaled", "with borders", "mirrored", "without its beginning"],
)
def test_a_changed_copy_is_read(film: Path, tmp_path: Path, filters: str, width: int, height: int) -> None:
    copy = tmp_path / "copy.mkv"
    run("-i", str(film), "-vf", filters, "-c:v", "libx264", "-preset", "veryfast", "-crf", "28", str(copy))
    assert read(copy, width, height) == [PAYLOAD]


def test_a_still_picture_is_read_by_its_changes() -> None:
    (found,) = detect(still_film(10), 2.0)
    assert found.payload == PAYLOAD
    assert found.certainty is Certainty.FOUND
    assert found.place["span"] == [0.0, 10.0]


def test_both_marks_of_a_spliced_film_are_told() -> None:
    found = detect(still_film(12) + still_film(12, payload=OTHER, seed=2), 2.0)
    assert [one.payload for one in found] == [PAYLOAD, OTHER]
    assert found[0].place["span"][1] <= found[1].place["span"][0] + 4


def test_a_turned_film_is_read_when_searched_thoroughly() -> None:
    frames = [np.rot90(frame) for frame in still_film(10)]
    assert [one.payload for one in detect(frames, 2.0, thorough=True, patience=600)] == [PAYLOAD]


def test_a_single_frame_is_read() -> None:
    plane = (picture(1280, 720, contrast=15) + away(1280, 720, level=0.85)).round().astype(np.uint8)
    (found,) = detect_still(plane)
    assert found.payload == PAYLOAD


def test_a_reader_written_from_the_specification_agrees() -> None:
    assert identifier(np.array(still_film(8)), 2) == PAYLOAD.identifier
    assert identifier(np.array([picture(640, 360)] * 3), 2) is None


def test_frames_of_ten_bits_are_read() -> None:
    frames = [frame.astype(np.uint16) * 4 for frame in still_film(10)]
    assert [one.payload for one in detect(frames, 2.0)] == [PAYLOAD]


def test_only_its_own_key_reads_a_mark() -> None:
    key = WatermarkKey(b"a secret of our own")
    plane = 128 + 2 * (pattern(640, 360, PAYLOAD, key=key, strength=1.1).astype(float) - 128)
    assert detect_still(plane) == []
    assert [one.payload for one in detect_still(plane, key=key)] == [PAYLOAD]


def test_an_unmarked_film_gives_nothing() -> None:
    assert detect(moving_film(640, 360, 6, 2), 2.0) == []


@pytest.mark.parametrize(
    "frames",
    [
        [np.full((360, 640), 128, np.uint8)] * 10,
        [np.zeros((360, 640), np.uint8), np.full((360, 640), 255, np.uint8)] * 6,
        [np.full((64, 64), np.nan), np.full((64, 64), np.inf)] * 4,
        [np.zeros((1, 1), np.uint8)],
        [np.zeros((0, 5), np.uint8)],
        [np.zeros((2, 3, 4), np.uint8)],
        [np.zeros((40, 50_000), np.uint8)],
        [np.tile(np.arange(640, dtype=np.uint8), (360, 1))] * 8,
        [np.zeros((360, 640), np.uint8), np.zeros((100, 100), np.uint8)],
        [np.zeros((360, 640), complex)],
        [],
    ],
    ids=["grey", "flicker", "not numbers", "a pixel", "empty", "cube", "strip", "ramp", "sizes", "complex", "none"],
)
def test_odd_frames_give_nothing(frames: list[np.ndarray]) -> None:
    assert detect(frames, 2.0) == []
    assert all(detect_still(frame) == [] for frame in frames[:2])


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 1e-9, 1e9])
def test_odd_rates_give_nothing(rate: float) -> None:
    assert detect([picture(320, 180)] * 4, rate) == []


def test_without_patience_nothing_is_searched() -> None:
    assert detect(still_film(4), 2.0, patience=0.0) == []


def test_the_same_pattern_comes_again() -> None:
    first, again = (pattern(854, 480, PAYLOAD) for _ in range(2))
    assert first.shape == (480, 854)
    assert np.array_equal(first, again)
    # 46 dB of Y-PSNR is 1.28 levels rms.
    assert np.sqrt(((first.astype(float) - 128) ** 2).mean()) < 1.0
    assert abs(first.astype(int) - 128).max() <= 4


@pytest.mark.parametrize(("width", "height"), [(160, 90), (5000, 80), (0, 0), (1 << 20, 1 << 20)])
def test_films_of_impossible_sizes_are_refused(width: int, height: int) -> None:
    with pytest.raises(Unmarkable):
        pattern(width, height, PAYLOAD)


def test_the_sign_is_told_to_ffmpeg() -> None:
    adding, taking = blends()
    assert adding["c0_mode"] == "grainmerge"
    assert taking["c0_mode"] == "grainextract"
    assert adding["enable"] == "lt(mod(t+0.000,8),3.900)"
    assert blends(Dose(0.5, PULSE))[1]["enable"] == "gte(mod(t+0.000,8),4)*lt(mod(t+0.000,8),5.000)"


def growing(costs: dict[float, float]):
    """A trial in which a mark adds bytes to each frame after the first."""

    def trial(level: float | None) -> list[int]:
        return [50_000] + [round(5_000 + (costs.get(level, 0) if level else 0))] * 23

    return trial


@pytest.mark.parametrize(
    ("costs", "dose"),
    [
        ({0.85: 300}, Dose(0.85)),
        ({0.85: 900, 0.65: 600}, Dose(0.65)),
        ({0.85: 1_000, 0.65: 900}, Dose(0.85, 2.4)),
        ({0.85: 9_000, 0.65: 5_000, 0.5: 2_000, 0.35: 1_000}, Dose(0.5, 1.2)),
        ({0.85: 90_000, 0.65: 50_000, 0.5: 20_000, 0.35: 3_000}, Dose(0.35, PULSE)),
    ],
)
def test_a_film_gets_what_it_bears(costs: dict[float, float], dose: Dose) -> None:
    assert choose_strength(growing(costs), frames=250, rate=25.0, key_distance=250) == dose


def test_a_film_that_would_grow_by_half_bears_none() -> None:
    costs = {0.85: 90_000, 0.65: 50_000, 0.5: 20_000, 0.35: 10_000}
    with pytest.raises(Unmarkable, match="larger by 53%"):
        choose_strength(growing(costs), frames=250, rate=25.0, key_distance=250)


def test_a_clip_of_half_a_second_is_refused() -> None:
    with pytest.raises(KzlabelError, match=r"0\.5 s"):
        choose_strength(growing({}), frames=12, rate=24.0, key_distance=250, strength=Strength.STRONG)


def test_a_trial_takes_no_more_frames_than_there_are() -> None:
    assert trial_frames(5) == 5
    assert trial_frames(300) == 36
    assert trial_frames(100_000) == 75
