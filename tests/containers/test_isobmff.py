from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.isobmff import C2PA_UUID, MP4, XMP_UUID
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits

from .golden_media import FILMS, golden, packets, tags_seen

AIGC = Tag("AIGC", '{"Label":"1"}')
COMMENT = Tag("comment", "ЖИ арқылы жасалған")
SOURCE = Tag("DigitalSourceType", "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia")
SLOTS = Slots(xmp=(b"<x:xmpmeta/>",), tags=(COMMENT, SOURCE, AIGC))
LONG = Slots(xmp=(b"<x/>" * 20_000,), tags=(AIGC, Tag("long", "x" * 70_000)))


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Slots:
    return MP4.read(io.BytesIO(data), limits)


def write(folder: Path, data: bytes, slots: Slots) -> bytes:
    path = folder / "film.mp4"
    path.write_bytes(data)
    MP4.write(path, slots, DEFAULT_LIMITS)
    assert [entry.name for entry in folder.iterdir()] == ["film.mp4"]
    return path.read_bytes()


def box(type: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, type) + content


def top(data: bytes) -> list[tuple[bytes, int, int]]:
    boxes, start = [], 0
    while start + 8 <= len(data):
        size, type = struct.unpack_from(">I4s", data, start)
        size = size or len(data) - start
        boxes.append((type, start, start + size))
        start += size
    return boxes


def types(data: bytes) -> list[bytes]:
    return [type for type, _, _ in top(data)]


def span(data: bytes, type: bytes) -> tuple[int, int]:
    return next((start, end) for found, start, end in top(data) if found == type)


@pytest.mark.parametrize("slots", [SLOTS, LONG], ids=["short", "long"])
@pytest.mark.parametrize("kind", FILMS)
def test_marks_are_written_and_every_packet_stays_as_it_was(kind: str, slots: Slots, tmp_path: Path) -> None:
    before = golden(kind)
    after = write(tmp_path, before, slots)
    found = read(after)
    assert not found.damage
    assert found.xmp == slots.xmp
    for tag in slots.tags:
        assert list(found.values(tag.name)) == [tag.value]
    assert packets(after) == packets(before)
    assert tags_seen(after)["aigc"] == AIGC.value
    assert tags_seen(after).get("title") == tags_seen(before).get("title")


@pytest.mark.parametrize("kind", FILMS)
def test_writing_the_same_again_changes_nothing(kind: str, tmp_path: Path) -> None:
    once = write(tmp_path, golden(kind), SLOTS)
    assert write(tmp_path, once, SLOTS) == once


@pytest.mark.parametrize("kind", FILMS)
def test_a_second_packet_takes_the_place_of_the_first(kind: str, tmp_path: Path) -> None:
    data = write(tmp_path, golden(kind), SLOTS)
    for packet in (b"<y/>", b"<y/>" * 9000, b"<z/>"):
        data = write(tmp_path, data, Slots(xmp=(packet,)))
        assert read(data).xmp == (packet,)
        assert packets(data) == packets(golden(kind))
    assert set(read(data).values("comment")) == {COMMENT.value}


def test_the_tags_of_the_input_are_read_with_their_places() -> None:
    assert Tag("title", "Сурет", "iTunes ©nam") in read(golden("mp4")).tags
    assert Tag("AIGC", "{}", "QuickTime key") in read(golden("keys")).tags
    assert Tag("title", "Сурет", "user data ©nam") in read(golden("mov")).tags


def test_a_camera_is_recognised_by_its_keys() -> None:
    keys = box(b"keys", bytes(4), struct.pack(">I", 1), box(b"mdta", b"com.apple.quicktime.make"))
    data = box(b"data", struct.pack(">II", 1, 0), "Камера".encode())
    handler = box(b"hdlr", bytes(8), b"mdta", bytes(13))
    meta = box(b"meta", handler, keys, box(b"ilst", box(b"\0\0\0\1", data)))  # a plain box, as QuickTime has it
    assert read(box(b"moov", meta)).tags == (Tag("com.apple.quicktime.make", "Камера", "QuickTime key"),)


def test_user_data_texts_are_read() -> None:
    text = struct.pack(">HH", 6, 0x55C4) + b"Camera"
    assert read(box(b"moov", box(b"udta", box(b"\xa9mak", text), bytes(4)))).tags == (
        Tag("make", "Camera", "user data ©mak"),
    )


def test_a_manifest_is_noticed() -> None:
    assert not read(golden("mp4")).manifest
    assert read(golden("mp4") + box(b"uuid", C2PA_UUID, b"manifest")).manifest


def test_a_packet_in_the_user_data_is_replaced_where_it_stands(tmp_path: Path) -> None:
    moov, end = span(golden("mov"), b"moov")
    data = golden("mov")
    udta = data.rindex(b"udta", moov, end) - 4
    size = struct.unpack_from(">I", data, udta)[0]
    adobe = box(b"XMP_", b"<old/>")
    inner = box(b"udta", data[udta + 8 : udta + size], adobe)
    data = data[:moov] + box(b"moov", data[moov + 8 : udta], inner, data[udta + size : end]) + data[end:]
    assert read(data).xmp == (b"<old/>",)
    after = write(tmp_path, data, Slots(xmp=(b"<new packet/>",)))
    assert read(after).xmp == (b"<new packet/>",)
    assert b"uuid" not in types(after)
    assert packets(after) == packets(golden("mov"))


