"""Keys for a registry: whatever the algorithm, integers of 63 bits, each algorithm's its own."""

from __future__ import annotations

import numpy as np
import pytest

from kzlabel.errors import UnreadableFile
from kzlabel.fingerprint import ALGORITHMS, Fingerprint, film, image, iscc, keys, sound, text
from kzlabel.fingerprint.lookup_key import key, least

DICE = np.random.default_rng(1)
PICTURE = DICE.integers(0, 256, (240, 320)).astype(np.float32)


def printed() -> dict[str, bytes]:
    cells = image.fingerprint(PICTURE)
    frames = film.fingerprint([(0.0, PICTURE), (1.0, PICTURE[::-1])])
    assert cells
    assert frames
    return {
        image.ALGORITHM: cells.to_bytes(),
        iscc.ALGORITHM: iscc.code(PICTURE).to_bytes(),
        film.ALGORITHM: frames.to_bytes(),
        sound.ALGORITHM: sound.fingerprint(DICE.normal(size=50_000).astype(np.float32)).to_bytes(),
        text.ALGORITHM: text.passage("one two three four five six seven eight nine ten").fingerprint.to_bytes(),
    }


def test_every_algorithm_has_keys_of_63_bits() -> None:
    made = printed()
    assert set(made) == set(ALGORITHMS)
    found = {algorithm: keys(Fingerprint(algorithm, data)) for algorithm, data in made.items()}
    assert not found.pop(image.ALGORITHM)  # found by its ISCC code
    assert all(found.values())
    every = [each for some in found.values() for each in some]
    assert all(0 <= each < 2**63 for each in every)
    assert len(set(every)) == len(every)


def test_an_unknown_algorithm_has_none() -> None:
    assert keys(Fingerprint("org.example.other", b"anything")) == ()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_damaged_bytes_are_refused(algorithm: str) -> None:
    data = printed()[algorithm]
    for hostile in (b"", b"\xff" * 40, data[:-1], data + b"\0"):
        with pytest.raises(UnreadableFile):
            keys(Fingerprint(algorithm, hostile))


def test_keys_stay_what_they_are() -> None:
    assert key("org.example", 3, 2**64 - 1) == 5522358299733647241
    assert least([5, 3, 3, 9], 2) == (3, 5)
