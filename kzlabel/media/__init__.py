"""One adapter per medium, one class per format; found by content."""

from __future__ import annotations

from .base import (
    BEYOND_DOUBT,
    HEADER_BYTES,
    Carrier,
    Compared,
    Format,
    Impression,
    Look,
    MediaInfo,
    Medium,
    Rendered,
    RenderPlan,
    Watermarks,
)
from .programs.ffmpeg import Programs

__all__ = [
    "HEADER_BYTES",
    "Carrier",
    "Compared",
    "Format",
    "Impression",
    "Look",
    "MediaInfo",
    "Medium",
    "Programs",
    "RenderPlan",
    "Rendered",
    "Watermarks",
    "detect",
    "formats",
]


def formats(programs: Programs = Programs()) -> tuple[Format, ...]:  # noqa: B008  frozen, without content
    """Every format that kzlabel knows, bound to the programs to run: the one list from which each look-up derives."""
    from .audio import FORMATS as AUDIO
    from .documents import FORMATS as DOCUMENTS
    from .films import FORMATS as FILMS
    from .images import FORMATS as IMAGES
    from .texts import FORMATS as TEXTS

    return tuple(format.using(programs) for format in (*IMAGES, *FILMS, *AUDIO, *DOCUMENTS, *TEXTS))


def detect(header: bytes, name: str, known: tuple[Format, ...]) -> Format | None:
    """The format of a file that begins with `header` (up to HEADER_BYTES), or None.

    Content decides; the name's ending only chooses between formats that score alike, such as plain text and Markdown.
    """
    best, leaders = 0, list[Format]()
    for format in known:
        score = format.score(header)
        if score == BEYOND_DOUBT:
            return format
        if score > best:
            best, leaders = score, []
        if score == best:
            leaders.append(format)
    if best <= 0:
        return None
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return next((format for format in leaders if ending in format.extensions), leaders[0])
