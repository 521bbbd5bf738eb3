"""Files as c2pa gets to see them: it may read a hostile one only so often, and meet only so many boxes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from ..containers.boxes import Box, BoxWalker
from ..errors import InputError, LimitExceeded
from ..limits import Limits

# c2pa comes back to us some 18 times for each tiny block of a GIF, and 100 times for each fragment of a film; at 5 µs
# each this ends after some seconds. A film of a day in fragments of 20 seconds takes 430,000.
MAX_STEPS = 1_000_000
# Hashing takes larger pieces, so that a large file is never what ends it. Signing walks a GIF in its sub-blocks of 255
# bytes, two steps each.
BYTES_PER_STEP, BYTES_PER_SIGNING_STEP = 16 << 10, 64

# c2pa's time grows with the square of the boxes: 7 seconds for 40,000, two hours of film in fragments of 2 seconds.
MAX_BOXES = 40_000
_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide"})
# Signing a JPEG takes c2pa the square of its segments as well; the largest ICC profile or XMP takes some hundred.
MAX_SEGMENTS = 20_000
_PARENTS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"mvex", b"moof", b"traf"}
)


class Patient:
    """A file that fails once it was asked too often; `lost` tells that it was."""

    def __init__(self, file: BinaryIO, bytes_per_step: int) -> None:
        self.lost = False
        self._file = file
        self._left = MAX_STEPS + file.seek(0, 2) // bytes_per_step
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        self._step()
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        self._step()
        return self._file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def seek(self, offset: int, whence: int = 0) -> int:
        self._step()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        self._step()
        return self._file.tell()

    def write(self, data: Any) -> int:
        raise OSError("this file is only read")

    def flush(self) -> None:
        return

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.lost = True
            raise OSError("asked too often")


@contextmanager
def patient(file: BinaryIO, name: str, *, signing: bool = False) -> Iterator[Patient]:
    """A file for c2pa, from its beginning. Raises LimitExceeded when it takes too long, whatever c2pa says then."""
    _check_boxes(file, name)
    if signing:
        _check_segments(file, name)
    offered = Patient(file, BYTES_PER_SIGNING_STEP if signing else BYTES_PER_STEP)
    try:
        yield offered
    except Exception:
        if offered.lost:
            raise LimitExceeded(
                f"{name}: looking for a manifest in it takes over {MAX_STEPS} steps; it is too fragmented"
            ) from None
        raise


def _check_boxes(file: BinaryIO, name: str) -> None:
    file.seek(0)
    if file.read(8)[4:] not in _FIRST:
        return
    count = 0
    with suppress(InputError):  # what is malformed is told by others
        for count, _ in enumerate(_boxes(BoxWalker(file, Limits(max_boxes=2 * MAX_BOXES)), None), 1):
            if count > MAX_BOXES:
                break
    if count > MAX_BOXES:
        raise LimitExceeded(f"{name}: it has over {MAX_BOXES} boxes, too many to look for a manifest in them")


def _boxes(walker: BoxWalker, parent: Box | None) -> Iterator[Box]:
    for box in walker.children(parent) if parent else walker.top():
        yield box
        if box.type in _PARENTS:
            yield from _boxes(walker, box)


def _check_segments(file: BinaryIO, name: str) -> None:
    file.seek(0)
    if file.read(2) != b"\xff\xd8":
        return
    for _ in range(MAX_SEGMENTS):
        marker = file.read(4)
        if len(marker) < 4 or marker[0] != 0xFF or marker[1] == 0xDA:
            return  # the picture itself begins, or what is no segment
        file.seek(max(int.from_bytes(marker[2:]) - 2, 0), 1)
    raise LimitExceeded(f"{name}: it has over {MAX_SEGMENTS} segments, too many to put a manifest among them")
