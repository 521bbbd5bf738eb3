"""The mark of films: a faint pattern, added to the luma of every frame by the encoder's own filter graph.

No frame passes through Python when marking: `pattern` draws one picture, and ffmpeg adds it, or in every other SWITCH
seconds takes it off. The change of sign lets a reader cancel out a picture that stands still.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .detection import Detection, Tally, Unmarkable
from .keys import WatermarkKey
from .payload import Payload
from .strength import Strength
from .video_carriers import Carriers, field
from .video_reading import Reader
from .video_strength import BUDGETS, CHANGE, MIN_SECONDS, PULSE, Dose, choose_strength, trial_frames
from .video_sums import PAUSE, SWITCH, Sums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CHANGE",
    "FRAMES_PER_SECOND",
    "LEVELS",
    "MIN_SECONDS",
    "PULSE",
    "SAMPLED_FRAMES_PER_SECOND",
    "SWITCH",
    "Dose",
    "blends",
    "choose_strength",
    "detect",
    "detect_still",
    "overlay",
    "pattern",
    "reading_size",
    "trial_frames",
]

# Pixels, and pixels of a side, below which the shortest waves or enough of them do not fit.
MIN_PIXELS, MIN_SIDE = 1 << 15, 96
MAX_PIXELS = 1 << 26  # beyond any film; bounds the memory that a pattern takes
# Grey levels, rms, of films whose own strength was not chosen.
LEVELS = {strength: budget.levels[0] for strength, budget in BUDGETS.items()}
# Frames a second that a reader wants, if there are so many: each averages out a little more of the picture. And when a
# film is only sampled.
FRAMES_PER_SECOND, SAMPLED_FRAMES_PER_SECOND = 30, 4
READING_PIXELS = 3 << 16
CHAPTER = 60.0  # seconds that are searched at once: bounds the memory
PATIENCE = 20.0  # seconds


def pattern(
    width: int,
    height: int,
    payload: Payload,
    *,
    key: WatermarkKey | None = None,
    strength: Strength | Dose | float = Strength.NORMAL,
) -> NDArray[np.uint8]:
    """The pattern for a film of this size as it is shown, (height, width): 128 changes nothing.

    strength: grey levels, rms, in 8 bit, as `choose_strength` gives it; the Y-PSNR of 1.1 is 47.3 dB. Blend it as
    `blends` says. Raises Unmarkable.
    """
    import numpy as np

    if min(width, height) < MIN_SIDE or width * height < MIN_PIXELS:
        raise Unmarkable(f"a film of {width} by {height} pixels is too small for a watermark")
    if width * height > MAX_PIXELS:
        raise Unmarkable(f"a film of {width} by {height} pixels is too large for a watermark")
    key = key or WatermarkKey()
    level = strength.level if isinstance(strength, Dose) else strength
    level = LEVELS[level] if isinstance(level, Strength) else level
    waves = field(height, width, *Carriers.of(key).amplitudes(payload, key))
    return np.asarray(np.clip(np.rint(128 + level * waves), 0, 255), np.uint8)


def blends(dose: Dose | None = None, *, first_change: float = SWITCH) -> tuple[dict[str, str], dict[str, str]]:
    """The options of two `blend` filters of ffmpeg, one after the other, which add the pattern to a film.

    Each has the film as its first input and the pattern as its second: one picture in the film's own pixel format and
    range, chroma neutral; 10 bit samples are the pattern's times four. dose: for how long the mark is shown; None for
    always. first_change: seconds until the sign changes first, for a trial too short to see a change otherwise.
    """
    planes = {"c1_mode": "normal", "c2_mode": "normal", "eof_action": "repeat"}
    moment = f"mod(t+{SWITCH - first_change:.3f},{2 * SWITCH})"
    shown = (dose.shown if dose else SWITCH) - PAUSE
    plus = f"lt({moment},{shown:.3f})"
    minus = f"gte({moment},{SWITCH})*lt({moment},{SWITCH + shown:.3f})"
    adding = {"c0_mode": "grainmerge", **planes, "enable": plus}
    taking = {"c0_mode": "grainextract", **planes, "enable": minus}
    return adding, taking


def overlay(
    film: str,
    pattern_input: str,
    output: str,
    *,
    pixel_format: str,
    dose: Dose | None = None,
    first_change: float = SWITCH,
) -> str:
    """The same as a part of a filter graph's text; film, pattern_input, output: labels such as `0:v`."""
    steps = [
        "blend=" + ":".join(f"{name}='{value}'" for name, value in one.items())
        for one in blends(dose, first_change=first_change)
    ]
    names = [f"{output}_{part}" for part in ("film", "sum", "plus", "minus")]
    return (
        f"[{pattern_input}]format={pixel_format},split[{names[2]}][{names[3]}];[{film}]format={pixel_format}[{names[0]}];"
        f"[{names[0]}][{names[2]}]{steps[0]}[{names[1]}];[{names[1]}][{names[3]}]{steps[1]}[{output}]"
    )


