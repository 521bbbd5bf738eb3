"""Films: the badge from the first frame to the last, everything else kept."""

from __future__ import annotations

from .formats import Avi, Flv, Mkv, Mov, Mp4, Webm

__all__ = ["FORMATS", "Avi", "Flv", "Mkv", "Mov", "Mp4", "Webm"]

FORMATS = (Mp4(), Mov(), Webm(), Mkv(), Avi(), Flv())
