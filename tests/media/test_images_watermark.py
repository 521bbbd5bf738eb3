"""Watermarks in every picture format and mode: put in, written, and read back from what was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.base import Rendered, RenderPlan, WatermarkPlan
from kzlabel.watermark.detection import Tally
from kzlabel.watermark.image import detect, embed
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload

from .pictures import PLAN, Array, adapter, badge_of, measured_contrast, psnr, scene, shown
from .test_images_png import read_deep, write_deep

PAYLOAD = Payload("0123456789ab")
MARK = WatermarkPlan(PAYLOAD)
OPEN = (WatermarkKey(),)
Maker = Callable[[Path], None]


def textured(width: int = 512, height: int = 384, *, step: int = 0) -> Array:
    """A scene with the grain of a photograph, (height, width, 3) uint8."""
    grain = np.random.default_rng(7).normal(0, 6, (height, width, 1))
    return np.clip(scene(width, height, step=step) + grain, 0, 255).astype(np.uint8)


def half_clear(mode: str = "RGBA") -> Image.Image:
    """Wholly transparent on the left, with colours under it; a slope of alpha in the middle."""
    picture = Image.fromarray(textured()).convert(mode)
    alpha = np.broadcast_to(np.clip(np.arange(512) - 100, 0, 255), (384, 512)).astype(np.uint8)
    picture.putalpha(Image.fromarray(alpha))
    return picture


def still(mode: str = "RGB", **settings: object) -> Maker:
    return lambda path: Image.fromarray(textured()).convert(mode).save(path, **settings)


def deep(channels: int, colour: int) -> Maker:
    def make(path: Path) -> None:
        samples = textured().astype(np.uint16) * 257
        if channels == 2:
            samples = samples[..., :1]
        if channels != 3:
            alpha = np.full((*samples.shape[:2], 1), 65535, dtype=np.uint16)
            alpha[:, :64] = 0
            samples = np.concatenate([samples, alpha], axis=2)
        write_deep(path, samples, colour=colour)

    return make


def grey_16(path: Path) -> None:
    Image.fromarray(textured()[..., 0].astype(np.uint16) * 257).save(path)


def rolling(mode: str = "RGB", frames: int = 3) -> list[Image.Image]:
    """A ball that rolls over still ground."""
    made = []
    for step in range(frames):
        frame = Image.fromarray(textured())
        ImageDraw.Draw(frame).ellipse((60 * step, 220, 60 * step + 60, 280), fill=(255, 200, 0))
        made.append(frame.convert(mode))
    return made


def animated(mode: str = "RGB", **settings: object) -> Maker:
    def make(path: Path) -> None:
        first, *others = rolling(mode)
        first.save(path, save_all=True, append_images=others, duration=40, **settings)

    return make


# name of the case -> format, file name, how it is made
CASES: dict[str, tuple[str, str, Maker]] = {
    "jpeg": ("JPEG", "a.jpg", still(quality=88)),
    "jpeg-444": ("JPEG", "a.jpg", still(quality=80, subsampling=0)),
    "jpeg-progressive": ("JPEG", "a.jpg", still(quality=88, progressive=True)),
    "jpeg-grey": ("JPEG", "a.jpg", still("L", quality=88)),
    "jpeg-cmyk": ("JPEG", "a.jpg", still("CMYK", quality=90)),
    "jpeg-rgb": ("JPEG", "a.jpg", still(quality=90, keep_rgb=True)),
    "jpeg-turned": (
        "JPEG",
        "a.jpg",
        still(exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
    ),
    "png": ("PNG", "a.png", still()),
    "png-grey": ("PNG", "a.png", still("L")),
    "png-grey-alpha": ("PNG", "a.png", lambda path: half_clear("LA").save(path)),
    "png-alpha": ("PNG", "a.png", lambda path: half_clear().save(path)),
    "png-16-grey": ("PNG", "a.png", grey_16),
    "png-16-grey-alpha": ("PNG", "a.png", deep(2, 4)),
    "png-16": ("PNG", "a.png", deep(3, 2)),
    "png-16-alpha": ("PNG", "a.png", deep(4, 6)),
    "png-animated": ("PNG", "a.png", animated()),
    "png-animated-alpha": ("PNG", "a.png", animated("RGBA")),
    "webp": ("WebP", "a.webp", still(quality=85)),
    "webp-lossless": ("WebP", "a.webp", still(lossless=True)),
    "webp-alpha": ("WebP", "a.webp", lambda path: half_clear().save(path, lossless=True, exact=True)),
    "webp-animated": ("WebP", "a.webp", animated(quality=85)),
    "avif": ("AVIF", "a.avif", still(quality=80, speed=10)),
    "avif-alpha": ("AVIF", "a.avif", lambda path: half_clear().save(path, quality=80, speed=10)),
    "avif-animated": ("AVIF", "a.avif", animated(quality=80, speed=10)),
    "tiff": ("TIFF", "a.tif", still()),
    "tiff-lzw": ("TIFF", "a.tif", still(compression="tiff_lzw")),
    "tiff-jpeg": ("TIFF", "a.tif", still(compression="jpeg")),
    "tiff-grey": ("TIFF", "a.tif", still("L")),
    "tiff-alpha": ("TIFF", "a.tif", lambda path: half_clear().save(path)),
    "tiff-cmyk": ("TIFF", "a.tif", still("CMYK")),
    "tiff-ycc": ("TIFF", "a.tif", still("YCbCr")),
    "tiff-16": ("TIFF", "a.tif", grey_16),
    "tiff-turned": ("TIFF", "a.tif", still(tiffinfo={274: 6})),
    "tiff-pages": ("TIFF", "a.tif", animated()),
}
cases = pytest.mark.parametrize("case", CASES)


def made(case: str, folder: Path) -> tuple[str, Path]:
    name, file, maker = CASES[case]
    maker(folder / file)
    return name, folder / file


def mark(
    name: str, source: Path, *, disclosure: DisclosurePlan | None = None, watermark: WatermarkPlan = MARK
) -> tuple[Path, Rendered]:
    """Render beside the source and read back, as the use case does."""
    format = adapter(name)
    target = source.with_name(f"marked-{source.name}")
    target.unlink(missing_ok=True)
    rendered = format.render(source, target, RenderPlan(disclosure=disclosure, watermark=watermark))
    format.check(source, target, rendered, DEFAULT_LIMITS)
    return target, rendered


def payloads(name: str, path: Path, keys: tuple[WatermarkKey, ...] = OPEN) -> set[Payload]:
    looked = adapter(name).watermarks(path, keys, DEFAULT_LIMITS)
    assert looked.why is None
    assert {carrier for carrier, _ in looked.found} <= {"picture"}
    return {detection.payload for _, detection in looked.found}


@cases
def test_a_mark_is_read_back_from_under_a_badge(case: str, tmp_path: Path):
    name, source = made(case, tmp_path)
    target, rendered = mark(name, source, disclosure=PLAN)
    assert rendered.watermark
    assert (rendered.watermark.carriers, rendered.watermark.why) == (("picture",), None)
    assert rendered.watermark.identifier == PAYLOAD.identifier
    assert rendered.disclosure
    assert rendered.disclosure.contrast
    assert rendered.disclosure.contrast >= 4.5
    if "16" not in case:  # which Pillow shows as white
        assert measured_contrast(badge_of(target, rendered.disclosure)) >= 4.5
    assert payloads(name, target) == {PAYLOAD}


@cases
def test_a_mark_alone_is_hardly_seen_and_leaves_size_mode_and_alpha(case: str, tmp_path: Path):
    name, source = made(case, tmp_path)
    target, rendered = mark(name, source)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)
    assert rendered.disclosure is None
    with Image.open(source) as before, Image.open(target) as after:
        assert (before.size, before.mode, getattr(before, "n_frames", 1)) == (
            (after.size, after.mode, getattr(after, "n_frames", 1))
        )
    one, other = np.asarray(shown(source)), np.asarray(shown(target))
    assert psnr(one[..., :3], other[..., :3]) >= 36  # one more lossy encoding counts in it
    if one.shape[-1] == 4 and name != "AVIF":
        clear = one[..., 3] == 0
        assert np.array_equal(one[..., 3], other[..., 3])
        assert np.array_equal(one[clear], other[clear])
    assert payloads(name, target) == {PAYLOAD}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_lossless_pictures_keep_forty_decibels(mode: str, tmp_path: Path):
    source = tmp_path / "a.png"
    Image.fromarray(textured()).convert(mode).save(source)
    target, _ = mark("PNG", source)
    assert psnr(np.asarray(Image.open(source)), np.asarray(Image.open(target))) >= 40


@pytest.mark.parametrize(("channels", "colour"), [(2, 4), (3, 2), (4, 6)])
def test_sixteen_bits_are_marked_in_steps_finer_than_eight(channels: int, colour: int, tmp_path: Path):
    source = tmp_path / "a.png"
    deep(channels, colour)(source)
    target, _ = mark("PNG", source)
    before, after = read_deep(source, channels).astype(int), read_deep(target, channels).astype(int)
    change = after - before
    assert len(np.unique(change % 257)) > 100
    assert np.abs(change).max() < 257 * 16
    if channels != 3:
        assert not change[..., -1].any()
        assert not change[:, :64].any()
        assert change[:, 64:, 0].any()


def test_colour_profile_stays(tmp_path: Path):
    source = tmp_path / "a.png"
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    Image.fromarray(textured()).save(source, icc_profile=profile)
    target, _ = mark("PNG", source)
    with Image.open(target) as picture:
        assert picture.info["icc_profile"] == profile


PALETTES: dict[str, tuple[str, str, Maker]] = {
    "png-palette": ("PNG", "a.png", lambda path: Image.fromarray(textured()).quantize(64).save(path)),
    "png-bitmap": ("PNG", "a.png", still("1")),
    "gif": ("GIF", "a.gif", lambda path: Image.fromarray(textured()).quantize(64).save(path)),
    "gif-animated": ("GIF", "a.gif", animated()),
    "tiff-palette": ("TIFF", "a.tif", lambda path: Image.fromarray(textured()).quantize(64).save(path)),
    "tiff-bitmap": ("TIFF", "a.tif", still("1", compression="group4")),
}


@pytest.mark.parametrize("case", PALETTES)
@pytest.mark.parametrize("disclosure", [None, PLAN], ids=["alone", "badge"])
def test_a_palette_takes_no_mark_and_the_reason_is_told(case: str, disclosure: DisclosurePlan | None, tmp_path: Path):
    name, file, maker = PALETTES[case]
    source = tmp_path / file
    maker(source)
    target, rendered = mark(name, source, disclosure=disclosure)
    assert rendered.watermark
    assert rendered.watermark.carriers == ()
    assert "palette" in (rendered.watermark.why or "")
    if disclosure is None:
        assert target.read_bytes() == source.read_bytes()


def test_nothing_is_found_where_nothing_was_put(tmp_path: Path):
    source = tmp_path / "a.jpg"
    still(quality=88)(source)
    assert payloads("JPEG", source) == set()
    Image.fromarray(textured()).quantize(64).save(tmp_path / "a.gif")
    assert payloads("GIF", tmp_path / "a.gif") == set()


@pytest.mark.parametrize(
    "picture",
    [
        Image.fromarray(textured(150, 150)),
        Image.fromarray(textured(1000, 60)),
        Image.new("L", (1, 1)),
        Image.new("RGBA", (300, 300)),
    ],
    ids=["small", "flat strip", "one pixel", "all transparent"],
)
def test_what_takes_no_mark_is_left_as_it_is_and_the_reason_is_told(picture: Image.Image, tmp_path: Path):
    source = tmp_path / "a.png"
    picture.save(source)
    target, rendered = mark("PNG", source)
    assert rendered.watermark
    assert rendered.watermark.carriers == ()
    assert rendered.watermark.why
    assert not rendered.watermark.why.startswith("watermark")
    assert target.read_bytes() == source.read_bytes()
    assert payloads("PNG", target) == set()


def test_a_picture_too_small_for_a_mark_still_gets_its_badge(tmp_path: Path):
    source = tmp_path / "a.png"
    Image.fromarray(textured(400, 150)).save(source)
    _, rendered = mark("PNG", source, disclosure=PLAN)
    assert rendered.disclosure
    assert rendered.watermark
    assert rendered.watermark.why


@pytest.mark.parametrize("shade", [0, 255, 128])
def test_a_plain_picture_is_marked_or_said_to_take_none(shade: int, tmp_path: Path):
    source = tmp_path / "a.png"
    Image.new("RGB", (400, 300), (shade, shade, shade)).save(source)
    target, rendered = mark("PNG", source)
    assert rendered.watermark
    assert bool(rendered.watermark.carriers) != bool(rendered.watermark.why)
    after = np.asarray(Image.open(target)).astype(int)
    assert np.abs(after - shade).max() <= 4


def test_what_only_a_badge_may_change_is_not_changed_for_a_mark(tmp_path: Path):
    source = tmp_path / "a.png"
    Image.fromarray(textured()).save(source, transparency=(255, 0, 255))
    target, rendered = mark("PNG", source)
    assert rendered.watermark
    assert "transparent" in (rendered.watermark.why or "")
    assert target.read_bytes() == source.read_bytes()
    _, rendered = mark("PNG", source, disclosure=PLAN)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)


def test_a_kind_that_cannot_be_drawn_on_is_copied_with_the_reason(tmp_path: Path):
    source = tmp_path / "a.tif"
    Image.fromarray(textured()[..., 0].astype(np.float32)).save(source)
    target, rendered = mark("TIFF", source)
    assert rendered.watermark
    assert rendered.watermark.why
    assert source.name not in rendered.watermark.why
    assert target.read_bytes() == source.read_bytes()


def test_pages_are_marked_one_by_one(tmp_path: Path):
    source = tmp_path / "a.tif"
    pages = [Image.fromarray(textured(width, 384)) for width in (512, 150, 480)]
    pages.insert(1, Image.fromarray(textured()).convert("1"))
    pages[0].save(source, save_all=True, append_images=pages[1:])
    target, rendered = mark("TIFF", source)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)
    assert [note[:20] for note in rendered.notes] == ["page 2: no watermark", "page 3: no watermark"]
    with Image.open(target) as picture:
        picture.seek(3)
        picture.save(tmp_path / "last.png")
    assert payloads("PNG", tmp_path / "last.png") == {PAYLOAD}


def test_ground_that_stands_still_does_so_with_its_mark(tmp_path: Path):
    source = tmp_path / "a.png"
    animated()(source)
    target, _ = mark("PNG", source)
    before = [np.asarray(shown(source, frame)).astype(int) for frame in range(3)]
    after = [np.asarray(shown(target, frame)).astype(int) for frame in range(3)]
    still = (before[0] == before[1]).all(axis=2)
    assert still.mean() > 0.8
    assert np.array_equal(after[0][still], after[1][still])
    assert np.abs(after[1] - before[1])[~still].max() <= 2
    assert target.stat().st_size < 1.5 * source.stat().st_size


def test_a_picture_beside_the_animation_has_a_mark_of_its_own(tmp_path: Path):
    source = tmp_path / "a.png"
    first, *others = rolling()
    Image.fromarray(textured()[::-1]).save(
        source, save_all=True, append_images=[first, *others], default_image=True, duration=40
    )
    target, rendered = mark("PNG", source, disclosure=PLAN)
    assert rendered.watermark
    for frame in (0, 2):
        shown(target, frame).save(tmp_path / "frame.png")
        assert payloads("PNG", tmp_path / "frame.png") == {PAYLOAD}


def test_an_animation_that_begins_black_is_marked_once_there_is_something(tmp_path: Path):
    source = tmp_path / "a.webp"
    dark = Image.new("RGBA", (512, 384))
    dark.save(source, save_all=True, append_images=rolling("RGBA", 4), duration=40, lossless=True)
    target, rendered = mark("WebP", source)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)
    assert payloads("WebP", target) == {PAYLOAD}


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path):
    source = tmp_path / "a.jpg"
    still(quality=88)(source)
    first = mark("JPEG", source, disclosure=PLAN)[0].read_bytes()
    assert mark("JPEG", source, disclosure=PLAN)[0].read_bytes() == first


def test_a_mark_of_a_secret_key_is_read_by_that_key_only(tmp_path: Path):
    source = tmp_path / "a.png"
    still()(source)
    secret, other = WatermarkKey(b"a key of sixteen or more bytes"), WatermarkKey(b"another one of sixteen bytes")
    target, _ = mark("PNG", source, watermark=replace(MARK, key=secret))
    assert payloads("PNG", target, (other, secret)) == {PAYLOAD}
    assert payloads("PNG", target, (*OPEN, other)) == set()


def test_a_gif_made_from_a_marked_picture_is_searched(tmp_path: Path):
    source = tmp_path / "a.png"
    still("L")(source)
    target, _ = mark("PNG", source)
    Image.open(target).save(tmp_path / "copy.gif")
    assert payloads("GIF", tmp_path / "copy.gif") == {PAYLOAD}


def test_a_large_jpeg_is_read_from_a_smaller_decoding(tmp_path: Path):
    source = tmp_path / "a.jpg"
    small = Image.fromarray(textured(1001, 667))
    small.resize((3003, 2001), Image.Resampling.BICUBIC).save(source, quality=90)
    target, _ = mark("JPEG", source)
    looked = adapter("JPEG").watermarks(target, OPEN, DEFAULT_LIMITS)
    (_, detection), *_ = looked.found
    assert detection.payload == PAYLOAD
    left, top, width, height = detection.place["region"]
    assert (left, top) == (0, 0)
    assert 2800 < width <= 3003
    assert 1800 < height <= 2001


def test_a_huge_picture_is_marked_and_read_by_a_smaller_one(tmp_path: Path):
    source = tmp_path / "a.tif"
    small = Image.fromarray(textured(1009, 871)[..., 0])
    small.resize((6001, 5603), Image.Resampling.BICUBIC).save(source)
    target, _ = mark("TIFF", source)
    looked = adapter("TIFF").watermarks(target, OPEN, DEFAULT_LIMITS)
    (_, detection), *_ = looked.found
    assert detection.payload == PAYLOAD
    assert detection.readings == 1
    change = np.asarray(Image.open(target)).astype(int) - np.asarray(Image.open(source))
    assert change[-2000:, -2000:].any(axis=1).all()
    assert np.abs(change).max() <= 12


def test_the_badge_stays_crisp(tmp_path: Path):
    source = tmp_path / "a.png"
    still()(source)
    plain = tmp_path / "plain.png"
    adapter("PNG").render(source, plain, RenderPlan(disclosure=PLAN))
    target, rendered = mark("PNG", source, disclosure=PLAN)
    assert rendered.disclosure
    change = badge_of(target, rendered.disclosure).astype(int) - badge_of(plain, rendered.disclosure)
    assert 1 <= np.abs(change).max() <= 4


def test_limits_hold_before_anything_is_decoded(tmp_path: Path):
    source = tmp_path / "a.png"
    still()(source)
    with pytest.raises(LimitExceeded, match="max_pixels"):
        adapter("PNG").watermarks(source, OPEN, Limits(max_pixels=1000))


def test_a_search_without_time_does_not_count_as_one(tmp_path: Path):
    source = tmp_path / "a.png"
    still()(source)
    looked = adapter("PNG").watermarks(source, OPEN, Limits(watermark_seconds=0.0))
    assert (looked.found, looked.why) == ((), "the search was given up after 0 s, the limit watermark_seconds")


@pytest.mark.parametrize("case", ["jpeg", "png", "webp", "tiff-lzw", "avif"])
def test_cut_off_files_raise_only_our_errors(case: str, tmp_path: Path):
    name, source = made(case, tmp_path)
    whole = source.read_bytes()
    for share in (0.02, 0.4, 0.9):
        source.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableFile):
            adapter(name).watermarks(source, OPEN, DEFAULT_LIMITS)


def test_readings_of_other_frames_and_keys_count_as_well(tmp_path: Path):
    """A mark that only the frame in the middle bears is found after all that was tried before."""
    plain, source = textured(256, 256), tmp_path / "a.png"
    luma = np.asarray(Image.fromarray(plain).convert("L"), np.float32)
    bearing = np.clip(np.rint(plain + embed(luma, PAYLOAD)[..., None]), 0, 255).astype(np.uint8)
    first, *others = (Image.fromarray(each) for each in (plain, plain, bearing, plain))
    first.save(source, save_all=True, append_images=others, duration=100)
    keys = (WatermarkKey(b"a secret of others"), *OPEN)
    ((_, found),) = adapter("PNG").watermarks(source, keys, DEFAULT_LIMITS).found
    tally = Tally()
    for frame in (plain, bearing):
        for key in keys:
            alone = detect(np.asarray(Image.fromarray(frame).convert("L"), np.float32), key=key, tally=tally)
    assert found.readings == alone[0].readings > 3
