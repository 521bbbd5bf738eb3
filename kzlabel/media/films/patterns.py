"""The watermark as a picture that is blended with each frame, in the encoder's own filter graph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import WatermarkPlan
from ..programs.ffmpeg import builder, location
from ..programs.probe import Stream
from .boxes import Matrix
from .stamp import display_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...watermark.video import Dose

# A still picture's one frame is dated so many seconds before any frame of a film, so that it lies on the first one.
LEAD = 3600
FINER = 8


@dataclass(frozen=True)
class Pattern:
    """luma: (height, width) uint8, as it lies in the stored picture; 128 changes nothing. dose: how it is shown."""

    luma: NDArray[np.uint8]
    dose: Dose


def blended(film: Any, stream: Stream, pattern: Pattern, folder: Path, **options: float) -> Any:
    """An ffmpeg-python video node with the pattern in its luma.

    folder: keeps the pattern while ffmpeg runs. options: of `watermark.video.blends`.
    """
    from ...watermark.video import blends

    path = folder / f"pattern-{stream.index}.yuv"
    path.write_bytes(_frame(stream, pattern))
    height, width = pattern.luma.shape
    shape = {"pixel_format": stream.pix_fmt, "video_size": (width, height), "framerate": 1}
    still = builder().input(location(path), format="rawvideo", protocol_whitelist="file,pipe", **shape)
    stills = still.filter("setpts", f"PTS-{LEAD}/TB").filter_multi_output("split", 2)
    for place, modes in enumerate(blends(pattern.dose, **options)):
        film = builder().filter([film, stills[place]], "blend", **modes)
    return film


def _frame(stream: Stream, pattern: Pattern) -> bytes:
    """One frame in the film's own pixel format, which no filter has to convert."""
    import numpy as np

    height, width = pattern.luma.shape
    sides = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}[sampling(stream)]
    chroma = -(-height // sides[0]) * -(-width // sides[1]) * 2
    if is_deep(stream):
        return b"".join([(pattern.luma.astype("<u2") * 4).tobytes(), np.full(chroma, 512, "<u2").tobytes()])
    return b"".join([pattern.luma.tobytes(), bytes([128]) * chroma])


def sampling(stream: Stream) -> str:
    """Of chroma: "420", "422" or "444"."""
    return next(planes for planes in ("420", "422", "444") if planes in stream.pix_fmt)


def is_deep(stream: Stream) -> bool:
    """Whether a sample has 10 bits rather than 8."""
    return stream.pix_fmt.endswith("10le")


def turned(plane: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    """Carry a plane of the display into stored samples: the display matrix undone."""
    import numpy as np

    a, b, c, d = matrix
    if a == 0:  # a quarter turn: exchange the axes, then it is upright up to mirroring
        plane, a, d = plane.T, b, c
    return np.ascontiguousarray(plane[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def drawn(stream: Stream, matrix: Matrix, plan: WatermarkPlan, dose: Dose) -> Pattern:
    """The pattern for one film. Raises Unmarkable."""
    from ...watermark.video import pattern

    width, height = display_size(stream, matrix)
    square = stream.sar == 1
    # Finer steps where it is stretched, so that it is rounded but once.
    luma = pattern(width, height, plan.payload, key=plan.key, strength=dose.level * (1 if square else FINER))
    luma = turned(luma, matrix)
    return Pattern(luma if square else _stretched(luma, stream), dose)


def _stretched(plane: NDArray[np.uint8], stream: Stream) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    away = (plane.astype(np.float32) - 128) / FINER
    shrinks = plane.size > stream.width * stream.height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(np.rint(cv2.resize(away, (stream.width, stream.height), interpolation=way) + 128), np.uint8)
