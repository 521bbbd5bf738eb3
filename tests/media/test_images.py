"""What holds for every picture format."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kzlabel.containers.base import Slots
from kzlabel.disclosure.plan import DisclosurePlan, Form
from kzlabel.errors import LimitExceeded, RequirementNotMet, UnreadableFile, UnsupportedFormat
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media import HEADER_BYTES, RenderPlan, detect
from kzlabel.media.images import FORMATS

from .pictures import adapter, badge_of, label, measured_contrast, measured_height, outside, psnr, scene, shown

Maker = Callable[[Path], None]


def still(mode: str = "RGB", **settings: object) -> Maker:
    return lambda path: Image.fromarray(scene()).convert(mode).save(path, **settings)


# name of the case -> format, file name, how it is made, least PSNR outside the badge (inf: bit by bit the same)
STILLS: dict[str, tuple[str, str, Maker, float]] = {
    "jpeg": ("JPEG", "a.jpg", still(quality=88), 42),
    "jpeg-progressive": ("JPEG", "a.jpg", still(quality=88, progressive=True), 42),
    "jpeg-grey": ("JPEG", "a.jpg", still("L"), 42),
    "jpeg-cmyk": ("JPEG", "a.jpg", still("CMYK", quality=90), 42),
    "png": ("PNG", "a.png", still(), np.inf),
    "png-grey": ("PNG", "a.png", still("L"), np.inf),
    "png-grey-alpha": ("PNG", "a.png", still("LA"), np.inf),
    "png-alpha": ("PNG", "a.png", still("RGBA"), np.inf),
    "png-bitmap": ("PNG", "a.png", still("1"), np.inf),
    "png-palette": ("PNG", "a.png", still("P"), np.inf),
    "webp": ("WebP", "a.webp", still(quality=85), 40),
    "webp-lossless": ("WebP", "a.webp", still(lossless=True), np.inf),
    "webp-alpha": ("WebP", "a.webp", still("RGBA", lossless=True), np.inf),
    "avif": ("AVIF", "a.avif", still(quality=80), 40),
    "avif-444": ("AVIF", "a.avif", still(quality=80, subsampling="4:4:4"), 40),
    "gif": ("GIF", "a.gif", lambda path: Image.fromarray(scene()).quantize(64).save(path), np.inf),
    "tiff": ("TIFF", "a.tif", still(), np.inf),
    "tiff-lzw": ("TIFF", "a.tif", still(compression="tiff_lzw"), np.inf),
    "tiff-deflate": ("TIFF", "a.tif", still(compression="tiff_adobe_deflate"), np.inf),
    "tiff-group4": ("TIFF", "a.tif", still("1", compression="group4"), np.inf),
    "tiff-cmyk": ("TIFF", "a.tif", still("CMYK"), np.inf),
    "tiff-palette": ("TIFF", "a.tif", lambda path: Image.fromarray(scene()).quantize(200).save(path), np.inf),
    "tiff-jpeg": ("TIFF", "a.tif", still(compression="jpeg"), 38),
}
cases = pytest.mark.parametrize("case", STILLS)


@pytest.fixture
def made(case: str, tmp_path: Path) -> tuple[str, Path, float]:
    name, file, maker, least = STILLS[case]
    maker(tmp_path / file)
    return name, tmp_path / file, least


@cases
def test_the_badge_is_there_and_nothing_else_changed(made: tuple[str, Path, float]):
    name, source, least = made
    target, rendered = label(name, source)
    assert rendered.disclosure
    before, after = np.asarray(shown(source)), np.asarray(shown(target))
    assert before.shape == after.shape
    away = outside(rendered.disclosure, margin=0 if least == np.inf else 8)
    assert psnr(before[away], after[away]) >= least
    assert (before[~away] != after[~away]).mean() > 0.3


@cases
def test_letters_and_contrast_hold_when_measured_in_the_output(made: tuple[str, Path, float]):
    name, source, _ = made
    target, rendered = label(name, source)
    assert rendered.disclosure
    badge = badge_of(target, rendered.disclosure)
    assert measured_height(badge) >= 15  # 3 % of 480 is 14.4
    assert rendered.disclosure.glyph_height
    assert abs(measured_height(badge) - rendered.disclosure.glyph_height) <= 1
    assert measured_contrast(badge) >= 4.5


@cases
def test_size_mode_and_header_stay(made: tuple[str, Path, float]):
    name, source, _ = made
    target, rendered = label(name, source)
    with Image.open(source) as before, Image.open(target) as after:
        assert (before.format, before.size, before.mode) == (after.format, after.size, after.mode)
        if name == "TIFF":
            assert before.info.get("compression") == after.info.get("compression")
    assert (rendered.info.width, rendered.info.height, rendered.info.frames) == (640, 480, 1)


@cases
def test_labelling_is_reproducible(made: tuple[str, Path, float]):
    name, source, _ = made
    first = label(name, source)[0].read_bytes()
    source.with_name(f"labelled-{source.name}").unlink()
    assert label(name, source)[0].read_bytes() == first


@cases
def test_without_a_disclosure_the_bytes_stay(made: tuple[str, Path, float], tmp_path: Path):
    name, source, _ = made
    target = tmp_path / "copy"
    rendered = adapter(name).render(source, target, RenderPlan())
    adapter(name).check(source, target, rendered, DEFAULT_LIMITS)
    assert target.read_bytes() == source.read_bytes()
    assert rendered.disclosure is None


@cases
def test_the_content_decides_what_it_is(made: tuple[str, Path, float]):
    name, source, _ = made
    found = detect(source.read_bytes()[:HEADER_BYTES], "holiday.mp3", FORMATS)
    assert found
    assert found.name == name


@cases
def test_limits_hold_before_anything_is_decoded(made: tuple[str, Path, float]):
    name, source, _ = made
    with pytest.raises(LimitExceeded, match=f"{source.name}: .*max_pixels"):
        adapter(name).probe(source, Limits(max_pixels=640 * 480 - 1))
    assert adapter(name).probe(source, Limits(max_pixels=640 * 480)).width == 640


@cases
def test_a_truncated_file_is_refused(made: tuple[str, Path, float], tmp_path: Path):
    name, source, _ = made
    whole = source.read_bytes()
    for share in (0.1, 0.5, 0.9):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableFile, match=r"cut: .*"):
            label(name, cut)


def test_a_picture_too_small_is_refused_by_name(tmp_path: Path):
    Image.new("RGB", (12, 12)).save(tmp_path / "dot.png")
    with pytest.raises(RequirementNotMet, match=r"dot\.png: .*12 x 12"):
        label("PNG", tmp_path / "dot.png")


def test_a_small_picture_gets_a_strip(tmp_path: Path):
    Image.fromarray(scene(48, 48)).save(tmp_path / "icon.png")
    _, rendered = label("PNG", tmp_path / "icon.png")
    assert rendered.disclosure
    assert rendered.disclosure.form is Form.BORDER


@pytest.mark.parametrize(
    ("side", "words"), [(256, "the short one was taken"), (40, "a strip along its edge was taken, with kk only")]
)
def test_a_label_with_less_than_was_asked_for_is_told(side: int, words: str, tmp_path: Path):
    source = tmp_path / "a.png"
    Image.new("RGB", (side, side), (40, 90, 160)).save(source)
    _, rendered = label("PNG", source)
    assert [note for note in rendered.notes if note.endswith(words)]


def test_progress_ends_at_one(tmp_path: Path):
    frames = [Image.fromarray(scene(200, 150, step=step)) for step in range(0, 120, 30)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], duration=40)
    seen: list[float] = []
    label("WebP", tmp_path / "a.webp", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) >= 4


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a - b --><!DOCTYPE svg PUBLIC 'x' 'y'>\n<svg width='1'>", "SVG"),
        (b"<?xml version='1.0'?><svg:svg xmlns:svg='http://www.w3.org/2000/svg'>", "SVG"),
        ("\ufeff<?xml version='1.0'?><svg>".encode("utf-16-le"), "SVG"),
        (b"II+\0\x08\0\0\0", "TIFF"),
    ],
)
def test_formats_are_told_by_their_first_bytes(header: bytes, name: str):
    found = detect(header, "x", FORMATS)
    assert found
    assert found.name == name


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"<html><body><svg>",
        b"<!DOCTYPE html><svg>",
        b"<svgfoo>",
        b"<!-- <svg> -->",
        b"II*\0\x10\0\0\0CR\x02\0",
        b"\0\0\0\x18ftypisom\0\0\0\0isomiso2",
        b"RIFF\0\0\0\0WAVE",
        b"<!--" * 16000,
        b"<?a?>" * 12000 + b"<html>",
    ],
)
def test_what_is_no_picture_is_left_to_others(header: bytes):
    assert detect(header, "x.png", FORMATS) is None


@pytest.mark.parametrize("name", ["HEIC", "JPEG XL", "SVG"])
def test_a_format_that_cannot_be_written_is_refused_with_advice(name: str, tmp_path: Path):
    source = tmp_path / "photo"
    source.write_bytes(b"x")
    with pytest.raises(UnsupportedFormat, match=r"photo: .* can be verified but not yet labelled; convert it to"):
        adapter(name).render(source, tmp_path / "out", RenderPlan(DisclosurePlan()))


def test_a_size_that_the_header_only_claims_is_refused_at_once(tmp_path: Path):
    claims = {
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0) + b"\0" * 4,
        "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + bytes(8) + b"\0\x02\0;",
        "WebP": b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\x3f\xff\xff\x3fANIM\x06\0\0\0" + bytes(6)
        + b"ANMF\x10\0\0\0" + bytes(16),
    }  # fmt: skip
    for name, content in claims.items():
        source = tmp_path / "bomb"
        source.write_bytes(content)
        with pytest.raises((LimitExceeded, UnreadableFile)):
            label(name, source)


PACKET = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- a packet --></x:xmpmeta>'
PROFILE = bytes(128) + b"a colour profile"


def described(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", orientation
    return exif.tobytes()


@pytest.mark.parametrize(
    ("name", "file", "settings"),
    [
        ("JPEG", "a.jpg", {"xmp": PACKET}),
        ("PNG", "a.png", {}),
        ("WebP", "a.webp", {"xmp": PACKET}),
        ("AVIF", "a.avif", {"xmp": PACKET}),
        ("TIFF", "a.tif", {"compression": "tiff_lzw"}),
    ],
)
def test_exif_xmp_and_profile_are_still_there(name: str, file: str, settings: dict[str, object], tmp_path: Path):
    source = tmp_path / file
    Image.fromarray(scene()).save(source, exif=described(), icc_profile=PROFILE, **settings)
    if "xmp" not in settings:
        container = adapter(name).container
        assert container
        container.write(source, Slots(xmp=(PACKET,)), DEFAULT_LIMITS)
    target, _ = label(name, source)
    with Image.open(target) as picture:
        assert picture.getexif()[271] == "Maker"
        assert picture.info["icc_profile"] == PROFILE
    container = adapter(name).container
    assert container
    with target.open("rb") as file_object:
        found = container.read(file_object, DEFAULT_LIMITS)
    assert [packet.strip() for packet in found.xmp] == [PACKET]
    assert found.damage == ()


def test_a_gif_s_comment_is_still_there(tmp_path: Path):
    Image.fromarray(scene()).quantize(60).save(tmp_path / "a.gif", comment=b"a comment")
    target, _ = label("GIF", tmp_path / "a.gif")
    with Image.open(target) as picture:
        assert picture.info["comment"] == b"a comment"


@pytest.mark.parametrize(("name", "file"), [("PNG", "a.png"), ("WebP", "a.webp"), ("AVIF", "a.avif")])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_badge_is_upright_in_every_format(name: str, file: str, orientation: int, tmp_path: Path):
    source = tmp_path / file
    settings = {} if name == "PNG" else {"quality": 95}
    Image.fromarray(scene(600, 400)).save(source, exif=described(orientation), **settings)
    target, rendered = label(name, source)
    assert rendered.disclosure
    assert rendered.info.detail["orientation"] == orientation
    before, after = np.asarray(shown(source)), np.asarray(shown(target))
    assert before.shape == after.shape
    assert (rendered.info.width, rendered.info.height) == before.shape[1::-1]
    away = outside(rendered.disclosure, margin=8)
    assert psnr(before[away], after[away]) > 38
    assert abs(measured_height(badge_of(target, rendered.disclosure)) - (rendered.disclosure.glyph_height or 0)) <= 1
    with Image.open(target) as picture:
        assert picture.getexif()[271] == "Maker"


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "AVIF", "GIF", "TIFF"])
def test_slots_reach_the_container(name: str, tmp_path: Path):
    file = f"a.{'tif' if name == 'TIFF' else name.lower()}"
    Image.fromarray(scene()).quantize(60).convert("RGB").save(tmp_path / file)
    for plan in (DisclosurePlan(), None):
        target = tmp_path / f"out{plan is None}"
        adapter(name).render(tmp_path / file, target, RenderPlan(plan, slots=Slots(xmp=(PACKET,))))
        container = adapter(name).container
        assert container
        with target.open("rb") as written:
            assert [packet.strip() for packet in container.read(written, DEFAULT_LIMITS).xmp] == [PACKET]
        with Image.open(target) as picture:
            picture.load()
