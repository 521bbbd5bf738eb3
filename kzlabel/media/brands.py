"""What the first bytes of an ISO base media file tell of its content: films, recordings and pictures share the form."""

from __future__ import annotations

import re

_HANDLER = re.compile(rb"hdlr.{8}(\w{4})", re.DOTALL)
_MAX_FTYP = 4096  # bytes of the box that lists brands; real ones have some dozen


def brands(header: bytes) -> tuple[bytes, ...]:
    """The brands, the major one first; empty where the bytes are something else (ISO/IEC 14496-12, 4.3)."""
    if header[4:8] != b"ftyp" or len(header) < 16:
        return ()
    end = min(int.from_bytes(header[:4]), len(header), _MAX_FTYP)
    return (header[8:12], *(header[start : start + 4] for start in range(16, end - 3, 4)))


def handlers(header: bytes) -> frozenset[bytes] | None:
    """The kinds of the tracks, b"vide" and b"soun" among them; None unless the whole movie header is in sight."""
    moov = header.find(b"moov")
    if moov < 4 or moov - 4 + int.from_bytes(header[moov - 4 : moov]) > len(header):
        return None
    return frozenset(_HANDLER.findall(header[moov:]))