def test_free_space_behind_the_index_is_used_up_first(tmp_path: Path) -> None:
    roomy = write(tmp_path, golden("faststart"), Slots(tags=(AIGC,)))
    assert types(roomy)[:3] == [b"ftyp", b"moov", b"free"]
    again = write(tmp_path, roomy, Slots(tags=(COMMENT,)))
    assert len(again) == len(roomy)
    start, end = span(roomy, b"mdat")
    assert again[start:end] == roomy[start:end]


def test_a_last_box_without_a_size_gets_its_real_one(tmp_path: Path) -> None:
    data = bytearray(golden("faststart"))
    start, end = span(bytes(data), b"mdat")
    del data[end:]
    data[start : start + 4] = bytes(4)
    after = write(tmp_path, bytes(data), SLOTS)
    assert types(after)[-1] == b"uuid"
    assert packets(after) == packets(golden("faststart"))


def test_the_index_of_fragments_stays_last_and_points_at_them(tmp_path: Path) -> None:
    after = write(tmp_path, golden("fragmented"), LONG)
    boxes = top(after)
    assert [type for type, _, _ in boxes[-2:]] == [b"uuid", b"mfra"]
    start, _ = span(after, b"mfra")
    entries = after.index(b"tfra", start) + 4
    first = struct.unpack_from(">Q", after, entries + 16 + 8)[0]  # version 1: time, then the place of a `moof`
    assert first in [begin for type, begin, _ in boxes if type == b"moof"]


def test_a_segment_index_before_the_growing_box_still_leads_to_the_fragments(tmp_path: Path) -> None:
    data = golden("indexed")
    first, second = span(data, b"sidx")[0], span(data, b"moof")[0]
    moov, _ = span(data, b"moov")
    index = data[first : first + struct.unpack_from(">I", data, first)[0]]
    offset = struct.pack(">Q", first - moov)  # the anchor is now the end of an index that stands before `moov`
    moved = data[:moov] + index[:28] + offset + index[36:] + data[moov:first] + data[first + len(index) : second]
    after = write(tmp_path, moved + data[second:], LONG)
    place = span(after, b"sidx")
    target = place[1] + struct.unpack_from(">Q", after, place[0] + 28)[0]
    shift = span(after, b"moof")[0] - second
    assert target == moov + len(index) + (first - moov) + shift


def test_where_an_offset_would_overflow_the_index_goes_to_the_end(tmp_path: Path) -> None:
    data = bytearray(golden("faststart"))
    place = data.index(b"stco") + 12
    data[place : place + 4] = b"\xff\xff\xff\xf0"
    after = write(tmp_path, bytes(data), LONG)
    assert types(after)[:2] == [b"ftyp", b"free"]
    assert types(after)[-2:] == [b"moov", b"uuid"]
    start, end = span(after, b"mdat")
    assert after[start:end] == data[start:end]
    assert list(read(after).values("AIGC")) == [AIGC.value]


def test_a_film_of_gigabytes_is_marked_in_place(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    data = golden("mp4")
    start, end = span(data, b"mdat")
    with path.open("wb") as file:
        file.write(data[:start] + struct.pack(">I4sQ", 1, b"mdat", 6 << 30))
        file.seek(start + (6 << 30))  # a hole: the media data take no room on disk
        file.write(data[end:])
    MP4.write(path, SLOTS, DEFAULT_LIMITS)
    with path.open("rb") as file:
        assert list(MP4.read(file, DEFAULT_LIMITS).values("AIGC")) == [AIGC.value]
    assert path.stat().st_blocks * 512 < 64 << 20


def test_a_cut_film_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(golden("faststart")[:-100])
    with pytest.raises(UnreadableFile, match=r"cut\.mp4"):
        MP4.write(path, SLOTS, DEFAULT_LIMITS)
    assert path.read_bytes() == golden("faststart")[:-100]


def test_an_index_beyond_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "index.mp4"
    with path.open("wb") as file:
        file.write(struct.pack(">I4s", 65 << 20, b"moov"))
        file.truncate(65 << 20)
    with pytest.raises(LimitExceeded, match="moov"):
        MP4.write(path, SLOTS, DEFAULT_LIMITS)


def test_one_damaged_block_hides_no_other() -> None:
    broken = box(b"udta", struct.pack(">I4s", 999, b"meta"))
    found = read(box(b"moov", broken) + box(b"uuid", XMP_UUID, b"<x/>") + golden("keys"))
    assert found.xmp == (b"<x/>",)
    assert list(found.values("AIGC")) == ["{}"]
    assert found.damage


def test_a_packet_beyond_the_limit_is_damage() -> None:
    found = read(golden("mp4") + box(b"uuid", XMP_UUID, bytes(2000)), Limits(max_slot_bytes=1000))
    assert not found.xmp
    assert found.damage
