"""Pictures: one adapter for each format, all drawn on by Pillow."""

from __future__ import annotations

from ..base import Format
from .avif import Avif
from .gif import Gif
from .jpeg import Jpeg
from .png import Png
from .readable import Heic, Jxl, Svg
from .tiff import Tiff
from .webp import Webp

FORMATS: tuple[Format, ...] = (Jpeg(), Png(), Webp(), Avif(), Gif(), Tiff(), Heic(), Jxl(), Svg())
