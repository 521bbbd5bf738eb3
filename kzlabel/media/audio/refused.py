"""Recordings that are recognised, so that the refusal can say what they are and what to do with them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ..base import Carrier, Format, Medium
from . import sniff


class Refused(Format):
    """A recording that is not labelled. magic: what its bytes begin with."""

    medium = Medium.AUDIO
    carrier = Carrier.SIDECAR
    refusal = "convert it to M4A or FLAC"
    magic: ClassVar[bytes]
    demuxer: ClassVar[str | None] = None

    @classmethod
    def score(cls, header: bytes) -> int:
        return 90 if header.startswith(cls.magic) else 0

    def sentence_of_refusal(self, source: Path) -> str:
        return f"{source.name}: {self.name} cannot be labelled; {self.refusal}"


class RawAac(Refused):
    name = "Raw AAC (ADTS)"
    mime = "audio/aac"
    extensions = (".aac",)
    refusal = "put it into M4A"

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.adts(header)


class Aiff(Refused):
    name = "AIFF"
    mime = "audio/aiff"
    extensions = (".aiff", ".aif", ".aifc")
    refusal = "convert it to WAV or FLAC"

    @classmethod
    def score(cls, header: bytes) -> int:
        return 90 if header[:4] == b"FORM" and header[8:12] in (b"AIFF", b"AIFC") else 0


class Rf64(Refused):
    name = "RF64, a WAV over 4 GB,"
    mime = "audio/x-rf64"
    extensions = (".rf64", ".wav")
    refusal = "convert it to FLAC"

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.wave(header, b"RF64", b"BW64")


class Asf(Refused):
    name = "Windows Media"
    mime = "audio/x-ms-wma"
    extensions = (".wma", ".wmv", ".asf")
    refusal = "convert a recording to M4A or FLAC, a film to MP4"
    magic = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # the header object of ASF


class OggFlac(Refused):
    name = "FLAC in Ogg"
    mime = "audio/x-ogg-flac"
    extensions = (".oga", ".ogg")
    refusal = "convert it to FLAC"

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.ogg(header, b"\x7fFLAC")


class Speex(Refused):
    name = "Speex"
    mime = "audio/x-speex"
    extensions = (".spx", ".ogg")
    refusal = "convert it to Opus"

    @classmethod
    def score(cls, header: bytes) -> int:
        return sniff.ogg(header, b"Speex   ")


class Amr(Refused):
    name = "AMR"
    mime = "audio/amr"
    extensions = (".amr",)
    magic = b"#!AMR"


class Caf(Refused):
    name = "Core Audio"
    mime = "audio/x-caf"
    extensions = (".caf",)
    magic = b"caff\x00\x01"


class WavPack(Refused):
    name = "WavPack"
    mime = "audio/x-wavpack"
    extensions = (".wv",)
    magic = b"wvpk"


class Monkey(Refused):
    name = "Monkey's Audio"
    mime = "audio/x-ape"
    extensions = (".ape",)
    magic = b"MAC \x96\x0f"


REFUSED = (RawAac(), Aiff(), Rf64(), Asf(), OggFlac(), Speex(), Amr(), Caf(), WavPack(), Monkey())
