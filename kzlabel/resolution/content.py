"""What a file that somebody sent leads to: a few searches at once, and each within its time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException

from ..errors import RegistryError
from ..evidence import State
from ..files import scratch
from ..limits import Limits
from ..media import HEADER_BYTES, detect, formats
from ..registry import Place
from ..trust import NOBODY
from ..verification.recovery import Recovery
from ..verification.watermarks import watermark_layers
from ..watermark.keys import WatermarkKey

_WAITING = 4  # files held in memory for each one that is searched
_LATER = {"Retry-After": "60"}


@dataclass(frozen=True)
class Seen:
    """identifiers: of the watermarks under the open key. alike: where there are none, names of the manifests of works
    that look, sound or read alike, and how much, 0..1, most first.
    """

    identifiers: tuple[str, ...]
    alike: tuple[tuple[str, float], ...] = ()


class Searches:
    """place: of the registry that is asked for works that are alike."""

    def __init__(self, at_once: int, limits: Limits, place: Place) -> None:
        self._limits = limits
        self._recovery = Recovery(place, NOBODY, limits)
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

    async def seen(self, content: bytes, seconds: float, *, marks_alone: bool) -> Seen:
        """Raises HTTPException for no media, and where it takes too long, whoever is busy with what; RegistryError."""
        search = asyncio.wrap_future(self._workers.submit(self._search, content, marks_alone))
        try:
            # A search that waits its turn is called off; one that runs ends by its own limits.
            return await asyncio.wait_for(search, 2 * seconds)
        except TimeoutError:
            raise HTTPException(503, "the search takes too long; come again later", _LATER) from None

    def _search(self, content: bytes, marks_alone: bool) -> Seen:
        format = detect(content[:HEADER_BYTES], "", self._formats)
        if format is None:
            raise HTTPException(415, "the file is of no kind that is known here")
        with scratch() as room:
            path = room / "content"
            path.write_bytes(content)
            layers, why = watermark_layers(path, format, (WatermarkKey(),), self._limits)
            found = [layer.payload for layer in layers if layer.state is State.FOUND]
            identifiers = tuple(dict.fromkeys(one for one in found if one is not None))
            if identifiers:
                return Seen(identifiers)
            if marks_alone:
                self._check(why, path)
                return Seen(())
            answer = self._recovery.by_fingerprint(path, format)
        if answer.failed:
            raise RegistryError(answer.why or "")
        if not answer.layers:
            self._check(answer.why or why, path)
        alike = [one for layer in answer.layers for one in layer.detail.get("recovered", ())]
        return Seen((), tuple((str(one["manifest_id"]), float(one["similarity"])) for one in alike))

    @staticmethod
    def _check(why: str | None, path: Path) -> None:
        """Raises HTTPException where something hindered the search."""
        if why is not None:
            raise HTTPException(400, f"the file cannot be searched: {why.replace(str(path), 'it')}")
