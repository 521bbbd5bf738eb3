"""The seconds of a search, shared out between its turns."""

from __future__ import annotations

import pytest

from kzlabel.media import patience as module
from kzlabel.media.patience import Patience


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_what_a_turn_leaves_is_for_the_next_ones(clock: Clock) -> None:
    patience = Patience(60, 3)
    shares = []
    for lasts in (2, 9, 1):
        with patience.turn() as seconds:
            shares.append(seconds)
            clock.now += lasts
    assert shares == [20, 29, 49]


def test_a_turn_that_waits_for_its_decoder_takes_no_other_turns_time(clock: Clock) -> None:
    patience = Patience(60, 2)
    with patience.turn():
        clock.now += 500
    with patience.turn() as seconds:
        assert seconds == 30
    with patience.turn() as seconds:  # one more than was said
        assert seconds == 30
