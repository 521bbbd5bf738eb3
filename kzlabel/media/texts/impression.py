"""What a text reads like: found again where a passage of it was quoted, or it was edited lightly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ...fingerprint import Fingerprint, text
from ...watermark.detection import Detection
from ..base import Compared, Impression, read_signed

MOST_SPANS = 20  # passages that are named


class TextImpression(Impression):
    """shown: the text as people read it."""

    def __init__(self, shown: str) -> None:
        self._passage = text.passage(shown)

    @cached_property
    def fingerprints(self) -> tuple[Fingerprint, ...]:
        own = self._passage.fingerprint
        return (Fingerprint(text.ALGORITHM, own.to_bytes()),) if own.hashes else ()

    def queries(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield text.ALGORITHM, text.query_keys(self._passage)

    def compared(self, signed: Sequence[Fingerprint], mark: tuple[str, Detection] | None) -> Compared | None:
        original = read_signed(signed, text.ALGORITHM, text.TextFingerprint.from_bytes)
        if original is None:
            return None
        found = text.agreement(original, self._passage)
        place = {
            "of_original": round(found.of_original, 4),
            "characters": [list(span) for span in found.spans[:MOST_SPANS]],
        }
        return Compared(found.similar, found.share, place)
