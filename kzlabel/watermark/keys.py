"""Keys of a watermark, and all that looks random in it: chips, orders and checks, each drawn from the key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The open key: known to everybody, so that everybody can read the mark.
OPEN = b"kzlabel open watermark key, version 1"

MIN_SECRET = 16  # bytes; a shorter secret could be found by trying
MAX_SECRET = 1024


@dataclass(frozen=True)
class WatermarkKey:
    """Who can read and make a mark: everybody with the open key (default), or those who know `secret`.

    secret: 16 to 1024 bytes. Raises UsageError.
    """

    secret: bytes = field(default=OPEN, repr=False)

    def __post_init__(self) -> None:
        if not MIN_SECRET <= len(self.secret) <= MAX_SECRET:
            raise UsageError(f"a watermark key has {MIN_SECRET} to {MAX_SECRET} bytes")

    @property
    def open(self) -> bool:
        return self.secret == OPEN

    def stream(self, purpose: str, size: int) -> bytes:
        """`size` bytes that only this key yields: SHAKE-256 (FIPS 202) of the key's SHA-256 and the purpose, ASCII."""
        return hashlib.shake_256(hashlib.sha256(self.secret).digest() + purpose.encode("ascii")).digest(size)

    def check(self, message: bytes, size: int) -> bytes:
        """A check over `message`: keyed BLAKE2s (RFC 7693) of `size` bytes, by the key's SHA-256."""
        return hashlib.blake2s(message, digest_size=size, key=hashlib.sha256(self.secret).digest()).digest()

    def chips(self, purpose: str, count: int) -> NDArray[np.int8]:
        """(count,) of +1 and -1: the bits of the stream, the most significant first; 1 is -1."""
        import numpy as np

        bits = np.unpackbits(np.frombuffer(self.stream(purpose, (count + 7) // 8), np.uint8))[:count]
        return (1 - 2 * bits.astype(np.int8)).astype(np.int8)

    def order(self, purpose: str, count: int) -> NDArray[np.int64]:
        """(count,) a permutation of 0..count-1: the stable order of one 64-bit big-endian number of the stream each."""
        import numpy as np

        numbers: Any = np.frombuffer(self.stream(purpose, 8 * count), ">u8")
        return np.argsort(numbers, kind="stable")
