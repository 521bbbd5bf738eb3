"""TIFF: every page, its mode, compression and resolution; what cannot be kept is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import AppendingTiffWriter

from kzlabel.errors import UnsupportedFormat

from .pictures import badge_of, label, measured_height, outside, scene


def test_every_page_is_labelled_and_kept(tmp_path: Path):
    source = tmp_path / "a.tif"
    pages = [
        Image.fromarray(scene()),
        Image.fromarray(scene(500, 700)).convert("L"),
        Image.fromarray(scene(400, 300)).quantize(90),
        Image.fromarray(scene()).convert("1"),
    ]
    pages[0].save(source, save_all=True, append_images=pages[1:], compression="tiff_lzw", dpi=(150, 150))
    target, rendered = label("TIFF", source)
    assert rendered.disclosure
    assert rendered.info.frames == 4
    with Image.open(source) as before, Image.open(target) as after:
        for page in range(4):
            before.seek(page)
            after.seek(page)
            assert (before.size, before.mode) == (after.size, after.mode)
            assert before.info["compression"] == after.info["compression"]
            assert before.info.get("dpi") == after.info.get("dpi")
            one, other = np.asarray(before.convert("RGB")), np.asarray(after.convert("RGB"))
            changed = (one != other).any(axis=2)
            assert 0.005 < changed.mean() < 0.09
            if page == 0:
                assert not changed[outside(rendered.disclosure)].any()


def test_sixteen_bits_of_grey_stay_in_either_byte_order(tmp_path: Path):
    samples = (np.add.outer(np.arange(240), np.arange(320)) * 97).astype(np.uint16)
    Image.fromarray(samples).save(tmp_path / "little.tif")
    Image.fromarray(samples.astype(">u2")).save(tmp_path / "big.tif")
    for name in ("little.tif", "big.tif"):
        target, rendered = label("TIFF", tmp_path / name)
        with Image.open(target) as picture:
            assert picture.mode.startswith("I;16")
            after = np.asarray(picture)
        away = outside(rendered.disclosure)  # type: ignore[arg-type]
        assert (after[away] == samples[away]).all()
        assert (after[~away] != samples[~away]).any()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_each_page_keeps_its_own_texts(compression: str, tmp_path: Path):
    source = tmp_path / "a.tif"
    pages = [Image.fromarray(scene(300, 200, step=step)) for step in (0, 50)]
    with source.open("w+b") as file, AppendingTiffWriter(file) as writer:
        for page, title in zip(pages, ("бірінші", "екінші"), strict=True):
            tags = {270: title.encode(), 305: b"Scanner", 700: f"<x>{title}</x>".encode()}
            page.save(writer, "TIFF", tiffinfo=tags, compression=compression)
            writer.newFrame()
    target, _ = label("TIFF", source)
    with Image.open(target) as picture:
        for number, title in enumerate(("бірінші", "екінші")):
            picture.seek(number)
            found = picture.tag_v2  # type: ignore[attr-defined]
            assert found[270].encode("latin-1").rstrip(b"\0").decode() == title
            assert found[305].rstrip("\0") == "Scanner"
            assert title.encode() in bytes(found[700])


@pytest.mark.parametrize("big", [False, True], ids=["little-endian", "big-endian"])
def test_texts_exif_and_profile_stay_in_either_byte_order(big: bool, tmp_path: Path):
    source = tmp_path / "a.tif"
    samples = (np.add.outer(np.arange(240), np.arange(320)) * 97).astype(">u2" if big else "<u2")
    exif = Image.Exif()
    exif[270], exif[271] = "a hill", "Maker"
    exif.get_ifd(0x8769).update({33434: 0.0125, 34855: 400, 36867: "2026:01:02 03:04:05"})
    Image.fromarray(samples).save(source, exif=exif.tobytes(), icc_profile=b"\0" * 128 + b"profile", dpi=(240, 240))
    assert source.read_bytes()[:2] == (b"MM" if big else b"II")
    target, _ = label("TIFF", source)
    with Image.open(target) as picture:
        found = picture.getexif()
        assert (found[270], found[271]) == ("a hill", "Maker")
        inner = found.get_ifd(0x8769)
        assert (float(inner[33434]), inner[34855], inner[36867]) == (0.0125, 400, "2026:01:02 03:04:05")
        assert picture.info["icc_profile"].endswith(b"profile")
        assert picture.info["dpi"] == (240, 240)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_page_stays_turned_and_its_badge_is_upright(orientation: int, tmp_path: Path):
    source = tmp_path / "a.tif"
    Image.fromarray(scene(600, 400)).save(source, tiffinfo={274: orientation})
    target, rendered = label("TIFF", source)
    assert rendered.disclosure
    assert rendered.info.detail["orientation"] == orientation
    with Image.open(source) as one, Image.open(target) as other:
        before, after = (np.asarray(ImageOps.exif_transpose(picture).convert("RGB")) for picture in (one, other))
    assert before.shape == after.shape
    changed = (before != after).any(axis=2)
    assert not changed[outside(rendered.disclosure)].any()
    assert measured_height(badge_of(target, rendered.disclosure)) == rendered.disclosure.glyph_height


def test_colour_of_more_than_eight_bits_is_refused_by_name(tmp_path: Path):
    source = tmp_path / "deep.tif"
    Image.new("RGB", (320, 240)).save(source)
    data = bytearray(source.read_bytes())
    place = data.index(b"\x02\x01\x03\x00\x03\x00\x00\x00") + 8  # BitsPerSample, three SHORTs
    offset = int.from_bytes(data[place : place + 4], "little")
    data[offset : offset + 6] = b"\x10\0" * 3
    source.write_bytes(data)
    with pytest.raises(UnsupportedFormat, match=r"deep\.tif: .*16 bits"):
        label("TIFF", source)


def test_floating_point_is_refused_by_name(tmp_path: Path):
    Image.fromarray(np.zeros((240, 320), dtype=np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(UnsupportedFormat, match=r"float\.tif: "):
        label("TIFF", tmp_path / "float.tif")


def test_a_camera_s_raw_file_is_refused_by_name(tmp_path: Path):
    Image.new("RGB", (320, 240)).save(tmp_path / "raw.tif", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(UnsupportedFormat, match=r"raw\.tif: .*raw"):
        label("TIFF", tmp_path / "raw.tif")


def test_a_preview_too_small_for_a_badge_stays_without_one(tmp_path: Path):
    source = tmp_path / "a.tif"
    preview = Image.fromarray(scene(24, 18))
    preview.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    Image.fromarray(scene()).save(source, save_all=True, append_images=[preview])
    target, rendered = label("TIFF", source)
    assert "preview" in rendered.notes[0]
    with Image.open(target) as picture:
        picture.seek(1)
        assert (np.asarray(picture) == scene(24, 18)).all()
