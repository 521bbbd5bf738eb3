"""Puts a watermark into sound on its way from the decoder to the encoder: in blocks, whatever the length."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import KzlabelError
from ...limits import Limits
from ...watermark.record import WatermarkRecord
from ..base import WatermarkPlan
from ..programs.ffmpeg import builder, reading
from ..programs.probe import Stream
from .encoders import Encoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Block = NDArray[np.float32]
    """(samples, channels), full scale 1.0."""

BLOCK = 1 << 16  # samples that are handled at once: 1.4 s at 48 kHz, 0.5 MB in stereo

# ffmpeg's raw formats, in which the samples are handed over: how each is stored, and its bits (0: floats).
_RAW = {
    "u8": ("u1", 8),
    "s16le": ("<i2", 16),
    "s24le": ("<i4", 24),
    "s32le": ("<i4", 32),
    "f32le": ("<f4", 0),
    "f64le": ("<f8", 0),
}


@dataclass
class Marker:
    """Between one decoder and one encoder. stream: the sound as it was.

    samples: of the marked sound, once it was handed over.
    """

    plan: WatermarkPlan
    encoding: Encoding
    stream: Stream
    samples: int = 0
    _sums: Any = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    @property
    def digest(self) -> str | None:
        """MD5 of the marked sound in the encoding's own PCM, as ffmpeg tells it; None for a lossy one."""
        return str(self._sums.hexdigest()) if self.encoding.pcm == f"pcm_{self.raw}" else None

    @property
    def raw(self) -> str:
        """ffmpeg's format of the samples as they are handed over."""
        exact = (self.encoding.pcm or "").removeprefix("pcm_")
        if exact in _RAW:
            return exact
        return {"u8": "u8", "s16": "s16le", "s32": "s32le"}.get(self.encoding.sample_fmt.removesuffix("p"), "f32le")

    def handed_over(self) -> Any:
        """The encoder's input."""
        layout = self.stream.layout if layout_is_named(self.stream.layout) else f"{channels(self.stream)}C"
        shape = {"format": self.raw, "ar": self.stream.sample_rate, "ch_layout": layout}
        return builder().input("pipe:0", protocol_whitelist="pipe", **shape)["a:0"]

    def feed(
        self, sound: Any, *, before: Block | None, name: str, limits: Limits, program: str | None
    ) -> Generator[bytes, None, None]:
        """The marked samples as bytes. sound: the decoder's output. before: what comes first, and bears no mark.

        Raises Unmarkable, and what `programs.ffmpeg.reading` raises.
        """
        from ...watermark.audio import Embedder

        if before is not None and len(before):
            yield self._bytes(before)
        plan, rate = self.plan, self.stream.sample_rate
        embedder = Embedder(rate, channels(self.stream), plan.payload, key=plan.key, strength=plan.strength)
        with decoded(sound, self.stream, name=name, limits=limits, program=program) as blocks:
            for block in blocks:
                yield self._handed(embedder.push(block))
        yield self._handed(embedder.finish())

    def _handed(self, block: Block) -> bytes:
        data = self._bytes(block)
        self.samples += len(block)
        self._sums.update(data)
        return data

    def _bytes(self, block: Block) -> bytes:
        """Rounded to the samples that the encoder keeps: integers of `encoding.depth` bits, or floats."""
        import numpy as np

        stored, width = _RAW[self.raw]
        if not width:
            return block.astype(stored).tobytes()
        depth = min(self.encoding.depth or width, width)
        full = 1 << (depth - 1)
        # In double precision, since a float holds no more than 24 bits.
        levels = np.clip(np.rint(block.astype(np.float64) * full), -full, full - 1)
        whole = (levels.astype(np.int64) << (width - depth)) + (128 if width == 8 else 0)
        data = whole.astype(stored)
        return data.view("u1").reshape(-1, 4)[:, :3].tobytes() if width == 24 else data.tobytes()


def marked(plan: WatermarkPlan, *carriers: str) -> WatermarkRecord:
    """The record of a mark that was put in."""
    return WatermarkRecord(carriers, identifier=plan.payload.identifier)


def unmarked(error: KzlabelError, name: str) -> WatermarkRecord:
    """The record of a mark that could not be put in. name: of the file, which the sentence need not repeat."""
    return WatermarkRecord(why=str(error).removeprefix(f"{name}: "))


@contextmanager
def decoded(sound: Any, stream: Stream, *, name: str, limits: Limits, program: str | None) -> Iterator[Iterator[Block]]:
    """The samples of an ffmpeg-python audio node, block by block, whatever changes within the stream.

    stream: its rate and channels. The decoder ends with the `with`.
    """
    import numpy as np

    wide = channels(stream)

    def blocks(pieces: Iterator[bytes]) -> Iterator[Block]:
        for piece in pieces:
            if whole := len(piece) // (4 * wide) * 4 * wide:
                yield np.frombuffer(piece[:whole], "<f4").reshape(-1, wide)

    shape = {"channel_layouts": stream.layout} if layout_is_named(stream.layout) else {}
    sound = sound.filter("aformat", sample_fmts="flt", sample_rates=stream.sample_rate, **shape)
    outputs = builder().output(sound, "pipe:1", f="f32le")
    with reading(outputs, size=BLOCK * wide * 4, name=name, limits=limits, program=program) as pieces:
        yield blocks(pieces)


def layout_is_named(layout: str) -> bool:
    """Whether ffmpeg gave the layout a name, rather than "6 channels" or "ambisonic 1"."""
    return bool(layout) and " " not in layout


def channels(stream: Stream) -> int:
    """How many channels a layout has, by ffmpeg's name for it."""
    known = {
        "mono": 1,
        "stereo": 2,
        "downmix": 2,
        "quad": 4,
        "quad(side)": 4,
        "hexagonal": 6,
        "octagonal": 8,
        "cube": 8,
    }
    layout = stream.layout
    if layout in known:
        return known[layout]
    head = layout.split("(")[0].split(" ")[0]
    if head.replace(".", "").isdigit():
        return sum(int(part) for part in head.split("."))
    return layout.count("+") + 1
