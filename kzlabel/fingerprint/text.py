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
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise

from ..errors import UnreadableFile
from .lookup_key import key, least

ALGORITHM = "org.kzlabel.fingerprint.text.1"
RUN, WINDOW = 3, 6  # words in a run, runs in a window
MOST_HASHES = 1 << 18  # some 900,000 words; what comes after is left out
HASH_BYTES = 8
MOST_KEYS = 2_048  # all of some 7,000 words; of longer texts the least
MOST_QUERY_KEYS = 4_096
_HEAD = struct.Struct(">BI")
_VERSION = 1
# A word, or one sign of a script that writes without spaces.
_SPACELESS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SPACELESS}]|\w+?(?=[{_SPACELESS}]|\W|$)")
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
class Overlap:
    """What two texts have in common.

    of_copy, of_original: share of the hashes of each that the other has. spans: (first, last + 1) character of each
    passage of the copy that stands in the original.
    """

    of_copy: float
    of_original: float
    spans: tuple[tuple[int, int], ...]


def passage(text: str) -> Passage:
    """The hashes of a text, with their places. A text of fewer words than RUN has none."""
    words = list(_words(text))
    hashes = [_hash(" ".join(word for word, _, _ in words[at : at + RUN])) for at in range(len(words) - RUN + 1)]
    return Passage(tuple(_winnowed(hashes)), tuple((first, last) for _, first, last in words))


def overlap(original: TextFingerprint, copy: Passage) -> Overlap:
    """How much of a copy stands in an original, and which passages of it."""
    known = set(original.hashes)
    hits = [place for hash_, place in copy.placed if hash_ in known]
    shared = len(known.intersection(copy.fingerprint.hashes))
    return Overlap(
        shared / max(1, len(copy.fingerprint.hashes)), shared / max(1, len(known)), tuple(_spans(hits, copy.words))
    )


def keys(fingerprint: TextFingerprint) -> tuple[int, ...]:
    """What is kept."""
    return least((key(ALGORITHM, 0, hash_) for hash_ in fingerprint.hashes), MOST_KEYS)


def query_keys(copy: Passage) -> tuple[int, ...]:
    """What a copy is looked up by."""
    return least((key(ALGORITHM, 0, hash_) for hash_ in copy.fingerprint.hashes), MOST_QUERY_KEYS)


def _spans(hits: list[int], words: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """Runs that lie no farther apart than chosen runs do in the midst of a passage are one passage."""
    first = last = None
    for place in hits:
        if first is not None and last is not None and place - last > WINDOW + RUN:
            yield words[first][0], words[last + RUN - 1][1]
            first = None
        first, last = place if first is None else first, place
    if first is not None and last is not None:
        yield words[first][0], words[last + RUN - 1][1]


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
    seen = "".join(" " if character.isspace() else character for character in text)
    for found in re.finditer(r"\S+", seen):
        plain, places = _plain(found.group(), found.start())
        for word in _WORD.finditer(plain):
            yield word.group(), places[word.start()], places[word.end() - 1] + 1


def _plain(chunk: str, start: int) -> tuple[str, list[int]]:
    """Without what is unseen, in one form and case; and from which character each sign came."""
    parts, places = [], []
    at = 0
    while at < len(chunk):
        end = at + 1
        while end < len(chunk) and unicodedata.combining(chunk[end]):
            end += 1  # a letter and its accents are composed together
        piece = "".join(sign for sign in chunk[at:end] if not _unseen(sign))
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", piece).casefold())
        parts.append(folded)
        places += [start + at] * len(folded)
        at = end
    return "".join(parts), places


def _unseen(sign: str) -> bool:
    variation = "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"
    return variation or unicodedata.category(sign) in _UNSEEN


def _hash(run: str) -> int:
    return int.from_bytes(blake2b(run.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest())
