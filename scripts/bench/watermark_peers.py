"""The watermark of pictures beside others that install here: the same pictures, the same attacks, each read blind.

    python scripts/bench/watermark_peers.py works/pictures/*.png

Peers are those of `pip install blind-watermark invisible-watermark onnxruntime torch`; what is not installed is named
and left out. Each gets the 48 bits of an identifier, RivaGAN the 32 that it takes. Ours adds a check to them, so that
what it reads is known to be right; what a peer reads has to be compared with what was written.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import carriers
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kzlabel.watermark import image
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.trials.counting import Row
from kzlabel.watermark.trials.image import luma, mark, quality
from kzlabel.watermark.trials.image_attacks import ATTACKS

Picture = NDArray[np.uint8]
Bits = NDArray[np.bool_]
IDENTIFIER_BITS, RIVAGAN_BITS = 48, 32
GROUPS = ("untouched", "usual", "hard")


@dataclass
class Peer:
    """write: (picture, bits) -> picture. read: picture -> bits, or None where nothing was read."""

    name: str
    write: Callable[[Picture, Bits], Picture]
    read: Callable[[Picture], Any]
    bits: int = IDENTIFIER_BITS
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    writing: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)
    counts: dict[str, list[bool]] = field(default_factory=lambda: {group: [] for group in GROUPS})
    refused: int = 0

    def tried(self, picture: Picture, bits: Bits) -> None:
        """Write, measure, harm in every way, read."""
        start = time.process_time()
        try:
            marked = self.write(picture, bits[: self.bits])
        except Exception:  # whatever it was: this peer takes no such picture
            self.refused += 1
            return
        self.writing.append(time.process_time() - start)
        held = quality(picture, marked)
        self.psnr.append(held.psnr)
        self.ssim.append(held.ssim)
        for attack in ATTACKS:
            if attack.group == "small":
                continue
            harmed = attack.apply(marked)
            start = time.process_time()
            try:
                found = self.read(harmed)
            except Exception:  # a reader that fails has not read it
                found = None
            self.reading.append(time.process_time() - start)
            right = found is not None and np.array_equal(np.asarray(found, np.bool_), bits[: self.bits])
            self.counts[attack.group].append(right)
            if attack.name == "none":
                self.counts["untouched"].append(right)

    def __str__(self) -> str:
        quality_held = (
            f"PSNR {min(self.psnr):.1f} dB at least, {np.median(self.psnr):.1f} median; SSIM {min(self.ssim):.4f}"
        )
        cost = f"write {np.median(self.writing):.2f} s, read {np.median(self.reading):.2f} s of CPU"
        lines = [f"{self.name}, {self.bits} bits: {quality_held} at least; {cost}; pictures refused: {self.refused}"]
        lines += [f"  {Row(group, group, sum(hits), len(hits))}" for group, hits in self.counts.items()]
        return "\n".join(lines)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("pictures", type=Path, nargs="+")
    asked.add_argument("--foreign", type=int, help="only: mark so many pictures by each peer, and let ours search them")
    told = asked.parse_args()
    paths = told.pictures
    cv2.setNumThreads(1)
    peers = [Peer("kzlabel", _write_ours, _read_ours)]
    for make, package in ((_blind, "blind-watermark"), (_invisible, "invisible-watermark")):
        try:
            peers += make()
        except ImportError as error:
            print(f"{package} is left out: {error}")
    if told.foreign:
        for peer in peers[1:]:
            _foreign(peer, tuple(paths), told.foreign)
        return
    for number, path in enumerate(paths):
        with Image.open(path) as opened:
            picture = np.asarray(opened.convert("RGB"))
        bits = np.random.default_rng(number).random(IDENTIFIER_BITS) < 0.5
        for peer in peers:
            with contextlib.redirect_stdout(io.StringIO()):  # one of them greets
                peer.tried(picture, bits)
    print(f"{len(paths)} pictures; read: exactly what was written, of all trials of a group (95 %)")
    for peer in peers:
        print(peer, flush=True)


def _foreign(peer: Peer, paths: tuple[Path, ...], count: int) -> None:
    """Nothing of ours is in a picture that a peer has marked."""
    found = tried = 0
    for number in range(count):
        _, picture = carriers.picture(number, carriers.Sources(pictures=paths))
        bits = np.random.default_rng(number).random(peer.bits) < 0.5
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):  # too small for some
            marked = peer.write(picture, bits)
            tried += 1
            found += bool(image.detect(luma(marked)))
    print(f"{tried} pictures marked by {peer.name}: {found} reported to carry a mark of ours", flush=True)


def _write_ours(picture: Picture, bits: Bits) -> Picture:
    return mark(picture, Payload(np.packbits(bits).tobytes().hex()))


def _read_ours(picture: Picture) -> Any:
    found = image.detect(luma(picture))
    return np.unpackbits(np.frombuffer(bytes.fromhex(found[0].payload.identifier), np.uint8)) if found else None


def _blind() -> Iterator[Peer]:
    from blind_watermark import WaterMark

    def write(picture: Picture, bits: Bits) -> Picture:
        writer = WaterMark(password_img=1, password_wm=1)
        writer.read_img(img=cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        writer.read_wm(bits, mode="bit")
        return _bytes(cv2.cvtColor(writer.embed().astype(np.float32), cv2.COLOR_BGR2RGB))

    def read(picture: Picture) -> Any:
        reader = WaterMark(password_img=1, password_wm=1)
        pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        return reader.extract(embed_img=pixels, wm_shape=IDENTIFIER_BITS, mode="bit") > 0.5

    yield Peer("blind-watermark", write, read)


def _invisible() -> Iterator[Peer]:
    from imwatermark import WatermarkDecoder, WatermarkEncoder

    for method, bits in (("dwtDct", IDENTIFIER_BITS), ("dwtDctSvd", IDENTIFIER_BITS), ("rivaGan", RIVAGAN_BITS)):
        if method == "rivaGan":
            WatermarkEncoder.loadModel()
            WatermarkDecoder.loadModel()

        def write(picture: Picture, bits: Bits, method: str = method) -> Picture:
            encoder = WatermarkEncoder()
            encoder.set_watermark("bits", [int(bit) for bit in bits])
            marked = encoder.encode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), method)
            return _bytes(cv2.cvtColor(_bytes(marked), cv2.COLOR_BGR2RGB))

        def read(picture: Picture, method: str = method, count: int = bits) -> Any:
            return WatermarkDecoder("bits", count).decode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), method)

        yield Peer(f"invisible-watermark, {method}", write, read, bits)


def _bytes(values: NDArray[Any]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


if __name__ == "__main__":
    main()
