"""The lists that come with kzlabel: whole, dated, licensed, opened once, and kept apart by purpose."""

from __future__ import annotations

import tomllib
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from kzlabel import Verifier, VerifyOptions
from kzlabel.trust import NOBODY, Purpose, Trust, TrustList, default_trust, shipped_lists, trust_of
from kzlabel.trust import authorities as opening
from kzlabel.trust.authorities import read_content

ROOT = Path(__file__).parents[2]


def test_both_lists_are_there_with_their_date_source_and_licence() -> None:
    found = {one.name: one for one in shipped_lists()}
    assert {one.purpose for one in found.values()} == {Purpose.SIGNING, Purpose.TIME_STAMPING}
    for one in found.values():
        assert date.fromisoformat(one.date) == date(2026, 8, 5)
        assert one.source
        assert one.source.startswith("https://")
        assert one.licence == "O-UDA-1.0"
        assert one.shipped
    assert [len(one.authorities) for one in shipped_lists()] == [30, 22]


@pytest.mark.parametrize("one", shipped_lists(), ids=lambda one: one.name)
def test_a_shipped_list_would_be_taken_from_anybody(one: TrustList) -> None:
    assert len(opening.authorities(read_content(one.pem.encode(), one.name).pem)) == len(one.authorities)


def test_every_file_of_a_list_and_the_licence_are_packed() -> None:
    folder = resources.files("kzlabel.trust") / "data"
    named = {entry["file"] for entry in tomllib.loads((folder / "lists.toml").read_text())["lists"]}
    assert {entry.name for entry in folder.iterdir()} == {*named, "lists.toml", "O-UDA-1.0.txt"}
    assert "kzlabel/trust/data/O-UDA-1.0.txt" in (ROOT / "pyproject.toml").read_text()
    assert "LIABILITY" in (folder / "O-UDA-1.0.txt").read_text("utf-8")


def test_a_list_is_believed_for_its_own_purpose_only() -> None:
    trust = trust_of(shipped_lists())
    assert [anchor.name for anchor in trust.anchors] == ["C2PA trust list"]
    assert [anchor.name for anchor in trust.time_anchors] == ["C2PA time-stamping trust list"]
    assert not trust.identity_anchors


def test_the_library_believes_nobody_by_itself_and_the_shipped_lists_when_told() -> None:
    assert VerifyOptions().trust == NOBODY
    assert default_trust() == trust_of(shipped_lists())
    assert default_trust() + NOBODY == default_trust() == NOBODY + default_trust()


def test_the_certificates_of_a_list_are_opened_once_for_many_files() -> None:
    picture = (ROOT / "fixtures" / "picture.jpg").read_bytes()
    opening.authorities.cache_clear()
    verifier = Verifier(VerifyOptions(trust=default_trust()))
    for _ in range(20):
        verifier.verify(picture)
    assert opening.authorities.cache_info().misses <= 2


def test_two_trusts_together_keep_purposes_and_order() -> None:
    one, other = (trust_of([listed]) for listed in shipped_lists())
    both = Trust() + one + other
    assert (both.anchors, both.time_anchors) == (one.anchors, other.time_anchors)
