from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, TiffImagePlugin

from kzlabel.containers.base import Slots
from kzlabel.containers.ifd import TiffReader
from kzlabel.containers.tiff import TIFF
from kzlabel.errors import LimitExceeded
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, big_endian_tiff, picture, pixels, tiff


def read(data: bytes, **limits: int) -> Slots:
    return TIFF.read(io.BytesIO(data), replace(DEFAULT_LIMITS, **limits))


def big_tiff() -> bytes:
    """BigTIFF with one directory that holds the packet."""
    place = 16 + 8 + 20 + 8
    entry = struct.pack("<HHQQ", 700, 7, len(FOREIGN_XMP), place)
    return b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1) + entry + bytes(8) + FOREIGN_XMP


@pytest.mark.parametrize("make", [tiff, big_endian_tiff])
def test_strips_and_other_directories_stay_where_they_are(make: object, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    assert callable(make)
    path.write_bytes(make())
    before = path.read_bytes()
    with path.open("rb") as file:
        pages = TiffReader(file, DEFAULT_LIMITS).chain()
    TIFF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    after = path.read_bytes()
    assert after[8 : len(before)] == before[8:]
    with path.open("rb") as file:
        found = TiffReader(file, DEFAULT_LIMITS).chain()
    assert found[1:] == pages[1:]
    assert list(found[0].entries) == sorted({*pages[0].entries, 700})


def test_exif_is_put_together_from_the_first_page() -> None:
    found = read(tiff())
    assert found.exif
    loaded = Image.Exif()
    loaded.load(b"Exif\0\0" + found.exif)
    assert loaded[271] == "Optica"
    assert loaded.get_ifd(0x8769)[0x829A] == pytest.approx(1 / 125)


def test_a_packet_in_a_big_tiff_is_read_and_not_written(tmp_path: Path) -> None:
    assert read(big_tiff()).xmp == (FOREIGN_XMP,)
    path = tmp_path / "a.tif"
    path.write_bytes(big_tiff())
    with pytest.raises(LimitExceeded, match="BigTIFF"):
        TIFF.write(path, Slots(xmp=(FOREIGN_XMP * 2,)), DEFAULT_LIMITS)


def test_a_manifest_store_is_noticed_on_any_page(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[0xCD41] = b"store"
    info.tagtype[0xCD41] = 7
    picture().save(path, "TIFF", tiffinfo=info)
    assert read(path.read_bytes()).manifest


def test_texts_and_profiles_are_carried_across_byte_orders(tmp_path: Path) -> None:
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[270], info[315], info[34377], info[33723] = "A boat", "Nobody", b"8BIM", b"\x1c\x02\x50\0\x03abc"
    picture().save(source, "TIFF", tiffinfo=info, icc_profile=b"a profile, not a real one")
    target.write_bytes(big_endian_tiff())
    before = pixels(target)
    TIFF.carry(source, target, DEFAULT_LIMITS)
    assert pixels(target) == before
    with Image.open(target) as opened:
        assert opened.info["icc_profile"] == b"a profile, not a real one"
        assert opened.tag_v2[270] == "A boat"
        assert opened.tag_v2[315] == "Nobody"


def test_a_directory_that_holds_only_the_manifest_store_is_no_page() -> None:
    data = bytearray(big_endian_tiff())
    data[-4:] = struct.pack(">I", len(data))
    data += struct.pack(">HHHII", 1, 0xCD41, 7, 4, 0x63327061) + bytes(4)
    assert read(bytes(data)).manifest
    reader = TiffReader(io.BytesIO(bytes(data)), DEFAULT_LIMITS)
    assert len(reader.directories()) == 2
    assert len(reader.chain()) == 1


def test_a_chain_of_directories_that_runs_in_a_circle_ends() -> None:
    data = bytearray(big_endian_tiff())
    data[-4:] = struct.pack(">I", 24)
    assert read(bytes(data)).damage == ()


def test_more_entries_than_the_limit_end_the_walk() -> None:
    assert "more than 5" in read(big_endian_tiff(), max_boxes=5).damage[0]


def test_a_value_that_claims_more_than_the_limit_is_not_read() -> None:
    data = bytearray(big_endian_tiff())
    entry = data.index(struct.pack(">HH", 258, 3))
    data[entry : entry + 12] = struct.pack(">HHII", 700, 7, 0x7FFFFFFF, 8)
    found = read(bytes(data))
    assert found.xmp == ()
    assert "more than the limits allow" in found.damage[0]
