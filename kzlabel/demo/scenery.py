"""A photo-like landscape, drawn by arithmetic: what the demonstration labels as a picture and pans over as a film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    FloatArray = np.ndarray[Any, np.dtype[np.float32]]

SEED = 20260118


def landscape(width: int, height: int, *, seed: int = SEED) -> Any:
    """Mountains at sunset over a steppe. Returns a Pillow RGB image of the size asked for; same seed, same picture."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(0, width / height, width, dtype=np.float32)[None, :]

    picture = _sky(rows, columns, random)
    for depth in range(5):
        _add_ridge(picture, rows, depth, random)
    _add_steppe(picture, rows, random)

    picture += np.asarray(random.normal(0, 0.012, picture.shape), np.float32)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8), "RGB")


def _sky(rows: FloatArray, columns: FloatArray, random: Any) -> FloatArray:
    import numpy as np

    top = np.array([0.16, 0.30, 0.56], np.float32)
    horizon = np.array([0.98, 0.72, 0.48], np.float32)
    blend = np.clip(rows / 0.62, 0, 1)[..., None] ** 1.3
    sky = top * (1 - blend) + horizon * blend
    sky = np.repeat(sky, columns.shape[1], axis=1)

    distance = np.sqrt((columns - columns.max() * 0.68) ** 2 + (rows - 0.43) ** 2)
    sky += np.exp(-((distance / 0.05) ** 2))[..., None] * np.array([0.5, 0.42, 0.25], np.float32)
    sky += np.exp(-distance / 0.25)[..., None] * np.array([0.28, 0.16, 0.04], np.float32)

    clouds = _noise((rows.shape[0], columns.shape[1]), random, stretch=4.0)
    cover = np.clip((clouds - 0.56) * 3.2, 0, 1) * np.clip(1 - rows / 0.5, 0, 1)
    return np.asarray(
        sky * (1 - 0.75 * cover[..., None]) + 0.75 * cover[..., None] * np.array([1.0, 0.9, 0.84], np.float32),
        np.float32,
    )


def _add_ridge(picture: FloatArray, rows: FloatArray, depth: int, random: Any) -> None:
    """Paint one mountain ridge; the nearer (greater `depth`), the darker and lower."""
    import numpy as np

    height, width, _ = picture.shape
    base = 0.46 + 0.055 * depth
    line = base - (0.17 - 0.022 * depth) * (_curve(width, random) - 0.35)
    haze = np.array([0.62, 0.53, 0.60], np.float32)
    rock = np.array([0.15, 0.17, 0.24], np.float32)
    near = (depth + 1) / 5.5
    colour = haze * (1 - near) + rock * near

    below = rows - line[None, :]
    inside = np.clip(below * height, 0, 1)[..., None]
    texture = _noise((height, width), random, stretch=1.5)
    shade = colour * (0.78 + 0.5 * texture[..., None])
    if depth < 3:  # snow on the far summits
        snow = np.clip((0.04 - below + 0.07 * (texture - 0.5)) * 18, 0, 1)[..., None] * inside
        shade = shade * (1 - snow) + snow * np.array([0.95, 0.86, 0.85], np.float32)
    picture *= 1 - inside
    picture += inside * shade


def _add_steppe(picture: FloatArray, rows: FloatArray, random: Any) -> None:
    import numpy as np

    height, width, _ = picture.shape
    line = 0.76 - 0.03 * (_curve(width, random) - 0.5)
    inside = np.clip((rows - line[None, :]) * height, 0, 1)[..., None]
    grass = _noise((height, width), random, stretch=5.0)
    fine = random.random((height, width), np.float32)
    nearness = np.clip((rows - 0.74) / 0.26, 0, 1)
    tone = 0.45 + 0.5 * grass + 0.22 * (fine - 0.5) * nearness
    colour = np.array([0.52, 0.40, 0.20], np.float32) * (1 - 0.4 * nearness[..., None])
    picture *= 1 - inside
    picture += inside * colour * tone[..., None]


def _curve(length: int, random: Any) -> FloatArray:
    """A jagged line, 0..1, by summing octaves of interpolated noise."""
    import numpy as np

    places = np.linspace(0, 1, length, dtype=np.float32)
    total = np.zeros(length, np.float32)
    for octave in range(8):
        points = random.random(4 * 2**octave + 1).astype(np.float32)
        total += np.interp(places, np.linspace(0, 1, len(points)), points).astype(np.float32) * 0.5**octave
    return np.asarray((total - total.min()) / (total.max() - total.min()), np.float32)


def _noise(shape: tuple[int, int], random: Any, *, stretch: float) -> FloatArray:
    """Smooth two-dimensional noise, 0..1, octaves of enlarged random grids; `stretch` widens it."""
    import numpy as np
    from PIL import Image

    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(7):
        cells = 3 * 2**octave
        grid = random.random((cells + 1, max(2, int(cells * width / height / stretch) + 1))).astype(np.float32)
        total += np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)) * 0.55**octave
    return np.asarray((total - total.min()) / (total.max() - total.min()), np.float32)
