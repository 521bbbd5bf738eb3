"""The seconds that one search may take, shared out between its turns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..watermark.detection import Tally


class Patience:
    """seconds: for all turns together. A turn leaves to the others what it does not use; one that takes longer, since
    it had to wait for a decoder, takes nothing from them.

    tally: of all searches.
    """

    def __init__(self, seconds: float, turns: int) -> None:
        self._left, self._turns = seconds, turns
        self.tally = Tally()

    @contextmanager
    def turn(self) -> Iterator[float]:
        """The next turn, with the seconds that it has."""
        share = self._left / max(1, self._turns)
        begun = time.monotonic()
        try:
            yield share
        finally:
            self._left -= min(share, time.monotonic() - begun)
            self._turns -= 1


def given_up(seconds: float) -> str:
    """Why a work counts as not searched."""
    return f"the search was given up after {seconds:g} s, the limit watermark_seconds"
