"""Audio files whose marks stand in tags at the head: MP3 and FLAC, and the ID3 chunk inside a WAV.

MP3: texts in ID3v2 TXXX frames, XMP in a PRIV frame. FLAC: texts in the Vorbis comment block; the ID3 tag that c2pa
puts before the stream is read. Frames and blocks that are not named are kept byte for byte, and so is the audio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, LimitExceeded, UnreadableFile
from ..limits import Limits
from .base import Container, Slot, Slots
from .id3 import Id3, id3_slots, read_id3, render, with_slots
from .reading import Visits, name_of, read_at, read_block
from .splice import Edit, splice
from .vorbis import Comments, comment_tags, parse_comments, render_comments, with_tags

_COMMENTS, _PADDING = 4, 1  # METADATA_BLOCK types, RFC 9639, 8.1
_MAX_BLOCK = (1 << 24) - 1
_MAX_ID3_TAGS = 3  # in a row before the audio; more than one is already a writer's mistake
_VENDOR = b"kzlabel"


def read_id3_slots(file: BinaryIO, start: int, limits: Limits) -> Slots:
    """What the ID3 tag at `start` holds, such as in the `id3 ` chunk of a WAV; damage instead of an error."""
    try:
        tag = read_id3(file, start, limits)
    except InputError as error:
        return Slots(damage=(str(error),))
    return id3_slots(tag, limits) if tag else Slots()


def id3_with_slots(old: bytes, slots: Slots, limits: Limits, name: str) -> bytes:
    """An ID3 tag as bytes, for a WAV's `id3 ` chunk: `old` (empty for none) with the slots filled.

    Raises UnreadableFile, LimitExceeded.
    """
    import io

    tag = read_id3(io.BytesIO(old), 0, limits) or Id3()
    return render(with_slots(tag, slots), available=0, name=name)


class Mp3:
    """MPEG audio with ID3v2 at its head."""

    holds = frozenset({Slot.TAGS, Slot.XMP})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found, damage = _id3_at_head(file, limits)
        return _merged([id3_slots(tag, limits) for _, tag in found], damage)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            tag = read_id3(file, 0, limits) or Id3()
        data = render(with_slots(tag, slots), available=tag.size, name=path.name)
        splice(path, [Edit(0, tag.size, data)])


class Flac:
    """FLAC in its own container (RFC 9639)."""

    holds = frozenset({Slot.TAGS})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        found, damage = _id3_at_head(file, limits)
        parts = [id3_slots(tag, limits) for _, tag in found]
        start = sum(tag.size for _, tag in found)
        try:
            for block in _blocks(file, start, limits):
                if block.type == _COMMENTS:
                    data = read_block(file, block.body, block.size, limits.max_slot_bytes, "the Vorbis comment block")
                    parts.append(Slots(tags=comment_tags(parse_comments(data, name_of(file)))))
        except InputError as error:
            damage = (*damage, str(error))
        return _merged(parts, damage)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        with path.open("rb") as file:
            found, damage = _id3_at_head(file, limits)
            if damage:
                raise UnreadableFile(f"{path.name}: {damage[0]}")
            blocks = list(_blocks(file, sum(tag.size for _, tag in found), limits))
            old = next((block for block in blocks if block.type == _COMMENTS), None)
            comments = Comments(_VENDOR)
            if old:
                data = read_block(file, old.body, old.size, limits.max_slot_bytes, "the Vorbis comment block")
                comments = parse_comments(data, path.name)
        body = render_comments(with_tags(comments, slots.tags))
        if len(body) > _MAX_BLOCK:
            raise LimitExceeded(f"{path.name}: the Vorbis comments would be longer than {_MAX_BLOCK} bytes")
        splice(path, _block_edits(blocks, old, body))


MP3: Container = Mp3()
FLAC: Container = Flac()


@dataclass(frozen=True)
class _Block:
    """A FLAC metadata block: type, whether it is the last, file offset of its header, size of its body."""

    type: int
    last: bool
    start: int
    size: int

    @property
    def body(self) -> int:
        return self.start + 4

    @property
    def end(self) -> int:
        return self.body + self.size


def _id3_at_head(file: BinaryIO, limits: Limits) -> tuple[list[tuple[int, Id3]], tuple[str, ...]]:
    found: list[tuple[int, Id3]] = []
    start = 0
    try:
        while len(found) < _MAX_ID3_TAGS and (tag := read_id3(file, start, limits)):
            found.append((start, tag))
            start += tag.size
    except InputError as error:
        return found, (str(error),)
    return found, ()


def _blocks(file: BinaryIO, start: int, limits: Limits) -> Iterator[_Block]:
    if read_at(file, start, 4) != b"fLaC":
        raise UnreadableFile(f"{name_of(file)}: no FLAC stream at byte {start}")
    start += 4
    visits = Visits(file, limits.max_boxes)
    last = False
    while not last:
        visits.count()
        header = read_at(file, start, 4)
        last = bool(header[0] & 0x80)
        block = _Block(header[0] & 0x7F, last, start, int.from_bytes(header[1:]))
        yield block
        start = block.end


def _block_edits(blocks: list[_Block], old: _Block | None, body: bytes) -> list[Edit]:
    """Replace the comment block, or add one after the first block (STREAMINFO); take the room from PADDING."""
    if old is None:
        first = blocks[0]
        new = bytes([_COMMENTS | (0x80 if first.last else 0)]) + len(body).to_bytes(3) + body
        edits = [Edit(first.end, first.end, new)]
        if first.last:
            edits.append(Edit(first.start, first.start + 1, bytes([first.type])))
    else:
        new = bytes([_COMMENTS | (0x80 if old.last else 0)]) + len(body).to_bytes(3) + body
        edits = [Edit(old.start, old.end, new)]
    growth = sum(edit.growth for edit in edits)
    for block in blocks:
        if growth and block.type == _PADDING and 0 <= block.size - growth <= _MAX_BLOCK:
            head = bytes([_PADDING | (0x80 if block.last else 0)]) + (block.size - growth).to_bytes(3)
            edits.append(Edit(block.start, block.end, head + bytes(block.size - growth)))
            break
    return edits


def _merged(parts: list[Slots], damage: tuple[str, ...]) -> Slots:
    whole = Slots(damage=damage)
    for part in parts:
        whole = replace(
            whole,
            xmp=whole.xmp + part.xmp,
            tags=whole.tags + part.tags,
            manifest=whole.manifest or part.manifest,
            damage=whole.damage + part.damage,
        )
    return whole
