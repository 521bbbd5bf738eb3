"""The tables of what a mark withstands: every attack runs, and what is counted is what was read."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import pytest

from kzlabel.watermark.trials.audio import Scene, Work, attacks, run
from kzlabel.watermark.trials.counting import Row, total
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


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 0, 0, 1), (10, 10, 0.722, 1), (50, 100, 0.404, 0.596)])
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert Row("", "", hits, of).interval == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_a_group_is_the_sum_of_its_rows() -> None:
    rows = [Row("one", "usual", 3, 4, ("a",)), Row("two", "usual", 4, 4), Row("three", "hard", 0, 4)]
    assert total("usual", rows) == Row("", "usual", 7, 8)
