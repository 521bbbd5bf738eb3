"""PNGs with 16 bits per colour channel, which Pillow would cut to 8: decoded by ffmpeg, drawn on and encoded here."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from ...containers.png import SIGNATURE, packed
from ...errors import UnreadableFile
from ...limits import Limits
from ..base import MediaInfo
from ..programs import ffmpeg
from .overlay import Overlay
from .raster import created, writing
from .stamp import Stamp, blend

ROWS = 64  # encoded at a time: bounds the memory for trying filters
_CHANNELS = {"ya16be": 2, "rgb48be": 3, "rgba64be": 4}


def redraw_deep(source: Path, target: Path, info: MediaInfo, overlay: Overlay, samples: str, limits: Limits) -> None:
    """Draw on a PNG without losing a bit elsewhere. samples: ffmpeg's name for its pixels, a key of _CHANNELS.

    Raises UnreadableFile, LimitExceeded, MissingProgram, OutputError, Unmarkable.
    """
    width, height = _stored(info)
    pixels = _decode(source, width, height, samples, limits)
    if overlay.stamp:
        _draw(pixels, overlay.stamp, alpha=samples != "rgb48be")
    if overlay.mark:
        overlay.mark.put_deep(pixels, badge=overlay.stamp.box if overlay.stamp else None)
        overlay.insist()
    if overlay.stamp:
        _measure(pixels, overlay.stamp)
    with created(target) as file, writing(target.name):
        _encode(file, pixels)


def _stored(info: MediaInfo) -> tuple[int, int]:
    assert info.width
    assert info.height
    turned = info.detail["orientation"] >= 5
    return (info.height, info.width) if turned else (info.width, info.height)


def _decode(source: Path, width: int, height: int, samples: str, limits: Limits) -> Any:
    """The samples as a writable array, (height, width, channels), big-endian uint16."""
    import numpy as np

    channels = _CHANNELS[samples]
    expected = width * height * channels * 2
    raw = bytearray()

    def take(piece: bytes) -> None:
        raw.extend(piece)
        if len(raw) > expected:
            raise UnreadableFile(f"{source.name}: it holds more pixels than its header says")

    picture = ffmpeg.opened(source, "png_pipe", limits)
    output = ffmpeg.builder().output(
        picture, "pipe:1", format="rawvideo", pix_fmt=samples, **{"frames:v": 1, "fps_mode": "passthrough"}
    )
    ffmpeg.run(output, name=source.name, limits=limits, consumer=take)
    if len(raw) != expected:
        raise UnreadableFile(f"{source.name}: the picture is cut off; it may be damaged")
    return np.frombuffer(raw, dtype=">u2").reshape(height, width, channels)


def _draw(pixels: Any, stamp: Stamp, *, alpha: bool) -> None:
    import numpy as np

    left, top, right, bottom = stamp.box
    under = pixels[top:bottom, left:right].astype(np.uint16)
    drawn = blend(under, stamp.plate, stamp.ink)
    if alpha:  # transparent pixels under the badge become opaque
        cover = np.asarray(stamp.plate, dtype=np.float64) / 255
        drawn[..., -1] = np.rint(under[..., -1] * (1 - cover) + 65535 * cover)
    pixels[top:bottom, left:right] = drawn


def _measure(pixels: Any, stamp: Stamp) -> None:
    import numpy as np
    from PIL import Image

    left, top, right, bottom = stamp.box
    drawn = pixels[top:bottom, left:right]
    colours = (drawn >> 8).astype(np.uint8)[..., : 3 if drawn.shape[2] > 2 else 1]
    stamp.measure(Image.fromarray(colours if colours.shape[2] == 3 else colours[..., 0]))


def _encode(file: BinaryIO, pixels: Any) -> None:
    height, width, channels = pixels.shape
    colour = {2: 4, 3: 2, 4: 6}[channels]
    file.write(SIGNATURE)
    file.write(packed(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)))
    packer = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_FILTERED)
    rows = pixels.view("u1").reshape(height, width * channels * 2)
    for start in range(0, height, ROWS):
        if data := packer.compress(_filtered(rows, start, channels * 2)):
            file.write(packed(b"IDAT", data))
    file.write(packed(b"IDAT", packer.flush()))
    file.write(packed(b"IEND", b""))


def _filtered(rows: Any, start: int, step: int) -> bytes:
    """Rows from `start` on, each with the filter whose result is nearest to zero (PNG third edition, 9.2 and 12.7).

    rows: (height, bytes), uint8. step: bytes of one pixel.
    """
    import numpy as np

    now = rows[start : start + ROWS].astype(np.int16)
    above = np.zeros_like(now)
    above[1:] = now[:-1]
    if start:
        above[0] = rows[start - 1]
    left, corner = np.zeros_like(now), np.zeros_like(now)
    left[:, step:], corner[:, step:] = now[:, :-step], above[:, :-step]
    to_left, to_above, to_corner = np.abs(above - corner), np.abs(left - corner), np.abs(left + above - 2 * corner)
    paeth = np.where(
        (to_left <= to_above) & (to_left <= to_corner), left, np.where(to_above <= to_corner, above, corner)
    )
    candidates = np.stack([now, now - left, now - above, now - (left + above) // 2, now - paeth]).astype(np.uint8)
    costs = np.abs(candidates.view(np.int8).astype(np.int16)).sum(axis=2, dtype=np.int64)
    best = costs.argmin(axis=0)
    chosen = candidates[best, np.arange(len(now))]
    return bytes(np.concatenate([best[:, None].astype(np.uint8), chosen], axis=1).tobytes())
