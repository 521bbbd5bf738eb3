"""The watermark of pictures: a repeated pattern in the luma, under what the picture itself hides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .detection import Detection, Tally, Unmarkable
from .image_pattern import CODE, CODED_BITS, Pattern, pattern
from .image_reading import Search, soft_bits, spectra_of, template_answer
from .image_search import detections, followed_through
from .image_view import MIN_SIDE, beginning, detail, folded, kinds, room, tiled, whitened, working
from .keys import WatermarkKey
from .payload import Payload
from .strength import Strength
from .video import MIN_PIXELS, detect_still

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]

# From this longer side on a picture is large; smaller ones hold fewer tiles and are marked 2 dB more strongly.
LARGE_SIDE = 512
SMALL_LOSS = 2.0

# The PSNR that a mark keeps at least, in dB. Flat areas change alike little with all three.
PSNR = {Strength.LIGHT: 45.0, Strength.NORMAL: 42.0, Strength.STRONG: 39.0}
MOST, MOST_RICH = 3.0, 2.5  # grey levels that any pixel may change; or this times the room there, if that is more
SCALED_LOSS = 0.97  # of the power: what scaling up adds to it at most
ROUNDS = 3
LEAST_AGREEMENT = 0.75  # share of the coded bits that must be heard as they were written, before any attack
CLEAR, MOST_TEMPLATE = 12.0, 1.6  # what the template is to answer, and how much stronger it may be for that
# A part of what is made good is what a copy says that was much harmed (half the size, JPEG of this quality): more would
# cost what little harm leaves.
HARM, HARMED_SHARE, LEAST_HEARD = 30, 0.2, 0.7
COMPENSATED = 0.7  # share of what the picture itself says against a bit that is made good
BIT_RANGE = (0.3, 2.5)  # strength of one coded bit over that of all
LEAST_VISIBLE = 0.1  # share of the pixels that must be visible
# Pixels from which on a mark can be read at all; and from which on a frame of a film can be.
LEAST_READ, LEAST_STILL = 1 << 13, MIN_PIXELS


def embed(
    luma: Floats,
    payload: Payload,
    *,
    key: WatermarkKey | None = None,
    strength: Strength = Strength.NORMAL,
    visible: Flags | None = None,
) -> Floats:
    """The difference that marks a picture: the caller adds it to every colour channel alike and rounds.

    luma: (height, width), float32, 0..255, both sides at least 192. visible: (height, width), False where alpha is
    zero; those pixels get none. Returns (height, width), float32, in the same grey levels, whatever the depth of the
    picture. Raises Unmarkable.
    """
    import cv2
    import numpy as np

    height, width = luma.shape
    if min(height, width) < MIN_SIDE:
        raise Unmarkable(f"watermark: none, the picture has {width} x {height} pixels; each side needs {MIN_SIDE}")
    if beginning(luma) is not luma:
        raise Unmarkable(f"watermark: none, the picture has {width} x {height} pixels, too long a strip for one")
    shown = np.isfinite(luma) if visible is None else np.isfinite(luma) & visible
    if shown.mean() < LEAST_VISIBLE:
        raise Unmarkable("watermark: none, less than a tenth of the picture is visible")
    filled = luma if shown.all() else np.where(shown, luma, np.float32(luma[shown].mean()))
    filled = np.asarray(np.clip(filled, 0, 255), np.float32)
    view = working(filled)
    hiding = detail(filled, view.shape) if view.shape != luma.shape else None
    power = _power(luma.shape, strength) * (1.0 if hiding is None else SCALED_LOSS)
    mark = _mark(view, room(view, power, hiding), payload, key or WatermarkKey())
    left = np.clip(view + mark, 0, 255) - view
    mark *= np.float32(min(1.0, (power / max(cv2.norm(left, cv2.NORM_L2SQR) / left.size, 1e-9)) ** 0.5))
    if mark.shape != luma.shape:
        mark = np.asarray(cv2.resize(mark, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if not shown.all():
        mark[~shown] = 0
    return mark


def detect(
    luma: Floats,
    *,
    key: WatermarkKey | None = None,
    patience: float = 10.0,
    thorough: bool = False,
    tally: Tally | None = None,
) -> list[Detection]:
    """Every mark found in a picture (height, width), 0..255, the surest first; [] where there is none.

    Where it carries no picture's mark, it is looked at as a frame of a film. patience: seconds after which no further
    reading is begun. thorough: try four times as many ways in which a mark may lie, and look for small ones beside one
    that fills the picture. tally: of what was searched before, to be carried on. place: `region` [x, y, width, height]
    in pixels, `scale`, `rotation` in degrees anticlockwise, `mirrored`, as far as it can be told.
    """
    if min(luma.shape) < 16 or luma.size < LEAST_READ:
        return []
    luma = beginning(luma)
    tally = tally or Tally()
    search = Search(key or WatermarkKey(), time.monotonic() + patience, tally.readings)
    found = detections(luma, search, thorough=thorough)
    tally.readings = search.readings
    if not found and luma.size >= LEAST_STILL:
        left = search.deadline - time.monotonic()
        found = detect_still(luma, key=search.key, patience=left, tally=tally)
    tally.late |= search.late
    return found


def followed(luma: Floats, found: Detection, *, key: WatermarkKey | None = None, patience: float = 10.0) -> Detection:
    """A mark that `detect` found in this picture, with its geometry followed from place to place.

    A mark is often read although the picture was stretched or seen from the side; whoever compares the picture by its
    geometry wants that as well.
    """
    return followed_through(beginning(luma), found, Search(key or WatermarkKey(), time.monotonic() + patience))


def _mark(view: Floats, hidden: Floats, payload: Payload, key: WatermarkKey) -> Floats:
    """The difference at working size, in the room that the picture leaves; bits that it speaks against are stronger."""
    import numpy as np

    marked = pattern(key)
    codeword = (1 - 2 * CODE.encode(payload.protected(key)).astype(np.float32)).astype(np.float32)
    bits, template = np.ones(CODED_BITS, np.float32), 1.0
    for turn in range(ROUNDS):
        mark = _held(tiled(marked.tile(codeword * bits, template), *view.shape) * hidden, hidden)
        shown = np.asarray(np.clip(view + mark, 0, 255), np.float32)
        heard, seen = _heard(shown, marked, codeword)
        if not (heard.mean() > 0 and seen > 0):
            break
        if turn == ROUNDS - 1:
            if float((heard > 0).mean()) < LEAST_AGREEMENT:
                break
            return mark
        harmed, _ = _heard(_harmed(shown), marked, codeword)
        level = max(float(harmed.mean()), LEAST_HEARD * float(harmed.std()), 1e-6)
        said = heard / heard.mean() * (1 - HARMED_SHARE) + harmed / level * HARMED_SHARE
        bits = np.clip(bits + COMPENSATED * (1 - said), *BIT_RANGE).astype(np.float32)
        template = float(np.clip(template * CLEAR / seen, 1.0, MOST_TEMPLATE))
    raise Unmarkable("watermark: none, the picture is too plain, too regular or too noisy to hide one")


def _heard(shown: Floats, marked: Pattern, codeword: Floats) -> tuple[Floats, float]:
    """The coded bits as a reader hears them, positive where right; and how well it sees the template."""
    spectra, loud = spectra_of(folded(whitened(shown), kinds(shown)), marked)
    return soft_bits(spectra, loud, marked, (0.0, 0.0)) * codeword, template_answer(spectra, loud, marked)


def _harmed(shown: Floats) -> Floats:
    """What half the size and JPEG of low quality leave of a view: the hardest thing that often happens to pictures."""
    import cv2
    import numpy as np

    height, width = shown.shape
    small = cv2.resize(shown, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", np.rint(small).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, HARM])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
    return np.asarray(cv2.resize(decoded, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _held(mark: Floats, hidden: Floats) -> Floats:
    """No pixel changes by more than three grey levels, unless there is more room."""
    import numpy as np

    most = np.maximum(MOST, MOST_RICH * hidden)
    return np.asarray(np.clip(mark, -most, most), np.float32)


def _power(shape: tuple[int, ...], strength: Strength) -> float:
    """The mean square that a mark may have; a rounding error of 1/12 is part of what the PSNR counts."""
    psnr = PSNR[strength] - (SMALL_LOSS if max(shape) < LARGE_SIDE else 0.0) + 0.02
    return float(255.0**2 / 10 ** (psnr / 10) - 1 / 12)
