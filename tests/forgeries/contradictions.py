"""Forgeries that set one mark against another, and claims that look more than they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kzlabel.signing.development import development_signer
from tests.marks import samples

from .jumbf import Manifest
from .workshop import CAMERA, TRAINED, Made, Workshop, chunk, segment

ADDRESS = b"http://127.0.0.1:%d/manifest.c2pa"
_XMP_IN_PNG = b"XML:com.adobe.xmp\0\0\0\0\0"
_XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\0"


def ai_in_metadata_signed_by_a_camera(shop: Workshop) -> Iterator[Made]:
    """The metadata were there when the camera signed, and the camera's manifest covers them."""
    for name in ("picture.jpg", "picture.png"):
        forged = shop.sign(_described(shop, name, TRAINED), name, _camera(name))
        yield Made.of(name, forged, shop.sign(shop.work(name).read_bytes(), name, _camera(name)))


def ai_in_metadata_added_to_a_cameras_file(shop: Workshop) -> Iterator[Made]:
    for name in ("picture.jpg", "picture.png"):
        genuine = shop.sign(shop.work(name).read_bytes(), name, _camera(name))
        yield Made.of(name, _with_xmp(genuine, _xmp(TRAINED)), genuine)


def camera_in_metadata_of_a_generated_work(shop: Workshop) -> Iterator[Made]:
    """The reverse: the manifest says AI, unsigned metadata say camera."""
    for name in ("picture.jpg", "picture.png"):
        yield Made.of(name, shop.sign(_described(shop, name, CAMERA), name), shop.signed(name))


def camera_claimed_with_the_development_key(shop: Workshop) -> Iterator[Made]:
    signer = development_signer(shop.folder / "development")
    for name in ("picture.jpg", "film.mp4"):
        data = shop.work(name).read_bytes()
        forged, genuine = (shop.sign(data, name, _camera(name), signer=one) for one in (signer, shop.signer))
        yield Made.of(name, forged, genuine)


def generator_named_after_a_trusted_company(shop: Workshop) -> Iterator[Made]:
    """A stranger's claim names the trusted signer as the program that made it, as its title and as its producer."""

    def edit(active: Manifest, signer: Any) -> None:
        active.claim["claim_generator_info"]["name"] = "Test Signer"
        active.claim["dc:title"] = "Test Signer (Test Studio)"
        said = active.value("org.kzlabel.declaration")
        active.set("org.kzlabel.declaration", {**said, "producer": "Test Studio"})
        active.seal(signer)

    stranger = shop.stranger.signer(name="Somebody", organization="Nobody Ltd")
    for name in ("picture.jpg", "film.mp4", "story.txt"):
        forged, genuine = (
            shop.resealed(name, lambda active, by=by: edit(active, by)) for by in (stranger, shop.signer)
        )
        yield Made.of(name, forged, genuine)


def ai_in_a_trusted_sidecar_of_a_cameras_file(shop: Workshop) -> Iterator[Made]:
    genuine = shop.sign(shop.work("picture.jpg").read_bytes(), "picture.jpg", _camera("picture.jpg"))
    beside = _sidecar_of(shop, genuine)
    yield Made({"picture.jpg": genuine, "picture.jpg.c2pa": beside}, {"picture.jpg": genuine})


def good_sidecar_beside_a_broken_file(shop: Workshop) -> Iterator[Made]:
    """A pixel is changed, and a manifest that fits the changed file stands beside it."""
    genuine = shop.signed("picture.jpg")
    changed = bytearray(genuine)
    changed[-40] ^= 1
    beside = _sidecar_of(shop, bytes(changed))
    yield Made({"picture.jpg": bytes(changed), "picture.jpg.c2pa": beside}, {"picture.jpg": genuine})


def manifest_cut_out(shop: Workshop) -> Iterator[Made]:
    """What is left are metadata that anyone can write."""
    for name in ("picture.jpg", "picture.png"):
        described = _described(shop, name, TRAINED)
        yield Made.of(name, described, shop.sign(described, name))


def remote_manifest_only(shop: Workshop, port: int = 9) -> Iterator[Made]:
    """Only an address of a manifest, in each place where one can stand."""
    address = ADDRESS % port
    provenance = _packet(b'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="' + address + b'"')
    for name in ("picture.jpg", "picture.png"):
        yield Made.of(name, _with_xmp(shop.work(name).read_bytes(), provenance), shop.signed(name))
    block = b"<!-- -----BEGIN C2PA MANIFEST----- " + address + b" -----END C2PA MANIFEST----- -->\n"
    yield Made.of("note.md", block + shop.work("note.md").read_bytes(), shop.signed("note.md"))
    link = b'<link rel="c2pa-manifest" type="application/c2pa" href="' + address + b'">'
    page = shop.work("page.html").read_bytes()
    yield Made.of("page.html", page.replace(b"</head>", link + b"</head>"), shop.signed("page.html"))


def _camera(name: str) -> dict[str, Any]:
    action = {"action": "c2pa.created", "digitalSourceType": CAMERA, "when": "2026-11-20T10:00:00Z"}
    return {
        "claim_generator_info": [{"name": "Example Camera", "version": "1"}],
        "format": samples.EMBEDDED[name],
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": {"actions": [action]}}],
    }


def _sidecar_of(shop: Workshop, data: bytes) -> bytes:
    from kzlabel.declaration import Declaration
    from kzlabel.marks import manifest
    from kzlabel.marks.definition import definition

    return manifest.sign_detached(data, definition(Declaration(), None, opened=False, fmt="image/jpeg"), shop.signer)


def _described(shop: Workshop, name: str, source_type: str) -> bytes:
    return _with_xmp(shop.work(name).read_bytes(), _xmp(source_type))


def _xmp(source_type: str) -> bytes:
    named = b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType="'
    return _packet(named + source_type.encode() + b'"')


def _packet(attributes: bytes) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" ' + attributes + b"/></rdf:RDF></x:xmpmeta>"
    )


def _with_xmp(data: bytes, packet: bytes) -> bytes:
    """Behind a JPEG's first segment, before a PNG's end."""
    if data.startswith(b"\x89PNG"):
        return data[:-12] + chunk(b"iTXt", _XMP_IN_PNG + packet) + data[-12:]
    first = 4 + int.from_bytes(data[4:6], "big")
    return data[:first] + segment(0xE1, _XMP_IN_JPEG + packet) + data[first:]
