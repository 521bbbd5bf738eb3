"""WAV in bytes: its chunks found, a notice put before the samples, a new file from an array. No decoding.

Written against the RIFF specification and Microsoft's "Multiple Channel Audio Data and WAVE Files".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ...containers.reading import read_at, size_of
from ...containers.riff import C2PA, Chunk, RiffWalker
from ...containers.splice import Edit, splice
from ...errors import UnreadableFile, UnsupportedFormat, UsageError
from ...files import copy_whole, writing
from ...limits import Limits

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_RIFF = (1 << 32) - 1
_UNKNOWN_SIZES = (0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000)  # what writers to a pipe put in place of a size
_PCM, _PCM_FLOAT = 1, 3  # WAVE_FORMAT_PCM, WAVE_FORMAT_IEEE_FLOAT
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of KSDATAFORMAT_SUBTYPE_PCM and _IEEE_FLOAT
# dwChannelMask of 1 to 8 channels: mono, stereo, 3.0, quad, 5.0, 5.1, 6.1, 7.1, as players expect them.
_MASKS = (0x4, 0x3, 0x7, 0x33, 0x37, 0x3F, 0x70F, 0x63F)


@dataclass(frozen=True)
class Wave:
    """The chunks of a WAV. block: bytes of one sample of all channels."""

    chunks: tuple[Chunk, ...]
    data: Chunk
    block: int

    @property
    def samples(self) -> int:
        return self.data.size // self.block


def read_wave(source: Path, limits: Limits) -> Wave:
    """Raises UnreadableFile for a WAV that is malformed or cut off, LimitExceeded."""
    with source.open("rb") as file:
        chunks = tuple(_chunks(file, source.name, limits))
        data = next((chunk for chunk in chunks if chunk.id == b"data"), None)
        shape = next((chunk for chunk in chunks if chunk.id == b"fmt " and chunk.size >= 16), None)
        if data is None or shape is None:
            raise UnreadableFile(f"{source.name}: its format or its samples are missing; copy it again")
        block = int.from_bytes(read_at(file, shape.body + 12, 2), "little")
    if not block:
        raise UnreadableFile(f"{source.name}: its samples have an impossible size")
    return Wave(chunks, data, block)


def put_before(source: Path, target: Path, samples: bytes, limits: Limits) -> None:
    """Copy a WAV with `samples`, in its own encoding, before its own; cue points and loops move along.

    Every other chunk stays as it is, but a C2PA manifest, which no longer fits, goes.
    Raises UnreadableFile, UnsupportedFormat beyond 4 GB, LimitExceeded, OutputError.
    """
    wave = read_wave(source, limits)
    count = len(samples) // wave.block
    size = wave.data.size + len(samples)
    # A last chunk of odd size may lack its padding byte; with an even number of bytes before it, nothing changes.
    padding = (size & 1) - (wave.data.size & 1)
    with source.open("rb") as file:
        edits = [
            Edit(wave.data.start + 4, wave.data.body, struct.pack("<I", min(size, MAX_RIFF))),
            Edit(wave.data.body, wave.data.body, samples),
        ]
        end = size_of(file)
        if padding > 0:
            edits.append(Edit(wave.data.body + wave.data.size, wave.data.body + wave.data.size, b"\0"))
        elif padding < 0 and wave.data.end <= end:
            edits.append(Edit(wave.data.end - 1, wave.data.end, b""))
        for chunk in wave.chunks:
            if chunk.id == C2PA:
                edits.append(Edit(chunk.start, min(chunk.end, end), b""))
            elif chunk.size <= limits.max_slot_bytes and (move := _MOVES.get(chunk.id)):
                old = read_at(file, chunk.body, chunk.size)
                edits.append(Edit(chunk.body, chunk.body + chunk.size, move(old, count)))
    whole = end + sum(edit.growth for edit in edits) - 8
    if whole > MAX_RIFF:
        raise UnsupportedFormat(
            f"{source.name}: with the notice it would be larger than WAV allows; convert it to FLAC"
        )
    edits.append(Edit(4, 8, struct.pack("<I", whole)))
    copy_whole(source, target)
    splice(target, edits)


def write_wave(samples: npt.NDArray[Any], rate: int, path: Path) -> None:
    """Write samples as a WAV: integers as they are, everything else as 32-bit floats.

    samples: (samples, channels) or (samples,), at most 8 channels in the usual order; uint8, int16 and int32 in their
    whole range, or floats with full scale 1.0. rate: hertz.
    Raises UsageError for another shape or for values that are no numbers, OutputError.
    """
    import numpy as np

    sound = np.asarray(samples)
    sound = sound if sound.dtype in (np.uint8, np.int16, np.int32) else sound.astype(np.float32)
    sound = sound.reshape(-1, 1) if sound.ndim == 1 else sound
    if sound.ndim != 2 or not 1 <= sound.shape[1] <= len(_MASKS) or not len(sound):
        raise UsageError(f"samples have the shape (samples, channels), 1 to {len(_MASKS)} channels, not {sound.shape}")
    if not 1000 <= rate <= 768_000:
        raise UsageError(f"a rate of {rate} Hz is no sampling rate; give one from 1000 to 768000")
    if not np.isfinite(sound).all():
        raise UsageError("samples hold values that are no numbers")
    head = _head(sound.shape[0], sound.shape[1], rate, sound.itemsize, floats=sound.dtype == np.float32)
    if sound.nbytes + len(head) > MAX_RIFF:
        raise UsageError("samples are longer than a WAV file can hold")
    size = sound.nbytes + (sound.nbytes & 1)
    with writing(path), path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(head) + 12 + size) + b"WAVE" + head)
        file.write(b"data" + struct.pack("<I", sound.nbytes))
        file.write(np.ascontiguousarray(sound, sound.dtype.newbyteorder("<")).data)
        file.write(bytes(size - sound.nbytes))


def _head(samples: int, channels: int, rate: int, width: int, *, floats: bool) -> bytes:
    """The chunks before the samples. width: bytes of one sample."""
    code = _PCM_FLOAT if floats else _PCM
    shape = struct.pack("<HHIIHH", code, channels, rate, rate * channels * width, channels * width, width * 8)
    if channels > 2:
        shape = struct.pack("<H", _EXTENSIBLE) + shape[2:]
        shape += struct.pack("<HHIH", 22, width * 8, _MASKS[channels - 1], code) + _GUID_TAIL
    elif floats:
        shape += struct.pack("<H", 0)
    fact = b"fact" + struct.pack("<II", 4, samples) if floats else b""
    return b"fmt " + struct.pack("<I", len(shape)) + shape + fact


def _chunks(file: BinaryIO, name: str, limits: Limits) -> Iterator[Chunk]:
    walker = RiffWalker(file, limits)
    for chunk in walker.chunks(walker.form(b"WAVE")):
        if chunk.body + chunk.size <= walker.size:
            yield chunk
        elif chunk.id == b"data" and chunk.size in _UNKNOWN_SIZES:
            yield replace(chunk, size=walker.size - chunk.body, end=walker.size)
        else:
            raise UnreadableFile(f"{name}: the file is cut off before its end; copy it again")


def _moved_fact(body: bytes, count: int) -> bytes:
    """Number of samples, for encodings other than PCM."""
    if len(body) < 4:
        return body
    return struct.pack("<I", min(int.from_bytes(body[:4], "little") + count, MAX_RIFF)) + body[4:]


def _moved_cues(body: bytes, count: int) -> bytes:
    """Points of 24 bytes: name, position, chunk, chunk start, block start, sample offset."""
    moved = bytearray(body)
    for place in range(4, len(body) - 23, 24):
        for field in (place + 4, place + 20):
            value = int.from_bytes(body[field : field + 4], "little") + count
            moved[field : field + 4] = struct.pack("<I", min(value, MAX_RIFF))
    return bytes(moved)


def _moved_loops(body: bytes, count: int) -> bytes:
    """A sampler's chunk: 36 bytes of head, then loops of 24 bytes: name, type, start, end, fraction, times."""
    moved = bytearray(body)
    loops = int.from_bytes(body[28:32], "little") if len(body) >= 36 else 0
    for place in range(36, min(36 + 24 * loops, len(body)) - 23, 24):
        for field in (place + 8, place + 12):
            value = int.from_bytes(body[field : field + 4], "little") + count
            moved[field : field + 4] = struct.pack("<I", min(value, MAX_RIFF))
    return bytes(moved)


_MOVES = {b"fact": _moved_fact, b"cue ": _moved_cues, b"smpl": _moved_loops}
