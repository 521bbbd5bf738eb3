from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from kzlabel.containers.base import Container, Slots, Tag
from kzlabel.containers.tags import FLAC, MP3, id3_with_slots, read_id3_slots
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits

from .golden_media import golden, packets, tags_seen

AIGC = Tag("AIGC", '{"Label":"1"}')
COMMENT = Tag("comment", "ЖИ арқылы жасалған")
SLOTS = Slots(xmp=(b"<x:xmpmeta/>",), tags=(AIGC, COMMENT))
PICTURE = b"\x00image/png\x00\x03\x00" + b"\xff\x00\xff\xe0" * 500
CHAPTER = b"ch1\x00" + bytes(16)


def synchsafe(value: int) -> bytes:
    return bytes((value >> shift) & 0x7F for shift in (21, 14, 7, 0))


def frame(version: int, id: bytes, body: bytes, flags: int = 0) -> bytes:
    if version == 2:
        return id + len(body).to_bytes(3) + body
    size = synchsafe(len(body)) if version == 4 else len(body).to_bytes(4)
    return id + size + flags.to_bytes(2) + body


def tag(version: int, *frames: bytes, flags: int = 0, padding: int = 0) -> bytes:
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(body)) + body


def sound() -> bytes:
    """An MP3 without its tag."""
    data = golden("mp3")
    return data[10 + sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True)) :]


def tagged_mp3(version: int, padding: int = 0) -> bytes:
    if version == 2:
        frames = [
            frame(2, b"TT2", b"\x00Title"),
            frame(2, b"PIC", b"\x00PNG\x03\x00" + bytes(99)),
            frame(2, b"XYZ", b"?"),
        ]
    else:
        frames = [
            frame(version, b"TIT2", b"\x00Title"),
            frame(version, b"APIC", PICTURE),
            frame(version, b"CHAP", CHAPTER),
            frame(version, b"XYZ9", b"unknown"),
            frame(version, b"TXXX", b"\x00aigc\x00old"),
        ]
    return tag(version, *frames, padding=padding) + sound()


def read(container: Container, data: bytes, limits: Limits = DEFAULT_LIMITS) -> Slots:
    return container.read(io.BytesIO(data), limits)


def write(container: Container, folder: Path, data: bytes, slots: Slots) -> bytes:
    path = folder / "sound"
    path.write_bytes(data)
    container.write(path, slots, DEFAULT_LIMITS)
    assert [entry.name for entry in folder.iterdir()] == ["sound"]
    return path.read_bytes()


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_mp3_keeps_its_version_its_frames_and_its_sound(version: int, tmp_path: Path) -> None:
    before = tagged_mp3(version)
    after = write(MP3, tmp_path, before, SLOTS)
    found = read(MP3, after)
    assert found.xmp == SLOTS.xmp
    assert list(found.values("AIGC")) == [AIGC.value]
    assert list(found.values("comment")) == [COMMENT.value]
    assert list(found.values("title")) == ["Title"]
    assert not found.damage
    assert after.endswith(sound())
    assert packets(after) == packets(before)
    seen = tags_seen(after)
    assert (seen["aigc"], seen["comment"], seen["title"]) == (AIGC.value, COMMENT.value, "Title")
    if version == 2:
        assert after[3] == 3  # ID3v2.2 has no place for XMP, so this one tag is raised
        assert b"APIC" in after
    else:
        assert after[3] == version
        for whole in (
            frame(version, b"APIC", PICTURE),
            frame(version, b"CHAP", CHAPTER),
            frame(version, b"XYZ9", b"unknown"),
        ):
            assert whole in after


@pytest.mark.parametrize("version", [3, 4])
def test_frames_with_flags_frames_beyond_decoding_and_the_tag_at_the_end_stay_byte_for_byte(
    version: int, tmp_path: Path
) -> None:
    frames = [
        frame(version, b"TPE1", b"\x00Artist", flags=0x4000 if version == 4 else 0x8000),
        frame(version, b"TALB", b"\x03\xff\xfe\xfd" if version == 4 else b"\x01\xff\xfe\x00\xd8"),
        frame(version, b"PRIV", b"owner\x00secret"),
        frame(version, b"GEOB", b"\x00text/plain\x00a.txt\x00\x00content"),
        frame(version, b"TPE2", b"\x00one/two"),
        frame(version, b"COMM", b"\x00engnote\x00foreign"),
    ]
    last = b"TAG" + b"old title".ljust(125, b"\0")
    after = write(MP3, tmp_path, tag(version, *frames) + sound() + last, SLOTS)
    assert all(whole in after for whole in frames)
    assert after.endswith(sound() + last)
    assert list(read(MP3, after).values("TPE2")) == ["one/two"]


