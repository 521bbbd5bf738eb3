"""Flash Video: the texts and the XMP packet of its script tags (Adobe FLV specification 10.1, AMF0), read only."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, InternalError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots, Tag
from .reading import name_of, read_at, read_block, size_of

_SCRIPT = 18
_HEADER = 11  # bytes of a tag's header
_MAX_TAGS = 4096  # metadata stand at the head of a stream; a live one repeats them after the first seconds at most


class Flv:
    """One Flash Video file."""

    holds: frozenset[Slot] = frozenset()

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        tags: list[Tag] = []
        packets: list[bytes] = []
        damage: list[str] = []
        try:
            for data in _scripts(file, limits):
                for event, key, value in _Amf(data, name_of(file), limits).pairs():
                    if event == "onXMPData" and key == "liveXML":
                        packets.append(value.encode("utf-8", "replace"))
                    else:
                        tags.append(Tag(key, value, f"FLV {event}"))
        except InputError as error:
            damage.append(str(error))
        return Slots(xmp=tuple(packets), tags=tuple(tags), damage=tuple(damage))

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        raise InternalError(f"{path.name}: Flash Video cannot be written")


FLV: Container = Flv()


def _scripts(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    head = read_at(file, 0, 9)
    if head[:3] != b"FLV":
        raise UnreadableFile(f"{name_of(file)}: this is not a Flash Video")
    start, end = int.from_bytes(head[5:9]) + 4, size_of(file)
    left = limits.max_slot_bytes
    for _ in range(_MAX_TAGS):
        if start + _HEADER > end:
            return
        header = read_at(file, start, _HEADER)
        size = int.from_bytes(header[1:4])
        if header[0] & 0x1F == _SCRIPT:
            yield read_block(file, start + _HEADER, size, left, "the script data together")
            left -= size
        start += _HEADER + size + 4


class _Amf:
    """Reads the AMF0 values of one script tag; only texts are kept, with the key that they stand under."""

    def __init__(self, data: bytes, name: str, limits: Limits) -> None:
        self._data = data
        self._place = 0
        self._name = name
        self._limits = limits
        self._left = limits.max_boxes

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        event = next((text for _, text in self._value("", 0)), "")
        while self._place < len(self._data):
            for key, text in self._value("", 0):
                yield event, key, text

    def _value(self, key: str, depth: int) -> list[tuple[str, str]]:
        self._left -= 1
        if depth > self._limits.max_nesting or self._left < 0:
            raise LimitExceeded(f"{self._name}: the script data hold too many values, or nest too deeply")
        kind = self._bytes(1)[0]
        if kind in (2, 12, 15):  # text, long text, XML
            return [(key, self._text(2 if kind == 2 else 4))]
        if kind in (3, 8, 16):  # object, associative array, typed object
            if kind == 8:
                self._bytes(4)
            elif kind == 16:
                self._text(2)
            return self._members(depth)
        if kind == 10:  # plain array
            count = struct.unpack(">I", self._bytes(4))[0]
            found: list[tuple[str, str]] = []
            for _ in range(count):
                found += self._value(key, depth + 1)
            return found
        sizes = {0: 8, 1: 1, 5: 0, 6: 0, 7: 2, 11: 10}  # number, truth value, null, undefined, reference, date
        if kind not in sizes:
            raise UnreadableFile(f"{self._name}: the script data hold a value of unknown type {kind}")
        self._bytes(sizes[kind])
        return []

    def _members(self, depth: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while True:
            key = self._text(2)
            if not key and self._data[self._place : self._place + 1] == b"\x09":
                self._place += 1
                return found
            found += self._value(key, depth + 1)

    def _text(self, width: int) -> str:
        return self._bytes(int.from_bytes(self._bytes(width))).decode("utf-8", "replace")

    def _bytes(self, size: int) -> bytes:
        end = self._place + size
        if end > len(self._data):
            raise UnreadableFile(f"{self._name}: the script data are cut off")
        data = self._data[self._place : end]
        self._place = end
        return data
