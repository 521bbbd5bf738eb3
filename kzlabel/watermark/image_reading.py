"""Reading one plane that lies as the pattern lies: where the tile begins, what its coded bits say, where it stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .image_pattern import CODE, CODED_BITS, TILE, Pattern, pattern
from .keys import WatermarkKey
from .payload import Payload, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Complexes = NDArray[np.complex64]

COARSE = 2  # steps per pixel in which the beginning of the tile is looked for first
CLIP = 2.5  # of one sinusoid, over the noise around: no single one decides
WORDS = 4  # words of the decoder's list that are checked
# The template's answer, over what noise gives. Noise over all beginnings of one tile reaches 4.9 once in a hundred.
GATE = 5.0
LEAST_TRUST = 0.02
_SILENT = 1e-9  # nothing is divided by less


@dataclass
class Search:
    """What one search may still cost, and how many readings it has tried."""

    key: WatermarkKey
    deadline: float
    readings: int = 0
    words: set[bytes] = field(default_factory=set)

    @property
    def pattern(self) -> Pattern:
        return pattern(self.key)

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def check(self, word: NDArray[np.uint8]) -> Payload | None:
        """The payload of a word; a word tried before is no further chance."""
        import numpy as np

        packed = np.packbits(word).tobytes()
        if packed not in self.words:
            self.words.add(packed)
            self.readings += 1
        return read(word, self.key)


@dataclass(frozen=True)
class Reading:
    """A payload as it stands in a plane. shift: (y, x), where a tile begins. codeword: (368,) +1 for 0, -1 for 1."""

    payload: Payload
    readings: int
    agreement: float
    shift: tuple[float, float]
    codeword: Floats


def readings(
    tiles: Floats, search: Search, *, peaks: int = 2, apart: bool = True, whole: bool = False
) -> Iterator[Reading]:
    """Every payload found in folded tiles (3, 128, 128); also a second one that lies under the first.

    peaks: how many beginnings of the tile are tried. apart: try also those that only one kind of place shows.
    whole: try first that the tile begins at (0, 0), or half a pixel beside, whatever the template says.
    """
    import numpy as np

    marked = search.pattern
    spectra, loud = spectra_of(tiles, marked)
    tried: set[tuple[int, int]] = set()
    if whole:
        tried.add((0, 0))
        for shift in ((0.0, 0.0), _finely(spectra, loud, marked, (0.0, 0.0))):
            found = list(_words(soft_bits(spectra, loud, marked, shift), shift, search))
            yield from found
            if found:
                break
    for fit in _fits(spectra, loud, tiles, marked, apart=apart):
        for _ in range(peaks):
            place = np.unravel_index(int(fit.argmax()), fit.shape)
            if fit[place] < GATE or search.late:
                break
            at = int(place[0]), int(place[1])
            if not any(_near(at, other, len(fit)) for other in tried):
                tried.add(at)
                shift = _finely(spectra, loud, marked, (at[0] / COARSE, at[1] / COARSE))
                yield from _words(soft_bits(spectra, loud, marked, shift), shift, search)
            _forget(fit, at)


def spectra_of(tiles: Floats, marked: Pattern) -> tuple[Complexes, Floats]:
    """(n, 128, 128) -> their half spectra (n, 128, 65), and how loud each is around each place."""
    import numpy as np

    spectra = np.asarray(np.fft.rfft2(tiles), np.complex64)
    return spectra, _levels(spectra, marked)


def answers(spectra: Complexes, loud: Floats, marked: Pattern, size: int) -> Floats:
    """(n, 128, 65) -> (n, size, size): how well the template fits for each beginning of the tile.

    In standard deviations of noise.
    """
    import numpy as np

    rows, columns = marked.template_rows, marked.template_columns
    wide = np.zeros((len(spectra), size, size // 2 + 1), np.complex64)
    wide[:, np.where(rows > TILE // 2, rows - TILE, rows), columns] = _pilots(spectra, loud, marked)
    scale = size * size / (2 * len(rows)) ** 0.5
    return np.asarray(np.fft.irfft2(wide, (size, size)) * np.float32(scale), np.float32)


def soft_bits(spectra: Complexes, loud: Floats, marked: Pattern, shift: tuple[float, float]) -> Floats:
    """(368,): the coded bits, each kind and radius trusted as its part of the template; positive says 0."""
    import numpy as np

    soft = np.zeros(CODED_BITS, np.float64)
    for spectrum, level in zip(spectra * _turned(shift), loud, strict=True):
        if not level.any():
            continue
        carried = (spectrum / np.maximum(level, _SILENT))[marked.rows, marked.columns]
        values = np.empty(2 * len(carried), np.float32)
        values[0::2], values[1::2] = carried.real, carried.imag
        trust = np.maximum(marked.pilots @ _pilots(spectrum, level, marked).real, LEAST_TRUST)
        values = np.clip(values, -3, 3) * marked.signs * np.repeat(trust, 2)
        soft += np.bincount(marked.owner, values, minlength=CODED_BITS)
    return soft.astype(np.float32)


def seen_whole(tiles: Floats, search: Search) -> float:
    """How well the template fits tiles (3, 128, 128) that begin at (0, 0)."""
    spectra, loud = spectra_of(tiles, search.pattern)
    return template_answer(spectra, loud, search.pattern)


def template_answer(spectra: Complexes, loud: Floats, marked: Pattern) -> float:
    """How well the template fits, all kinds of places together, where the tile begins at (0, 0)."""
    total = sum(float(_pilots(each, level, marked).real.sum()) for each, level in zip(spectra, loud, strict=True))
    return float(total / (0.5 * len(marked.template_rows) * max(int(loud.any(axis=(1, 2)).sum()), 1)) ** 0.5)


def _fits(spectra: Complexes, loud: Floats, tiles: Floats, marked: Pattern, *, apart: bool) -> Iterator[Floats]:
    """The template's answer from everything together, then from each kind of place alone."""
    filled = loud.any(axis=(1, 2))
    if not filled.any():
        return
    yield answers(*spectra_of(tiles.sum(axis=0, keepdims=True), marked), marked, TILE * COARSE)[0]
    if apart and filled.sum() > 1:
        yield from answers(spectra[filled], loud[filled], marked, TILE * COARSE)


