"""The fingerprint of sound: for each eighth of a second, how the loudness of 33 bands rises and falls.

After Haitsma and Kalker (2002): each of 32 bits is the sign of a difference of differences, over pitch and time, which
codecs, equalisers and noise seldom turn around. So ten seconds of an hour can be told, and where in it they stand.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import UnreadableFile
from .lookup_key import key, least

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Words = NDArray[np.uint32]

ALGORITHM = "org.kzlabel.fingerprint.sound.1"
RATE = 16_000  # Hz, of the sound that is measured
HOP, FRAME = 2_000, 6_000  # samples from one word to the next, and under one window: 125 and 375 ms
BANDS, LOWEST, HIGHEST = 33, 300.0, 3_000.0  # Hz
PHASES = 4  # beginnings, within a hop, that a copy is measured from: nobody knows where it was cut
LEAST_WORDS = 16  # fewer, 2 s, say nothing
MOST_WORDS = 24 * 3600 * RATE // HOP  # a day
MOST_KEYS = 4_096  # every word of some nine minutes; of longer sounds the least
MOST_QUERY_KEYS = 4_096
TURNED = 2  # of the bits that a copy's word is least sure of: each is also taken the other way round
_BLOCK = 256  # words that are measured at once
_HEAD = struct.Struct(">BI")
_VERSION = 1


@dataclass(frozen=True)
class SoundFingerprint:
    """words: (n,) of 32 bits, one for each HOP; 0 where it is silent."""

    words: Words

    def to_bytes(self) -> bytes:
        """Version, number of words, words; big-endian."""
        return _HEAD.pack(_VERSION, len(self.words)) + self.words.astype(">u4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> SoundFingerprint:
        """Raises UnreadableFile where these bytes are no such fingerprint."""
        import numpy as np

        if len(data) >= _HEAD.size:
            version, count = _HEAD.unpack_from(data)
            if version == _VERSION and count <= MOST_WORDS and len(data) == _HEAD.size + 4 * count:
                return cls(np.frombuffer(data, ">u4", offset=_HEAD.size).astype(np.uint32))
        raise UnreadableFile("the fingerprint of a sound is damaged")


@dataclass(frozen=True)
class Agreement:
    """How far a copy agrees with the original.

    share: of the bits that say the same, 0.5 for another sound. words: how many were compared. start: seconds in the
    original at which the copy begins. agreeing: (n,), the share in each word of the copy, NaN where nothing was
    compared.
    """

    share: float
    words: int
    start: float
    agreeing: Floats


def fingerprint(sound: Floats, *, begin: int = 0) -> SoundFingerprint:
    """(n,) samples at RATE, one channel, float32. begin: sample from which on it is measured."""
    return SoundFingerprint(_words(_differences(sound, begin)))


def keys(fingerprint: SoundFingerprint) -> tuple[int, ...]:
    """What is kept."""
    return least((key(ALGORITHM, 0, word) for word in fingerprint.words.tolist() if word), MOST_KEYS)


def query_keys(sound: Floats) -> tuple[int, ...]:
    """What a copy's samples are looked up by: its words from each phase, also with the least sure bits turned."""
    import numpy as np

    found: set[int] = set()
    for phase in range(PHASES):
        differences = _differences(sound, phase * HOP // PHASES)
        words = _words(differences)
        unsure = np.argsort(np.abs(differences), axis=1)[:, :TURNED].astype(np.uint32)
        turns = np.uint32(1) << (np.uint32(31) - unsure)
        for turned in range(1 << TURNED):
            chosen = np.array([turned >> bit & 1 for bit in range(TURNED)], np.uint32)
            found.update((words ^ np.bitwise_xor.reduce(turns * chosen, axis=1))[words != 0].tolist())
    return least((key(ALGORITHM, 0, word) for word in found), MOST_QUERY_KEYS)


def _differences(sound: Floats, begin: int) -> Floats:
    """(words, 32): how much more the loudness falls from band to band than it did a word before; 0 where silent."""
    import numpy as np

    count = max(0, (len(sound) - begin - FRAME) // HOP + 1)
    weights, window = _bands(), np.hanning(FRAME).astype(np.float32)
    energies = np.zeros((count, BANDS), np.float32)
    if count:
        frames = np.lib.stride_tricks.sliding_window_view(sound[begin:], FRAME)[::HOP]
        for first in range(0, count, _BLOCK):
            spectra = np.fft.rfft(frames[first : min(first + _BLOCK, count)] * window, axis=1)
            energies[first : first + _BLOCK] = (spectra.real**2 + spectra.imag**2) @ weights
    across = energies[:, :-1] - energies[:, 1:]
    return np.diff(across, axis=0, prepend=across[:1])


def _words(differences: Floats) -> Words:
    import numpy as np

    if not len(differences):
        return np.zeros(0, np.uint32)
    words = np.packbits(differences > 0, axis=1).view(">u4").reshape(-1).astype(np.uint32)
    words[~differences.any(axis=1)] = 0
    return words


def agreement(original: SoundFingerprint, sound: Floats) -> Agreement | None:
    """The best agreement of a copy's samples, as `fingerprint` wants them, with any place in the original.

    None: nothing to compare. The copy may begin before the original does, and go on after it.
    """
    best: Agreement | None = None
    for phase in range(PHASES):
        copy = fingerprint(sound, begin=phase * HOP // PHASES)
        here = _best(original.words, copy.words, phase / PHASES)
        if here and (best is None or here.share > best.share):
            best = here
    return best


def _best(original: Words, copy: Words, phase: float) -> Agreement | None:
    import numpy as np

    # The first word of either tells nothing: there was nothing before it.
    places = range(-len(copy) // 2, len(original) - len(copy) // 2 + 1)
    shares = np.full(len(places), 0.0, np.float32)
    heard, there = copy != 0, original != 0
    for index, place in enumerate(places):
        first, last = max(0, -place), min(len(copy), len(original) - place)
        both = heard[first:last] & there[first + place : last + place]
        count = int(both.sum())
        if count >= LEAST_WORDS:
            differing = np.bitwise_count(copy[first:last] ^ original[first + place : last + place])[both]
            # The deviation that chance has: short overlaps agree by chance more often.
            shares[index] = (0.5 - float(differing.mean()) / 32) * count**0.5
    if not len(shares) or not shares.max() > 0:
        return None
    place = places[int(shares.argmax())]
    first, last = max(0, -place), min(len(copy), len(original) - place)
    theirs = original[first + place : last + place]
    both = heard[first:last] & (theirs != 0)
    agreeing = np.full(len(copy), np.nan, np.float32)
    agreeing[first:last] = np.where(both, 1 - np.bitwise_count(copy[first:last] ^ theirs) / 32, np.nan)
    start = (place - phase) * HOP / RATE
    return Agreement(float(np.nanmean(agreeing)), int(both.sum()), start, agreeing)


@lru_cache(maxsize=1)
def _bands() -> Floats:
    """(bins, 33): which bins of a spectrum are of which band, edges in equal steps of pitch."""
    import numpy as np

    edges = LOWEST * (HIGHEST / LOWEST) ** (np.arange(BANDS + 1) / BANDS)
    pitch = np.arange(FRAME // 2 + 1) * RATE / FRAME
    return ((pitch[:, None] >= edges[:-1]) & (pitch[:, None] < edges[1:])).astype(np.float32)
