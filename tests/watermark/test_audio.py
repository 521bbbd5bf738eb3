from __future__ import annotations

import numpy as np
import pytest

from kzlabel.declaration import Source
from kzlabel.watermark.audio import Embedder, detect, embed
from kzlabel.watermark.audio_rate import Resampler
from kzlabel.watermark.detection import Certainty, Unmarkable
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.strength import Strength
from tests.watermark import independent_audio

PAYLOAD = Payload("c0ffee123456", Source.MODIFIED)
OTHER = Payload("0123456789ab")
SECRET = WatermarkKey(b"a secret that nobody knows")


def band(seconds: float, rate: int = 16_000, channels: int = 1, seed: int = 1) -> np.ndarray:
    """Three voices of a few notes a second with overtones, and a drum."""
    chance = np.random.default_rng(seed)
    when = np.arange(int(seconds * rate)) / rate
    sound = np.zeros(len(when))
    for voice in range(3):
        notes = chance.integers(0, 13, int(seconds * 4) + 2)
        pitch = 110.0 * 2 ** (voice + notes[(when * 4).astype(int)] / 12)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        age = when * 4 % 1
        for overtone in range(1, 20):
            bright = np.minimum(age * 40, 1) * np.exp(-age * (1 + 0.3 * overtone)) / overtone
            sound += bright * np.sin(overtone * phase) * (overtone * pitch < 0.45 * rate)
    drum = np.exp(-(when * 2 % 1) * 20)
    sound += 0.7 * drum * chance.standard_normal(len(when))
    sound *= 0.3 / np.abs(sound).max()
    parts = [sound + 1e-3 * chance.standard_normal(len(when)) for _ in range(channels)]
    return np.stack(parts, axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def original() -> np.ndarray:
    return band(10.5)


@pytest.fixture(scope="module")
def marked(original: np.ndarray) -> np.ndarray:
    return embed(original, 16_000, PAYLOAD)


def read(samples: np.ndarray, rate: int = 16_000, **options: object) -> list[Payload]:
    return [found.payload for found in detect(samples, rate, **options)]


def test_a_mark_is_read_with_its_certainty_and_span(marked: np.ndarray) -> None:
    (found,) = detect(marked, 16_000)
    assert found.payload == PAYLOAD
    assert found.certainty is Certainty.FOUND
    assert found.agreement > 0.9
    assert found.place == {"span": [0.0, pytest.approx(10.5, abs=0.1)]}


def test_the_mark_lies_20_db_below_the_sound(original: np.ndarray, marked: np.ndarray) -> None:
    assert 10 * np.log10(np.square(original).mean() / np.square(marked - original).mean()) > 20


def test_a_light_mark_is_weaker_and_a_strong_one_stronger(original: np.ndarray, marked: np.ndarray) -> None:
    energy = {s: np.square(embed(original, 16_000, PAYLOAD, strength=s) - original).sum() for s in Strength}
    assert energy[Strength.LIGHT] < energy[Strength.NORMAL] < energy[Strength.STRONG]


@pytest.mark.parametrize(
    ("rate", "channels"), [(8_000, 1), (11_025, 1), (22_050, 2), (37_801, 1), (44_100, 2), (96_000, 1), (192_000, 8)]
)
def test_any_rate_and_number_of_channels_is_marked(rate: int, channels: int) -> None:
    samples = band(10.3, rate, channels)
    marked = embed(samples, rate, PAYLOAD)
    assert (marked.shape, marked.dtype) == (samples.shape, np.float32)
    assert read(marked, rate) == [PAYLOAD]


def test_nothing_above_7_khz_changes() -> None:
    samples = band(10.3, 44_100)
    change = np.abs(np.fft.rfft((embed(samples, 44_100, PAYLOAD) - samples)[:, 0])) ** 2
    high = np.fft.rfftfreq(len(samples), 1 / 44_100) > 7_000
    assert change[high].sum() < 1e-5 * change.sum()


def test_the_sizes_of_the_blocks_change_nothing() -> None:
    samples = band(31, 22_050, 2)
    whole = embed(samples, 22_050, PAYLOAD)
    for size in (22_050, 5_001):
        embedder = Embedder(22_050, 2, PAYLOAD)
        blocks = [embedder.push(samples[i : i + size]) for i in range(0, len(samples), size)]
        assert np.array_equal(np.concatenate([*blocks, embedder.finish()]), whole)
        found = detect((whole[i : i + size] for i in range(0, len(whole), size)), 22_050)
        assert [f.payload for f in found] == [PAYLOAD]


def test_silence_stays_silence_and_a_pause_is_not_filled() -> None:
    samples = band(12)
    samples[80_000:96_000] = 0
    change = embed(samples, 16_000, PAYLOAD) - samples
    assert not change[80_000:96_000].any()


@pytest.mark.parametrize("factor", [0.951, 0.97, 1.03, 1.049])
def test_a_copy_that_plays_faster_or_slower_is_read(marked: np.ndarray, factor: float) -> None:
    assert read(marked, round(16_000 * factor)) == [PAYLOAD]


def test_a_part_of_a_recording_with_noise_is_read() -> None:
    marked = embed(band(15), 16_000, PAYLOAD)[50_001:]
    noise = np.random.default_rng(1).standard_normal(marked.shape).astype(np.float32)
    assert read(marked + noise * np.sqrt(np.square(marked).mean()) * 10 ** (-25 / 20)) == [PAYLOAD]


def test_two_marks_in_one_recording_are_both_reported() -> None:
    parts = [embed(band(12, seed=i), 16_000, p) for i, p in ((1, PAYLOAD), (2, OTHER))]
    found = detect(np.concatenate(parts), 16_000)
    assert [f.payload for f in found] == [PAYLOAD, OTHER]
    assert found[0].place["span"][0] < found[1].place["span"][0]


@pytest.mark.parametrize("first", [True, False])
def test_a_mark_in_a_part_of_a_recording_is_told_with_its_span(first: bool, marked: np.ndarray) -> None:
    rest = band(26, seed=2)
    (found,) = detect(np.concatenate([marked, rest] if first else [rest, marked]), 16_000)
    assert found.payload == PAYLOAD
    begin, end = found.place["span"]
    assert (begin, end <= 21) == (0, True) if first else begin > 15


def test_a_secret_mark_is_read_with_its_key_alone(original: np.ndarray) -> None:
    marked = embed(original, 16_000, PAYLOAD, key=SECRET)
    assert read(marked, key=SECRET) == [PAYLOAD]
    assert read(marked) == []


def test_nothing_is_found_where_nothing_is(original: np.ndarray) -> None:
    chance = np.random.default_rng(3)
    loop = np.tile(band(0.5), (22, 1))
    for samples in (original, chance.standard_normal((170_000, 1)).astype(np.float32) * 0.1, loop):
        assert read(samples) == []
    assert read(original, thorough=True) == []


def test_too_short_a_recording_is_told_its_length() -> None:
    with pytest.raises(Unmarkable, match=r"the recording is 1\.2 s long, and a mark needs 3 s"):
        embed(band(1.2), 16_000, PAYLOAD)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (np.zeros((0, 1), np.float32), "0.0 s long"),
        (np.zeros((1, 2), np.float32), "0.0 s long"),
        (np.zeros((160_000, 1), np.float32), "silent"),
        (np.full((160_000, 1), np.nan, np.float32), "silent"),
        (np.full((160_000, 1), np.inf, np.float32), "silent"),
        (np.full((160_000, 1), 3e38, np.float32), "silent"),
        (np.full((160_000, 1), 0.5, np.float32), "plain|silent"),
        (np.zeros((160_000, 9), np.float32), "9 channels"),
        (np.zeros((160_000, 0), np.float32), "0 channels"),
    ],
)
def test_what_cannot_be_marked_is_said_to_be_so(samples: np.ndarray, why: str) -> None:
    with pytest.raises(Unmarkable, match=why):
        embed(samples, 16_000, PAYLOAD)
    assert read(samples) == []


