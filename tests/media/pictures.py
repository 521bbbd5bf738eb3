"""Pictures for tests, drawn by code, and measurements on pictures that owe nothing to the code under test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from kzlabel.disclosure.plan import DisclosurePlan, DisclosureRecord
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.media.base import Format, Rendered, RenderPlan
from kzlabel.media.images import FORMATS

PLAN = DisclosurePlan()
Array = np.ndarray[Any, Any]


def adapter(name: str) -> Format:
    return next(format for format in FORMATS if format.name == name)


def scene(width: int = 640, height: int = 480, *, step: int = 0) -> Array:
    """A picture-like array, (height, width, 3) uint8: soft waves, moved sideways by `step`."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    x = x + step
    red, green, blue = 130 + 110 * np.sin(x / 40), 140 + 80 * np.cos(y / 31 + x / 90), 150 + 80 * np.sin(y / 23)
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def label(name: str, source: Path, plan: DisclosurePlan = PLAN, **options: Any) -> tuple[Path, Rendered]:
    """Render beside the source and read back, as the use case does."""
    format = adapter(name)
    target = source.with_name(f"labelled-{source.name}")
    rendered = format.render(source, target, RenderPlan(disclosure=plan, **options))
    format.check(source, target, rendered, options.get("limits", DEFAULT_LIMITS))
    return target, rendered


def shown(path: Path, frame: int = 0) -> Image.Image:
    """One frame as a viewer shows it, RGB or RGBA."""
    with Image.open(path) as picture:
        picture.seek(frame)
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def outside(record: DisclosureRecord, *, margin: int = 0) -> Array:
    """Mask, (height, width) of the picture as displayed: True where the badge is not."""
    region = record.region
    assert region
    mask = np.ones((region.picture_height, region.picture_width), dtype=bool)
    mask[
        max(0, region.y - margin) : region.y + region.height + margin,
        max(0, region.x - margin) : region.x + region.width + margin,
    ] = False
    return mask


def psnr(one: Array, other: Array) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def badge_of(path: Path, record: DisclosureRecord, frame: int = 0) -> Array:
    """The pixels where the badge must stand, as displayed, (height, width, 3) uint8."""
    region = record.region
    assert region
    box = (region.x, region.y, region.x + region.width, region.y + region.height)
    return np.asarray(shown(path, frame).convert("RGB").crop(box))


def measured_height(badge: Array) -> int:
    """Pixels of the first letter's ink, at half coverage: the first run of rows, and in it the first run of columns.

    The round corners, through which the picture shows, are left out: 8 pixels at letters of 16.
    """
    luma = badge[:, 8:-8].astype(float) @ [0.2126, 0.7152, 0.0722]
    plate = float(np.median(luma))
    ink = luma >= (plate + 255) / 2
    rows = ink.any(axis=1)
    top = int(np.argmax(rows))
    band = ink[top : top + int(np.argmin(rows[top:]))]
    columns = band.any(axis=0)
    left = int(np.argmax(columns))
    letter = band[:, left : left + int(np.argmin(columns[left:]))]
    found = np.flatnonzero(letter.any(axis=1))
    return int(found[-1] - found[0] + 1)


def measured_contrast(badge: Array) -> float:
    """WCAG contrast of the brightest bit of plate, seen above the letters, and the letters' strokes."""
    strip = badge[2:5, badge.shape[1] // 5 : -badge.shape[1] // 5]
    ground = max(_luminance(pixel) for pixel in strip.reshape(-1, 3))
    brightest = np.sort(badge.reshape(-1, 3).astype(int).sum(axis=1))[-50]
    ink = min(_luminance(pixel) for pixel in badge.reshape(-1, 3) if int(pixel.sum()) >= brightest)
    return (ink + 0.05) / (ground + 0.05)


def _luminance(pixel: Array) -> float:
    values = pixel / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
