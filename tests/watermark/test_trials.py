"""The tables of what a mark withstands: every attack runs, and what is counted is what was read."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import pytest

from kzlabel.watermark.trials import video
from kzlabel.watermark.trials.audio import Scene, Work, attacks, run
from kzlabel.watermark.trials.counting import Row, total
from tests.media import reels
from tests.watermark.test_audio import band

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())


def scene() -> Scene:
    return Scene(FFMPEG, Work("voice", band(2, seed=2), 16_000), Work("music", band(2, seed=3), 16_000))


def test_every_attack_on_sound_runs_and_leaves_a_sound_of_about_the_same_length() -> None:
    samples = band(3, 22_050, 2)
    for attack in attacks():
        attacked, rate = attack.run(samples, 22_050, scene())
        assert attacked.ndim == 2, attack.name
        assert 1.1 < len(attacked) / rate < 3.4, attack.name


def test_the_table_of_sound_counts_what_was_read() -> None:
    chosen = [a for a in attacks() if a.name in ("none", "MP3 128k", "noise 30 dB")]
    told: list[str] = []
    works = [Work("band", band(10.3), 16_000), Work("short", band(1), 16_000)]
    rows = run(works, scene=scene(), attacks=chosen, report=told.append)
    assert [(row.attack, row.read, row.n) for row in rows] == [(a.name, 1, 1) for a in chosen] + [("", 3, 3)]
    assert "lost after: nothing" in told[0]
    assert told[1].startswith("short: ")
    assert "1.0 s long" in told[1]


def test_sound_of_eight_channels_goes_through_codecs_of_two() -> None:
    (mp3,) = (attack for attack in attacks() if attack.name == "MP3 128k")
    attacked, _ = mp3.run(band(3, 22_050, 8), 22_050, scene())
    assert attacked.shape[1] == 2


def test_films_that_lie_on_their_side_or_have_odd_sides_are_tried(tmp_path: Path) -> None:
    odd = reels.make(tmp_path / "odd.mkv", "h264", picture="mandelbrot=s=401x301:r=25", seconds="2", pix_fmt="yuv444p")
    reels.make(tmp_path / "lying.mp4", "h264", picture="mandelbrot=s=400x300:r=25", seconds="2")
    reels.ffmpeg("-display_rotation", "90", "-i", tmp_path / "lying.mp4", "-c", "copy", tmp_path / "turned.mp4")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    told: list[str] = []
    few = [attack for attack in video.ATTACKS if attack.name == "none"]
    films = [(path.name, path) for path in (broken, odd, tmp_path / "turned.mp4")]
    rows = video.run(films, attacks=few, ffmpeg=FFMPEG, report=told.append)
    assert rows[0].n == 2, told
    assert told[0].startswith("broken.mp4: ")


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 0, 0, 1), (10, 10, 0.722, 1), (50, 100, 0.404, 0.596)])
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert Row("", "", hits, of).interval == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_a_group_is_the_sum_of_its_rows() -> None:
    rows = [Row("one", "usual", 3, 4, ("a",)), Row("two", "usual", 4, 4), Row("three", "hard", 0, 4)]
    assert total("usual", rows) == Row("", "usual", 7, 8)
