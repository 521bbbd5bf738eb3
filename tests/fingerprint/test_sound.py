"""The fingerprint of sound: found after codecs, noise and cuts, and its place told; nothing in other sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import sound

Floats = np.ndarray


def voice(seed: int, seconds: float) -> Floats:
    """Tones whose pitch and loudness wander, with their overtones, as a voice's do; float32 at RATE."""
    dice = np.random.default_rng(seed)
    count = int(seconds * sound.RATE)
    steps = int(seconds * 6) + 2
    at = np.linspace(0, steps - 1, count)
    pitch = 110 * 2 ** np.interp(at, np.arange(steps), dice.normal(0.5, 0.35, steps))
    phase = 2 * np.pi * np.cumsum(pitch) / sound.RATE
    made = np.zeros(count, np.float32)
    for overtone in range(1, 24):
        loud = np.interp(at, np.arange(steps), dice.gamma(1.0, 1.0, steps)) / overtone
        made += (loud * np.sin(overtone * phase)).astype(np.float32)
    return made / np.abs(made).max() + dice.normal(0, 1e-3, count).astype(np.float32)


@pytest.fixture(scope="module")
def original() -> Floats:
    return voice(1, 30)


def told(original: Floats, copy: Floats) -> sound.Agreement:
    found = sound.agreement(sound.fingerprint(original), copy.astype(np.float32))
    assert found
    return found


def test_a_sound_has_the_fingerprint_it_always_had() -> None:
    made = np.random.default_rng(3).integers(-1000, 1000, 24_000).astype(np.float32)
    words = sound.fingerprint(made).words
    golden = np.array(
        [
            0x0,
            0x2B4F08FA,
            0xACEA45B5,
            0x5CA99D26,
            0x624B6554,
            0x55A69A59,
            0xAB5526DA,
            0x2DA6E96B,
            0xCE4A1A87,
            0xE26D35A9,
        ],
        np.uint32,
    )
    # A bit whose difference is next to nothing may fall otherwise with another library's transform.
    assert int(np.bitwise_count(words ^ golden).sum()) <= 2


@pytest.mark.parametrize(
    "harm",
    [
        lambda x: x * 0.2,
        lambda x: x + np.random.default_rng(0).normal(0, 0.1 * x.std(), len(x)),
        lambda x: np.round(x * 32) / 32,
        lambda x: np.convolve(x, np.ones(4) / 4, "same"),
        lambda x: x + 0.3 * np.roll(x, 900),
        lambda x: np.clip(x * 4, -0.6, 0.6),
    ],
    ids=["quiet", "noise", "6 bit", "dull", "echo", "clipped"],
)
def test_ten_seconds_are_found_where_they_were_cut(original: Floats, harm: object) -> None:
    copy = harm(original[int(12.345 * sound.RATE) :][: 10 * sound.RATE])  # type: ignore[operator]
    found = told(original, copy)
    assert found.same
    assert found.start == pytest.approx(12.345, abs=0.1)


def test_a_copy_at_another_speed_agrees_where_it_is_told(original: Floats) -> None:
    part = original[6 * sound.RATE : 18 * sound.RATE]
    fast = np.interp(np.arange(0, len(part) - 1, 1.05), np.arange(len(part)), part).astype(np.float32)
    printed = sound.fingerprint(original)
    told = sound.agreement(printed, fast, (1.05, 1.05))
    assert told
    assert told.same
    assert told.start == pytest.approx(6, abs=0.1)
    blind = sound.agreement(printed, fast)
    assert blind
    assert not blind.same
    hostile = sound.agreement(printed, fast, (float("nan"), 0.0))
    assert hostile
    assert hostile.share == blind.share


def test_a_part_within_something_else_is_found_and_told_apart(original: Floats) -> None:
    programme = np.concatenate([voice(2, 6), original[5 * sound.RATE : 25 * sound.RATE], voice(3, 6)])
    found = told(original, programme)
    assert found.start == pytest.approx(-1, abs=0.1)
    within = found.agreeing[52:200]
    assert np.nanmean(within) > 0.8
    assert np.nanmean(found.agreeing[:40]) < 0.6


def test_another_sound_does_not_agree(original: Floats) -> None:
    shares = [told(original, voice(seed, 10)).share for seed in range(20, 25)]
    assert max(shares) < sound.AGREEING - 0.03


def test_an_hour_is_searched_at_once() -> None:
    dice = np.random.default_rng(5)
    words = dice.integers(1, 2**32, 28_800, dtype=np.uint32)
    copies = [words[20_000:20_080] ^ np.uint32(1), words[:80]]
    first, second = sound._answers(words, copies)
    assert int(first.argmax()) - 80 == 20_000
    assert int(second.argmax()) - 80 == 0


@pytest.mark.parametrize("length", [0, 1, 5_999, 6_000, 20_000])
def test_what_is_short_or_silent_says_nothing(original: Floats, length: int) -> None:
    short = original[:length]
    assert sound.agreement(sound.fingerprint(original), short) is None
    assert sound.agreement(sound.fingerprint(short), original) is None
    silence = np.zeros(20 * sound.RATE, np.float32)
    assert not sound.fingerprint(silence).words.any()
    assert sound.agreement(sound.fingerprint(silence), original) is None
    assert sound.query_keys(silence) == ()


def test_a_copy_shares_keys(original: Floats) -> None:
    kept = set(sound.keys(sound.fingerprint(original)))
    copy = original[int(12.345 * sound.RATE) :][: 10 * sound.RATE]
    copy = copy + np.random.default_rng(0).normal(0, 0.03 * copy.std(), len(copy)).astype(np.float32)
    assert len(kept.intersection(sound.query_keys(copy))) >= 8
    assert len(kept.intersection(sound.query_keys(voice(9, 10)))) <= 1


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_a_fingerprint_comes_back(words: list[int]) -> None:
    made = sound.SoundFingerprint(np.array(words, np.uint32))
    assert sound.SoundFingerprint.from_bytes(made.to_bytes()).words.tolist() == words


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        read = sound.SoundFingerprint.from_bytes(data)
    except UnreadableFile:
        return
    assert read.to_bytes() == data


def test_beeps_are_no_copy_of_other_beeps() -> None:
    moments = np.arange(20 * sound.RATE) / sound.RATE
    one, other = (np.float32(np.sin(pitch * 2 * np.pi * moments) * (moments * 2 % 1 < 0.5)) for pitch in (440, 660))
    assert sound.agreement(sound.fingerprint(one), other) is None
