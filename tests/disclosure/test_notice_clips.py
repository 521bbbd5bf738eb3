"""The shipped recordings, measured: length, loudness, peaks, and whether they are speech."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from kzlabel.disclosure.notice import CLIP_RATE, NOTICES, Clip, clips, earcon
from tests.media.sounds import decoded, loudness

SPOKEN = [clip for clip in clips().values() if clip.language]


@pytest.fixture(params=[*SPOKEN, earcon()], ids=lambda clip: clip.path.stem, scope="module")
def clip(request: pytest.FixtureRequest) -> Clip:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=SPOKEN, ids=lambda clip: clip.path.stem, scope="module")
def voice(request: pytest.FixtureRequest) -> Any:
    return decoded(request.param.path)[:, 0]


def test_a_clip_is_mono_at_its_rate_and_as_long_as_the_index_says(clip: Clip) -> None:
    sound = decoded(clip.path)
    assert sound.shape == (round(clip.seconds * CLIP_RATE), 1)


def test_a_clip_is_mastered_for_loudness_with_room_for_its_peaks(clip: Clip) -> None:
    integrated, peak = loudness(clip.path, 0, None)
    if clip.language:
        assert integrated == pytest.approx(-16.0, abs=0.5)
    assert peak <= -2.5


def test_a_clip_begins_and_ends_without_a_click(clip: Clip) -> None:
    sound = decoded(clip.path)[:, 0]
    assert np.abs(sound[:24]).max() < 0.02
    assert np.abs(sound[-24:]).max() < 0.02


def test_a_voice_is_where_speech_is_understood(voice: Any) -> None:
    power = np.abs(np.fft.rfft(voice)) ** 2
    hertz = np.fft.rfftfreq(len(voice), 1 / CLIP_RATE)
    # Vowels below 3.4 kHz carry nearly all energy; consonants above 2 kHz must still be there.
    assert power[(hertz > 100) & (hertz < 3400)].sum() / power.sum() > 0.75
    assert power[(hertz > 2000) & (hertz < 8000)].sum() / power.sum() > 0.005
    assert power[hertz < 70].sum() / power.sum() < 0.01


def test_a_voice_speaks_in_syllables_without_long_gaps(voice: Any) -> None:
    window = CLIP_RATE // 50
    level = np.sqrt((voice[: len(voice) // window * window].reshape(-1, window) ** 2).mean(axis=1))
    heard = level > level.max() * 10 ** (-30 / 20)
    gaps = [len(run) for run in "".join("x" if one else " " for one in heard).split("x") if run]
    assert max(gaps, default=0) * window / CLIP_RATE < 0.25
    assert heard.mean() > 0.7
    rises = np.diff((level > np.median(level)).astype(int))
    assert 2 <= (rises == 1).sum() / (len(voice) / CLIP_RATE) <= 12


def test_the_two_sources_and_all_languages_sound_different() -> None:
    lengths = [round(clip.seconds * CLIP_RATE) for clip in SPOKEN]
    assert len(set(lengths)) == len(lengths)


def test_the_clips_are_few_bytes_and_name_their_makers() -> None:
    assert sum(path.stat().st_size for path in NOTICES.iterdir()) < 350_000
    index = tomllib.loads((NOTICES / "notices.toml").read_text(encoding="utf-8"))
    assert "eSpeak NG 1.52" in index["engine"]
    assert index["encoder"].startswith("ffmpeg ")
    assert {entry["file"] for entry in index["clips"]} == {path.name for path in NOTICES.glob("*.opus")}
