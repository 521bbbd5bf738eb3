"""The few EXIF values that matter for marks: read from any block, written only into files that have none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from ..containers.ifd import Directory, TiffReader
from ..errors import InputError
from ..limits import DEFAULT_LIMITS, Limits

_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _EXIF_IFD = 0x010E, 0x010F, 0x0110, 0x0131, 0x8769
_XP_COMMENT, _USER_COMMENT = 0x9C9C, 0x9286
# What only a camera's own recording has: ExposureTime, FNumber, ExposureProgram, ISO, ShutterSpeed, Aperture,
# FocalLength, LensModel.
_EXPOSURE = frozenset({0x829A, 0x829D, 0x8822, 0x8827, 0x9201, 0x9202, 0x920A, 0xA434})

_OWN = re.compile(r"DigitalSourceType: \S+; Identifier: [0-9a-f]{12}")

MAX_TEXT = 64 * 1024  # bytes of one text that are read
_CODES = {b"ASCII\0\0\0": "utf-8", b"\0" * 8: "utf-8", b"JIS\0\0\0\0\0": "iso2022_jp"}


@dataclass(frozen=True)
class Exif:
    """description, comment, software: texts, empty where absent. make, model: of a camera or scanner.

    exposed: whether there are values that only an exposure gives. damage: a sentence where a part cannot be parsed.
    """

    description: str = ""
    comment: str = ""
    software: str = ""
    make: str = ""
    model: str = ""
    exposed: bool = False
    damage: str | None = None


def parse(block: bytes, limits: Limits = DEFAULT_LIMITS) -> Exif:
    """Read a TIFF-structured block; what is damaged is said, and the rest returned."""
    try:
        reader = TiffReader(BytesIO(block), limits)
        first = reader.directory(reader.first)
    except InputError:
        return Exif(damage="the EXIF block cannot be parsed")
    damage: str | None = None
    inner = Directory(0, 0)
    if _EXIF_IFD in first.entries:
        try:
            places = reader.integers(first.entries[_EXIF_IFD])
            inner = reader.directory(places[0] if places else 0)
        except InputError:
            damage = "the EXIF block's inner directory cannot be parsed"
    return Exif(
        _text(reader, first, _DESCRIPTION),
        _comment(reader, inner) or _windows_comment(reader, first),
        _text(reader, first, _SOFTWARE),
        _text(reader, first, _MAKE),
        _text(reader, first, _MODEL),
        bool(_EXPOSURE & inner.entries.keys()),
        damage,
    )


def create(*, description: str, comment: str, software: str | None) -> bytes:
    """A new block with these texts, without any "Exif" prefix. Texts are UTF-8 (EXIF 3.0 allows it where ASCII was)."""
    import piexif

    image = {piexif.ImageIFD.ImageDescription: description.encode()}
    if software:
        image[piexif.ImageIFD.Software] = software.encode()
    order = "ascii" if comment.isascii() else "utf-16-be"  # piexif writes big-endian
    code = b"ASCII\0\0\0" if comment.isascii() else b"UNICODE\0"
    exif = {piexif.ExifIFD.UserComment: code + comment.encode(order)}
    block: bytes = piexif.dump({"0th": image, "Exif": exif})  # type: ignore[attr-defined,no-untyped-call]
    return block.removeprefix(b"Exif\0\0")


def comment(source_type: str, identifier: str) -> str:
    """What our UserComment says, so that EXIF alone tells how the work was made."""
    return f"DigitalSourceType: {source_type}; Identifier: {identifier}"


def is_own(block: bytes) -> bool:
    """Whether the block is one of ours, byte for byte, so that nothing is lost when it is made anew."""
    found = parse(block)
    if not _OWN.fullmatch(found.comment):
        return False
    return create(description=found.description, comment=found.comment, software=found.software or None) == block


def _raw(reader: TiffReader, directory: Directory, tag: int) -> bytes:
    entry = directory.entries.get(tag)
    if entry is None:
        return b""
    try:
        return reader.value(entry, MAX_TEXT)
    except InputError:
        return b""


def _text(reader: TiffReader, directory: Directory, tag: int) -> str:
    return _raw(reader, directory, tag).partition(b"\0")[0].decode("utf-8", "replace").strip()


def _windows_comment(reader: TiffReader, directory: Directory) -> str:
    return _raw(reader, directory, _XP_COMMENT).decode("utf-16-le", "replace").strip("\0 ")


def _comment(reader: TiffReader, directory: Directory) -> str:
    raw = _raw(reader, directory, _USER_COMMENT)
    code, body = raw[:8], raw[8:]
    if code == b"UNICODE\0":
        return _utf16(body, little=reader.order == "<")
    if code not in _CODES:  # written without its code, as many tools do
        code, body = b"\0" * 8, raw
    return body.decode(_CODES[code], "replace").strip("\0 ")


def _utf16(body: bytes, *, little: bool) -> str:
    """In the block's byte order; in the other one where that gives more Latin letters, since writers disagree."""
    body = body[: len(body) & ~1]
    zeros = (body[1::2].count(0), body[0::2].count(0))  # of letters in little, in big order
    if zeros[0] != zeros[1]:
        little = zeros[0] > zeros[1]
    return body.decode("utf-16-le" if little else "utf-16-be", "replace").strip("\0 \ufeff")
