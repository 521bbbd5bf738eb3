"""The fingerprint of texts: quotes, edits and other forms of one text are found, other texts are not."""

from __future__ import annotations

import random
import tracemalloc
import unicodedata
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import text

LETTERS = "абвгдежзийклмнопрстуфхцчшщьыэюяәғқңөұүһі"


KNOWN = random.Random(7)
VOCABULARY = ["".join(KNOWN.choices(LETTERS, k=KNOWN.randint(2, 9))) for _ in range(3000)]
OFTEN = list(accumulate(1 / (rank + 8) for rank in range(3000)))


def words(seed: int, count: int) -> list[str]:
    """Words as often used as words of a language are: a few very often."""
    return random.Random(seed).choices(VOCABULARY, cum_weights=OFTEN, k=count)


def similar(original: str, copy: str) -> text.Agreement:
    return text.agreement(text.passage(original).fingerprint, text.passage(copy))


def test_a_text_has_the_fingerprint_it_always_had() -> None:
    told = text.passage("The quick brown fox jumps over the lazy dog, and what follows is a tale for another day.")
    assert told.fingerprint.to_bytes().hex() == (
        "01000000121ddd42b0b067ebba1eb56fd3e69c566d7584b6d86f73a21187f5497adaca323c"
    )


def test_a_quote_is_found_and_shown() -> None:
    original, before, after = words(1, 300), words(2, 200), words(3, 200)
    quote = " ".join(original[100:160])
    copy = f"{' '.join(before)} «{quote.upper()}» {' '.join(after)}"
    told = similar(" ".join(original), copy)
    assert told.similar
    (first, last), *others = told.spans
    assert not others
    shown = copy[first:last].lower()
    assert shown in quote or quote in shown
    assert len(shown) > 0.7 * len(quote)


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_light_edits_leave_a_text_similar(share: float) -> None:
    dice = random.Random(5)
    found = 0
    for seed in range(50):
        original = words(seed, 120)
        edited = [dice.choice(VOCABULARY) if dice.random() < share else word for word in original]
        found += similar(" ".join(original), " ".join(edited)).similar
    assert found == 50


def test_form_case_spaces_and_what_is_unseen_do_not_count() -> None:
    plain = "Straße Äpfel ﬁnden Қазақстан Йод 한글 don't STOP"
    changed = "STRASSE\u00a0a\u0308p\u200bfel finden\n\nҚАЗАҚСТАН И\u0306од"
    changed += " \u1112\u1161\u11ab\u1100\u1173\u11af DON'T \u00adstop\ufe0f"
    one, other = text.passage(plain), text.passage(changed)
    assert one.fingerprint == other.fingerprint
    assert len(one.words) == 9
    assert [unicodedata.normalize("NFC", changed[first:last]) for first, last in other.words][5] == "한글"


@settings(max_examples=100)
@given(st.text(alphabet=st.sampled_from("aZé ßİΣςЙи\u0306\u0301한\u1112\u1161人\u0e01\u0e34\u200b\ufe0f\u00ad\n'-_9")))
def test_the_quick_way_and_the_thorough_way_say_the_same(sample: str) -> None:
    for chunk in sample.split():
        quick = text._quickly(chunk)
        if quick is not None:
            assert text._plain(chunk, 0)[0] == quick


def test_unrelated_texts_are_not_similar() -> None:
    originals = [text.passage(" ".join(words(seed, 150))).fingerprint for seed in range(100)]
    copies = [text.passage(" ".join(words(1000 + seed, 80))) for seed in range(100)]
    shared = [text.agreement(original, copy) for original in originals for copy in copies]
    assert len(shared) == 10_000
    assert not any(one.similar for one in shared)


def test_a_passage_shares_keys_with_a_long_text() -> None:
    long = words(1, 20_000)
    kept = set(text.keys(text.passage(" ".join(long)).fingerprint))
    assert len(kept) == text.MOST_KEYS
    assert len(kept.intersection(text.query_keys(text.passage(" ".join(long[9_000:9_300]))))) >= 5
    assert not kept.intersection(text.query_keys(text.passage("one two")))


@given(st.sets(st.integers(0, 2**64 - 1), max_size=50), st.integers(0, 2**32 - 1))
def test_a_fingerprint_comes_back(hashes: set[int], count: int) -> None:
    told = text.TextFingerprint(tuple(sorted(hashes)), count)
    assert text.TextFingerprint.from_bytes(told.to_bytes()) == told


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_read(data: bytes) -> None:
    try:
        told = text.TextFingerprint.from_bytes(data)
    except UnreadableFile:
        return
    assert told.to_bytes() == data


@given(st.text(max_size=200))
def test_any_text_has_one(sample: str) -> None:
    told = text.passage(sample)
    assert all(0 <= first < last <= len(sample) for first, last in told.words)
    assert text.agreement(told.fingerprint, told).share in (0.0, 1.0)


def test_a_text_of_any_length_takes_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_WORDS", 1_000)
    assert len(text.passage("word " * 5_000).words) == 1_000
    spaceless = "\u4eca\u65e5\uff0c\u5929\u6c14" * 20_000  # no space, and nothing that could be taken as it stands
    tracemalloc.start()
    try:
        assert len(text.passage(spaceless).words) == 1_000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
