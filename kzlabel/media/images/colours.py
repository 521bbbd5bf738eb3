"""Fits pixels into a palette of 256: exactly where they have no more colours, else keeping the ones used most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MOST = 255  # one entry is left for the transparent ones
# Up to here the rare colours go to the nearest of the frequent ones, which then stay exact; beyond, all are averaged.
NEAREST_UP_TO = 2048


def to_palette(
    pixels: np.ndarray[Any, np.dtype[np.uint8]], shown: np.ndarray[Any, np.dtype[np.bool_]]
) -> tuple[Image.Image, int | None, bool]:
    """A picture of mode P.

    pixels: (height, width, 3), uint8. shown: (height, width); what is False becomes transparent.
    Returns the picture, the index of its transparent entry or None, and whether every colour shown was kept.
    """
    import numpy as np
    from PIL import Image

    codes = pixels[shown].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours, which, counts = np.unique(codes, return_inverse=True, return_counts=True)
    exact = len(colours) <= MOST
    if len(colours) <= NEAREST_UP_TO:
        palette, entry = _most_used(_split(colours), counts)
        values = entry[which]
    else:
        palette, values = _averaged(pixels[shown])
    indices = np.zeros(shown.shape, dtype=np.uint8)
    indices[shown] = values
    clear = None
    if not shown.all():
        clear = len(palette)
        indices[~shown] = clear
        palette = np.concatenate([palette, np.zeros((1, 3), dtype=np.uint8)])
    picture = Image.frombytes("P", (shown.shape[1], shown.shape[0]), indices.tobytes())
    picture.putpalette(palette.tobytes() or b"\0\0\0")
    return picture, clear, exact


def _split(codes: Any) -> Any:
    import numpy as np

    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)


def _most_used(colours: Any, counts: Any) -> tuple[Any, Any]:
    """The palette, and for each colour the index of the entry nearest to it."""
    import numpy as np

    order = np.argsort(-counts, kind="stable")[:MOST]
    palette = colours[order]
    distances = ((colours[:, None, :].astype(np.int32) - palette[None, :, :].astype(np.int32)) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1) if len(palette) else np.zeros(0, dtype=np.int64)
    return palette, nearest.astype(np.uint8)


def _averaged(pixels: Any) -> tuple[Any, Any]:
    import numpy as np
    from PIL import Image

    row = Image.fromarray(pixels[None, :, :])
    reduced = row.quantize(MOST, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)[:MOST]
    return palette, np.asarray(reduced)[0]