@pytest.mark.parametrize("version", [3, 4])
def test_names_and_values_are_written_exactly_as_given(version: int, tmp_path: Path) -> None:
    given = Tag("Құрал Name=1", "x" + "TAG".ljust(127, "y"))  # what would look like ID3v1 to whoever saves the tag
    after = write(MP3, tmp_path, tagged_mp3(version), Slots(tags=(given,)))
    assert [(entry.name, entry.value) for entry in read(MP3, after).tags if entry.name == given.name] == [
        (given.name, given.value)
    ]


def test_id3_of_version_2_2_stays_when_only_tags_are_written(tmp_path: Path) -> None:
    after = write(MP3, tmp_path, tagged_mp3(2), Slots(tags=(AIGC,)))
    assert after[3] == 2
    assert frame(2, b"XYZ", b"?") in after
    assert tags_seen(after)["aigc"] == AIGC.value


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_writing_the_same_again_changes_nothing(kind: str, tmp_path: Path) -> None:
    container = {"mp3": MP3, "flac": FLAC}[kind]
    once = write(container, tmp_path, golden(kind), SLOTS)
    assert write(container, tmp_path, once, SLOTS) == once


def test_padding_is_used_up_before_the_sound_moves(tmp_path: Path) -> None:
    before = tagged_mp3(4, padding=500)
    after = write(MP3, tmp_path, before, Slots(tags=(AIGC,)))
    assert len(after) == len(before)


def test_an_mp3_without_a_tag_gets_one(tmp_path: Path) -> None:
    after = write(MP3, tmp_path, sound(), SLOTS)
    assert list(read(MP3, after).values("AIGC")) == [AIGC.value]
    assert after.endswith(sound())


def test_unsynchronised_tags_are_understood(tmp_path: Path) -> None:
    body = b"\x01\xff\xfeT\x00\xff\x00"
    old = frame(3, b"TIT2", body).replace(b"\xff", b"\xff\x00")
    whole = tag(3, old, flags=0x80) + sound()
    after = write(MP3, tmp_path, whole, Slots(tags=(AIGC,)))
    assert list(read(MP3, after).values("title")) == ["Tÿ"]
    new = frame(4, b"TIT2", body.replace(b"\xff", b"\xff\x00"), flags=0x02)
    assert list(read(MP3, tag(4, new) + sound()).values("title")) == ["Tÿ"]


def test_sizes_that_are_not_synchsafe_in_version_2_4_are_understood() -> None:
    long = b"TXXX" + (300).to_bytes(4) + bytes(2) + b"\x00long\x00" + b"x" * 294
    found = read(MP3, tag(4, long, frame(4, b"TIT2", b"\x03Title"), padding=50) + sound())
    assert list(found.values("title")) == ["Title"]
    assert list(found.values("long")) == ["x" * 294]


def test_a_manifest_in_an_mp3_is_noticed() -> None:
    store = frame(4, b"GEOB", b"\x03application/c2pa\x00c2pa\x00c2pa manifest store\x00jumb")
    assert read(MP3, tag(4, store) + sound()).manifest
    assert not read(MP3, golden("mp3")).manifest


def test_a_compressed_frame_is_told_and_kept(tmp_path: Path) -> None:
    bomb = frame(4, b"TXXX", b"\x00\x00\x00\x7fpacked", flags=0x09)
    found = read(MP3, tag(4, bomb) + sound())
    assert "TXXX" in found.damage[0]
    assert bomb in write(MP3, tmp_path, tag(4, bomb) + sound(), SLOTS)


def test_a_tag_larger_than_the_limits_is_damage() -> None:
    huge = tag(4, frame(4, b"TIT2", b"\x03" + b"x" * 5000))
    found = read(MP3, huge, Limits(max_slot_bytes=1000, max_manifest_bytes=1000))
    assert found.damage
    assert not found.tags


def test_texts_beyond_the_limits_hide_no_others() -> None:
    long = frame(4, b"TXXX", b"\x03long\x00" + b"x" * (2 << 20))
    many = frame(4, b"TPE1", b"\x03" + b"a\x00" * 5000)
    found = read(MP3, tag(4, long, many, frame(4, b"TIT2", b"\x03Title")))
    assert [entry.value for entry in found.tags] == ["Title"]
    assert len(found.damage) == 2


