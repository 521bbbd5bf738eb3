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
MOST_CHANGE = 1.5  # of a copy's speed
PHASES = 4  # beginnings, within a hop, that a copy is measured from: nobody knows where it was cut
LEAST_WORDS = 24  # fewer, 3 s, say nothing
LEAST_DISTINCT = 18  # words of the original: recordings seldom repeat one, beeps have four and agree with other beeps
AGREEING = 0.67  # share of the bits from which on a copy is one of the original; see docs/fingerprints.md
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

    @property
    def same(self) -> bool:
        return self.share >= AGREEING


def fingerprint(sound: Floats, *, begin: int = 0) -> SoundFingerprint:
    """(n,) samples at RATE, one channel, float32. begin: sample from which on it is measured."""
    return SoundFingerprint(_words(_differences(sound, begin)))


def seconds(fingerprint: SoundFingerprint) -> float:
    """How long the sound is, from the beginning of the first word to the end of the last."""
    count = len(fingerprint.words)
    return ((count - 1) * HOP + FRAME) / RATE if count else 0.0


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


def _differences(sound: Floats, begin: int, pitch: float = 1.0, tempo: float = 1.0) -> Floats:
    """(words, 32): how much more the loudness falls from band to band than it did a word before; 0 where silent."""
    import numpy as np

    hop = HOP / tempo
    count = max(0, int((len(sound) - begin - FRAME) / hop) + 1) if len(sound) >= begin + FRAME else 0
    weights, window = _bands(pitch), np.hanning(FRAME).astype(np.float32)
    energies = np.zeros((count, BANDS), np.float32)
    if count:
        frames = np.lib.stride_tricks.sliding_window_view(sound[begin:], FRAME)
        for first in range(0, count, _BLOCK):
            places = (np.arange(first, min(first + _BLOCK, count)) * hop).astype(np.int64)
            spectra = np.fft.rfft(frames[places] * window, axis=1)
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


def agreement(original: SoundFingerprint, sound: Floats, speed: tuple[float, float] = (1.0, 1.0)) -> Agreement | None:
    """The best agreement of a copy's samples, as `fingerprint` wants them, with any place in the original.

    None: nothing to compare. The copy may begin before the original does, and go on after it. speed: its pitch and its
    tempo over the original's, as the watermark tells them; as it stands is tried as well.
    """
    found = [_agreement(original, sound, *each) for each in dict.fromkeys(((1.0, 1.0), speed)) if _sane(*each)]
    return max((one for one in found if one), key=lambda one: (one.share - 0.5) * one.words**0.5, default=None)


def _sane(pitch: float, tempo: float) -> bool:
    return all(1 / MOST_CHANGE <= each <= MOST_CHANGE for each in (pitch, tempo))


def _agreement(original: SoundFingerprint, sound: Floats, pitch: float, tempo: float) -> Agreement | None:
    copies = [_words(_differences(sound, int(phase * HOP / tempo) // PHASES, pitch, tempo)) for phase in range(PHASES)]
    if min(len(copies[0]), len(original.words)) < LEAST_WORDS:
        return None
    answers = _answers(original.words, copies)
    best: tuple[float, int, int] | None = None
    for phase, answer in enumerate(answers):
        place = int(answer.argmax())
        if best is None or float(answer[place]) > best[0]:
            best = float(answer[place]), phase, place - len(copies[phase])
    if best is None or best[0] <= 0:
        return None
    return _compared(original.words, copies[best[1]], best[2], best[1] / PHASES)


def _answers(original: Words, copies: list[Words]) -> list[Floats]:
    """For each copy and each place from -len(copy) on: what agrees beyond half, in deviations of chance.

    All places at once, as a correlation of signs. Fewer than LEAST_WORDS words that can be compared answer nothing.
    """
    import numpy as np

    size = 1 << (len(original) + max(map(len, copies))).bit_length()
    sums = [np.zeros(size // 2 + 1, np.complex64) for _ in copies]
    for bit in range(32):
        spectrum = np.fft.rfft(_signs(original, bit), size)
        for total, copy in zip(sums, copies, strict=True):
            total += spectrum * np.conj(np.fft.rfft(_signs(copy, bit), size))
    heard = np.fft.rfft((original != 0).astype(np.float32), size)
    answers = []
    for total, copy in zip(sums, copies, strict=True):
        both = np.fft.irfft(heard * np.conj(np.fft.rfft((copy != 0).astype(np.float32), size)), size)
        beyond = np.fft.irfft(total, size)
        answer = np.where(both > LEAST_WORDS - 0.5, beyond / np.sqrt(np.maximum(both, 1)), 0)
        answers.append(np.concatenate([answer[size - len(copy) :], answer[: len(original)]]).astype(np.float32))
    return answers


def _signs(words: Words, bit: int) -> Floats:
    """-1 and 1; 0 where it is silent."""
    import numpy as np

    return np.where(words == 0, 0, ((words >> np.uint32(bit)) & 1).astype(np.float32) * 2 - 1).astype(np.float32)


def _compared(original: Words, copy: Words, place: int, phase: float) -> Agreement | None:
    import numpy as np

    first, last = max(0, -place), min(len(copy), len(original) - place)
    ours, theirs = copy[first:last], original[first + place : last + place]
    agreeing = np.full(len(copy), np.nan, np.float32)
    both = (ours != 0) & (theirs != 0)
    if len(np.unique(theirs[both])) < LEAST_DISTINCT:
        return None
    agreeing[first:last] = np.where(both, 1 - np.bitwise_count(ours ^ theirs) / 32, np.nan)
    return Agreement(float(np.nanmean(agreeing)), int(both.sum()), (place - phase) * HOP / RATE, agreeing)


@lru_cache(maxsize=4)
def _bands(pitch: float) -> Floats:
    """(bins, 33): which bins of a spectrum are of which band, edges in equal steps of pitch."""
    import numpy as np

    edges = pitch * LOWEST * (HIGHEST / LOWEST) ** (np.arange(BANDS + 1) / BANDS)
    heights = np.arange(FRAME // 2 + 1) * RATE / FRAME
    return ((heights[:, None] >= edges[:-1]) & (heights[:, None] < edges[1:])).astype(np.float32)
