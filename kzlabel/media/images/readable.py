"""Picture formats that can be verified and not labelled."""

from __future__ import annotations

import re

from ...containers.heif import HEIF
from ..base import Format, Medium
from ..brands import brands
from .avif import BRANDS

# ISO/IEC 23008-12, annex B, and the general brands that say HEVC only together with one of them.
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_GENERAL = frozenset({b"mif1", b"msf1", b"mif2"})


class Heic(Format):
    name = "HEIC"
    mime = "image/heic"
    medium = Medium.IMAGE
    extensions = (".heic", ".heif", ".hif")
    container = HEIF
    refusal = "convert it to AVIF or JPEG"

    @classmethod
    def score(cls, header: bytes) -> int:
        found = set(brands(header))
        if found & set(BRANDS):
            return 0
        return 100 if found & _HEIC else 60 if found & _GENERAL else 0


class Jxl(Format):
    name = "JPEG XL"
    mime = "image/jxl"
    medium = Medium.IMAGE
    extensions = (".jxl",)
    refusal = "convert it to AVIF, PNG or JPEG"

    @classmethod
    def score(cls, header: bytes) -> int:
        # ISO/IEC 18181-2: the container's signature box, or 18181-1: a bare codestream.
        if header.startswith(b"\0\0\0\x0cJXL \r\n\x87\n"):
            return 100
        return 60 if header.startswith(b"\xff\x0a") else 0


class Svg(Format):
    name = "SVG"
    mime = "image/svg+xml"
    medium = Medium.IMAGE
    extensions = (".svg",)
    refusal = "convert it to PNG"

    @classmethod
    def score(cls, header: bytes) -> int:
        return 90 if _ROOT_IS_SVG.match(_as_ascii(header)) else 0


# What may stand before the root: declaration, comments, instructions, a document type. No parser sees the bytes, so
# that nothing in them can be expanded or fetched; the repetitions cannot overlap, so that time stays linear.
_ROOT_IS_SVG = re.compile(
    rb"\s*(?:<\?[^>]*>\s*|<!--(?:[^-]|-(?!->))*-->\s*|<!DOCTYPE\s+(?:svg:)?svg\b[^\[>]*(?:\[[^\]]*\]\s*)?>\s*)*"
    rb"<(?:[A-Za-z_][\w.-]{0,64}:)?svg[\s/>]"
)


def _as_ascii(header: bytes) -> bytes:
    if header.startswith((b"\xff\xfe", b"\xfe\xff")):
        return header.decode("utf-16", "replace").encode("ascii", "replace")
    return header.removeprefix(b"\xef\xbb\xbf")
