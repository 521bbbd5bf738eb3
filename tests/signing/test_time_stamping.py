"""Patience with a time-stamping authority; tests/end_to_end/test_time_stamps.py asks a real one."""

from __future__ import annotations

import pytest

from kzlabel.errors import ConfigurationError, SigningError, TimeStampError
from kzlabel.signing.time_stamping import ATTEMPTS, REST, SLOW, TimeStamping

URL = "http://tsa.example/"


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.at += seconds


class Authority:
    """Signs, and fails for as long as `failures` last whenever a time-stamp is asked for."""

    def __init__(self, clock: Clock, failures: int, takes: float = 0.0) -> None:
        self.clock, self.failures, self.takes = clock, failures, takes
        self.asked: list[str | None] = []

    def __call__(self, tsa: str | None) -> str:
        self.asked.append(tsa)
        if tsa is None:
            return "plain"
        self.clock.at += self.takes
        if self.failures:
            self.failures -= 1
            raise TimeStampError("x.jpg: no answer")
        return "stamped"


def stamping(clock: Clock, *, required: bool = False) -> TimeStamping:
    return TimeStamping(URL, required=required, now=clock, pause=clock.pause)


def test_without_an_address_nobody_is_asked() -> None:
    authority = Authority(Clock(), 0)
    assert TimeStamping(None).sign(authority) == ("plain", None)
    assert authority.asked == [None]


def test_a_passing_failure_is_asked_about_once_more() -> None:
    clock = Clock()
    assert stamping(clock).sign(Authority(clock, 1)) == ("stamped", None)


def test_a_lasting_failure_is_done_without_and_said() -> None:
    clock = Clock()
    authority = Authority(clock, 99)
    assert stamping(clock).sign(authority) == ("plain", "x.jpg: no answer")
    assert authority.asked == [URL] * ATTEMPTS + [None]


def test_a_required_time_stamp_fails_and_signs_nothing_without_it() -> None:
    clock = Clock()
    authority = Authority(clock, 99)
    with pytest.raises(TimeStampError, match="no answer; nothing was signed"):
        stamping(clock, required=True).sign(authority)
    assert None not in authority.asked


def test_a_slow_failure_is_not_repeated() -> None:
    clock = Clock()
    authority = Authority(clock, 99, takes=SLOW + 1)
    stamping(clock).sign(authority)
    assert authority.asked == [URL, None]


def test_a_silent_authority_is_left_alone_for_a_while_then_asked_again() -> None:
    clock = Clock()
    one, authority = stamping(clock), Authority(clock, ATTEMPTS)
    one.sign(authority)
    assert one.sign(authority) == ("plain", "x.jpg: no answer")
    assert authority.asked.count(URL) == ATTEMPTS
    clock.at += REST
    assert one.sign(authority) == ("stamped", None)


def test_where_it_is_required_each_file_asks_anew() -> None:
    clock = Clock()
    one, authority = stamping(clock, required=True), Authority(clock, ATTEMPTS)
    with pytest.raises(TimeStampError):
        one.sign(authority)
    assert one.sign(authority) == ("stamped", None)


def test_what_is_wrong_with_the_signer_is_no_matter_of_time_stamps() -> None:
    def sign(tsa: str | None) -> str:
        raise SigningError("the key is gone")

    with pytest.raises(SigningError, match="the key is gone"):
        stamping(Clock()).sign(sign)


@pytest.mark.parametrize(
    "url", ["ftp://tsa.example/", "tsa.example", "http://", "http://me:secret@tsa.example/", "[::"]
)
def test_an_impossible_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no http or https address"):
        TimeStamping(url)


def test_a_required_time_stamp_needs_an_address() -> None:
    with pytest.raises(ConfigurationError, match="--tsa URL"):
        TimeStamping(None, required=True)
