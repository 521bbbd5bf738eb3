"""Forgeries of what was signed: the content under a manifest, and manifests under another content."""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Iterator

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.marks import samples

from .jumbf import Manifest
from .workshop import Made, Workshop, chunk, put, segment, store_of

FILES = ("picture.jpg", "picture.png", "pages.tiff", "film.mp4", "sound.wav", "story.txt", "note.md", "page.html")


def changed_pixel(shop: Workshop) -> Iterator[Made]:
    for name in FILES:
        genuine = shop.signed(name)
        if name.endswith("png"):
            forged = _repainted(genuine)
        elif name.endswith("mp4"):
            forged = _flipped(genuine, genuine.index(b"mdat") + 200)
        elif name.endswith("tiff"):
            forged = _flipped(genuine, 400)
        elif name.endswith(("jpg", "wav")):
            at = genuine.index(b"data") + 400 if name.endswith("wav") else len(genuine) - 40
            forged = _flipped(genuine, at)
        else:
            word = {"txt": "Ветер", "md": "grass", "html": "wind"}[name.rpartition(".")[2]].encode()
            forged = genuine.replace(word, word.swapcase() if word.isascii() else "Вечер".encode())
        yield Made.of(name, forged, genuine)


def changed_metadata(shop: Workshop) -> Iterator[Made]:
    exif = Image.Exif()
    exif[0x010E] = "Dawn over the steppe"
    target = io.BytesIO()
    samples.picture().save(target, "JPEG", exif=exif)
    genuine = shop.sign(target.getvalue(), "picture.jpg")
    yield Made.of("picture.jpg", genuine.replace(b"Dawn over", b"Dusk over"), genuine)

    text = PngInfo()
    text.add_text("Title", "Dawn over the steppe")
    target = io.BytesIO()
    samples.picture().save(target, "PNG", pnginfo=text)
    genuine = shop.sign(target.getvalue(), "picture.png")
    before, after = (chunk(b"tEXt", b"Title\0" + word + b" over the steppe") for word in (b"Dawn", b"Dusk"))
    assert before in genuine
    yield Made.of("picture.png", genuine.replace(before, after), genuine)

    genuine = shop.signed("film.mp4")
    assert b"Lavf" in genuine
    yield Made.of("film.mp4", genuine.replace(b"Lavf", b"Mine"), genuine)


def appended(shop: Workshop) -> Iterator[Made]:
    for name in FILES:
        if name == "story.txt":  # words behind a labelled text are a row of their own
            continue
        genuine = shop.signed(name)
        more = {"mp4": b"\0\0\0\x10mdatmorebits", "html": b"<p>More.</p>\n"}.get(name.rpartition(".")[2], b"More.\n")
        yield Made.of(name, genuine + more, genuine)


def moved(shop: Workshop) -> Iterator[Made]:
    for name in ("picture.jpg", "picture.png"):
        genuine = shop.signed(name)
        target = io.BytesIO()
        samples.picture(7).save(target, "JPEG" if name.endswith("jpg") else "PNG")
        other = shop.sign(target.getvalue(), name)
        yield Made.of(name, put(other, name, store_of(genuine, name)), genuine)


def sidecar_exchanged(shop: Workshop) -> Iterator[Made]:
    for name, other in (("sound.ogg", "film.webm"), ("film.webm", "sound.ogg")):
        work, genuine, strange = shop.work(name).read_bytes(), shop.sidecar(name), shop.sidecar(other)
        beside = f"{name}.c2pa"
        yield Made({name: work, beside: strange}, {name: work, beside: genuine})


def sidecar_of_a_namesake(shop: Workshop) -> Iterator[Made]:
    """`sound.c2pa`, which `sound.wav` beside it could claim as well."""
    work = shop.work("sound.ogg").read_bytes()
    genuine, strange = shop.sidecar("sound.ogg"), shop.sidecar("film.webm")
    yield Made({"sound.ogg": work, "sound.c2pa": strange}, {"sound.ogg": work, "sound.c2pa": genuine})


def exclusion_widened_unsigned(shop: Workshop) -> Iterator[Made]:
    for name in ("picture.jpg", "picture.png", "sound.wav"):

        def widen(active: Manifest) -> None:
            bound = active.value("c2pa.hash.data")
            bound["exclusions"][0]["length"] += 200
            active.set("c2pa.hash.data", bound)

        yield Made.of(name, shop.resealed(name, widen), shop.signed(name))


