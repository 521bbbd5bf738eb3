from __future__ import annotations

import io
import struct
import wave
from dataclasses import replace
from pathlib import Path

import mutagen.wave
import pytest
from PIL import Image

from kzlabel.containers.base import Container, Slots, Tag
from kzlabel.containers.riff import AVI, WAV, WEBP
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, exif_block, wav, webp


def packed(id: bytes, data: bytes) -> bytes:
    return id + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) & 1)


def riff(form: bytes, *chunks: bytes) -> bytes:
    return packed(b"RIFF", form + b"".join(chunks))


def read(container: Container, data: bytes, **limits: int) -> Slots:
    return container.read(io.BytesIO(data), replace(DEFAULT_LIMITS, **limits))


@pytest.mark.parametrize(("lossless", "mode"), [(False, "RGB"), (True, "RGB"), (True, "RGBA")])
def test_a_simple_webp_becomes_an_extended_one_of_the_same_size(lossless: bool, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(webp(lossless=lossless, mode=mode))
    WEBP.write(path, Slots(xmp=(FOREIGN_XMP,), exif=exif_block()), DEFAULT_LIMITS)
    data = path.read_bytes()
    assert data[12:16] == b"VP8X"
    assert data[20] & 0x0C == 0x0C
    assert bool(data[20] & 0x10) == (mode == "RGBA")
    assert (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1) == (48, 32)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    with Image.open(path) as opened:
        assert opened.getexif()[271] == "Optica"


def test_exif_stands_before_xmp_whichever_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(webp())
    WEBP.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    WEBP.write(path, Slots(exif=exif_block()), DEFAULT_LIMITS)
    data = path.read_bytes()
    assert 0 < data.find(b"EXIF") < data.find(b"XMP ")


def test_a_profile_is_carried_to_its_place(tmp_path: Path) -> None:
    source, target = tmp_path / "a.webp", tmp_path / "b.webp"
    with Image.open(io.BytesIO(webp())) as opened:
        opened.save(source, "WEBP", icc_profile=b"a profile")
    target.write_bytes(webp())
    WEBP.carry(source, target, DEFAULT_LIMITS)
    data = target.read_bytes()
    assert 0 < data.find(b"ICCP") < data.find(b"VP8 ")
    with Image.open(target) as opened:
        assert opened.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize("container", [WEBP, WAV, AVI])
def test_a_manifest_store_is_noticed(container: Container) -> None:
    form = {WEBP: b"WEBP", WAV: b"WAVE", AVI: b"AVI "}[container]
    assert read(container, riff(form, packed(b"C2PA", b"store"))).manifest


def test_the_marks_of_a_wav_stand_where_each_reader_looks(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav())
    tags = (Tag("DigitalSourceType", "uri"), Tag("AIGC", '{"Label":"1"}'), Tag("Comment", "ЖИ"))
    WAV.write(path, Slots(xmp=(FOREIGN_XMP,), tags=tags), DEFAULT_LIMITS)
    data = path.read_bytes()
    assert packed(b"AIGC", b'{"Label":"1"}') in data
    assert packed(b"_PMX", FOREIGN_XMP) in data
    assert packed(b"ICMT", "ЖИ\0".encode()) in data
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert str(mutagen.wave.WAVE(path)["TXXX:DigitalSourceType"]) == "uri"
    with wave.open(str(path)) as sound:
        assert sound.readframes(200) == bytes(range(101))


def test_writing_a_wav_again_replaces_each_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff(b"WAVE", wav()[12:] + b"\0", packed(b"LIST", b"INFO" + packed(b"INAM", b"Song\0"))))
    for text in ("one", "two"):
        WAV.write(path, Slots(tags=(Tag("Comment", text), Tag("AIGC", text), Tag("X", text))), DEFAULT_LIMITS)
    found = [(tag.name, tag.value) for tag in read(WAV, path.read_bytes()).tags]
    assert sorted(found) == [("AIGC", "two"), ("Comment", "two"), ("Title", "Song"), ("X", "two"), ("comment", "two")]


def test_the_texts_of_an_avi_are_read_also_in_its_later_parts() -> None:
    first = riff(b"AVI ", packed(b"LIST", b"INFO" + packed(b"AIGC", b'{"Label":"1"}\0')), packed(b"_PMX", FOREIGN_XMP))
    later = riff(b"AVIX", packed(b"LIST", b"movi" + bytes(8)), packed(b"LIST", b"INFO" + packed(b"ISFT", b"Lavf\0")))
    found = read(AVI, first + later)
    assert found.xmp == (FOREIGN_XMP,)
    assert [(tag.name, tag.value) for tag in found.tags] == [("AIGC", '{"Label":"1"}'), ("Software", "Lavf")]


def test_a_recording_of_more_than_4_gb_is_read_and_not_written(tmp_path: Path) -> None:
    ds64 = packed(b"ds64", struct.pack("<QQQI", 0, 4, 4, 0))
    body = b"WAVE" + ds64 + b"data\xff\xff\xff\xff" + bytes(4) + packed(b"AIGC", b"{}")
    path = tmp_path / "a.wav"
    path.write_bytes(b"RF64\xff\xff\xff\xff" + body)
    assert [tag.name for tag in read(WAV, path.read_bytes()).tags] == ["AIGC"]
    with pytest.raises(LimitExceeded, match="RF64"):
        WAV.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)


def test_a_wav_whose_sound_is_cut_off_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav()[:-20])
    with pytest.raises(UnreadableFile, match="cut off"):
        WAV.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)


def test_films_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(riff(b"AVI "))
    with pytest.raises(UnreadableFile, match="read only"):
        AVI.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)


def test_more_chunks_than_the_limit_end_the_walk() -> None:
    assert "more than 10" in read(WAV, riff(b"WAVE", packed(b"junk", b"") * 20), max_boxes=10).damage[0]
