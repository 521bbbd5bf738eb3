"""Fingerprints of any kind as a registry keeps them, and the keys by which it finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import film, image, iscc, sound, text


@dataclass(frozen=True)
class Fingerprint:
    """algorithm: its name, as it stands in the manifest. data: as the algorithm's own module writes and reads it."""

    algorithm: str
    data: bytes


# What is kept for each algorithm, and by which keys it is found; pictures are found by their global code alone.
_KEYS: Mapping[str, Callable[[bytes], tuple[int, ...]]] = {
    image.ALGORITHM: lambda data: image.keys(image.ImageFingerprint.from_bytes(data)),
    iscc.ALGORITHM: lambda data: iscc.keys(iscc.ImageCode.from_bytes(data)),
    film.ALGORITHM: lambda data: film.keys(film.FilmFingerprint.from_bytes(data)),
    sound.ALGORITHM: lambda data: sound.keys(sound.SoundFingerprint.from_bytes(data)),
    text.ALGORITHM: lambda data: text.keys(text.TextFingerprint.from_bytes(data)),
}
ALGORITHMS = tuple(_KEYS)


def keys(fingerprint: Fingerprint) -> tuple[int, ...]:
    """0 <= key < 2**63 each: what a registry keeps to find it by; none for one of an algorithm that is not known here.

    What a copy is looked up by is the `query_keys` of the algorithm's own module: it is more than what is kept.
    Raises UnreadableFile where the data is no such fingerprint.
    """
    known = _KEYS.get(fingerprint.algorithm)
    return known(fingerprint.data) if known else ()
