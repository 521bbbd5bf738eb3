"""PNG: every mode and depth keeps its own."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kzlabel.errors import UnsupportedFormat

from .pictures import Array, badge_of, label, measured_contrast, measured_height, outside, scene, shown


def write_deep(path: Path, samples: Array, *, colour: int, extra: bytes = b"") -> None:
    """A PNG of 16 bits, unfiltered. samples: (height, width, channels), uint16."""

    def chunk(type: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + type + data + struct.pack(">I", zlib.crc32(type + data))

    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def read_deep(path: Path, channels: int) -> Array:
    """An own decoder for 16-bit PNGs, (height, width, channels), uint16; slow and plain."""
    data = path.read_bytes()
    place, packed, width, height = 8, b"", 0, 0
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        type, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert zlib.crc32(type + body) == struct.unpack(">I", data[place + 8 + size : place + 12 + size])[0]
        if type == b"IHDR":
            width, height, depth = struct.unpack(">IIB", body[:9])
            assert depth == 16
        packed += body if type == b"IDAT" else b""
        place += 12 + size
    raw = zlib.decompress(packed)
    step, stride = channels * 2, width * channels * 2
    above = bytearray(stride)
    rows = []
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            left, up, corner = (line[x - step], above[x], above[x - step]) if x >= step else (0, above[x], 0)
            guess = left + up - corner
            nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
            line[x] = (line[x] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        rows.append(np.frombuffer(bytes(line), dtype=">u2"))
        above = line
    return np.array(rows, dtype=np.uint16).reshape(height, width, channels)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)], ids=["rgb", "rgba", "grey-alpha"])
def test_sixteen_bits_of_colour_stay_sixteen(colour: int, channels: int, tmp_path: Path):
    rng = np.random.default_rng(1)
    smooth = np.add.outer(np.arange(150) * 150, np.arange(200) * 120)[..., None] + np.arange(channels) * 901
    samples = (smooth + rng.integers(0, 50, smooth.shape)).astype(np.uint16)
    source = tmp_path / "deep.png"
    write_deep(source, samples, colour=colour)
    target, rendered = label("PNG", source)
    assert rendered.disclosure
    after = read_deep(target, channels)
    away = outside(rendered.disclosure)
    assert (after[away] == samples[away]).all()
    assert (after[~away] != samples[~away]).any()
    assert measured_height(badge_of(target, rendered.disclosure)) >= 12
    assert measured_contrast(badge_of(target, rendered.disclosure)) >= 4.5
    if channels != 3:
        region = rendered.disclosure.region
        assert region
        middle = after[region.y + region.height // 2, region.x : region.x + region.width, -1]
        assert (middle == 65535).all()


def test_sixteen_bits_of_grey_stay_sixteen(tmp_path: Path):
    samples = (np.add.outer(np.arange(240), np.arange(320)) * 97).astype(np.uint16)
    Image.fromarray(samples).save(tmp_path / "deep.png")
    target, rendered = label("PNG", tmp_path / "deep.png")
    assert rendered.disclosure
    with Image.open(target) as picture:
        assert picture.mode == "I;16"
        after = np.asarray(picture)
    away = outside(rendered.disclosure)
    assert (after[away] == samples[away]).all()
    region = rendered.disclosure.region
    assert region
    badge = after[region.y : region.y + region.height, region.x : region.x + region.width]
    assert badge.max() == 65535


def test_a_palette_keeps_its_entries_and_gets_a_few_more(tmp_path: Path):
    source = tmp_path / "a.png"
    Image.fromarray(scene()).quantize(100).save(source)
    target, rendered = label("PNG", source)
    with Image.open(source) as before, Image.open(target) as after:
        assert after.mode == "P"
        palette = before.getpalette() or []
        assert (after.getpalette() or [])[: len(palette)] == palette
        away = outside(rendered.disclosure)  # type: ignore[arg-type]
        assert (np.asarray(before)[away] == np.asarray(after)[away]).all()
    assert rendered.notes == ()


def test_a_full_palette_becomes_rgb_and_that_is_said(tmp_path: Path):
    indices = np.arange(256, dtype=np.uint8).repeat(400).reshape(256, 400)
    picture = Image.fromarray(indices)
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    picture.save(tmp_path / "a.png")
    target, rendered = label("PNG", tmp_path / "a.png")
    assert "RGB" in rendered.notes[0]
    assert rendered.info.detail["mode"] == "RGB"
    away = outside(rendered.disclosure)  # type: ignore[arg-type]
    assert (np.asarray(shown(tmp_path / "a.png"))[away] == np.asarray(shown(target))[away]).all()


@pytest.mark.parametrize("transparency", [3, bytes([255, 128, 0, 255])], ids=["index", "alphas"])
def test_transparent_palette_entries_stay_and_the_badge_is_opaque(transparency: object, tmp_path: Path):
    indices = np.tile(np.arange(4, dtype=np.uint8), 300 * 100).reshape(300, 400)
    picture = Image.frombytes("P", (400, 300), indices.tobytes())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.save(tmp_path / "a.png", transparency=transparency)
    target, rendered = label("PNG", tmp_path / "a.png")
    before, after = np.asarray(shown(tmp_path / "a.png")), np.asarray(shown(target))
    away = outside(rendered.disclosure)  # type: ignore[arg-type]
    assert (before[away] == after[away]).all()
    region = rendered.disclosure.region  # type: ignore[union-attr]
    assert region
    assert (after[region.y + region.height // 2, region.x : region.x + region.width, 3] == 255).all()


def test_the_badge_is_opaque_over_transparent_pixels(tmp_path: Path):
    Image.new("RGBA", (400, 300), (255, 255, 255, 0)).save(tmp_path / "a.png")
    target, rendered = label("PNG", tmp_path / "a.png")
    after = np.asarray(shown(target))
    region = rendered.disclosure.region  # type: ignore[union-attr]
    assert region
    badge = after[region.y : region.y + region.height, region.x : region.x + region.width]
    assert (badge[badge.shape[0] // 2, :, 3] == 255).all()
    assert badge[2, badge.shape[1] // 2, :3].max() < 40
    assert (after[outside(rendered.disclosure)] == (255, 255, 255, 0)).all()  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "key"), [("RGB", (255, 255, 255)), ("L", 255), ("L", 20)])
def test_a_transparent_colour_does_not_swallow_the_letters(mode: str, key: object, tmp_path: Path):
    picture = Image.new(mode, (400, 300), key)  # type: ignore[arg-type]
    picture.paste(100, (0, 150, 400, 300))
    picture.save(tmp_path / "a.png", transparency=key)
    target, rendered = label("PNG", tmp_path / "a.png")
    after = np.asarray(shown(target))
    region = rendered.disclosure.region  # type: ignore[union-attr]
    assert region
    badge = after[region.y : region.y + region.height, region.x : region.x + region.width]
    assert (badge[badge.shape[0] // 2, :, 3] == 255).all()
    away = outside(rendered.disclosure)  # type: ignore[arg-type]
    assert (np.asarray(shown(tmp_path / "a.png"))[away][:, 3] == after[away][:, 3]).all()


def test_sixteen_bit_grey_with_a_transparent_shade_is_refused_by_name(tmp_path: Path):
    samples = np.full((240, 320), 500, dtype=np.uint16)
    Image.fromarray(samples).save(tmp_path / "deep.png", transparency=500)
    with pytest.raises(UnsupportedFormat, match=r"deep\.png: "):
        label("PNG", tmp_path / "deep.png")
