"""The mark in sound: small changes of loudness in cells of time and pitch, hidden by the sound itself.

`docs/watermark-spec.md` tells it exactly. Recordings of any length are worked on in bounded memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .audio_cells import CELLS, CODE, CODED_BITS, HOP, HOPS, WINDOW, layout
from .audio_gains import CONTEXT, SUMS, Limits, render, solve
from .audio_rate import HIGHEST, LOWEST, RATE, Resampler
from .audio_search import PATIENCE, Search
from .detection import Detection, Tally, Unmarkable
from .keys import WatermarkKey
from .payload import Payload
from .strength import Strength

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["Embedder", "detect", "embed"]

SHORTEST = 3.0  # s; of 48 clips all were read back from 3 s, 46 from 2.6 s
# Share of the coded bits that the mark, before any attack, must write as they are meant.
LEAST_AGREEMENT = 0.6

CELL = HOP * HOPS  # samples at 16 kHz
STRETCH = 2 * CELLS  # cells that are solved together; the last stretch of a recording is up to half as long again
LIMITS = {
    Strength.LIGHT: Limits(use=0.4, noise_to_mask=-9.5, noise=-24.0),
    Strength.NORMAL: Limits(),
    Strength.STRONG: Limits(above=7.5, cap=7.0, use=1.1, noise_to_mask=-2.5, noise=-17.5),
}
MOST_CHANNELS = 8
LOUDEST = 16.0  # times full scale; what lies beyond is no sound, and counts as silence
QUIET_RUN = 64  # samples of digital silence, from which on it stays digital silence


def embed(
    samples: Floats,
    rate: int,
    payload: Payload,
    *,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
) -> Floats:
    """A marked copy of a recording.

    samples: (n, channels) float32, -1..1, 1 to 8 channels, 8 to 192 kHz. All channels change by the same gains, nothing
    above 6.7 kHz changes; the mark lies at least 20 dB below the sound. Raises Unmarkable.
    """
    import numpy as np

    embedder = Embedder(rate, samples.shape[1], payload, key=key, strength=strength)
    return np.concatenate([embedder.push(samples), embedder.finish()])


class Embedder:
    """`embed` for long recordings: the blocks that come out follow those that went in by up to 17 seconds, and are the
    same, put together, whatever the sizes of the blocks. Raises Unmarkable for a rate or a number of channels."""

    def __init__(
        self,
        rate: int,
        channels: int,
        payload: Payload,
        *,
        key: WatermarkKey | None = None,
        strength: Strength = Strength.NORMAL,
    ) -> None:
        import numpy as np

        if not LOWEST <= rate <= HIGHEST:
            raise Unmarkable(f"a rate of {rate} Hz is outside {LOWEST} to {HIGHEST} Hz")
        if not 1 <= channels <= MOST_CHANNELS:
            raise Unmarkable(f"the recording has {channels} channels, and a mark is made for 1 to {MOST_CHANNELS}")
        key = key or WatermarkKey()
        self._rate, self._channels = rate, channels
        self._layout = layout(key)
        self._chips = self._layout.chips(CODE.encode(payload.protected(key)))
        self._limits = LIMITS[strength]
        self._down = Resampler.to_analysis(rate)
        self._up = self._down.inverse
        self._held = np.zeros((0, channels), np.float32)  # what went in, from sample `_held_from` on
        self._waiting: list[Floats] = []
        self._held_from = self._received = self._given = 0
        self._cell = 0  # the next one to be marked
        self._changes = np.zeros((channels, 0), np.float32)  # at 16 kHz, from sample `_changes_from` on
        self._changes_from = 0
        self._sums = np.zeros(SUMS, np.float64)
        self._heard = False

    def push(self, block: Floats) -> Floats:
        """The next samples, (n, channels) float32; returns those that are marked by now, any number."""
        import numpy as np

        self._waiting.append(np.array(block, np.float32, ndmin=2))
        self._received += len(block)
        made = []
        # A whole stretch, its context, and enough beyond that the rest is no crumb.
        while self._analysed() >= (self._cell + STRETCH + STRETCH // 2 + CONTEXT + 1) * CELL:
            made.append(self._mark(STRETCH, last=False))
        return np.concatenate(made) if made else np.zeros((0, self._channels), np.float32)

    def finish(self) -> Floats:
        """The rest of the samples. Raises Unmarkable where the whole recording is too short or too plain for a mark."""
        seconds = self._received / self._rate
        if seconds < SHORTEST:
            shown = math.floor(10 * seconds) / 10  # never as long as is needed
            raise Unmarkable(f"the recording is {shown:.1f} s long, and a mark needs {SHORTEST:.0f} s")
        rest = self._mark(self._analysed() // CELL - self._cell, last=True)
        if not self._sums.any():
            raise Unmarkable(
                "the channels of the recording cancel each other out" if self._heard else "the recording is silent"
            )
        if (self._sums[:CODED_BITS] > 0).mean() < LEAST_AGREEMENT:
            raise Unmarkable("the recording is too plain for a mark: too few pitches sound in it")
        return rest

    def _analysed(self) -> int:
        """Samples at 16 kHz in what was received."""
        return self._received * self._down.up // self._down.down

    def _mark(self, cells: int, *, last: bool) -> Floats:
        import numpy as np

        self._held = np.concatenate([self._held, *self._waiting])
        self._waiting = []
        half = WINDOW // 2
        first = (self._cell - CONTEXT) * CELL - half
        count = (cells + 2 * CONTEXT) * CELL + WINDOW
        sounds = [self._down.convert(s, self._held_from, first, count) for s in _sane(self._held).T]
        self._heard = self._heard or any(bool(sound.any()) for sound in sounds)
        mixture = np.stack(sounds).mean(axis=0, dtype=np.float32)
        gains = solve(mixture, self._cell, self._chips, self._layout, self._limits)
        self._sums += gains.sums
        inner = slice(CONTEXT * CELL, CONTEXT * CELL + cells * CELL + WINDOW)
        self._add(np.stack([render(sound[inner], gains.decibels) for sound in sounds]), self._cell * CELL - half)
        self._cell += cells
        until = self._received if last else self._whole(self._cell * CELL - half)
        return self._give(until)

    def _add(self, changes: Floats, at: int) -> None:
        """Lay the changes of a stretch over the last 512 of those before it."""
        import numpy as np

        if not self._changes.size:
            self._changes, self._changes_from = changes, at
            return
        overlap = self._changes_from + self._changes.shape[1] - at
        self._changes[:, -overlap:] += changes[:, :overlap]
        self._changes = np.concatenate([self._changes, changes[:, overlap:]], axis=1)

    def _whole(self, until: int) -> int:
        """How many samples of the recording depend on no change from `until` on."""
        count = until * self._down.down // self._down.up
        while self._up.needs(0, count)[1] > until:
            count -= self._down.down
        return count

    def _give(self, until: int) -> Floats:
        import numpy as np

        count = until - self._given
        changes = [self._up.convert(c, self._changes_from, self._given, count) for c in self._changes]
        sound = self._held[self._given - self._held_from :][:count]
        change = np.stack(changes, axis=1) * _sounding(sound)
        self._given = until
        keep = min(self._down.needs((self._cell - CONTEXT) * CELL - WINDOW, 1)[0], until)
        if keep > self._held_from:
            self._held, self._held_from = self._held[keep - self._held_from :].copy(), keep
        begin = max(self._up.needs(until, 1)[0], self._changes_from)
        self._changes, self._changes_from = self._changes[:, begin - self._changes_from :].copy(), begin
        ceiling = np.maximum(np.abs(sound), 1)
        given: Floats = np.clip(sound + change, -ceiling, ceiling)
        return given


def detect(
    blocks: Iterable[Floats] | Floats,
    rate: int,
    *,
    key: WatermarkKey | None = None,
    patience: float = PATIENCE,
    thorough: bool = False,
    tally: Tally | None = None,
) -> list[Detection]:
    """The marks in a recording, each once, with the `span` of seconds in which it was read.

    blocks: (n, channels) float32 each, or one such array. patience: seconds; after half of them only unchanged speed is
    tried, after all of them what was found is returned. tally: of what was searched before, to be carried on.
    thorough: reads more candidates, about three times as long.
    """
    import numpy as np

    if not LOWEST <= rate <= HIGHEST:
        return []
    tally = tally or Tally()
    search = Search(key or WatermarkKey(), patience=patience, thorough=thorough, tally=tally)
    resampler = Resampler.to_analysis(rate)
    held = np.zeros(0, np.float32)
    held_from = received = made = 0
    for block in (blocks,) if isinstance(blocks, np.ndarray) else blocks:
        # In pieces, so that the mixture of one huge array is not made at once.
        for piece in (block[i : i + rate * 10] for i in range(0, len(block), rate * 10)):
            if not piece.shape[1]:
                return []
            held = np.concatenate([held, _sane(piece).mean(axis=1, dtype=np.float32)])
            received += len(piece)
            while resampler.needs(made, RATE)[1] <= received:
                search.push(resampler.convert(held, held_from, made, RATE))
                made += RATE
                keep = resampler.needs(made, 1)[0]
                held, held_from = held[max(keep - held_from, 0) :], max(keep, held_from)
            if search.spent:
                tally.late = True
                return search.found()
    rest = received * resampler.up // resampler.down - made
    if rest > 0:
        search.push(resampler.convert(held, held_from, made, rest))
    search.finish()
    tally.late |= search.spent
    return search.found()


def _sane(samples: Floats) -> Floats:
    import numpy as np

    with np.errstate(invalid="ignore"):
        sane: Floats = np.where(np.abs(samples) <= LOUDEST, samples, 0).astype(np.float32)
    return sane


def _sounding(samples: Floats) -> Floats:
    """(n, 1): 0 in runs of digital silence in all channels, rising to 1 within as many samples as make a run."""
    import cv2
    import numpy as np

    quiet = (samples == 0).all(axis=1).astype(np.uint8)[None]
    run = np.ones((1, QUIET_RUN + 1), np.uint8)
    silent = cv2.dilate(cv2.erode(quiet, run), run)
    rising = cv2.blur(1 - cv2.dilate(silent, run).astype(np.float32), (QUIET_RUN + 1, 1))
    return rising.reshape(-1, 1).astype(np.float32)
