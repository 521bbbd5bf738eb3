from __future__ import annotations

import io
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.png import PNG
from kzlabel.errors import LimitExceeded
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, chunk, exif_block, picture, pixels, png


def read(data: bytes, **limits: int) -> Slots:
    return PNG.read(io.BytesIO(data), replace(DEFAULT_LIMITS, **limits))


def with_chunks(*chunks: bytes, last: bool = False) -> bytes:
    """A PNG with these chunks behind IHDR, or before IEND."""
    data = png()
    place = len(data) - 12 if last else 33
    return data[:place] + b"".join(chunks) + data[place:]


def test_texts_of_all_three_kinds_are_read_wherever_they_stand() -> None:
    found = read(with_chunks(chunk(b"tEXt", b'AIGC\0{"AIGC":{"Label":"1"}}'), last=True))
    assert [(tag.name, tag.value[:12], tag.place) for tag in found.tags] == [
        ("Title", "Evening", "PNG tEXt"),
        ("Note", "packed packe", "PNG zTXt"),
        ("Автор".encode().decode("latin-1"), "Ән", "PNG iTXt"),
        ("AIGC", '{"AIGC":{"La', "PNG tEXt"),
    ]
    assert found.exif == exif_block()


def test_a_packed_packet_is_inflated() -> None:
    data = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(FOREIGN_XMP)
    assert read(with_chunks(chunk(b"iTXt", data))).xmp == (FOREIGN_XMP,)


def test_a_text_that_inflates_past_the_limit_is_damage_and_hides_nothing() -> None:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"0" * 30_000_000, 9))
    found = read(with_chunks(bomb))
    assert "Comment" not in [tag.name for tag in found.tags]
    assert "packed text chunk" in found.damage[0]
    assert found.exif == exif_block()


def test_a_text_that_cannot_be_inflated_is_damage_and_hides_nothing() -> None:
    found = read(with_chunks(chunk(b"zTXt", b"Comment\0\0no deflate")))
    assert "cannot be inflated" in found.damage[0]
    assert found.exif == exif_block()


def test_a_manifest_store_is_noticed() -> None:
    assert read(with_chunks(chunk(b"caBX", b"store"))).manifest


def test_a_tag_replaces_those_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    PNG.write(path, Slots(tags=(Tag("Title", "Кеш"), Tag("AIGC", "{}"))), DEFAULT_LIMITS)
    values = {tag.name: tag.value for tag in read(path.read_bytes()).tags}
    assert values["Title"] == "Кеш"
    assert values["AIGC"] == "{}"
    with Image.open(path) as opened:
        opened.load()
        assert opened.info["Title"] == "Кеш"


def test_a_name_that_is_no_keyword_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    with pytest.raises(LimitExceeded, match="1 to 79"):
        PNG.write(path, Slots(tags=(Tag("Жасанды", "x"),)), DEFAULT_LIMITS)


def test_carrying_leaves_what_depends_on_the_pixels(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    kept = [chunk(b"gAMA", (45455).to_bytes(4)), chunk(b"prVa", b"of some program")]
    left = [chunk(b"caBX", b"store"), chunk(b"bKGD", bytes(6)), chunk(b"prVA", b"unsafe"), chunk(b"tIME", bytes(7))]
    source.write_bytes(with_chunks(*kept, *left))
    picture().save(target, "PNG")
    PNG.carry(source, target, DEFAULT_LIMITS)
    data = target.read_bytes()
    assert [each in data for each in kept] == [True] * 2
    assert [each in data for each in left] == [False] * 4
    assert pixels(target)


def test_a_moving_png_keeps_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture().save(path, "PNG", save_all=True, append_images=[picture(turned=True)], duration=40)
    before = pixels(path)
    PNG.write(path, Slots(xmp=(FOREIGN_XMP,), exif=exif_block()), DEFAULT_LIMITS)
    assert pixels(path) == before
    assert len(before) == 2


def test_a_file_that_ends_early_still_shows_the_marks_before() -> None:
    data = with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + FOREIGN_XMP))
    found = read(data[: data.index(b"IDAT") + 6])
    assert found.xmp == (FOREIGN_XMP,)
    assert "cut off" in found.damage[0]
