"""The watermarks in a file that somebody sent: a few searches at once, and each within its time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from starlette.exceptions import HTTPException

from ..evidence import State
from ..files import scratch
from ..limits import Limits
from ..media import HEADER_BYTES, detect, formats
from ..verification.watermarks import watermark_layers
from ..watermark.keys import WatermarkKey

_WAITING = 4  # files held in memory for each one that is searched
_LATER = {"Retry-After": "60"}


class Searches:
    def __init__(self, at_once: int, limits: Limits) -> None:
        self._limits = limits
        self._free = at_once * (1 + _WAITING)
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="search")
        self._formats = formats()

    @contextmanager
    def place(self) -> Iterator[None]:
        """For one request with its file. Raises HTTPException where all are taken."""
        if self._free < 1:
            raise HTTPException(503, "too many files are being looked for; come again later", _LATER)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def identifiers(self, content: bytes, seconds: float) -> list[str]:
        """Identifiers that the content carries under the open key, as evidence finds them.

        Raises HTTPException for no media, and where it takes too long, whoever is busy with what.
        """
        search = asyncio.wrap_future(self._workers.submit(self._search, content))
        try:
            # A search that waits its turn is called off; one that runs ends by its own limits.
            return await asyncio.wait_for(search, 2 * seconds)
        except TimeoutError:
            raise HTTPException(503, "the search takes too long; come again later", _LATER) from None

    def _search(self, content: bytes) -> list[str]:
        format = detect(content[:HEADER_BYTES], "", self._formats)
        if format is None:
            raise HTTPException(415, "the file is of no kind that is known here")
        with scratch() as room:
            path = room / "content"
            path.write_bytes(content)
            layers, why = watermark_layers(path, format, (WatermarkKey(),), self._limits)
        if why is not None:
            raise HTTPException(400, f"the file cannot be searched: {why.replace(str(path), 'it')}")
        found = [layer.payload for layer in layers if layer.state is State.FOUND]
        return list(dict.fromkeys(one for one in found if one is not None))
