"""Fingerprints in the registry: kept, found by keys, carried, removed."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from kzlabel.errors import RegistryError, UnreadableFile
from kzlabel.registry import Entry, Printed, Similar, State, prints
from kzlabel.registry.archive import bring_in, export
from kzlabel.registry.database import reading
from kzlabel.registry.entry import MOST_DATA, MOST_KEYS, MOST_PRINTS, Kept
from kzlabel.registry.outbox import Outbox, Waiting
from kzlabel.registry.prints import MOST_ASKED
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing import Signer

from .conftest import Places
from .test_archive import anyone, packed
from .works import plain, signed

WHO = "5" * 64
SEEN, HEARD = "org.example.seen.1", "org.example.heard.1"
LARGEST = (1 << 63) - 1


def rows_of(registry: Registry, table: str) -> int:
    with reading(registry._engine, registry.place) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def numbered(found: Similar) -> int:
    """The number of which `plain` made an entry."""
    return int(found.kept.entry.identifier, 16)


def test_what_shares_most_keys_comes_first_and_pending_is_told_from_confirmed(registry: Registry) -> None:
    registry.enrol(WHO)
    for number, (keys, state) in enumerate(
        (((1, 2, 3), State.PENDING), ((1, 2, 3), State.CONFIRMED), ((3, 0, LARGEST, LARGEST), State.CONFIRMED))
    ):
        registry.register(*plain(number), state, [Printed(SEEN, b"seen %d" % number, keys), Printed(HEARD, b"x", keys)])
    found = registry.similar(SEEN, (1, 2, 3, 3, 4))
    assert [(numbered(one), one.hits, one.kept.state) for one in found] == [
        (1, 3, State.CONFIRMED),
        (0, 3, State.PENDING),
        (2, 1, State.CONFIRMED),
    ]
    assert [one.hits for one in registry.similar(HEARD, (0, LARGEST))] == [2]
    assert len(registry.similar(SEEN, (1, 2, 3), most=2)) == 2
    for nothing in (
        registry.similar(SEEN, ()),
        registry.similar("org.example.other", (1,)),
        registry.similar(SEEN, (9,)),
    ):
        assert nothing == []
    assert registry.fingerprints(plain(1)[0].manifest) == [(SEEN, b"seen 1"), (HEARD, b"x")]
    assert registry.fingerprints("f" * 64) == []


def test_a_look_up_agrees_with_counting_by_hand(registry: Registry) -> None:
    registry.enrol(WHO)
    chance = random.Random(3)
    kept = {number: {chance.randrange(40) for _ in range(12)} for number in range(60)}
    for number, keys in kept.items():
        registry.register(*plain(number), State.CONFIRMED, [Printed(SEEN, b"%d" % number, tuple(keys))])
    for _ in range(20):
        asked = {chance.randrange(60) for _ in range(10)}
        counted = sorted((-len(keys & asked), number) for number, keys in kept.items() if keys & asked)
        found = registry.similar(SEEN, tuple(asked), most=10)
        assert [(one.hits, numbered(one)) for one in found] == [(-hits, number) for hits, number in counted[:10]]


def test_an_entry_keeps_the_fingerprints_that_it_was_first_registered_with(registry: Registry) -> None:
    registry.enrol(WHO)
    entry, store = plain(1)
    first, second = Printed(SEEN, b"first", (1,)), Printed(SEEN, b"second", (2,))
    registry.register(entry, store, State.PENDING)
    registry.register(entry, store, State.PENDING, [first, first])
    registry.register(entry, store, State.CONFIRMED, [second])
    assert registry.printed(entry) == (first,)
    assert registry.similar(SEEN, (2,)) == []
    with pytest.raises(RegistryError, match="are kept"):
        registry.register(*plain(2), State.PENDING, [Printed(SEEN, b"%d" % at) for at in range(MOST_PRINTS + 1)])
    assert registry.find(plain(2)[0].identifier) == []


def test_fingerprints_go_when_their_entry_goes(registry: Registry) -> None:
    registry.enrol(WHO)
    for number, state in enumerate((State.CONFIRMED, State.PENDING, State.PENDING)):
        registry.register(*plain(number), state, [Printed(SEEN, b"x", (7, number))])
    assert registry.withdraw(plain(1)[0])
    assert len(registry.similar(SEEN, (7,))) == 2
    registry.prune(0)
    assert [one.kept.entry for one in registry.similar(SEEN, (7, 1, 2))] == [plain(0)[0]]
    assert (rows_of(registry, "fingerprint"), rows_of(registry, "lookup")) == (1, 2)


def test_of_a_key_that_very_many_share_the_first_are_looked_at(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it costs no more; the others are found by their other keys."""
    monkeypatch.setattr(prints, "MOST_SHARED", 30)
    registry.enrol(WHO)
    number = 50
    with registry._engine.connect().execution_options(writing=True) as connection, connection.begin():
        for at in range(number):
            registry._add(connection, *plain(at), State.CONFIRMED, 1, [Printed(SEEN, b"%d" % at, (1, 1000 + at))])
    last = registry.similar(SEEN, (1, 1000 + number - 1))
    assert [numbered(one) for one in last[:2]] == [0, 1]
    assert [one.hits for one in registry.similar(SEEN, (1, 1000 + 5))[:2]] == [2, 1]
    assert numbered(registry.similar(SEEN, (1000 + number - 1,))[0]) == number - 1


