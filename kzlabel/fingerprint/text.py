"""The fingerprint of texts: some hashes of runs of words, chosen so that any longer passage keeps some of them.

Winnowing (Schleimer, Wilkerson and Aiken, 2003): of each window of WINDOW runs of RUN words the least hash is kept. A
passage of RUN + WINDOW - 1 words that stands in both texts therefore shares a hash with certainty, wherever it stands.
Form, case, punctuation and what is invisible do not count.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import islice, pairwise
from math import exp, log

from ..errors import UnreadableFile
from .lookup_key import key, least

ALGORITHM = "org.kzlabel.fingerprint.text.1"
RUN, WINDOW = 3, 6  # words in a run, runs in a window
MOST_HASHES = 1 << 18  # some 900,000 words; what comes after is left out
MOST_WORDS = 1 << 20  # that are looked at, in 300 MB; more than MOST_HASHES come from
LONGEST_CHUNK = 4_096  # signs without a space that are taken at once: a whole text may have none
LONGEST_KEPT = 64  # signs of a chunk that may come again
HASH_BYTES = 8
# How often a hash of a text stands in an unrelated one of n hashes: LEAST_COMMON + n * COMMON, measured; and in one
# that is a copy of it, lightly edited.
LEAST_COMMON, COMMON, MOST_COMMON, COPIED = 0.01, 1.5e-5, 0.4, 0.55
SIMILAR = 1e-6  # chance from which on two texts are called similar
LIKELY = 1e-3  # chance from which on a passage is named
APART = 9.0  # what a stretch may lose, in natural logarithms, before it is two: some 13 hashes, 45 words
MOST_KEYS = 2_048  # all of some 7,000 words; of longer texts the least
MOST_QUERY_KEYS = 4_096
_HEAD = struct.Struct(">BI")
_VERSION = 1
# A word, or one sign of a script that writes without spaces.
_SPACELESS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SPACELESS}]|\w+?(?=[{_SPACELESS}]|\W|$)")
_CHUNK = re.compile(rf"\S{{1,{LONGEST_CHUNK}}}")
_VARIATION = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_UNSEEN = {"Cf", "Cc", "Cs", "Co"}


@dataclass(frozen=True)
class TextFingerprint:
    """hashes: of 64 bits, ascending, each once. words: of the whole text."""

    hashes: tuple[int, ...]
    words: int

    def to_bytes(self) -> bytes:
        """Version, words, hashes; big-endian."""
        return _HEAD.pack(_VERSION, self.words) + b"".join(each.to_bytes(HASH_BYTES) for each in self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> TextFingerprint:
        """Raises UnreadableFile where these bytes are no such fingerprint."""
        wrong = UnreadableFile("the fingerprint of a text is damaged")
        if len(data) < _HEAD.size or (len(data) - _HEAD.size) % HASH_BYTES:
            raise wrong
        version, words = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        hashes = tuple(int.from_bytes(body[at : at + HASH_BYTES]) for at in range(0, len(body), HASH_BYTES))
        ascending = all(one < other for one, other in pairwise(hashes))
        if version != _VERSION or len(hashes) > MOST_HASHES or not ascending:
            raise wrong
        return cls(hashes, words)


@dataclass(frozen=True)
class Passage:
    """A text with its hashes where they stand: what is held against fingerprints of other texts.

    placed: (hash, number of the run's first word), in the order of the text. words: (first, last + 1) character of each
    word in the text as given.
    """

    placed: tuple[tuple[int, int], ...]
    words: tuple[tuple[int, int], ...]

    @cached_property
    def fingerprint(self) -> TextFingerprint:
        distinct = dict.fromkeys(hash_ for hash_, _ in self.placed[:MOST_HASHES])
        return TextFingerprint(tuple(sorted(distinct)), len(self.words))


@dataclass(frozen=True)
class Agreement:
    """What a copy has in common with an original.

    share: of the copy's hashes that the original has. of_original: of the original's hashes that the copy has.
    chance: at most how likely texts that have nothing to do with each other are to agree so far.
    spans: (first, last + 1) character of each passage of the copy that stands in the original.
    """

    share: float
    of_original: float
    chance: float
    spans: tuple[tuple[int, int], ...]

    @property
    def similar(self) -> bool:
        return self.chance <= SIMILAR


def passage(text: str) -> Passage:
    """The hashes of a text, with their places. A text of fewer words than RUN has none."""
    words = list(islice(_words(text), MOST_WORDS))
    hashes = [_hash(" ".join(word for word, _, _ in words[at : at + RUN])) for at in range(len(words) - RUN + 1)]
    return Passage(tuple(_winnowed(hashes)), tuple((first, last) for _, first, last in words))


def agreement(original: TextFingerprint, copy: Passage) -> Agreement:
    """How much of a copy stands in an original, and which passages of it."""
    known = set(original.hashes)
    own = copy.fingerprint.hashes
    shared = len(known.intersection(own))
    chances, spans = [1.0], []
    for chance, first, last in _passages(known, copy):
        chances.append(chance)
        if chance <= LIKELY:
            spans.append((copy.words[first][0], copy.words[last][1]))
    return Agreement(shared / max(1, len(own)), shared / max(1, len(known)), min(chances), tuple(spans))


def keys(fingerprint: TextFingerprint) -> tuple[int, ...]:
    """What is kept."""
    return least((key(ALGORITHM, 0, hash_) for hash_ in fingerprint.hashes), MOST_KEYS)


def query_keys(copy: Passage) -> tuple[int, ...]:
    """What a copy is looked up by."""
    return least((key(ALGORITHM, 0, hash_) for hash_ in copy.fingerprint.hashes), MOST_QUERY_KEYS)


def _passages(known: set[int], copy: Passage) -> Iterator[tuple[float, int, int]]:
    """Each stretch of a copy that speaks for the original: its chance, its first and its last word.

    Each hash says how much likelier it is in a copy than beside one: the stretches are those whose sums are highest. By
    Ville's inequality, some stretch of n hashes reaches a ratio r by chance with n / r at most. A hash that came before
    says nothing.
    """
    rate = min(MOST_COMMON, LEAST_COMMON + COMMON * len(known))
    hit, miss = log(COPIED / rate), log((1 - COPIED) / (1 - rate))
    total = best = 0.0
    first = last = 0
    told: set[int] = set()
    for hash_, place in copy.placed:
        if hash_ not in known:
            total += miss
        elif hash_ not in told:
            told.add(hash_)
            if total <= 0:
                total, first = 0.0, place
            total += hit
        if total > best:
            best, last = total, place + RUN - 1
        # What follows a stretch that has lost all it had, or lies far behind, is another one.
        if best and (total <= 0 or best - total > APART):
            yield len(copy.placed) * exp(-best), first, last
            total = best = 0.0
    if best:
        yield len(copy.placed) * exp(-best), first, last


def _winnowed(hashes: list[int]) -> Iterator[tuple[int, int]]:
    """The least hash of each window, the last of equal ones, each choice told once; a short text's least one."""
    size = min(WINDOW, len(hashes))
    waiting: deque[int] = deque()  # places in this window of hashes that rise from the least one on
    told = -1
    for place, hash_ in enumerate(hashes):
        while waiting and hashes[waiting[-1]] >= hash_:
            waiting.pop()
        waiting.append(place)
        if waiting[0] <= place - size:
            waiting.popleft()
        if place >= size - 1 and waiting[0] != told:
            told = waiting[0]
            yield hashes[told], told


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    """Each word as it is compared, and the characters that it takes in the text as given."""
    for found in _CHUNK.finditer(text):
        chunk, start = found.group(), found.start()
        plain = _often(chunk) if len(chunk) <= LONGEST_KEPT else _quickly(chunk)
        if plain is None:
            plain, places = _plain(chunk, start)
            for word in _WORD.finditer(plain):
                yield word.group(), places[word.start()][0], places[word.end() - 1][1]
        else:
            for word in _WORD.finditer(plain):
                yield word.group(), start + word.start(), start + word.end()


@lru_cache(maxsize=1 << 14)
def _often(chunk: str) -> str | None:
    return _quickly(chunk)


def _quickly(chunk: str) -> str | None:
    """What `_plain` makes of a chunk, where each sign stays where it is; None where it may not."""
    folded = chunk.casefold()
    usual = chunk.isascii() or (
        len(folded) == len(chunk)
        and unicodedata.is_normalized("NFKC", chunk)
        and unicodedata.is_normalized("NFKC", folded)
        and not _VARIATION.search(chunk)
    )
    return folded if usual and chunk.isprintable() else None


def _plain(chunk: str, start: int) -> tuple[str, list[tuple[int, int]]]:
    """Without what is unseen, in one form and case; and from which characters, first and last + 1, each sign came."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(chunk):
        end = at + 1
        while end < len(chunk) and _joined(chunk[end]):
            end += 1  # a letter and its accents are composed together
        piece = "".join(sign for sign in chunk[at:end] if not _unseen(sign))
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", piece).casefold())
        parts.append(folded)
        places += [(start + at, start + end)] * len(folded)
        at = end
    return "".join(parts), places


def _joined(sign: str) -> bool:
    """Whether a sign may be composed with the one before: accents, and vowels and finals of Korean."""
    return unicodedata.category(sign).startswith("M") or "\u1160" <= sign <= "\u11ff" or _unseen(sign)


def _unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN or bool(_VARIATION.match(sign))


def _hash(run: str) -> int:
    return int.from_bytes(blake2b(run.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest())
