"""Which cells become louder and which softer: the mark fitted to the sound that it is to be read in.

The reader sums, for each coded bit, how much louder its cells are than their neighbours foretell. The sound itself
contributes to these sums; as it is known here, each bit gets only as much as its sum lacks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .audio_cells import (
    ACROSS_BANDS,
    ACROSS_TIME,
    CELLS,
    CLIP,
    CODED_BITS,
    HOP,
    HOPS,
    SYNC_GROUPS,
    WINDOW,
    Layout,
    at_cells,
    band_weights,
    hann,
    levels,
    spectra,
)
from .audio_masking import budget, noise_to_mask, restraint, thresholds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SUMS = CODED_BITS + SYNC_GROUPS
CONTEXT = 16  # cells of sound on both sides of a stretch, 0.5 s


@dataclass(frozen=True)
class Limits:
    """above, cap: see `budget`. use: of the budget, root mean square, where nothing else holds it back. noise_to_mask,
    noise: dB that the mark stays below the masking threshold and below the sound, over each stretch of 10 s; measured
    over windows of 40 ms at the full rate, as is usual, noise over mask is another 1 dB lower."""

    above: float = 5.5
    cap: float = 6.0
    use: float = 0.8
    noise_to_mask: float = -5.7
    noise: float = -20.8


TARGET = 1.3  # of a bit's sum, in units of what the mean bit gets when all get the same
KNOWN = 1.7  # times as much for a group of known cells, so that a mark that can be read is also found
LEAST, MOST = -0.3, 2.6  # of the strength of one bit
ROUNDS = 2
SPREAD = 2.2  # energy of cells that change one by one, over that of what comes of it: neighbours blur
LOCAL = 1.6  # of the masking threshold, what the mark may reach anywhere, 2 dB above
STEP = 0.8
# How much the level of a cell follows the gain of one cell, over bands (rows) and cells (columns): measured.
RESPONSE = ((0.02, 0.12, 0.02), (0.08, 0.53, 0.08), (0.02, 0.12, 0.02))


@dataclass(frozen=True)
class Gains:
    """decibels: (bands, cells). sums: (404,) what the reader sums for each coded bit and known group, its sign taken
    out: positive is right."""

    decibels: Floats
    sums: Floats


def solve(samples: Floats, first: int, chips: Floats, plan: Layout, limits: Limits) -> Gains:
    """The gains for one stretch.

    samples: float32 at 16 kHz, 512 for each cell of the stretch, and 16 cells + 256 samples before and after.
    first: the number of the first cell, counted from where the recording begins. chips: see Layout.chips.
    """
    import cv2
    import numpy as np

    cells = (len(samples) - 2 * (WINDOW // 2)) // (HOP * HOPS) - 2 * CONTEXT
    inner = slice(CONTEXT * HOPS, (CONTEXT + cells) * HOPS)
    when = (first + np.arange(cells)) % CELLS
    owner, chip = plan.owner[:, when].reshape(-1), chips[:, when]

    def sums(values: Floats) -> Floats:
        return np.bincount(owner, values.reshape(-1), SUMS).astype(np.float32)

    def measured(sound: Floats) -> tuple[Floats, Floats, Floats]:
        found = levels(band_weights() @ spectra(sound).T)
        residual, weight, answer = found.residual, found.weight, found.answer
        return at_cells(residual[:, inner], cells), at_cells(weight[:, inner], cells), at_cells(answer[:, inner], cells)

    frames = _frames(samples)
    power = spectra(samples)[: len(frames)]
    hidden = thresholds(power)
    room = at_cells(budget(power, hidden, above=limits.above, cap=limits.cap)[:, inner], cells)
    energy = (band_weights() @ power[inner].T).reshape(len(room), cells, HOPS).sum(axis=2)
    allowed = float(power[inner].sum()) * 10 ** (limits.noise / 10) * SPREAD
    residual, weight, answer = measured(samples)
    begun = sums(weight * chip * residual)
    # A level that is clipped does not answer.
    answering = weight * 0.5 * (1 + np.tanh((CLIP - np.abs(residual)) / 0.7))
    reach = sums(weight * answering * answer * room)
    strength = np.full(SUMS, 0.7, np.float32)
    kernel, response = _kernel(), np.array(RESPONSE, np.float32)
    for turn in range(ROUNDS + 1):
        wanted = answering * chip * strength[owner].reshape(chip.shape)
        slope: Any = cv2.filter2D(wanted, -1, kernel, borderType=cv2.BORDER_CONSTANT)
        slope = cv2.filter2D(slope * answer, -1, response, borderType=cv2.BORDER_CONSTANT) * room
        if turn == 0:
            usual = float(np.sqrt((slope * slope * weight).sum() / (weight.sum() + 1e-9) / 0.49)) + 1e-12
        decibels = _affordable(room * np.clip(slope * (limits.use / usual), -1, 1), energy, allowed)
        if turn == ROUNDS:
            break
        now = sums(weight * chip * measured(samples + _change(frames, decibels, cells))[0])
        if turn == 0:
            gained = float(((now - begun) * reach).sum() / ((reach * strength * reach).sum() + 1e-9))
            gained = max(gained, 1e-3)
        aim = np.where(np.arange(SUMS) < CODED_BITS, TARGET, TARGET * KNOWN) * gained * np.sqrt(np.square(reach).mean())
        strength = np.clip(strength + STEP * (aim - now) / (np.maximum(reach, 1e-9) * gained), LEAST, MOST)
    for _ in range(2):
        change = _change(frames, decibels, cells)
        ratio = noise_to_mask(spectra(change)[: len(frames)], hidden)[:, inner]
        held = restraint(ratio, LOCAL)
        decibels = decibels * held.reshape(len(held), cells, HOPS).min(axis=2)
    change = _change(frames, decibels, cells)
    ratio = noise_to_mask(spectra(change)[: len(frames)], hidden)[:, inner]
    loud = power[inner].sum(axis=1)
    mean = ratio[:, loud >= 1e-5 * loud.mean()].mean()
    excess = max(
        10 * np.log10(mean + 1e-20) - limits.noise_to_mask,
        10 * np.log10((np.square(change).sum() + 1e-20) / (np.square(samples).sum() + 1e-20)) - limits.noise,
    )
    decibels = decibels * np.float32(min(1.0, 10 ** (-excess / 20)))
    final = measured(samples + _change(frames, decibels, cells))[0]
    return Gains(decibels, sums(weight * chip * final))


def _affordable(decibels: Floats, energy: Floats, allowed: float) -> Floats:
    """The gains with those of loud cells lowered, so far that the mark has no more than the allowed energy."""
    import numpy as np

    cost = energy * np.square(decibels * np.float32(np.log(10) / 20))
    if cost.sum() <= allowed:
        return decibels
    relative = energy / (energy.mean() + 1e-12)
    low, high = 1e-3, 1e4
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (cost / np.square(1 + middle * relative)).sum() > allowed else (low, middle)
    lowered: Floats = decibels / (1 + np.float32(high) * relative)
    return lowered


def render(samples: Floats, decibels: Floats) -> Floats:
    """What the gains add to a sound.

    samples: (512 * cells + 512,) float32 at 16 kHz, beginning 256 samples before the first of the `decibels`:
    (bands, cells). Returns as many samples; stretches that follow each other overlap by 512, and add up.
    """
    return _overlap(_frames(samples)[: decibels.shape[1] * HOPS], decibels)


def _frames(samples: Floats) -> NDArray[np.complex64]:
    """(hops, bins): spectra under the square root of the Hann window."""
    import numpy as np

    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][: (len(samples) - WINDOW) // HOP]
    found: Any = np.fft.rfft(frames * np.sqrt(hann()), axis=1)
    return found  # type: ignore[no-any-return]


def _change(frames: NDArray[np.complex64], decibels: Floats, cells: int) -> Floats:
    import numpy as np

    silence = np.zeros((len(decibels), CONTEXT), np.float32)
    return _overlap(frames, np.concatenate([silence, decibels, silence], axis=1))


def _overlap(frames: NDArray[np.complex64], decibels: Floats) -> Floats:
    """The frames times their gains less one, put together again: gains change from hop to hop, phases never."""
    import numpy as np

    gain = np.repeat(np.exp(decibels * (np.log(10) / 20)).astype(np.float32) - 1, HOPS, axis=1)
    bins = gain.T @ band_weights()
    parts = np.fft.irfft(frames * bins, WINDOW, axis=1) * (np.sqrt(hann()) / 2)
    hops = len(parts)
    rows = np.zeros((hops + WINDOW // HOP - 1 + 1, HOP), np.float32)
    for quarter in range(WINDOW // HOP):
        rows[quarter : quarter + hops] += parts[:, quarter * HOP : (quarter + 1) * HOP]
    return rows.reshape(-1)


@cache
def _kernel() -> Floats:
    """The whitening of the levels, over bands and cells; it is its own adjoint."""
    import numpy as np

    time, frequency = ([axis[abs(i)] for i in range(-2, 3)] for axis in (ACROSS_TIME, ACROSS_BANDS))
    kernel: Floats = np.outer(frequency, time).astype(np.float32)
    return kernel
