"""Keys by which a registry finds fingerprints without looking at each: integers of 63 bits, for one table."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def key(algorithm: str, band: int, value: int) -> int:
    """0 <= key < 2**63, of up to 64 bits of a fingerprint; evenly spread, and each algorithm's and band's its own."""
    digest = blake2b(value.to_bytes(8), digest_size=8, key=algorithm.encode(), salt=band.to_bytes(4))
    return int.from_bytes(digest.digest()) >> 1


def least(keys: Iterable[int], most: int) -> tuple[int, ...]:
    """The least of them, each once: of what two works share, both keep the same part."""
    return tuple(sorted(set(keys))[:most])