def test_channels_that_cancel_each_other_out_are_said_to_do_so(original: np.ndarray) -> None:
    with pytest.raises(Unmarkable, match="cancel each other out"):
        embed(np.concatenate([original, -original], axis=1), 16_000, PAYLOAD)


def test_samples_that_are_no_numbers_do_no_harm(original: np.ndarray) -> None:
    broken = original.copy()
    broken[70_000:70_100] = np.nan
    broken[90_000] = np.inf
    marked = embed(broken, 16_000, PAYLOAD)
    assert np.isfinite(marked).sum() == np.isfinite(broken).sum()
    assert read(marked) == [PAYLOAD]


def test_a_rate_out_of_range_is_refused(original: np.ndarray) -> None:
    with pytest.raises(Unmarkable, match="4000 Hz"):
        embed(original, 4_000, PAYLOAD)
    assert detect(original, 4_000) == []


def test_without_patience_nothing_is_read(marked: np.ndarray) -> None:
    assert detect(marked, 16_000, patience=0) == []


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 37_801])
def test_resampling_there_and_back_neither_moves_nor_changes_a_sound(rate: int) -> None:
    down = Resampler.to_analysis(rate)
    sine = np.sin(2 * np.pi * 1_000 * np.arange(rate) / rate).astype(np.float32)
    count = len(sine) * down.up // down.down
    low = down.convert(sine, 0, 0, count)
    back = down.inverse.convert(low, 0, 0, len(sine))
    assert np.abs(back - sine)[2_000:-2_000].max() < 2e-3
    assert np.allclose(down.convert(sine, 0, 4_000, 500), low[4_000:4_500], atol=1e-5)


def test_a_decoder_written_from_the_specification_alone_reads_the_mark(marked: np.ndarray) -> None:
    assert independent_audio.read(marked[:, 0]) == ("c0ffee123456", "modified")


def test_what_is_hardly_too_short_is_not_told_to_be_long_enough() -> None:
    with pytest.raises(Unmarkable, match=r"2\.9 s long, and a mark needs 3 s"):
        embed(band(2.99), 16_000, Payload("00000000000a"))
