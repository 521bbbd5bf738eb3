"""What a digitalSourceType says about the part that AI had in a work."""

from __future__ import annotations

from ..evidence import AI

# IPTC NewsCodes, digitalsourcetype, release 2024-10-23; C2PA 2.4 adds two of its own.
_MEANING = {
    "trainedAlgorithmicMedia": AI.GENERATED,
    "trainedAlgorithmicData": AI.GENERATED,
    "compositeWithTrainedAlgorithmicMedia": AI.MODIFIED,
    "compositeSynthetic": AI.MODIFIED,
    "digitalCapture": AI.NONE,
    "computationalCapture": AI.NONE,
    "negativeFilm": AI.NONE,
    "positiveFilm": AI.NONE,
    "print": AI.NONE,
    "humanEdits": AI.NONE,
    "minorHumanEdits": AI.NONE,
    "digitalCreation": AI.NONE,
    "digitalArt": AI.NONE,
    "softwareImage": AI.NONE,
    "dataDrivenMedia": AI.NONE,
}
_FOLDED = {code.casefold(): meaning for code, meaning in _MEANING.items()}


def ai_of(source_type: object) -> AI:
    """The meaning of a full URI (http or https) or a bare code; UNKNOWN for anything else, and for no text."""
    if not isinstance(source_type, str) or len(source_type) > 256:
        return AI.UNKNOWN
    code = source_type.strip().rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return _FOLDED.get(code.casefold(), AI.UNKNOWN)
