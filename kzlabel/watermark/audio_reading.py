"""From the folded levels of a recording to the coded bits, and from them to a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .audio_cells import CELLS, CODE, CODED_BITS, HOPS, SYNC_GROUPS, Layout, bands
from .keys import WatermarkKey
from .payload import Payload, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SUMS = CODED_BITS + SYNC_GROUPS
TOGETHER = 6  # neighbouring bands that share one weight
ROUNDS = 3  # of fitting the weights
SHRINKAGE = 0.4  # how far the weights are drawn to their mean
BEST = 4  # words that are checked for each vector of soft bits


@dataclass(frozen=True)
class Reading:
    """payload: None where no word passed. tried: words that were checked. agreement: see Detection."""

    payload: Payload | None
    tried: int
    agreement: float = 0.0


def standing_out(folded: Floats, offset: int, plan: Layout) -> float:
    """How much the sums of the coded bits exceed chance, in standard deviations; needs no decoding."""
    import numpy as np

    sums = _sums(folded, offset, plan).sum(axis=0)
    variance = np.square(folded).sum() / HOPS / SUMS + 1e-12
    known = np.clip(sums[CODED_BITS:], 0, None)
    energy = np.square(sums[:CODED_BITS]).sum() + np.square(known).sum()
    return float((energy / variance - CODED_BITS - SYNC_GROUPS / 2) / np.sqrt(2 * SUMS))


def decode(folded: Floats, offset: int, plan: Layout, key: WatermarkKey) -> Reading:
    """folded: (bands, 640) weighted levels, see Search. offset: of a period's beginning, hops."""
    import numpy as np

    tried = 0
    groups = _sums(folded, offset, plan)
    for soft in (groups.sum(axis=0), _weighted(groups, folded)):
        bits = soft[:CODED_BITS]
        if not np.isfinite(bits).all() or not bits.any():
            continue
        for word in CODE.decode(bits[None].astype(np.float32), best=BEST)[0]:
            tried += 1
            payload = read(word, key)
            if payload:
                right = (bits > 0) == (CODE.encode(word) == 0)
                return Reading(payload, tried, float(right.mean()))
    return Reading(None, tried)


def _sums(folded: Floats, offset: int, plan: Layout) -> Floats:
    """(groups of bands, 404) the sums of the signed levels of each coded bit and known group."""
    import numpy as np

    when = (np.arange(CELLS) * HOPS + HOPS // 2 + offset) % (CELLS * HOPS)
    values = folded[:, when] * plan.sign
    group = np.arange(bands()) // TOGETHER
    place = plan.owner + group[:, None] * SUMS
    count = (group[-1] + 1) * SUMS
    return np.bincount(place.reshape(-1), values.reshape(-1), count).reshape(-1, SUMS).astype(np.float32)


def _weighted(groups: Floats, folded: Floats) -> Floats:
    """(404,): groups of bands weighted by how well each agrees with the others and with the known cells."""
    import numpy as np

    power = np.array([np.square(folded[i * TOGETHER : (i + 1) * TOGETHER]).mean() for i in range(len(groups))])
    power += 0.3 * power.mean() + 1e-9
    weight = np.ones(len(groups))
    for _ in range(ROUNDS):
        total = weight @ groups
        agreeing = np.empty(len(groups))
        for i, own in enumerate(groups):
            others = total - weight[i] * own
            guess = np.tanh(others / np.sqrt(np.square(others[:CODED_BITS]).mean() + 1e-12))
            guess[CODED_BITS:] = 1
            agreeing[i] = own @ guess
        weight = (np.maximum(agreeing, 0) + SHRINKAGE * max(float(agreeing.mean()), 1e-9)) / power
    found: Floats = (weight @ groups).astype(np.float32)
    return found