def _finely(spectra: Complexes, loud: Floats, marked: Pattern, shift: tuple[float, float]) -> tuple[float, float]:
    """The best beginning near to this one, in steps of 1/8 pixel, all kinds of places together."""
    import numpy as np

    steps = np.arange(-4, 5) / 8
    waves = 2 * np.pi / TILE * marked.template_waves
    down = np.exp(1j * np.outer(shift[0] + steps, waves[:, 1]))
    across = np.exp(1j * np.outer(shift[1] + steps, waves[:, 0]))
    pilots = sum(_pilots(spectrum, level, marked) for spectrum, level in zip(spectra, loud, strict=True))
    fit = np.real((down * pilots) @ across.T)
    y, x = np.unravel_index(int(fit.argmax()), fit.shape)
    return float(shift[0] + steps[y]), float(shift[1] + steps[x])


def _levels(spectra: Complexes, marked: Pattern) -> Floats:
    """How loud half spectra are around each place, the template left out."""
    import numpy as np

    quiet = np.ones(spectra.shape[1:], np.float32)
    quiet[marked.template_rows, marked.template_columns] = 0
    power = (spectra.real**2 + spectra.imag**2) * quiet
    layers = np.moveaxis(np.concatenate([power, quiet[None]]), 0, -1)
    around = np.concatenate(
        # cv2 takes four layers at once.
        [_around(layers[..., first : first + 4]) for first in range(0, layers.shape[-1], 4)],
        axis=-1,
    )
    return np.ascontiguousarray(np.moveaxis(np.sqrt(np.maximum(around[..., :-1], 0) / around[..., -1:]), -1, 0))


def _pilots(spectra: Complexes, loud: Floats, marked: Pattern) -> Complexes:
    """(..., 72): the sinusoids of the template against their own phases, none too loud."""
    import numpy as np

    rows, columns = marked.template_rows, marked.template_columns
    parts = spectra[..., rows, columns] / np.maximum(loud[..., rows, columns], _SILENT)
    return np.asarray(parts / np.maximum(1, np.abs(parts) / CLIP) * np.conj(marked.template_phases), np.complex64)


def _words(soft: Floats, shift: tuple[float, float], search: Search) -> Iterator[Reading]:
    """The payload in soft bits, and the one that is left when it is taken away."""
    import numpy as np

    for _ in range(2):
        if not float(np.abs(soft).max()) > 0:
            return
        checked = ((word, search.check(word)) for word in CODE.decode(soft[None], best=WORDS)[0])
        word, payload = next(((word, payload) for word, payload in checked if payload), (None, None))
        if word is None or payload is None:
            return
        codeword = (1 - 2 * CODE.encode(word).astype(np.float32)).astype(np.float32)
        yield Reading(payload, search.readings, float(np.mean(soft * codeword > 0)), shift, codeword)
        soft = soft - codeword * np.float32(np.mean(soft * codeword))


def _turned(shift: tuple[float, float]) -> Complexes:
    """(128, 65): moves what begins at `shift` to the beginning."""
    import numpy as np

    down = np.exp(2j * np.pi * np.fft.fftfreq(TILE) * shift[0])
    across = np.exp(2j * np.pi * np.fft.rfftfreq(TILE) * shift[1])
    return np.outer(down, across).astype(np.complex64)


def _around(layers: Floats) -> Floats:
    """(128, 65, n) -> the mean of 9 by 9 places, continued as the half of a spectrum of real values continues."""
    import cv2
    import numpy as np

    mirrored = np.roll(layers[::-1], 1, axis=0)[:, 8:0:-1]
    wide = np.concatenate([mirrored, layers], axis=1)
    wide = np.concatenate([wide[-8:], wide, wide[:8]])
    return np.asarray(cv2.blur(wide, (9, 9)), np.float32).reshape(*wide.shape)[8:-8, 8:]


def _near(one: tuple[int, int], other: tuple[int, int], size: int) -> bool:
    return all(min((a - b) % size, (b - a) % size) <= COARSE for a, b in zip(one, other, strict=True))


def _forget(fit: Floats, place: tuple[int, int]) -> None:
    """Take a peak, and what is within 3 pixels of it, out of an answer."""
    import numpy as np

    near = np.arange(-3 * COARSE, 3 * COARSE + 1)
    fit[np.ix_((place[0] + near) % len(fit), (place[1] + near) % len(fit))] = -np.inf
