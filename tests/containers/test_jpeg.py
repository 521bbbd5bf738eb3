from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from kzlabel.containers.base import Slots
from kzlabel.containers.jpeg import JPEG
from kzlabel.errors import LimitExceeded
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, exif_block, jpeg, picture


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


def with_segments(*segments: bytes, base: bytes | None = None) -> bytes:
    """A JPEG with these segments right behind SOI."""
    data = base or jpeg()
    return data[:2] + b"".join(segments) + data[2:]


def extended(packet: bytes, *, size: int = 1000, missing: int | None = None) -> list[bytes]:
    guid = hashlib.md5(packet).hexdigest().upper().encode()
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid + len(packet).to_bytes(4)
    parts = [
        segment(0xE1, head + start.to_bytes(4) + packet[start : start + size]) for start in range(0, len(packet), size)
    ]
    return [part for index, part in enumerate(parts) if index != missing]


def read(data: bytes, **limits: int) -> Slots:
    return JPEG.read(io.BytesIO(data), replace(DEFAULT_LIMITS, **limits))


def test_exif_and_comments_are_read() -> None:
    found = read(jpeg())
    assert found.exif == exif_block()
    assert [(tag.name, tag.value, tag.place) for tag in found.tags] == [("Comment", "by hand", "JPEG comment")]


def test_an_extended_packet_is_put_together_whatever_the_order_of_its_parts() -> None:
    packet = FOREIGN_XMP + b" " * 5000
    main = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + FOREIGN_XMP)
    found = read(with_segments(main, *reversed(extended(packet))))
    assert found.xmp == (FOREIGN_XMP, packet)


def test_a_missing_part_of_an_extended_packet_is_damage_and_hides_nothing() -> None:
    main = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + FOREIGN_XMP)
    found = read(with_segments(main, *extended(FOREIGN_XMP + b" " * 5000, missing=2)))
    assert found.xmp == (FOREIGN_XMP,)
    assert found.exif == exif_block()
    assert "part of the Extended XMP is missing" in found.damage[0]


def test_an_extended_packet_stays_when_the_main_one_is_written(tmp_path: Path) -> None:
    packet = FOREIGN_XMP + b" " * 5000
    path = tmp_path / "a.jpg"
    main = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + FOREIGN_XMP)
    path.write_bytes(with_segments(main, *extended(packet)))
    JPEG.write(path, Slots(xmp=(b"<new/>",)), DEFAULT_LIMITS)
    assert read(path.read_bytes()).xmp == (b"<new/>", packet)


def test_padding_gives_way_before_a_packet_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    body, end = FOREIGN_XMP.split(b"<?xpacket end", 1)
    JPEG.write(path, Slots(xmp=(body + b" " * 66000 + b"<?xpacket end" + end,)), DEFAULT_LIMITS)
    assert read(path.read_bytes()).xmp == (body + b"\n<?xpacket end" + end,)


def test_a_packet_that_no_segment_holds_is_refused_and_the_file_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    with pytest.raises(LimitExceeded, match="a JPEG segment holds 65533"):
        JPEG.write(path, Slots(xmp=(b"<x>" + b"y" * 66000 + b"</x>",)), DEFAULT_LIMITS)
    assert path.read_bytes() == jpeg()


def test_the_packet_stands_behind_jfif_and_exif(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    JPEG.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    data = path.read_bytes()
    assert data.find(b"JFIF") < data.find(b"Exif\0\0") < data.find(b"http://ns.adobe.com/xap") < data.find(b"\xff\xdb")


def test_every_other_byte_stays_when_a_packet_is_spliced_in(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    JPEG.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    added = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + FOREIGN_XMP)
    assert path.read_bytes().replace(added, b"") == jpeg()


def test_a_manifest_store_is_noticed_and_other_jumbf_is_not() -> None:
    kind = bytes.fromhex("6332706100110010800000aa00389b71")
    store = b"JP\0\1\0\0\0\1" + b"\0\0\0\x30jumb\0\0\0\x28jumd" + kind + b"\x03c2pa\0"
    other = store.replace(kind, bytes(16))
    assert read(with_segments(segment(0xEB, store))).manifest
    assert not read(with_segments(segment(0xEB, other))).manifest


def test_carrying_leaves_indexes_manifests_and_the_encoders_own_headers(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    iptc = segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0")
    vendor = segment(0xE7, b"Vendor\0 of a camera")
    left = [
        segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0"),
        segment(0xEB, b"JP\0\1\0\0\0\1" + bytes(40)),
        segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"),
    ]
    source.write_bytes(with_segments(iptc, vendor, *left))
    picture().save(target, "JPEG")
    JPEG.carry(source, target, DEFAULT_LIMITS)
    data = target.read_bytes()
    assert iptc in data
    assert vendor in data
    assert not [each for each in left if each in data]
    assert data.count(b"JFIF\0") == 1


def test_a_colour_profile_is_carried_only_where_there_is_none(tmp_path: Path) -> None:
    profile = segment(0xE2, b"ICC_PROFILE\0\1\1" + b"profile of the source")
    source, bare, coloured = tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"
    source.write_bytes(with_segments(profile))
    picture().save(bare, "JPEG")
    picture().save(coloured, "JPEG", icc_profile=b"profile of the target")
    JPEG.carry(source, bare, DEFAULT_LIMITS)
    JPEG.carry(source, coloured, DEFAULT_LIMITS)
    assert profile in bare.read_bytes()
    assert profile not in coloured.read_bytes()
    with Image.open(bare) as opened:
        assert opened.info["icc_profile"] == b"profile of the source"


def test_many_large_packets_are_read_up_to_the_limit_and_the_rest_is_said() -> None:
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"x" * 60000)
    found = read(with_segments(*[packet] * 5), max_slot_bytes=150_000)
    assert len(found.xmp) == 2
    assert len(found.damage) == 3
    assert found.exif is not None


def test_more_segments_than_the_limit_end_the_walk() -> None:
    found = read(with_segments(*[segment(0xE5, b"")] * 50), max_boxes=20)
    assert "more than 20" in found.damage[0]


def test_fill_bytes_before_a_marker_are_stepped_over() -> None:
    data = jpeg()
    assert read(data[:2] + b"\xff" * 9 + data[2:]).exif == exif_block()
