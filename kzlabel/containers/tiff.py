"""TIFF: marks in the first directory. Strips, tiles and all other directories stay where they are; BigTIFF is read."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from ..errors import LimitExceeded
from ..limits import Limits
from .base import Slot, Slots
from .ifd import Directory, Field, TiffReader, render
from .reading import Found, size_of
from .splice import Edit, splice

_XMP = 700  # XMP Part 3, 1.1.8
_C2PA = 0xCD41  # C2PA 2.2, A.3
_EXIF_IFD = 0x8769
_LONG, _UNDEFINED = 4, 7  # TC260-PG-20259A asks for type 7, which XMP Part 3 allows beside BYTE

# What describes the picture and not its encoding: DocumentName, ImageDescription, Make, Model, PageName, Software,
# DateTime, Artist, HostComputer, Copyright.
_TEXTS = frozenset({269, 270, 271, 272, 285, 305, 306, 315, 316, 0x8298})
# XMP, IPTC, Photoshop image resources, ICC profile.
_CARRIED = _TEXTS | {_XMP, 33723, 34377, 34675}
# Within an EXIF directory: the maker's notes hold offsets of their own, and the pointers lead to further directories.
_NOT_MOVABLE = frozenset({0x927C, 0xA005, _EXIF_IFD, 0x8825})
MAX_OFFSET = 0xFFFFFFFF


class TiffContainer:
    """TIFF files of one or many pages. `exif` is put together from the first page's texts and its EXIF directory."""

    holds = frozenset({Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found = Found(file, limits)
        with found.part():
            reader = TiffReader(file, limits)
            first = reader.directory(reader.first)
            with found.part():
                if _XMP in first.entries:
                    entry = first.entries[_XMP]
                    found.xmp.append(found.block(entry.place, entry.size, "the XMP packet").rstrip(b"\0"))
            with found.part():
                found.exif = _exif(reader, first, found)
            found.manifest = _C2PA in first.entries
            with found.part():
                found.manifest = any(_C2PA in each.entries for each in reader.directories())
        return found.slots()

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        """Put the packet where the old one is if it fits there, else at the end, behind it the directory anew."""
        if not slots.xmp:
            return
        packet = slots.xmp[0]
        with path.open("rb") as file:
            reader = TiffReader(file, limits)
            old = reader.directory(reader.first).entries.get(_XMP)
        if old and 4 < len(packet) <= old.size:
            splice(path, [Edit(old.place, old.place + old.size, packet.ljust(old.size))])
        else:
            _put(path, {_XMP: Field(_UNDEFINED, len(packet), packet)}, limits)

    def carry(self, source: Path, target: Path, limits: Limits) -> None:
        """Copy XMP, IPTC, Photoshop resources, the profile, texts and EXIF of the first page that the target lacks.

        EXIF without the maker's notes and inner pointers, which hold offsets into the old file.
        """
        with source.open("rb") as file, target.open("rb") as other:
            held = Found(file, limits)
            reader, mine = TiffReader(file, limits), TiffReader(other, limits)
            first, present = reader.directory(reader.first), mine.directory(mine.first).entries
            fields = _fields(reader, first, _CARRIED - present.keys(), held)
            exif = {} if _EXIF_IFD in present else _inner_fields(reader, first, held)
        if mine.order != reader.order:
            fields, exif = ({tag: field.swapped() for tag, field in each.items()} for each in (fields, exif))
        if fields or exif:
            _put(target, fields, limits, exif)


TIFF = TiffContainer()


def _exif(reader: TiffReader, first: Directory, found: Found) -> bytes | None:
    """A block of its own with the texts of the first page and its EXIF directory; None where there is neither."""
    texts, exif = _fields(reader, first, _TEXTS, found), _inner_fields(reader, first, found)
    if not texts and not exif:
        return None
    head = (b"II" if reader.order == "<" else b"MM") + struct.pack(reader.order + "HI", 42, 8)
    return head + _with_exif(reader.order, texts, exif, 8, 0)


def _inner_fields(reader: TiffReader, first: Directory, held: Found) -> dict[int, Field]:
    entry = first.entries.get(_EXIF_IFD)
    places = reader.integers(entry) if entry else ()
    if not places:
        return {}
    inner = reader.directory(places[0])
    return _fields(reader, inner, inner.entries.keys() - _NOT_MOVABLE, held)


def _fields(reader: TiffReader, directory: Directory, tags: Iterable[int], held: Found) -> dict[int, Field]:
    fields: dict[int, Field] = {}
    for tag in sorted(tags):
        if entry := directory.entries.get(tag):
            data = held.block(entry.place, entry.size, f"the TIFF tag {tag}")
            fields[tag] = Field(entry.type, entry.count, data)
    return fields


def _put(path: Path, fields: Mapping[int, Field], limits: Limits, exif: Mapping[int, Field] | None = None) -> None:
    """Write the first directory anew at the end of the file, with these fields; its other values stay in place."""
    with path.open("rb") as file:
        reader = TiffReader(file, limits)
        if reader.big:
            raise LimitExceeded(f"{path.name}: metadata cannot be written into a BigTIFF; convert it to TIFF or PNG")
        first = reader.directory(reader.first)
        kept = {tag: Field.moved(reader, entry) for tag, entry in first.entries.items()}
        size = size_of(file)
    start = size + (size & 1)
    block = _with_exif(reader.order, {**kept, **fields}, exif or {}, start, first.next)
    if start + len(block) > MAX_OFFSET:
        raise LimitExceeded(f"{path.name}: it would grow over 4 GB, which TIFF cannot hold")
    splice(path, [Edit(4, 8, struct.pack(reader.order + "I", start)), Edit(size, size, b"\0" * (size & 1) + block)])


def _with_exif(order: str, fields: Mapping[int, Field], exif: Mapping[int, Field], start: int, next: int) -> bytes:
    """The directory, and behind it the EXIF directory it points to."""
    if not exif:
        return render(order, fields, start, next)
    place = start + len(render(order, {**fields, _EXIF_IFD: Field(_LONG, 1, bytes(4))}, start, next))
    pointer = Field(_LONG, 1, struct.pack(order + "I", place))
    return render(order, {**fields, _EXIF_IFD: pointer}, start, next) + render(order, exif, place, 0)
