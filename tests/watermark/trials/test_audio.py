from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import pytest

from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.trials.audio import Work, attacks, run, wilson
from tests.watermark.test_audio import band

FFMPEG = Path(imageio_ffmpeg.get_ffmpeg_exe())


def test_every_attack_runs_and_leaves_a_sound_of_about_the_same_length() -> None:
    from kzlabel.watermark.trials.audio import Scene

    samples = band(3, 22_050, 2)
    scene = Scene(FFMPEG, [Work("other", band(2, seed=2), 16_000, speech=True)])
    for attack in attacks():
        attacked, rate = attack.run(samples, 22_050, scene)
        assert attacked.ndim == 2, attack.name
        assert 1.1 < len(attacked) / rate < 3.4, attack.name


def test_the_table_counts_what_was_read() -> None:
    chosen = [a for a in attacks() if a.name in ("none", "MP3 128k", "noise 30 dB")]
    works = [Work("band", band(10.3), 16_000, speech=False), Work("short", band(1), 16_000, speech=False)]
    told: list[tuple[str, str, bool]] = []
    rows = run(works, key=WatermarkKey(), attacks=chosen, ffmpeg=FFMPEG, report=lambda *row: told.append(row))
    assert [(row.attack, row.read, row.of) for row in rows] == [(a.name, 1, 1) for a in chosen]
    assert ("short", "unmarkable", False) in told


@pytest.mark.parametrize(("hits", "of", "low", "high"), [(0, 0, 0, 1), (10, 10, 0.722, 1), (50, 100, 0.404, 0.596)])
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
