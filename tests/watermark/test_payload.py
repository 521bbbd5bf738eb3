"""Payload, keys and code: what goes in comes out, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.declaration import Source
from kzlabel.errors import UsageError
from kzlabel.watermark.convolution import ConvolutionalCode
from kzlabel.watermark.detection import Certainty, Detection
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import INFORMATION_BITS, Payload, false_positive, read

KEY = WatermarkKey()
CODES = {
    "K=9, 1/4": ConvolutionalCode((0o463, 0o535, 0o733, 0o745), 8),
    "K=13, 1/3": ConvolutionalCode((0o14271, 0o14377, 0o16547), 12),
}
payloads = st.builds(Payload, st.text("0123456789abcdef", min_size=12, max_size=12), st.sampled_from(Source))


@given(payloads)
def test_a_payload_comes_back(payload: Payload) -> None:
    bits = payload.protected(KEY)
    assert bits.shape == (INFORMATION_BITS,)
    assert read(bits, KEY) == payload


@given(payloads, st.sets(st.integers(0, INFORMATION_BITS - 1), min_size=1, max_size=20))
def test_any_other_bit_is_noticed(payload: Payload, places: set[int]) -> None:
    bits = payload.protected(KEY)
    bits[list(places)] ^= 1
    assert read(bits, KEY) is None


@given(payloads)
def test_another_key_reads_nothing(payload: Payload) -> None:
    assert read(payload.protected(KEY), WatermarkKey(b"a secret of our own")) is None


def test_constant_bits_are_no_payload() -> None:
    assert read(np.zeros(INFORMATION_BITS, np.uint8), KEY) is None
    assert read(np.ones(INFORMATION_BITS, np.uint8), KEY) is None


def test_random_bits_pass_as_much_of_the_check_as_chance_has_it() -> None:
    """The first 12 bits of the check agree once in 4096 words: what the bound on false positives rests on."""
    dice = np.random.default_rng(3)
    words = dice.integers(0, 2, (60_000, INFORMATION_BITS), np.uint8)
    messages = np.packbits(words[:, :52], axis=1)
    hits = sum(
        KEY.check(message.tobytes(), 5)[0] == first and KEY.check(message.tobytes(), 5)[1] >> 4 == second >> 4
        for message, (first, second) in zip(messages, np.packbits(words[:, 52:68], axis=1), strict=True)
    )
    assert 2 <= hits <= 32  # 14.6 expected; outside once in 10,000 such tests


@pytest.mark.parametrize("identifier", ["", "0123456789a", "0123456789AB", "0123456789abc", "g23456789abc"])
def test_identifiers_of_another_form_are_refused(identifier: str) -> None:
    with pytest.raises(UsageError):
        Payload(identifier)


@pytest.mark.parametrize("secret", [b"", b"short", bytes(2000)])
def test_secrets_that_could_be_tried_are_refused(secret: bytes) -> None:
    with pytest.raises(UsageError):
        WatermarkKey(secret)


def test_what_a_key_yields_never_changes() -> None:
    assert KEY.stream("test", 8).hex() == "af287aabbd869837"
    assert KEY.chips("test", 10).tolist() == [-1, 1, -1, 1, -1, -1, -1, -1, 1, 1]
    assert KEY.order("test", 6).tolist() == [2, 1, 4, 5, 0, 3]
    assert (
        "".join(map(str, Payload("0123456789ab").protected(KEY)))
        == "00100000000100100011010001010110011110001001101010110001011010101100011001110010010110110100"
    )


def test_secrets_are_not_shown() -> None:
    assert "secret of our own" not in repr(WatermarkKey(b"a secret of our own"))


@pytest.mark.parametrize("name", CODES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_word_survives_noise(name: str, seed: int) -> None:
    code, dice = CODES[name], np.random.default_rng(seed)
    words = dice.integers(0, 2, (3, INFORMATION_BITS), np.uint8)
    clean = np.stack([1.0 - 2.0 * code.encode(word) for word in words])
    noisy = (clean + dice.normal(0, 0.5, clean.shape)).astype(np.float32)
    for word, found in zip(words, code.decode(noisy, best=2), strict=True):
        assert np.array_equal(found[0], word)
        assert len(found) <= 2


def test_the_code_is_the_same_wherever_a_word_begins() -> None:
    code = CODES["K=9, 1/4"]
    word = np.random.default_rng(1).integers(0, 2, 92, np.uint8)
    coded = code.encode(word).reshape(92, 4)
    assert np.array_equal(np.roll(coded, 5, axis=0), code.encode(np.roll(word, 5)).reshape(92, 4))


def test_certainty_counts_every_reading() -> None:
    payload = Payload("0123456789ab")
    assert Detection(payload, 8_000, 0.9).certainty is Certainty.FOUND
    assert Detection(payload, 9_000, 0.9).certainty is Certainty.WEAK
    assert false_positive(8_796) <= 1e-9 < false_positive(8_797)