def test_a_long_look_up_is_one_statement_and_a_longer_one_is_refused(registry: Registry) -> None:
    registry.enrol(WHO)
    registry.register(*plain(1), State.CONFIRMED, [Printed(SEEN, b"x", tuple(range(0, 3 * MOST_ASKED, 3)))])
    began = time.monotonic()
    assert registry.similar(SEEN, range(MOST_ASKED))[0].hits == (MOST_ASKED + 2) // 3
    assert time.monotonic() - began < 10
    with pytest.raises(RegistryError, match="is the most"):
        registry.similar(SEEN, range(MOST_ASKED + 1))


def test_the_outbox_delivers_fingerprints_too(registry: Registry, tmp_path: Path) -> None:
    registry.enrol(WHO)
    entry, store = plain(1)
    mine = (Printed(SEEN, b"\0\xff", (5, LARGEST)),)
    outbox = Outbox(tmp_path / "outbox")
    with outbox.holding(Waiting(registry.place.name, entry, store, tmp_path / "x", True, mine)):
        pass
    assert outbox.deliver(registry).delivered == 1
    assert registry.printed(entry) == mine


def test_fingerprints_go_from_one_registry_to_another(
    registry: Registry, places: Places, signer: Signer, tmp_path: Path
) -> None:
    registry.enrol(signer.fingerprint)
    works = [signed(signer) for _ in range(2)]
    mine = (Printed(SEEN, b"s" * 16_000, tuple(range(100))), Printed(HEARD, b"h", (LARGEST,)))
    registry.register(*works[0], State.CONFIRMED, mine)
    registry.register(*works[1], State.CONFIRMED)
    export(registry, tmp_path / "a.zip", signer)
    other = initialise(places.place())
    assert bring_in(other, tmp_path / "a.zip", anyone).added == 2
    assert [other.printed(entry) for entry, _ in works] == [mine, ()]


@pytest.mark.parametrize(
    "told",
    [
        [{"algorithm": SEEN, "data": "", "keys": ""}],
        [{"algorithm": "a b", "data": "YQ==", "keys": ""}],
        [{"algorithm": SEEN, "data": "YQ==", "keys": "YQ=="}],
        [{"algorithm": SEEN, "data": "YQ==", "keys": "//////////8="}],
        [{"algorithm": SEEN, "data": "YQ==", "keys": ""}] * (MOST_PRINTS + 1),
        [{"algorithm": SEEN, "data": "YQ=="}],
        ["x"],
        {"algorithm": SEEN},
    ],
)
def test_malformed_fingerprints_are_not_imported(
    registry: Registry, signer: Signer, tmp_path: Path, told: object
) -> None:
    entry, store = signed(signer)

    class Strange(Entry):
        def to_json(self) -> dict[str, object]:
            return {**super().to_json(), "fingerprints": told}

    strange = Strange(**vars(entry))
    with pytest.raises(UnreadableFile, match="malformed entry"):
        bring_in(registry, packed(tmp_path / "a.zip", signer, [strange], [store]), anyone)
    assert registry.count().confirmed == 0


def test_what_is_over_the_limits_is_no_fingerprint() -> None:
    for data, keys in ((b"", ()), (bytes(MOST_DATA + 1), ()), (b"x", range(MOST_KEYS + 1)), (b"x", (-1,))):
        with pytest.raises(ValueError, match="fingerprint"):
            Printed(SEEN, data, tuple(keys))


@given(st.binary(min_size=1), st.lists(st.integers(0, LARGEST)))
def test_a_fingerprint_comes_back_from_json(data: bytes, keys: list[int]) -> None:
    one = Printed(SEEN, data, tuple(keys))
    assert Printed.from_json(one.to_json()) == one


def test_a_watermark_leads_to_its_candidates_and_says_who_is_enrolled(registry: Registry) -> None:
    registry.enrol(WHO)
    (mine, store), (pending, pending_store) = plain(1), plain(2)
    registry.register(replace(pending, watermark=mine.watermark), pending_store, State.PENDING)
    registry.register(mine, store, State.CONFIRMED)
    other = replace(plain(3, "6" * 64)[0], watermark=mine.watermark)
    registry.receive(Kept(other, State.CONFIRMED, 1, 1), plain(3)[1])
    found = registry.candidates(mine.watermark or "")
    assert [(one.store, one.enrolled, one.state) for one in found] == [
        (store, True, State.CONFIRMED),
        (b"store 3", False, State.CONFIRMED),
        (pending_store, True, State.PENDING),
    ]
    assert registry.candidates("f" * 12) == []