def reading_size(width: int, height: int) -> tuple[int, int]:
    """The size, width and height, at which `detect` wants the frames of a film of this size: scaled down by area."""
    scale = min(1.0, math.sqrt(READING_PIXELS / max(1, width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def detect(
    frames: Iterable[NDArray[Any]],
    rate: float,
    *,
    key: WatermarkKey | None = None,
    patience: float = PATIENCE,
    thorough: bool = False,
    uncut: bool = False,
    tally: Tally | None = None,
) -> list[Detection]:
    """The marks in a film, each with the seconds between which it was seen as `place["span"]`.

    frames: (h, w) luma, uint8, or uint16 of 10 bits, of one size, best that of `reading_size`. rate: frames a second,
    best FRAMES_PER_SECOND. Memory is bounded; so is the time, by `patience` seconds beside what the frames take to
    come.
    thorough: look for marks in every part, turned, mirrored and stretched. uncut: only for marks that lie in these
    frames as they were put in. tally: of what was searched before, to be carried on.
    Raises nothing of its own.
    """
    key = key or WatermarkKey()
    tally = tally or Tally()
    reader = Reader(key, Carriers.of(key), patience, thorough=thorough, uncut=uncut, readings=tally.readings)
    found: dict[Payload, Detection] = {}
    if not (math.isfinite(rate) and rate > 0):
        return []
    for chapter in _chapters(frames, rate, reader):
        for one in reader.marks(chapter):
            earlier = found.get(one.payload)
            if earlier:
                span = [earlier.place["span"][0], one.place["span"][1]]
                agreement = max(one.agreement, earlier.agreement)
                one = replace(one, readings=earlier.readings, agreement=agreement, place={"span": span})
            found[one.payload] = one
    tally.readings = reader.readings
    tally.late |= reader.late
    return list(found.values())


def detect_still(
    luma: NDArray[Any], *, key: WatermarkKey | None = None, patience: float = PATIENCE, tally: Tally | None = None
) -> list[Detection]:
    """The mark in a single frame, exported as a picture: (h, w) luma, 0..255 where it is of floats.

    tally: of what was searched before, to be carried on.
    """
    key = key or WatermarkKey()
    tally = tally or Tally()
    reader = Reader(key, Carriers.of(key), patience, readings=tally.readings)
    sums = Sums()
    plane = _prepared(luma)
    if plane is None:
        return []
    sums.add(plane, 0.0)
    sums.close()
    found = [replace(one, place={}) for one in reader.marks(sums)]
    tally.readings = reader.readings
    return found


def _chapters(frames: Iterable[NDArray[Any]], rate: float, reader: Reader) -> Iterator[Sums]:
    sums, shape = Sums(), None
    for number, frame in enumerate(frames):
        moment = number / rate
        plane = _prepared(frame)
        if plane is None or (shape is not None and plane.shape != shape):
            continue
        shape = plane.shape
        if sums.sections and moment >= sums.sections[0].start + CHAPTER:
            with reader.clock():
                sums.close()
            yield sums
            sums = Sums()
        if reader.late:
            break
        with reader.clock():
            sums.add(plane, moment, 1 / rate)
    sums.close()
    if sums.sections:
        yield sums


def _prepared(frame: NDArray[Any]) -> NDArray[np.float32] | None:
    """A plane of 0..255 and of reading size; None for what no mark can be in."""
    import cv2
    import numpy as np

    plane = np.asarray(frame)
    if plane.ndim != 2 or min(plane.shape) < 32 or max(plane.shape) > 1 << 16 or plane.dtype.kind not in "uif":
        return None
    height, width = plane.shape
    size = reading_size(width, height)
    if min(size) < 32:
        return None
    depth = 4.0 if plane.dtype == np.uint16 else 1.0
    plane = plane.astype(np.float32)
    if size != (width, height):
        plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    plane = np.nan_to_num(plane, nan=0.0, posinf=255.0, neginf=0.0) / np.float32(depth)
    return np.ascontiguousarray(np.clip(plane, 0, 255))
