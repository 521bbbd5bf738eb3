"""Small pictures of every container, drawn here, with metadata of others in them."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kzlabel.containers.base import Container, Slots
from kzlabel.containers.gif import GIF
from kzlabel.containers.heif import HEIF
from kzlabel.containers.jpeg import JPEG
from kzlabel.containers.png import PNG
from kzlabel.containers.riff import WAV, WEBP
from kzlabel.containers.tiff import TIFF
from kzlabel.limits import DEFAULT_LIMITS

FOREIGN_XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    b'photoshop:Credit="Somebody else"><dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>sky</rdf:li></rdf:Bag>'
    b'</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def picture(mode: str = "RGB", *, turned: bool = False) -> Image.Image:
    drawn = Image.linear_gradient("L").resize((48, 32))
    drawn = (drawn.transpose(Image.Transpose.ROTATE_180) if turned else drawn).convert(mode)
    if mode == "RGBA":
        drawn.putalpha(Image.linear_gradient("L").resize(drawn.size))
    return drawn


def exif_block() -> bytes:
    """As a camera writes it: big-endian, with maker's notes that nobody else understands."""
    import piexif

    block: bytes = piexif.dump(
        {
            "0th": {piexif.ImageIFD.Make: b"Optica", piexif.ImageIFD.Model: b"Optica 7"},
            "Exif": {piexif.ExifIFD.ExposureTime: (1, 125), piexif.ExifIFD.MakerNote: b"\x01\x02secret" * 9},
        }
    )
    return block.removeprefix(b"Exif\0\0")


def jpeg() -> bytes:
    out = io.BytesIO()
    picture().save(out, "JPEG", exif=b"Exif\0\0" + exif_block(), comment=b"by hand", dpi=(72, 72))
    return out.getvalue()


def png() -> bytes:
    texts = PngInfo()
    texts.add_text("Title", "Evening")
    texts.add_text("Note", "packed " * 50, zip=True)
    texts.add_itxt("Автор".encode().decode("latin-1"), "Ән")
    out = io.BytesIO()
    picture().save(out, "PNG", pnginfo=texts, exif=b"Exif\0\0" + exif_block(), dpi=(72, 72))
    return out.getvalue()


def webp(*, frames: int = 1, lossless: bool = False, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    others = [picture(mode, turned=index % 2 == 0) for index in range(frames - 1)]
    picture(mode).save(out, "WEBP", lossless=lossless, save_all=frames > 1, append_images=others, duration=40)
    return out.getvalue()


def gif(*, frames: int = 3) -> bytes:
    out = io.BytesIO()
    others = [picture("L", turned=index % 2 == 0) for index in range(frames - 1)]
    picture("L").save(out, "GIF", save_all=True, append_images=others, loop=3, duration=40, comment=b"by hand")
    return out.getvalue()


def tiff(*, pages: int = 2) -> bytes:
    out = io.BytesIO()
    others = [picture(turned=True) for _ in range(pages - 1)]
    exif = Image.Exif()
    exif.load(exif_block())
    picture().save(out, "TIFF", save_all=True, append_images=others, exif=exif)
    return out.getvalue()


def big_endian_tiff() -> bytes:
    """One strip of 4 x 4 grey pixels, in Motorola order, by hand."""
    entries = [(256, 3, 4), (257, 3, 4), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 3, 4)]
    body = b"".join(
        struct.pack(">HHI", tag, type, 1) + (struct.pack(">HH", value, 0) if type == 3 else struct.pack(">I", value))
        for tag, type, value in [*entries, (279, 4, 16)]
    )
    return b"MM\0*" + struct.pack(">I", 24) + bytes(range(16)) + struct.pack(">H", 9) + body + bytes(4)


def avif(*, frames: int = 1) -> bytes:
    out = io.BytesIO()
    others = [picture(turned=index % 2 == 0) for index in range(frames - 1)]
    picture().save(out, "AVIF", save_all=frames > 1, append_images=others, speed=10, exif=b"Exif\0\0" + exif_block())
    return out.getvalue()


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(101)))
    return out.getvalue()


@dataclass(frozen=True)
class Sample:
    name: str
    container: Container
    make: Callable[[], bytes]

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        path.write_bytes(self.make())
        return path

    def read(self, path: Path) -> Slots:
        with path.open("rb") as file:
            return self.container.read(file, DEFAULT_LIMITS)


PICTURES = (
    Sample("plain.jpg", JPEG, jpeg),
    Sample("plain.png", PNG, png),
    Sample("lossy.webp", WEBP, webp),
    Sample("lossless.webp", WEBP, lambda: webp(lossless=True, mode="RGBA")),
    Sample("moving.webp", WEBP, lambda: webp(frames=3)),
    Sample("moving.gif", GIF, gif),
    Sample("pages.tif", TIFF, tiff),
    Sample("motorola.tif", TIFF, big_endian_tiff),
    Sample("still.avif", HEIF, avif),
    Sample("moving.avif", HEIF, lambda: avif(frames=3)),
)
SOUND = Sample("sound.wav", WAV, wav)
SAMPLES = (*PICTURES, SOUND)


def pixels(path: Path) -> list[tuple[str, bytes]]:
    """Every frame as Pillow decodes it."""
    with Image.open(path) as opened:
        frames = []
        for index in range(getattr(opened, "n_frames", 1)):
            opened.seek(index)
            frames.append((opened.mode, opened.tobytes()))
        return frames


def chunk(type: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return len(data).to_bytes(4) + type + data + zlib.crc32(type + data).to_bytes(4)
