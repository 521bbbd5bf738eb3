"""A declaration survives its JSON form, and nonsense in it is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.declaration import Declaration, Generator, Source, Training, new_identifier
from kzlabel.errors import UsageError

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=40)


@given(
    st.builds(
        Declaration,
        source=st.sampled_from(Source),
        generator=st.none() | st.builds(Generator, names, st.none() | names),
        producer=st.none() | names,
        training=st.none() | st.sampled_from(Training),
    )
)
def test_a_declaration_reads_back_from_its_json(declaration: Declaration) -> None:
    assert Declaration.from_json(declaration.to_json()) == declaration


def test_a_generator_with_a_version_is_split_at_the_last_at_sign() -> None:
    assert Generator.parse("studio@home@2.1") == Generator("studio@home", "2.1")
    assert Generator.parse("Plain") == Generator("Plain")


def test_identifiers_are_48_bits_in_hexadecimal_and_differ() -> None:
    drawn = {new_identifier() for _ in range(100)}
    assert len(drawn) == 100
    assert all(len(identifier) == 12 and int(identifier, 16) < 2**48 for identifier in drawn)


@pytest.mark.parametrize(
    "data",
    [
        {"source": "invented"},
        {"unknown": 1},
        {"generator": {}},
        {"generator": ""},
        {"producer": "a\nb"},
        {"identifier": "xyz"},
        {"created": "yesterday"},
        {"created": "2026-01-01T00:00:00"},
        {"producer": "x" * 1000},
    ],
)
def test_a_wrong_declaration_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Declaration.from_json(data)
