"""Text from files can steer no terminal and no reader's eye."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.inert import inert, inert_json

anything = st.text(st.characters(exclude_categories=()), max_size=60)


@given(anything)
def test_what_is_shown_is_one_line_of_visible_characters_and_stays_so(text: str) -> None:
    shown = inert(text, limit=1000)
    assert all(unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029" for char in shown)
    assert inert(shown, limit=1000) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("снимок жасанды.png", "снимок жасанды.png"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("photo\u202egnp.exe", "photo\\u202egnp.exe"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("selector\U000e0101", "selector\\U000e0101"),
        ("\udc80name", "\\udc80name"),
    ],
)
def test_steering_characters_become_escapes(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(anything, st.integers(1, 30))
def test_nothing_is_longer_than_the_limit(text: str, limit: int) -> None:
    assert len(inert(text, limit)) <= limit


@given(anything)
def test_inert_json_holds_no_steering_character_and_parses_to_the_same(text: str) -> None:
    serialised = inert_json(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(serialised) == {"name": text}
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f\u061c\x9b\x1b").intersection(serialised)
    serialised.encode()