def test_too_many_frames_are_damage() -> None:
    many = tag(4, *[frame(4, b"TIT2", b"\x03x")] * 50)
    assert "more than 20" in read(MP3, many, Limits(max_boxes=20)).damage[0]


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_flac_keeps_its_blocks_and_its_sound(length: int, tmp_path: Path) -> None:
    before = golden("flac")
    after = write(FLAC, tmp_path, before, Slots(tags=(AIGC, COMMENT, Tag("long", "x" * length))))
    found = read(FLAC, after)
    assert list(found.values("aigc")) == [AIGC.value]
    assert list(found.values("title")) == ["Сурет"]
    assert packets(after) == packets(before)
    assert tags_seen(after)["aigc"] == AIGC.value
    if length < 1000:
        assert len(after) == len(before)  # the padding gave the room


def test_a_flac_without_comments_gets_some(tmp_path: Path) -> None:
    data = golden("flac")
    streaminfo = data[4 : 4 + 4 + 34]
    start, last = 4, False
    while not last:
        last = bool(data[start] & 0x80)
        start += 4 + int.from_bytes(data[start + 1 : start + 4])
    bare = b"fLaC" + bytes([streaminfo[0] | 0x80]) + streaminfo[1:] + data[start:]
    after = write(FLAC, tmp_path, bare, Slots(tags=(AIGC,)))
    assert packets(after) == packets(bare)
    assert tags_seen(after)["aigc"] == AIGC.value


def test_blocks_and_comments_of_any_kind_stay_in_a_flac_byte_for_byte(tmp_path: Path) -> None:
    entries = [b"ARTIST=\xc0\xe1\xe2", "ИМЯ=кто".encode(), b"no sign"]  # in another encoding, of another alphabet, odd
    body = b"\x01\0\0\0v" + struct.pack("<I", 3) + b"".join(struct.pack("<I", len(one)) + one for one in entries)
    picture = struct.pack(">II", 3, 9) + b"image/\xff\xfe\xfd" + bytes(24) + b"no length"
    blocks = {6: picture, 2: b"riffdata", 5: bytes(range(200)) * 2, 4: body, 100: b"of tomorrow"}
    data = golden("flac")
    added = b"".join(bytes([kind]) + len(block).to_bytes(3) + block for kind, block in blocks.items())
    before = data[:42] + added + data[42:]
    after = write(FLAC, tmp_path, before, Slots(tags=(AIGC,)))
    assert after[-2000:] == data[-2000:]
    assert all(block in after for kind, block in blocks.items() if kind != 4)
    assert all(entry in after for entry in entries)
    assert list(read(FLAC, after).values("AIGC")) == [AIGC.value]


def test_the_manifest_before_a_flac_stream_is_noticed_and_kept(tmp_path: Path) -> None:
    store = tag(4, frame(4, b"GEOB", b"\x03application/c2pa\x00c2pa\x00\x00jumb"))
    signed = store + golden("flac")
    assert read(FLAC, signed).manifest
    after = write(FLAC, tmp_path, signed, Slots(tags=(AIGC,)))
    assert after.startswith(store)
    assert list(read(FLAC, after).values("AIGC")) == [AIGC.value]


def test_comments_that_outgrow_a_flac_block_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(golden("flac"))
    with pytest.raises(LimitExceeded, match=r"a\.flac"):
        FLAC.write(path, Slots(tags=(Tag("x", "y" * (1 << 24)),)), DEFAULT_LIMITS)
    assert path.read_bytes() == golden("flac")


def test_a_broken_flac_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC" + struct.pack(">I", 0x84FFFFFF))
    with pytest.raises(UnreadableFile, match=r"a\.flac"):
        FLAC.write(path, SLOTS, DEFAULT_LIMITS)


def test_the_chunk_of_a_wav_is_made_and_edited() -> None:
    first = id3_with_slots(b"", SLOTS, DEFAULT_LIMITS, "a.wav")
    second = id3_with_slots(first, Slots(tags=(Tag("AIGC", "new"),)), DEFAULT_LIMITS, "a.wav")
    found = read_id3_slots(io.BytesIO(b"before" + second), 6, DEFAULT_LIMITS)
    assert list(found.values("AIGC")) == ["new"]
    assert list(found.values("comment")) == [COMMENT.value]
    assert found.xmp == SLOTS.xmp
