from __future__ import annotations

import functools
import io
import zlib

import pikepdf
import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.pdf import PDF
from kzlabel.limits import DEFAULT_LIMITS, Limits

PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


def saved(document: pikepdf.Pdf, **options: object) -> bytes:
    target = io.BytesIO()
    document.save(target, deterministic_id="encryption" not in options, fix_metadata_version=False, **options)  # type: ignore[arg-type]
    return target.getvalue()


def document(packet: bytes = PACKET) -> pikepdf.Pdf:
    made = pikepdf.new()
    made.add_blank_page()
    made.docinfo["/AIGC"] = '{"Label":"1"}'
    made.docinfo["/Title"] = "Есеп"
    made.Root.Metadata = made.make_stream(packet)
    return made


@functools.cache
def pdf_document() -> bytes:
    return saved(document())


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Slots:
    return PDF.read(io.BytesIO(data), limits)


def test_information_and_packet_are_read() -> None:
    found = read(pdf_document())
    assert Tag("AIGC", '{"Label":"1"}', "PDF information") in found.tags
    assert list(found.values("title")) == ["Есеп"]
    assert found.xmp == (PACKET,)
    assert not found.manifest
    assert not found.damage


def test_an_attached_manifest_store_is_noticed() -> None:
    made = document()
    made.Root.AF = pikepdf.Array(
        [pikepdf.Dictionary(Type=pikepdf.Name.Filespec, AFRelationship=pikepdf.Name("/C2PA_Manifest"))]
    )
    assert read(saved(made)).manifest


def test_an_encrypted_document_is_told() -> None:
    locked = saved(document(), encryption=pikepdf.Encryption(owner="a", user="b"))
    assert "encrypted" in read(locked).damage[0]


def test_a_packet_that_inflates_too_far_is_damage() -> None:
    made = document()
    made.Root.Metadata.write(zlib.compress(bytes(1 << 20)), filter=pikepdf.Name.FlateDecode)
    found = read(saved(made, stream_decode_level=pikepdf.StreamDecodeLevel.none), Limits(max_slot_bytes=1 << 16))
    assert not found.xmp
    assert found.damage
    assert found.tags


@pytest.mark.parametrize("megabytes", [1, 96])
def test_an_object_stream_that_inflates_too_far_is_damage(megabytes: int) -> None:
    packer = zlib.compressobj(9)
    catalogue = packer.compress(b"1 0 <</Type/Catalog/Pages<</Type/Pages/Kids[4 0 R]/Count 1>>>>")
    bomb = b"".join([catalogue, *(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)), packer.flush()])
    page = b"%PDF-1.5\n4 0 obj\n<</Type/Page/MediaBox[0 0 9 9]>>\nendobj\n"
    packed = b"2 0 obj\n<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(bomb) + bomb
    packed += b"\nendstream\nendobj\n"
    places = [0, 0, len(page), len(page) + len(packed), len(b"%PDF-1.5\n")]
    rows = b"".join(bytes([place > 0, *place.to_bytes(3), 0]) for place in places)
    rows = rows[:5] + b"\2\0\0\2\0" + rows[10:]  # object 1, the catalogue, is the first in stream 2
    index = b"3 0 obj\n<</Type/XRef/Size 5/W[1 3 1]/Root 1 0 R/Length %d>>stream\n" % len(rows) + rows
    data = page + packed + index + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF" % places[3]
    before = pikepdf.settings.get_qpdf_limits()
    found = read(data)
    assert bool(found.damage) == (megabytes > 48)
    assert pikepdf.settings.get_qpdf_limits() == before


def test_a_name_tree_that_bites_its_tail_ends() -> None:
    made = document()
    node = made.make_indirect(pikepdf.Dictionary())
    node.Kids = pikepdf.Array([node, node])
    made.Root.Names = pikepdf.Dictionary(EmbeddedFiles=node)
    assert not read(saved(made)).manifest


def test_what_is_no_pdf_is_told() -> None:
    assert read(b"%PDF-1.7 nothing").damage
