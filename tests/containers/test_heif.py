from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from kzlabel.containers.base import Slots
from kzlabel.containers.heif import HEIF
from kzlabel.errors import UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, avif, exif_block, picture, pixels


def read(data: bytes) -> Slots:
    return HEIF.read(io.BytesIO(data), DEFAULT_LIMITS)


def box(type: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), type) + body


def full(type: bytes, body: bytes, version: int = 0) -> bytes:
    return box(type, bytes([version, 0, 0, 0]) + body)


def item_in_idat(packet: bytes) -> bytes:
    """A file whose packet stands inside the meta box, as some phones write it (construction method 1)."""
    entry = full(b"infe", struct.pack(">HH", 7, 0) + b"mime\0application/rdf+xml\0", 2)
    locations = struct.pack(">HHHHHHII", 0x4400, 1, 7, 1, 0, 1, 0, len(packet))
    parts = full(b"iinf", struct.pack(">H", 1) + entry) + full(b"iloc", locations, 1) + box(b"idat", packet)
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + full(b"meta", parts)


def test_a_packet_of_another_writer_and_exif_are_read() -> None:
    out = io.BytesIO()
    picture().save(out, "AVIF", speed=10, xmp=FOREIGN_XMP, exif=b"Exif\0\0" + exif_block())
    found = read(out.getvalue())
    assert found.xmp == (FOREIGN_XMP,)
    assert found.exif == exif_block()
    assert found.damage == ()


def test_a_packet_inside_the_meta_box_is_read() -> None:
    assert read(item_in_idat(FOREIGN_XMP)).xmp == (FOREIGN_XMP,)


def test_a_packet_that_fits_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    picture().save(path, "AVIF", speed=10, xmp=FOREIGN_XMP + b" " * 500)
    before = path.read_bytes()
    HEIF.write(path, Slots(xmp=(FOREIGN_XMP.replace(b"Somebody", b"Anybody"),)), DEFAULT_LIMITS)
    assert path.stat().st_size == len(before)
    assert read(path.read_bytes()).xmp[0].rstrip() == FOREIGN_XMP.replace(b"Somebody", b"Anybody")


def test_only_the_meta_box_changes_and_one_box_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(avif())
    before, picture_before = path.read_bytes(), pixels(path)
    HEIF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    after = path.read_bytes()
    media = before[before.index(b"mdat") - 4 :]
    assert after.endswith(media + box(b"mdat", FOREIGN_XMP))
    assert pixels(path) == picture_before


def test_the_metadata_of_a_sequence_is_put_where_moving_the_media_data_cannot_lose_it(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(avif(frames=3))
    before, media = pixels(path), path.read_bytes().index(b"mdat")
    assert path.read_bytes().index(exif_block()) > media
    HEIF.carry(path, path, DEFAULT_LIMITS)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(exif_block()) < data.index(b"mdat")
    assert read(data).exif == exif_block()
    assert pixels(path) == before
    HEIF.carry(path, path, DEFAULT_LIMITS)
    assert path.read_bytes() == data


def test_a_last_box_without_a_size_is_closed_before_another_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    data = bytearray(avif())
    place = data.index(b"mdat") - 4
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    before = pixels(path)
    HEIF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    assert read(path.read_bytes()).xmp == (FOREIGN_XMP,)
    assert pixels(path) == before


def test_a_manifest_store_is_noticed() -> None:
    store = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"store")
    assert read(avif() + store).manifest
    assert not read(avif()).manifest


def test_an_item_that_claims_to_lie_outside_the_file_is_damage() -> None:
    data = item_in_idat(FOREIGN_XMP)
    place = data.index(b"iloc") + 4
    broken = data[: place + 16] + b"\x7f" + data[place + 17 :]
    found = read(broken)
    assert found.xmp == ()
    assert found.damage


def test_a_file_without_a_meta_box_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(box(b"ftyp", b"avif\0\0\0\0") + box(b"mdat", b"x"))
    with pytest.raises(UnreadableFile, match="no picture"):
        HEIF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
