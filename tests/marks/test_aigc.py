from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzlabel.declaration import Declaration
from kzlabel.evidence import AI
from kzlabel.marks import aigc

IDENTIFIER = "0123456789ab"


def test_the_field_has_the_seven_keys_in_their_order_and_names_the_producer_twice() -> None:
    text = aigc.build(Declaration(producer="001191110102MAD55U9H0F10002", identifier=IDENTIFIER)).to_json()
    assert list(json.loads(text).items()) == [
        ("Label", "1"),
        ("ContentProducer", "001191110102MAD55U9H0F10002"),
        ("ProduceID", IDENTIFIER),
        ("ReservedCode1", ""),
        ("ContentPropagator", "001191110102MAD55U9H0F10002"),
        ("PropagateID", IDENTIFIER),
        ("ReservedCode2", ""),
    ]


@given(st.text(min_size=1, max_size=60).filter(lambda name: name.strip() and name.isprintable()))
def test_whatever_the_producers_name_the_charset_of_annex_e_is_kept(name: str) -> None:
    text = aigc.build(Declaration(producer=name)).to_json()
    assert re.fullmatch(r"[\x21\x22\x23-\x5b\x5d-\x7e]+", text)
    assert json.loads(text)["Label"] == "1"


@pytest.mark.parametrize(
    ("text", "ai"),
    [
        ('{"Label":"1","ContentProducer":"a"}', AI.GENERATED),
        ('{"AIGC":{"Label":"1"}}', AI.GENERATED),
        ('{"AIGC":"{\\"Label\\":\\"1\\"}"}', AI.GENERATED),
        ('{"aigc":{"label":1}}', AI.GENERATED),
        ('\ufeff {"Label":"AIGC"}\0', AI.GENERATED),
        ('{"Label":true}', AI.GENERATED),
        ('{"Label":"2"}', AI.UNKNOWN),
        ('{"Label":"3"}', AI.UNKNOWN),
        ('{"Label":null}', AI.UNKNOWN),
    ],
)
def test_a_field_is_read_bare_or_wrapped_and_only_a_sure_label_is_a_statement(text: str, ai: AI) -> None:
    found = aigc.parse(text)
    assert found is not None
    assert found.ai is ai


@pytest.mark.parametrize("text", ["", "AIGC", "[1]", "{}", '{"AIGC":1}', '{"Label"', "[" * 9000, '{"a":' * 9000])
def test_what_is_no_field_is_none(text: str) -> None:
    assert aigc.parse(text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    aigc.parse(text)


def test_a_sure_label_of_another_is_left_alone() -> None:
    theirs = aigc.Aigc("1", "them", "their-id", "signature", "platform", "p-1", "")
    assert aigc.merge(theirs, aigc.build(Declaration(producer="us"))) == theirs


def test_an_unsure_label_becomes_sure_and_keeps_who_said_it() -> None:
    suspected = aigc.Aigc("3", content_propagator="platform", propagate_id="p-1")
    merged = aigc.merge(suspected, aigc.build(Declaration(producer="us", identifier=IDENTIFIER)))
    assert merged == aigc.Aigc("1", "us", IDENTIFIER, "", "platform", "p-1", "")
