"""Which film format a file's first bytes belong to."""

from __future__ import annotations

import re

from ...containers.matroska import doctype
from ..brands import brands, handlers

# Registered at mp4ra.org; major brands of films in the ISO base media format. QuickTime's own stands apart.
_FILM_BRANDS = re.compile(
    rb"isom|iso[2-9a-c]|mp4[12]|avc1|hvc1|hev1|av01|dash|msdh|cmf[2cfs]"
    rb"|M4V[ HP]|f4v |F4V |3g[2egprst]\w|MSNV|nd\w\w|XAVC|piff"
)
_SOUND_BRANDS = (b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B ", b"aax ", b"aaxc")
_STILL_BRANDS = re.compile(rb"avi[fso]|hei[cxms]|hev[cxms]|mif[12]|msf1|miaf|crx |j[pxm][2hxm] |mjp2")
_QUICKTIME_STARTS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def is_quicktime(header: bytes) -> int:
    """Score of a QuickTime film: by its brand, or by the atoms that old ones begin with."""
    brand = next(iter(brands(header)), None)
    if brand is not None:
        return 90 if brand == b"qt  " and not _sound_only(header) else 0
    return 60 if header[4:8] in _QUICKTIME_STARTS and b"moov" in header else 40 if header[4:8] == b"wide" else 0


def is_mp4(header: bytes) -> int:
    """Score of an MP4 film: by its major brand; sound and still pictures in the same container score nothing."""
    brand = next(iter(brands(header)), None)
    if brand is None or brand in _SOUND_BRANDS or _STILL_BRANDS.match(brand) or _sound_only(header):
        return 0
    if _FILM_BRANDS.match(brand):
        return 90
    return 0 if brand == b"qt  " else 30


def is_ebml(header: bytes, wanted: str) -> int:
    """Score of an EBML file of this document type, "webm" or "matroska" (RFC 8794, 11.2.6)."""
    return 90 if doctype(header) == wanted else 0


def _sound_only(header: bytes) -> bool:
    """Whether a whole movie header is in sight that lists tracks, and none of them holds pictures."""
    found = handlers(header) or frozenset()
    return b"soun" in found and b"vide" not in found
