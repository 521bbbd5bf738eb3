"""Contrast as WCAG 2.2 defines it, and as it is found in a picture once the badge stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

LEAST = 4.5  # WCAG 2.2, success criterion 1.4.3, level AA

Colour = tuple[int, int, int]
"""sRGB, 0..255."""


def luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: Colour, other: Colour) -> float:
    """Contrast ratio of two colours, 1..21."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def measured(region: Image.Image, ground: Image.Image, ink: Image.Image) -> float:
    """The least contrast between light ink and dark ground in `region`.

    ground, ink: masks (mode L, of the region's size) of the pixels that are wholly the one or the other.
    Each channel counts with its worst pixel, so the real contrast is at least what is returned.
    """
    colours = region if region.mode == "RGB" else region.convert("RGB")
    red, green, blue = (_ends(colours, ground, channel)[1] for channel in range(3))
    brightest_ground = (red, green, blue)
    red, green, blue = (_ends(colours, ink, channel)[0] for channel in range(3))
    darkest_ink = (red, green, blue)
    if luminance(darkest_ink) <= luminance(brightest_ground):
        return 1.0
    return ratio(darkest_ink, brightest_ground)


def _ends(colours: Image.Image, mask: Image.Image, channel: int) -> tuple[int, int]:
    counts = colours.getchannel(channel).histogram(mask)
    present = [value for value, count in enumerate(counts) if count]
    return (present[0], present[-1]) if present else (0, 255)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
