"""Matroska and WebM (RFC 9559, RFC 8794): tags are read; films are written by ffmpeg, which sets tags as it muxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, InternalError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots, Tag
from .reading import Visits, name_of, read_at, read_block, size_of

_EBML, _DOCTYPE, _SEGMENT = 0x1A45DFA3, 0x4282, 0x18538067
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _TITLE, _MUXER, _WRITER = 0x1549A966, 0x7BA9, 0x4D80, 0x5741
_TAGS, _TAG, _TARGETS, _SIMPLE, _NAME, _STRING = 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_TRACK_UID, _EDITION_UID, _CHAPTER_UID, _ATTACHMENT_UID = 0x63C5, 0x63C9, 0x63C4, 0x63C6
_CLUSTER = 0x1F43B675
# Elements of the top of a segment: one of them ends a cluster whose size was not known when it was written.
_TOP = frozenset({_SEEK_HEAD, _INFO, _TAGS, _CLUSTER, 0x1654AE6B, 0x1C53BB6B, 0x1043A770, 0x1941A469})
_INFO_NAMES = {_TITLE: "title", _MUXER: "muxing application", _WRITER: "writing application"}


def doctype(header: bytes) -> str | None:
    """Document type ("webm", "matroska" or another) if the first bytes of a file are EBML, else None."""
    try:
        id, start = _id(header, 0)
        size, start = _size(header, start)
        if id != _EBML or size is None:
            return None
        end = min(start + size, len(header))
        while start < end:
            id, start = _id(header, start)
            size, start = _size(header, start)
            if size is None:
                return None
            if id == _DOCTYPE:
                return header[start : start + min(size, 32)].split(b"\0")[0].decode("ascii", "replace")
            start += size
    except _Cut:
        return None
    return None


class Matroska:
    """One Matroska or WebM file. `holds` is empty: see the module."""

    holds: frozenset[Slot] = frozenset()

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        reader = _Reader(file, limits)
        try:
            reader.walk()
        except InputError as error:
            reader.damage.append(str(error))
        # What concerns the whole film comes first, for those who take the first value of a name.
        tags = sorted(reader.tags, key=lambda tag: tag.place != _PLACE)
        return Slots(tags=tuple(tags), damage=tuple(reader.damage))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        if slots.tags or slots.xmp or slots.exif:
            raise InternalError(f"{path.name}: Matroska tags are set when the film is muxed, not afterwards")


MATROSKA: Container = Matroska()

_PLACE = "Matroska tag"


class _Cut(Exception):
    """The bytes in hand end within a number."""


@dataclass(frozen=True)
class _Element:
    """id, file offsets of header, body and end. unknown: the size was not known when it was written."""

    id: int
    start: int
    body: int
    end: int
    unknown: bool = False


class _Reader:
    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._visits = Visits(file, limits.max_boxes)
        self._name = name_of(file)
        self._end = size_of(file)
        self._seen: set[int] = set()
        self._left = limits.max_slot_bytes  # of text: an index may point into the same bytes many times
        self.tags: list[Tag] = []
        self.damage: list[str] = []

    def walk(self) -> None:
        """Every segment: first what its index points at, then all the rest, in case the index is incomplete."""
        for element in self._between(0, self._end):
            if element.id == _SEGMENT:
                try:
                    for child in self._indexed(element):
                        self._take(child)
                except UnreadableFile as error:
                    self.damage.append(str(error))
                for child in self._top_of(element):
                    self._take(child)

    def _take(self, element: _Element) -> None:
        if element.id not in (_INFO, _TAGS) or element.start in self._seen:
            return
        self._seen.add(element.start)
        try:
            if element.id == _INFO:
                for child in self._between(element.body, element.end):
                    if child.id in _INFO_NAMES:
                        self.tags.append(Tag(_INFO_NAMES[child.id], self._text(child), "Matroska info"))
            else:
                for child in self._between(element.body, element.end):
                    if child.id == _TAG:
                        self._tag(child)
        except UnreadableFile as error:
            self.damage.append(str(error))

    def _tag(self, tag: _Element) -> None:
        place = _PLACE
        simple: list[_Element] = []
        for child in self._between(tag.body, tag.end):
            if child.id == _TARGETS:
                for target in self._between(child.body, child.end):
                    place = _TARGET_NAMES.get(target.id, place)
            elif child.id == _SIMPLE:
                simple.append(child)
        for element in simple:
            self._simple(element, place, 1)

    def _simple(self, element: _Element, place: str, depth: int) -> None:
        if depth > self._limits.max_nesting:
            raise LimitExceeded(f"{self._name}: tags nest deeper than {self._limits.max_nesting}")
        name = value = None
        for child in self._between(element.body, element.end):
            if child.id == _NAME:
                name = self._text(child)
            elif child.id == _STRING:
                value = self._text(child)
            elif child.id == _SIMPLE:
                self._simple(child, place, depth + 1)
        if name is not None and value is not None:
            self.tags.append(Tag(name, value, place))

    def _top_of(self, segment: _Element) -> Iterator[_Element]:
        """The children of a segment. Clusters are skipped, those of unknown size by walking their blocks."""
        inside_cluster = False
        for element in self._between(segment.body, segment.end):
            if element.id in _TOP:
                inside_cluster = element.id == _CLUSTER
            if not inside_cluster or element.id in _TOP:
                yield element

    def _indexed(self, segment: _Element) -> Iterator[_Element]:
        for element in self._between(segment.body, segment.end):
            if element.id == _CLUSTER:
                return
            if element.id != _SEEK_HEAD:
                continue
            for seek in self._between(element.body, element.end):
                values = {
                    child.id: int.from_bytes(read_at(self._file, child.body, min(child.end - child.body, 8)))
                    for child in self._between(seek.body, seek.end)
                    if child.id in (_SEEK_ID, _SEEK_POSITION)
                }
                place = segment.body + values.get(_SEEK_POSITION, self._end)
                if values.get(_SEEK_ID) in (_TAGS, _INFO) and place < self._end:
                    found = next(self._between(place, self._end), None)
                    if found and found.id == values[_SEEK_ID]:
                        yield found

    def _between(self, start: int, end: int) -> Iterator[_Element]:
        """The elements from `start` to `end`. A segment or cluster of unknown size is entered or left by its caller."""
        end = min(end, self._end)
        while start < end:
            self._visits.count()
            self._file.seek(start)
            head = self._file.read(12)
            try:
                id, place = _id(head, 0)
                size, place = _size(head, place)
            except _Cut:
                raise UnreadableFile(f"{self._name}: the element at byte {start} is malformed or cut off") from None
            body = start + place
            if size is None:
                yield _Element(id, start, body, end, unknown=True)
                # Only segments and clusters may be of unknown size; what follows the header are their children.
                start = end if id == _SEGMENT else body
            else:
                yield _Element(id, start, body, min(body + size, end))
                start = body + size

    def _text(self, element: _Element) -> str:
        size = element.end - element.body
        data = read_block(self._file, element.body, size, self._left, "the text of the Matroska tags")
        self._left -= size
        return data.split(b"\0")[0].decode("utf-8", "replace")


_TARGET_NAMES = {
    _TRACK_UID: "Matroska tag of a track",
    _EDITION_UID: "Matroska tag of an edition",
    _CHAPTER_UID: "Matroska tag of a chapter",
    _ATTACHMENT_UID: "Matroska tag of an attachment",
}


def _id(data: bytes, place: int) -> tuple[int, int]:
    """An element's identifier, marker bit included, and where its size begins."""
    length = _length(data, place, 4)
    return int.from_bytes(data[place : place + length]), place + length


def _size(data: bytes, place: int) -> tuple[int | None, int]:
    """An element's size, None for unknown, and where its body begins."""
    length = _length(data, place, 8)
    mask = (1 << (7 * length)) - 1
    value = int.from_bytes(data[place : place + length]) & mask
    return None if value == mask else value, place + length


def _length(data: bytes, place: int, most: int) -> int:
    if place >= len(data) or not data[place]:
        raise _Cut
    length = 9 - data[place].bit_length()
    if length > most or place + length > len(data):
        raise _Cut
    return length
