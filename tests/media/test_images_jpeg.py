"""JPEG: tables, sampling, kind, colour model and orientation stay what they were."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from kzlabel.errors import LimitExceeded
from kzlabel.limits import DEFAULT_LIMITS

from .pictures import adapter, badge_of, label, measured_contrast, measured_height, outside, psnr, scene, shown


def jpeg(path: Path) -> JpegImageFile:
    with Image.open(path) as picture:
        picture.load()
        return cast("JpegImageFile", picture)


@pytest.mark.parametrize("sampling", [0, 1, 2], ids=["444", "422", "420"])
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_tables_sampling_and_kind_are_the_inputs_own(sampling: int, progressive: bool, tmp_path: Path):
    source = tmp_path / "a.jpg"
    Image.fromarray(scene()).save(source, quality=71, subsampling=sampling, progressive=progressive)
    target, _ = label("JPEG", source)
    before, after = jpeg(source), jpeg(target)
    assert before.quantization == after.quantization
    assert get_sampling(before) == get_sampling(after) == sampling
    assert before.info.get("progressive") == after.info.get("progressive")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_badge_is_upright_however_the_camera_was_held(orientation: int, tmp_path: Path):
    upright = Image.fromarray(scene(600, 400))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[274] = orientation
    stored.save(tmp_path / "turned.jpg", exif=exif, quality=92)
    upright.save(tmp_path / "upright.jpg", quality=92)
    assert psnr(np.asarray(shown(tmp_path / "turned.jpg")), np.asarray(upright)) > 35

    target, rendered = label("JPEG", tmp_path / "turned.jpg")
    _, expected = label("JPEG", tmp_path / "upright.jpg")
    assert rendered.disclosure
    assert expected.disclosure
    assert (rendered.info.width, rendered.info.height) == (600, 400)
    assert rendered.disclosure.region == expected.disclosure.region
    with Image.open(target) as picture:
        assert picture.size == stored.size
        pixels = picture.convert("RGB")
    turned = Image.Exif()
    turned[274] = orientation
    pixels.getexif()[274] = orientation
    seen = np.asarray(ImageOps.exif_transpose(pixels))
    region = rendered.disclosure.region
    assert region
    badge = seen[region.y : region.y + region.height, region.x : region.x + region.width]
    assert measured_height(badge) == expected.disclosure.glyph_height
    away = outside(rendered.disclosure, margin=8)
    assert psnr(seen[away], np.asarray(upright)[away]) > 35


def test_inverted_cmyk_of_photoshop_gets_white_letters_on_dark(tmp_path: Path):
    source = tmp_path / "a.jpg"
    Image.fromarray(scene()).convert("CMYK").save(source, quality=90)
    assert b"Adobe" in source.read_bytes()[:4096]
    target, rendered = label("JPEG", source)
    assert rendered.disclosure
    badge = badge_of(target, rendered.disclosure)
    assert measured_contrast(badge) > 7
    assert badge.max() > 245
    assert b"Adobe" in target.read_bytes()[:4096]
    assert jpeg(target).quantization == jpeg(source).quantization


def test_ycck_becomes_cmyk_of_the_same_look_and_that_is_said(tmp_path: Path):
    Image.fromarray(scene()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=92)
    data = bytearray((tmp_path / "cmyk.jpg").read_bytes())
    transform = data.index(b"Adobe") + 11
    assert data[transform] == 0
    data[transform] = 2  # the same numbers now count as YCCK: another picture, and a valid one
    source = tmp_path / "ycck.jpg"
    source.write_bytes(data)
    target, rendered = label("JPEG", source)
    assert rendered.disclosure
    assert "CMYK" in rendered.notes[0]
    away = outside(rendered.disclosure, margin=8)
    assert psnr(np.asarray(jpeg(source))[away], np.asarray(jpeg(target))[away]) > 35
    assert measured_contrast(badge_of(target, rendered.disclosure)) > 7


def test_a_jpeg_without_the_turn_to_ycc_stays_rgb(tmp_path: Path):
    source = tmp_path / "a.jpg"
    Image.fromarray(scene()).save(source, quality=90, keep_rgb=True)
    target, rendered = label("JPEG", source)
    assert rendered.disclosure
    away = outside(rendered.disclosure, margin=8)
    assert psnr(np.asarray(shown(source))[away], np.asarray(shown(target))[away]) > 42
    assert [layer[0] for layer in jpeg(target).layer] == [layer[0] for layer in jpeg(source).layer]


def test_unusual_sampling_is_written_in_full_and_said(tmp_path: Path):
    Image.fromarray(scene()).save(tmp_path / "444.jpg", subsampling=0, quality=90)
    data = bytearray((tmp_path / "444.jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    assert data[frame + 11] == 0x11
    data[frame + 11] = 0x12  # now 4:4:0; the picture is garbled by it, which does not matter here
    source = tmp_path / "440.jpg"
    source.write_bytes(data)
    target, rendered = label("JPEG", source)
    assert rendered.disclosure
    assert "4:4:4" in rendered.notes[0]
    assert get_sampling(jpeg(target)) == 0
    away = outside(rendered.disclosure, margin=8)
    assert psnr(np.asarray(shown(source))[away], np.asarray(shown(target))[away]) > 35


def test_one_table_for_all_components_stays_one(tmp_path: Path):
    source = tmp_path / "a.jpg"
    Image.fromarray(scene()).save(source, qtables=[[5] * 64], subsampling=0)
    target, _ = label("JPEG", source)
    assert [layer[3] for layer in jpeg(target).layer] == [0, 0, 0]
    assert jpeg(target).quantization == {0: [5] * 64}


def test_a_file_of_endless_scans_is_refused_before_decoding(tmp_path: Path):
    source = tmp_path / "a.jpg"
    Image.fromarray(scene()).save(source, progressive=True)
    data = source.read_bytes()
    scan = data.rindex(b"\xff\xda")
    (tmp_path / "bomb.jpg").write_bytes(data[:-2] + data[scan:-2] * 600 + b"\xff\xd9")
    with pytest.raises(LimitExceeded, match="scans"):
        adapter("JPEG").probe(tmp_path / "bomb.jpg", DEFAULT_LIMITS)


def test_resolution_and_profile_stay(tmp_path: Path):
    source = tmp_path / "a.jpg"
    profile = b"\0" * 128 + b"a colour profile"
    Image.fromarray(scene()).save(source, dpi=(300, 300), icc_profile=profile, comment=b"a comment")
    target, _ = label("JPEG", source)
    after = jpeg(target)
    assert after.info["dpi"] == (300, 300)
    assert after.info["icc_profile"] == profile
    assert after.info["comment"] == b"a comment"
    assert target.read_bytes().count(b"ICC_PROFILE") == 1
    assert struct.pack(">H", 0xFFFE) in target.read_bytes()


def test_pixels_of_no_told_size_get_none(tmp_path: Path):
    """EXIF without a resolution makes Pillow speak of 72 dpi."""
    source = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[274] = 1
    Image.fromarray(scene()).save(source, exif=exif)
    target, _ = label("JPEG", source)
    before, after = jpeg(source).info, jpeg(target).info
    assert (after["jfif_unit"], after["jfif_density"]) == (before["jfif_unit"], before["jfif_density"]) == (0, (1, 1))
