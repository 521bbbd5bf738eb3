"""Asks an address within a fixed time, and remembers for a while which ones do not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ...errors import NetworkError
from ...network import fetch

MAX_REMEMBERED = 256


class Asker:
    """Fetches answers; safe for threads. now: seconds, ever growing."""

    def __init__(self, retry_after: float, now: Callable[[], float]) -> None:
        self._retry_after = retry_after
        self._now = now
        self._silent: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def ask(self, url: str, *, data: bytes | None, headers: Mapping[str, str], limit: int, timeout: float) -> bytes:
        """The body of the answer. Raises NetworkError, at once where it failed just before."""
        with self._lock:
            until, why = self._silent.get(url, (0.0, ""))
        if until > self._now():
            raise NetworkError(why)
        try:
            return fetch(url, data=data, headers=headers, limit=limit, timeout=timeout, attempts=1)
        except NetworkError as error:
            with self._lock:
                if len(self._silent) >= MAX_REMEMBERED:
                    self._silent.pop(next(iter(self._silent)))
                self._silent[url] = (self._now() + self._retry_after, str(error))
            raise
