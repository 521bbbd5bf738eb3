"""What a watermark carries, the same in every medium: version, source, identifier, and a check over them.

| bits | what |
|---|---|
| 3 | version, 1; others are of a later kind |
| 1 | source: 0 generated, 1 modified |
| 48 | the identifier, 12 hexadecimal digits |
| 40 | the check: keyed BLAKE2s over the 52 bits before, padded with zero bits to 7 bytes |

A reader tries several readings of one carrier; each has one chance in 2^43 to be taken for a mark where there is none,
40 bits of check and 3 of version. So the number of readings tells how often an unmarked carrier is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..declaration import Source
from ..errors import UsageError
from .keys import WatermarkKey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
VERSION_BITS, IDENTIFIER_BITS, CHECK_BITS = 3, 48, 40
MESSAGE_BITS = VERSION_BITS + 1 + IDENTIFIER_BITS  # 52
INFORMATION_BITS = MESSAGE_BITS + CHECK_BITS  # 92


@dataclass(frozen=True)
class Payload:
    """identifier: 12 hexadecimal digits, lower case. source: what the work is. Raises UsageError."""

    identifier: str
    source: Source = Source.GENERATED

    def __post_init__(self) -> None:
        if len(self.identifier) != IDENTIFIER_BITS // 4 or not set(self.identifier) <= set("0123456789abcdef"):
            raise UsageError("a watermark carries an identifier of 12 hexadecimal digits")

    def protected(self, key: WatermarkKey) -> NDArray[np.uint8]:
        """(92,) of 0 and 1: the message, then its check."""
        import numpy as np

        bits = np.unpackbits(np.frombuffer(_message(self), np.uint8))[:MESSAGE_BITS]
        return np.concatenate([bits, _check(bits, key)])


def read(bits: NDArray[np.uint8], key: WatermarkKey) -> Payload | None:
    """The payload in these (92,) bits; None where the check or the version is another."""
    import numpy as np

    message = bits[:MESSAGE_BITS]
    if not np.array_equal(bits[MESSAGE_BITS:INFORMATION_BITS], _check(message, key)):
        return None
    number = int.from_bytes(np.packbits(message).tobytes()) >> (56 - MESSAGE_BITS)
    if number >> (IDENTIFIER_BITS + 1) != VERSION:
        return None
    source = Source.MODIFIED if number >> IDENTIFIER_BITS & 1 else Source.GENERATED
    return Payload(f"{number & ((1 << IDENTIFIER_BITS) - 1):012x}", source)


def false_positive(readings: int) -> float:
    """The probability that one of so many readings of an unmarked carrier passes check and version."""
    return float(min(1.0, readings * 2.0 ** -(CHECK_BITS + VERSION_BITS)))


def _message(payload: Payload) -> bytes:
    modified = int(payload.source is Source.MODIFIED)
    number = (VERSION << 1 | modified) << IDENTIFIER_BITS | int(payload.identifier, 16)
    return (number << (56 - MESSAGE_BITS)).to_bytes(7)


def _check(message: NDArray[np.uint8], key: WatermarkKey) -> NDArray[np.uint8]:
    import numpy as np

    return np.unpackbits(np.frombuffer(key.check(np.packbits(message).tobytes(), CHECK_BITS // 8), np.uint8))
