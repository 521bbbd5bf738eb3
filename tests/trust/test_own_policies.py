"""Own policies as they stand in the configuration file: what they mean, and that mistakes are told by their key."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from kzlabel.errors import ConfigurationError
from kzlabel.trust.own_policies import own_policies
from kzlabel.trust.policy import Policy

NEWSROOM = """
[newsroom]
extends = "trusted"
identities = ["O=Studio*", "sha256:ab*"]
lists = ["C2PA trust list"]
require_profile = "kz"
max_list_age_days = 365
require_time_stamp = true

[front-page]
extends = "newsroom"
identities = "CN=Night Desk"

[Plain]
"""


def test_a_table_becomes_policies_that_narrow_one_another() -> None:
    found = own_policies(tomllib.loads(NEWSROOM))
    newsroom = Policy(
        "newsroom",
        ("O=Studio*", "sha256:ab*"),
        Policy("trusted"),
        lists=("C2PA trust list",),
        profile="kz",
        max_list_age_days=365,
        require_time_stamp=True,
    )
    assert found == {
        "newsroom": newsroom,
        "front-page": Policy("front-page", ("CN=Night Desk",), newsroom),
        "plain": Policy("plain", extends=Policy("signed")),
    }


def test_order_and_spelling_of_keys_do_not_matter() -> None:
    table = tomllib.loads('[a]\nextends = "B"\n[b]\nextends = "Marked"\nmax-list-age-days = 5\n')
    found = own_policies(table)
    assert found["a"].extends == found["b"]
    assert found["b"].max_list_age_days == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 5", "policies.x: this must be a table"),
        ("[signed]", "policies.signed: this policy comes with kzlabel"),
        ("['a b']", "give each policy a name of its own"),
        ("['']", "give each policy a name of its own"),
        ("[a]\n[A]", "give each policy a name of its own"),
        ("[a]\nidentites = ['x']", "policies.a: there is no key 'identites'; known are extends, identities"),
        ("[a]\nextends = 'strict'", "policies.a: it extends 'strict', which is none of marked"),
        ("[a]\nextends = 5", "policies.a.extends: 5 is no text"),
        ("[a]\nextends = 'a'", "policies.a: it extends itself"),
        ("[a]\nextends = 'b'\n[b]\nextends = 'c'\n[c]\nextends = 'b'", "policies.b: it extends itself"),
        ("[a]\nidentities = [5]", "policies.a.identities: 5 is no text"),
        ("[a]\nidentities = ['']", "policies.a.identities: '' is no text"),
        (f"[a]\nlists = ['{'x' * 300}']", "policies.a: a list pattern is longer than 256"),
        ("[a]\nmax_list_age_days = -1", "policies.a.max_list_age_days: -1 is no number of days"),
        ("[a]\nmax_list_age_days = true", "policies.a.max_list_age_days: True is no number of days"),
        ("[a]\nmax_list_age_days = 1.5", "policies.a.max_list_age_days: 1.5 is no number of days"),
        ("[a]\nrequire_time_stamp = 'yes'", "policies.a.require_time_stamp: 'yes' is neither true nor false"),
        ("[a]\nrequire_profile = ['kz']", "policies.a.require_profile: ['kz'] is no text"),
    ],
)
def test_a_mistake_is_told_by_its_key(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        own_policies(tomllib.loads(text))
    assert words in str(caught.value)


@pytest.mark.parametrize("table", [5, "x", [], [{}], None])
def test_what_is_no_table_is_told(table: Any) -> None:
    with pytest.raises(ConfigurationError, match="policies: "):
        own_policies(table)


def test_a_long_chain_of_policies_is_refused() -> None:
    table = {f"p{number}": {"extends": f"p{number + 1}"} for number in range(5000)} | {"p5000": {}}
    with pytest.raises(ConfigurationError, match="narrows over 16 others"):
        own_policies(table)
