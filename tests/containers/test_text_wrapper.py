from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.containers import text_wrapper
from kzlabel.containers.text_wrapper import MAGIC, MAX_WRAPPERS, encode, find, length_for, padded_with_zeros

LIMIT = 1 << 20


def selectors(data: bytes) -> str:
    return "".join(chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16) for byte in data)


def header(length: int, version: int = 1) -> bytes:
    return MAGIC + struct.pack(">BI", version, length)


@given(st.binary(max_size=400), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_every_store_comes_back_out_of_any_text(store: bytes, before: str, after: str) -> None:
    carrier = encode(store)
    after = "." + after  # a selector right behind the wrapper would belong to it
    found = list(find(before + carrier + after, max_store=LIMIT))
    assert [(one.store, one.canonical) for one in found if one.start == len(before)] == [(store, True)]
    assert len(carrier.encode("utf-8")) == length_for(len(store))


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_padding_is_zeros_alone_exactly_when_the_gap_is_a_multiple_of_three(store: bytes) -> None:
    written = len((text_wrapper.PREFIX + selectors(header(len(store)) + store)).encode("utf-8"))
    assert padded_with_zeros(store) == ((length_for(len(store)) - written) % 3 == 0)
    padding = encode(store)[1 + 13 + len(store) :]
    assert set(padding) <= {"\ufe00", "\U000e0100"}
    assert padded_with_zeros(store) == ("\U000e0100" not in padding)


def test_the_length_is_that_of_the_standard_for_125_bytes() -> None:
    assert length_for(125) == 3 + (13 + 125) * 4 + 6


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("truncated in the header", "\ufeff" + selectors(header(10))[:9]),
        ("truncated in the store", "\ufeff" + selectors(header(10) + b"abc")),
        ("huge length field", "\ufeff" + selectors(header(0xFFFFFFFF) + b"abc")),
        ("unknown version", "\ufeff" + selectors(header(3, version=2) + b"abc")),
    ],
)
def test_a_damaged_wrapper_is_found_and_yields_no_store(name: str, text: str) -> None:
    (found,) = find("words" + text + " more", max_store=LIMIT)
    assert found.store is None
    assert not found.canonical


@pytest.mark.parametrize("hidden", [b"hello", b"\x10\x00", b"\x00\x01", b"\xff\x10", b"\x00" * 400])
def test_what_is_hidden_in_the_padding_makes_a_wrapper_no_longer_canonical(hidden: bytes) -> None:
    (found,) = find("\ufeff" + selectors(header(3) + b"abc" + hidden), max_store=LIMIT)
    assert found.store == b"abc"
    assert not found.canonical


def test_padding_of_older_writers_is_accepted() -> None:
    (found,) = find("\ufeff" + selectors(header(3) + b"abc" + b"\x00\x00\xff"), max_store=LIMIT)
    assert found.canonical


def test_a_wrapper_that_lost_its_prefix_is_found_but_not_canonical() -> None:
    (found,) = find("words" + encode(b"abc")[1:], max_store=LIMIT)
    assert found.store == b"abc"
    assert not found.canonical


def test_a_store_above_the_limit_counts_as_damaged() -> None:
    (found,) = find(encode(b"x" * 100), max_store=99)
    assert found.store is None


def test_wrappers_in_wrappers_are_one_damaged_wrapper() -> None:
    inner = encode(b"inner")
    (found,) = find("\ufeff" + selectors(header(4)) + inner[1:], max_store=LIMIT)
    assert not found.canonical


def test_a_flood_of_wrappers_is_cut_off() -> None:
    assert len(list(find(encode(b"a") * (MAX_WRAPPERS + 50), max_store=LIMIT))) == MAX_WRAPPERS


@pytest.mark.parametrize("text", ["❤️ 🏳️‍🌈 a️b", "\ufeff", "\ufeff\ufe0f\ufe0f", "", "שלום עולם", "葛󠄀"])
def test_selectors_and_marks_of_ordinary_text_are_no_wrapper(text: str) -> None:
    assert list(find(text, max_store=LIMIT)) == []


@given(st.text(alphabet=[*selectors(MAGIC + b"\x01\x10"), "\ufeff", "a"], max_size=80))
@settings(max_examples=150, deadline=None)
def test_no_mixture_of_selectors_breaks_the_search(text: str) -> None:
    for found in find(text + selectors(MAGIC) + text, max_store=LIMIT):
        assert 0 <= found.start < found.end <= 2 * len(text) + 8
