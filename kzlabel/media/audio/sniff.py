"""Which audio format a file's first bytes belong to."""

from __future__ import annotations

import re

from ..brands import brands, handlers

_SOUND_BRANDS = (b"M4A ", b"M4B ")
_MIXED_BRANDS = re.compile(rb"isom|iso[2-9a-c]|mp4[12]|dash")  # films and sound alike; the film formats look here too

# MPEG audio, layer III (ISO/IEC 11172-3 and 13818-3): kb/s by version; index 0 is "free", 15 is forbidden.
RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = (44_100, 48_000, 32_000)
_ID3_TAGS = 8
_FRAMES_ENOUGH = 4  # frames in a row: chance agreement of four headers is under 1e-9


def mp3(header: bytes) -> int:
    """Score of MPEG layer III: frames that follow each other, with or without an ID3 tag before them."""
    start = id3_size(header)
    if start and start >= len(header):
        return 60  # a large cover hides what follows; FLAC behind such a tag is rarer
    frames = mpeg_frames(header, start)
    if not start and frames < _FRAMES_ENOUGH:
        return 90 if frames >= 2 and len(header) < 4096 else 0
    return 95 if frames >= 2 else 0


def mpeg_frames(header: bytes, start: int) -> int:
    """How many layer III frames follow each other from `start`, up to a handful; silence bytes may stand before."""
    while start < len(header) and header[start] == 0 and start < 4096:
        start += 1
    kind: int | None = None
    count = 0
    while count < _FRAMES_ENOUGH and start + 4 <= len(header):
        length = _frame_length(header[start : start + 4])
        # Version, layer and rate stay the same within a stream.
        fixed = int.from_bytes(header[start : start + 4]) & 0xFFFE0C00
        if not length or kind not in (None, fixed):
            break
        kind = fixed
        count += 1
        start += length
    return count


def id3_size(header: bytes) -> int:
    """Bytes of the ID3v2 tags that the header begins with, 0 for none; two in a row are a common mistake."""
    start = 0
    for _ in range(_ID3_TAGS):
        tag = header[start : start + 10]
        if tag[:3] != b"ID3" or len(tag) < 10 or max(tag[6:]) > 0x7F:
            break
        size = sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
        start += 10 + size + (10 if tag[5] & 0x10 else 0)
    return start


def flac(header: bytes) -> int:
    """Score of native FLAC, with or without an ID3 tag before it, which is where c2pa puts its manifest."""
    start = id3_size(header)
    return 100 if header[start : start + 4] == b"fLaC" else 0


def ogg(header: bytes, identification: bytes) -> int:
    """Score of an Ogg file whose streams are all of sound, the first of them beginning with `identification`."""
    if header[:4] != b"OggS":
        return 0
    openings = _ogg_openings(header)
    if any(opening[:7] in (b"\x80theora", b"BBCD\0\0\0") or opening[:5] == b"\x01vide" for opening in openings):
        return 0
    first = next((opening for opening in openings if not opening.startswith(b"\0c2pa")), b"")
    return 100 if first.startswith(identification) else 0


def m4a(header: bytes) -> int:
    """Score of sound in MP4: by its brand, or because the movie header in sight lists no pictures.

    Where that header is out of sight, as much as a film scores: then the file's name decides.
    """
    brand = next(iter(brands(header)), b"")
    if brand in _SOUND_BRANDS:
        return 100
    if not _MIXED_BRANDS.match(brand):
        return 0
    found = handlers(header)
    if found is None:
        return 0 if re.search(rb"hdlr.{8}vide", header, re.DOTALL) else 90
    return 95 if b"soun" in found and b"vide" not in found else 0


def wave(header: bytes, *magics: bytes) -> int:
    """Score of a RIFF WAVE file whose first four bytes are one of `magics`."""
    return 100 if header[:4] in magics and header[8:12] == b"WAVE" else 0


def adts(header: bytes) -> int:
    """Score of raw AAC: ADTS frames (ISO/IEC 13818-7) that follow each other."""
    start = id3_size(header)
    count = 0
    while count < _FRAMES_ENOUGH and start + 7 <= len(header):
        if header[start] != 0xFF or header[start + 1] & 0xF6 != 0xF0:
            break
        length = (header[start + 3] & 3) << 11 | header[start + 4] << 3 | header[start + 5] >> 5
        if length < 7:
            break
        count += 1
        start += length
    return 90 if count >= 3 else 0


def _frame_length(head: bytes) -> int:
    """Bytes of a layer III frame by its header; 0 where it is none."""
    if head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    rate, hertz = head[2] >> 4, head[2] >> 2 & 3
    if rate in (0, 15) or hertz == 3:
        return 0
    version = head[1] >> 3 & 3  # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    kilobits = (RATES_1 if version == 3 else RATES_2)[rate]
    divisor = {3: 1, 2: 2, 0: 4}[version]
    factor = 144_000 if version == 3 else 72_000
    return factor * kilobits // (_HERTZ[hertz] // divisor) + (head[2] >> 1 & 1)


def _ogg_openings(header: bytes) -> list[bytes]:
    """The first bytes of each logical stream's first page."""
    found: list[bytes] = []
    start = 0
    while header[start : start + 4] == b"OggS" and start + 27 <= len(header) and header[start + 5] & 2:
        table = header[start + 27 : start + 27 + header[start + 26]]
        body = start + 27 + len(table)
        found.append(header[body : body + 16])
        start = body + sum(table)
    return found
