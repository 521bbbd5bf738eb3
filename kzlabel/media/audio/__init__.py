"""Recordings: the spoken notice before the programme, everything else kept."""

from __future__ import annotations

from .formats import Flac, M4a, Mp3, OggVorbis, Opus
from .recording import Recording, transcode
from .refused import REFUSED, Refused
from .wav import Wav
from .waves import write_wave

__all__ = ["FORMATS", "Flac", "M4a", "Mp3", "OggVorbis", "Opus", "Wav", "transcode", "write_wave"]

FORMATS: tuple[Recording | Refused, ...] = (Mp3(), Wav(), Flac(), M4a(), OggVorbis(), Opus(), *REFUSED)
