"""Time-stamps (RFC 3161) from one authority: asked with bounded patience, required or done without.

c2pa sends the request in the course of signing and gives up after 30 seconds, however slowly the answer comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from ..errors import ConfigurationError, TimeStampError
from ..inert import inert

ATTEMPTS = 2
PAUSE = 0.5  # seconds before a second attempt
SLOW = 5.0  # seconds after which a failure was a matter of waiting, which a second attempt would only double
REST = 60.0  # seconds for which a silent authority is left alone, so that a batch does not wait at each of its files

Signed = TypeVar("Signed")


class TimeStamping:
    """Has signatures time-stamped by one authority. Safe for threads; one for each labeller.

    url: its address, http or https; None to do without time-stamps. required: fail rather than sign without one.
    Raises ConfigurationError for an address that is none.
    """

    def __init__(
        self,
        url: str | None,
        *,
        required: bool = False,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        if required and url is None:
            raise ConfigurationError("a time-stamp is required, and no authority is named; give --tsa URL")
        self.url = _checked(url)
        self.required = required
        self._now, self._pause = now, pause
        self._lock = threading.Lock()
        self._rests_until = float("-inf")
        self._why = ""

    def sign(self, sign: Callable[[str | None], Signed]) -> tuple[Signed, str | None]:
        """What `sign` makes when it is given the address, or None in its place; and why it was done without.

        Raises what `sign` raises; TimeStampError if a time-stamp is required and none was to be had.
        """
        if self.url is None:
            return sign(None), None
        if not (why := self._resting()):
            for attempt in range(ATTEMPTS):
                began = self._now()
                try:
                    return sign(self.url), None
                except TimeStampError as error:
                    why = str(error)
                if attempt + 1 == ATTEMPTS or self._now() - began > SLOW:
                    break
                self._pause(PAUSE)
            self._rest(why)
        if self.required:
            raise TimeStampError(f"{why}; nothing was signed, as a time-stamp is required")
        return sign(None), why

    def _resting(self) -> str:
        with self._lock:
            return self._why if not self.required and self._now() < self._rests_until else ""

    def _rest(self, why: str) -> None:
        with self._lock:
            self._rests_until, self._why = self._now() + REST, why


def _checked(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        fits = False
    if not fits:
        raise ConfigurationError(f"--tsa {inert(url, 200)}: this is no http or https address without a password in it")
    return url