def exclusion_stretched(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: the manifest's own range reaches over the pixels behind it."""
    for name in ("picture.jpg", "picture.png"):
        yield _with_hole(shop, name, own=True)


def exclusion_over_content(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: a second range leaves the pixels out, which somebody then changes."""
    for name in ("picture.jpg", "picture.png", "sound.wav"):
        yield _with_hole(shop, name, own=False)


def box_over_content(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: the hash over the film leaves out its box of frames, which somebody changes."""
    genuine = shop.signed("film.mp4")

    def hole(active: Manifest, **more: object) -> None:
        bound = active.value("c2pa.hash.bmff.v3")
        bound["exclusions"].append({"xpath": "/mdat", **more})
        start = genuine.index(b"moov") - 4
        bound["hash"] = hashlib.sha256(start.to_bytes(8, "big") + genuine[start:]).digest()
        active.set("c2pa.hash.bmff.v3", bound)
        active.seal(shop.signer)

    for more in ({}, {"data": [{"offset": 4, "value": b"mdat"}]}):
        holed = shop.resealed("film.mp4", lambda active, more=more: hole(active, **more))
        yield Made.of("film.mp4", _flipped(holed, genuine.index(b"mdat") + 200), genuine)


def frames_from_free_space(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer, as older writers do: the tables of offsets are left out of the hash.

    Whoever has no key lets one of them point to frames of his own, in a box of free space behind the end.
    """
    genuine = shop.signed("film.mp4")
    tables = [at.start() - 4 for at in re.finditer(b"stco", genuine) if at.start() > genuine.rindex(b"moov")]

    def leave_out(active: Manifest) -> None:
        bound = active.value("c2pa.hash.bmff.v3")
        bound["exclusions"].append({"xpath": "/moov/trak/mdia/minf/stbl/stco"})
        digest = hashlib.sha256()
        for kind in (b"mdat", b"moov"):
            start = genuine.rindex(kind) - 4
            end = start + _size(genuine, start)
            digest.update(start.to_bytes(8, "big"))
            for table in (one for one in tables if start < one < end):
                digest.update(genuine[start:table])
                start = table + _size(genuine, table)
            digest.update(genuine[start:end])
        bound["hash"] = digest.digest()
        active.set("c2pa.hash.bmff.v3", bound)
        active.seal(shop.signer)

    signed = bytearray(shop.resealed("film.mp4", leave_out))
    frames = bytes(byte ^ 1 for byte in _frames(signed))
    signed[tables[0] + 16 : tables[0] + 20] = (len(signed) + 8).to_bytes(4, "big")
    free = (len(frames) + 8).to_bytes(4, "big") + b"free" + frames
    yield Made.of("film.mp4", bytes(signed) + free, genuine)


def excluded_segment(shop: Workshop) -> Iterator[Made]:
    """Signed by the trusted signer: a hash over the segments of a JPEG, of which the picture's is left out."""
    signed = shop.signed("picture.jpg")

    def edit(active: Manifest, left_out: str) -> None:
        boxes = []
        for name, start, end in _segments(signed):
            box = {"names": [name], "hash": hashlib.sha256(signed[start:end]).digest(), "pad": b""}
            boxes.append({**box, "excluded": True} if name == left_out else box)
        active.drop("c2pa.hash.data", unlist=True)
        active.add("c2pa.hash.boxes", {"alg": "sha256", "boxes": boxes})
        active.seal(shop.signer)

    holed, genuine = (
        shop.resealed("picture.jpg", lambda active, left_out=left_out: edit(active, left_out))
        for left_out in ("SOS", "C2PA")
    )
    yield Made.of("picture.jpg", _flipped(holed, len(holed) - 40), genuine)


def free_space_filled(shop: Workshop) -> Iterator[Made]:
    """What C2PA leaves out of every film: boxes of free space, in which anything may stand."""
    genuine = shop.signed("film.mp4")
    yield Made.of("film.mp4", genuine + b"\0\0\0\x10freehidehide", genuine)


def second_manifest_behind(shop: Workshop) -> Iterator[Made]:
    for name in ("picture.jpg", "picture.png", "sound.wav"):
        genuine = shop.signed(name)
        _, end = _carrier(genuine, name)
        forged = genuine[:end] + _carried(shop, name) + genuine[end:]
        yield Made.of(name, forged, genuine)


def second_manifest_before(shop: Workshop) -> Iterator[Made]:
    for name in ("picture.jpg", "picture.png"):
        genuine = shop.signed(name)
        start, _ = _carrier(genuine, name)
        yield Made.of(name, genuine[:start] + _carried(shop, name) + genuine[start:], genuine)


def _size(film: bytes, start: int) -> int:
    """Of the box that begins here."""
    return int.from_bytes(film[start : start + 4], "big")


def _frames(film: bytes) -> bytes:
    start = film.rindex(b"mdat") - 4
    return film[start + 8 : start + _size(film, start)]


def _with_hole(shop: Workshop, name: str, *, own: bool) -> Made:
    """A manifest that leaves out the pixels as well, sealed by the trusted signer, and the pixels changed."""
    genuine = _stored_png(shop) if name.endswith("png") else shop.signed(name)

    def hole(active: Manifest) -> None:
        bound = active.value("c2pa.hash.data")
        (place,) = bound["exclusions"]
        end = place["start"] + place["length"]
        if own:
            place["length"] = len(genuine) - 4 - place["start"]
            kept = genuine[: place["start"]] + genuine[-4:]
        elif name.endswith("wav"):  # the manifest stands at the end of it
            start = genuine.index(b"data") + 8
            bound["exclusions"].insert(0, {"start": start, "length": 4000})
            kept = genuine[:start] + genuine[start + 4000 : place["start"]] + genuine[end:]
        else:
            start = end + (0 if name.endswith("png") else 400)
            bound["exclusions"].append({"start": start, "length": len(genuine) - 4 - start})
            kept = genuine[: place["start"]] + genuine[end:start] + genuine[-4:]
        bound["hash"] = hashlib.sha256(kept).digest()
        active.set("c2pa.hash.data", bound)
        active.seal(shop.signer)

    holed = shop.resealed(name, hole, genuine)
    if name.endswith("png"):
        forged = _repainted(holed)
    else:
        forged = _flipped(holed, holed.index(b"data") + 400 if name.endswith("wav") else len(holed) - 40)
    return Made.of(name, forged, genuine)


def _carried(shop: Workshop, name: str) -> bytes:
    """A second manifest of the same signer, of another work, as the format carries it."""
    store = shop.sidecar("sound.ogg")
    if name.endswith("png"):
        return chunk(b"caBX", store)
    if name.endswith("wav"):
        return b"C2PA" + len(store).to_bytes(4, "little") + store + bytes(len(store) % 2)
    return segment(0xEB, b"JP\x02\x12\0\0\0\x01" + store)


def _carrier(data: bytes, name: str) -> tuple[int, int]:
    """Where the chunk or segment that holds the manifest begins and ends."""
    store = store_of(data, name)
    at = data.index(store)
    if name.endswith("png"):
        return at - 8, at + len(store) + 4
    if name.endswith("wav"):
        return at - 8, at + len(store) + len(store) % 2
    return at - 12, at + len(store)


_SEGMENTS = {0xE0: "APP0", 0xEB: "C2PA", 0xDB: "DQT", 0xC0: "SOF0", 0xC4: "DHT", 0xDA: "SOS"}


def _segments(jpeg: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, beginning and end of each, in the words of C2PA's hash over boxes."""
    yield "SOI", 0, 2
    at, last = 2, len(jpeg) - 2
    while at < last:
        name = _SEGMENTS[jpeg[at + 1]]
        end = last if name == "SOS" else at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield name, at, end
        at = end
    yield "EOI", last, len(jpeg)


def _repainted(png: bytes) -> bytes:
    """The PNG with its first pixels black, all else as it was, checksums included."""
    at = png.index(b"IDAT") - 4
    size = int.from_bytes(png[at : at + 4], "big")
    pixels = bytearray(zlib.decompress(png[at + 8 : at + 8 + size]))
    pixels[1:31] = bytes(30)
    packed = zlib.compress(bytes(pixels), 0)
    assert len(packed) >= size
    return png[:at] + chunk(b"IDAT", packed) + png[at + 12 + size :]


def _stored_png(shop: Workshop) -> bytes:
    """With pixels that are not packed, so that others take the same room."""
    target = io.BytesIO()
    samples.picture().save(target, "PNG", compress_level=0)
    return shop.sign(target.getvalue(), "picture.png")


def _flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    assert changed[at] != 0xFF
    return bytes(changed)
