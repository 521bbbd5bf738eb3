"""What a picture looks like: as a whole, and cell by cell where a watermark tells how a copy lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ...fingerprint import Fingerprint, image, image_frame, iscc
from ...watermark.detection import Detection
from ...watermark.image_view import working
from ...watermark.keys import WatermarkKey
from ..base import Compared, Impression, read_signed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DISAGREEING = 0.7  # share of a cell's bits that agree, below which it is drawn as one that does not
# What EXIF calls an orientation: quarter turns anticlockwise, and then whether it is mirrored from left to right.
_UPRIGHT = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}


class PictureImpression(Impression):
    """luma: (height, width), 0..255, as stored. orientation: EXIF's, by which it is shown. keys: of watermarks.

    pictures: in the file, of which this is the first.
    """

    def __init__(
        self, luma: Floats, orientation: int = 1, keys: tuple[WatermarkKey, ...] = (), pictures: int = 1
    ) -> None:
        self._luma, self._orientation, self._keys = luma, orientation, keys or (WatermarkKey(),)
        self._of = {"pictures": pictures} if pictures > 1 else {}

    @cached_property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        cells = image.fingerprint(self._luma)
        if cells and cells.textured.sum() < image.LEAST_CELLS:  # which says nothing, and may be as small as a digest
            cells = None
        found = (Fingerprint(iscc.ALGORITHM, self._code.to_bytes()),)
        return (Fingerprint(image.ALGORITHM, cells.to_bytes()), *found) if cells else found

    @cached_property
    def _code(self) -> iscc.ImageCode:
        return iscc.code(upright(self._luma, self._orientation))

    def queries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield iscc.ALGORITHM, iscc.query_keys(self._code)

    def compared(self, signed: Sequence[Fingerprint], mark: tuple[str, Detection] | None) -> Compared | None:
        cells = read_signed(signed, image.ALGORITHM, image.ImageFingerprint.from_bytes)
        if cells is None:
            return None
        if mark is not None:
            return self._part(cells, mark[1])
        code = read_signed(signed, iscc.ALGORITHM, iscc.ImageCode.from_bytes)
        return self._whole(cells, code) if code else None

    def _part(self, original: image.ImageFingerprint, mark: Detection) -> Compared | None:
        """A copy, which may be cut, scaled and turned, with its part of the original."""
        tried = (image_frame.compared(original, self._luma, mark, key=key) for key in self._keys)
        found = max((one for one in tried if one), key=lambda one: one.agreement.share, default=None)
        if found is None:
            return None
        agreement = found.agreement
        differing = [(x, y, *sides) for x, y, sides, share in found.cells if share < DISAGREEING]
        place = {
            "aspect": round(original.width / original.height, 4),
            "covers": round(_covered(found.frame), 3),
            "corners": [[round(x, 4), round(y, 4)] for x, y in found.frame],
            "differs": round(len(differing) / max(1, len(found.cells)), 3),
            "disagreeing": [[round(number, 4) for number in cell] for cell in differing],
            **self._of,
        }
        return Compared(agreement.same, agreement.share, place)

    def _whole(self, original: image.ImageFingerprint, code: iscc.ImageCode) -> Compared | None:
        """A copy that shows the whole, at any size."""
        found = image.whole_agreement(original, working(self._luma))
        if found is None:
            return None
        return Compared(found.same and code.differing(self._code) <= iscc.MOST_DIFFERING, found.share, self._of)


def _covered(frame: Sequence[tuple[float, float]]) -> float:
    """The share of a copy's area that shows the original, whose own corners are 0 and 1."""
    area = _area(frame)
    return min(1.0, _area(_within(frame)) / area) if area else 0.0


def _within(frame: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """What of a convex shape lies in the square from 0 to 1, cut along one side after the other.

    OpenCV has this too, and says 1 for a quarter where edges nearly fall together, as those of a collage do.
    """
    left = list(frame)
    for axis, end, outwards in ((0, 0.0, -1), (0, 1.0, 1), (1, 0.0, -1), (1, 1.0, 1)):
        kept: list[tuple[float, float]] = []
        for before, here in zip(left[-1:] + left[:-1], left, strict=True):
            first, last = ((point[axis] - end) * outwards for point in (before, here))
            if (first > 0) != (last > 0):
                part = first / (first - last)
                kept.append((before[0] + part * (here[0] - before[0]), before[1] + part * (here[1] - before[1])))
            if last <= 0:
                kept.append(here)
        left = kept
    return left


def _area(shape: Sequence[tuple[float, float]]) -> float:
    around = zip([*shape[-1:], *shape[:-1]], shape, strict=True)
    return abs(sum(before[0] * here[1] - here[0] * before[1] for before, here in around)) / 2


def upright(luma: Floats, orientation: int) -> Floats:
    """A picture as it is shown."""
    import numpy as np

    turns, mirrored = _UPRIGHT.get(orientation, (0, False))
    turned = np.rot90(luma, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
