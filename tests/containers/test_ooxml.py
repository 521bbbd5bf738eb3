from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.ooxml import MANIFEST, OOXML
from kzlabel.errors import InternalError
from kzlabel.limits import DEFAULT_LIMITS, Limits

CUSTOM = """<?xml version="1.0"?>
<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
 xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">
<property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="AIGC">
<vt:lpwstr>{"Label":"1"}</vt:lpwstr></property>
</Properties>"""
APP = "<Properties xmlns='urn:app'><Application>Kitap</Application><Pages>3</Pages></Properties>"
CORE = "<p:coreProperties xmlns:p='urn:p' xmlns:dc='urn:dc'><dc:title>Есеп</dc:title></p:coreProperties>"
BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a><title>&c;</title></a>"


def archive(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return target.getvalue()


@functools.cache
def word_document() -> bytes:
    return archive(
        {"docProps/custom.xml": CUSTOM, "docProps/app.xml": APP, "docProps/core.xml": CORE, "word/document.xml": "<w/>"}
    )


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Slots:
    return OOXML.read(io.BytesIO(data), limits)


def test_properties_of_an_office_document_are_read() -> None:
    found = read(word_document())
    assert found == Slots(
        tags=(
            Tag("AIGC", '{"Label":"1"}', "docProps/custom.xml"),
            Tag("Application", "Kitap", "docProps/app.xml"),
            Tag("title", "Есеп", "docProps/core.xml"),
        )
    )


def test_properties_of_an_open_document_are_read() -> None:
    meta = (
        "<o:document-meta xmlns:o='urn:o' xmlns:meta='urn:meta'><o:meta><meta:generator>Kitap</meta:generator>"
        "<meta:user-defined meta:name='AIGC'>{}</meta:user-defined></o:meta></o:document-meta>"
    )
    found = read(archive({"mimetype": "application/vnd.oasis.opendocument.text", "meta.xml": meta}))
    assert [(tag.name, tag.value) for tag in found.tags] == [("generator", "Kitap"), ("AIGC", "{}")]


def test_properties_of_an_electronic_book_are_read() -> None:
    container = "<container xmlns='urn:c'><rootfiles><rootfile full-path='book.opf'/></rootfiles></container>"
    package = (
        "<package xmlns='urn:opf' xmlns:dc='urn:dc'><metadata><dc:title>Кітап</dc:title>"
        "<meta property='tdm:reservation'>1</meta><meta name='generator' content='Kitap'/></metadata>"
        "<manifest><item href='a.xhtml'/></manifest></package>"
    )
    found = read(archive({"META-INF/container.xml": container, "book.opf": package}))
    pairs = [(tag.name, tag.value) for tag in found.tags]
    assert pairs == [("title", "Кітап"), ("tdm:reservation", "1"), ("generator", "Kitap")]


def test_a_manifest_is_noticed() -> None:
    assert read(archive({MANIFEST: b"jumb"})).manifest
    assert not read(word_document()).manifest


def test_entities_are_refused_and_other_members_still_read() -> None:
    found = read(archive({"docProps/core.xml": BOMB, "docProps/custom.xml": CUSTOM}))
    assert list(found.values("AIGC")) == ['{"Label":"1"}']
    assert "document type" in found.damage[0]


def test_a_member_that_inflates_too_far_is_not_inflated() -> None:
    found = read(archive({"docProps/core.xml": bytes(5 << 20)}))
    assert "inflate" in found.damage[0]


def test_a_member_that_lies_about_its_size_is_caught() -> None:
    data = bytearray(archive({"docProps/core.xml": b"<a>" + b"x" * 100_000 + b"</a>"}))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = (10).to_bytes(4, "little")
    found = read(bytes(data), Limits(max_slot_bytes=1000))
    assert not found.tags
    assert found.damage


def test_an_archive_of_too_many_members_is_not_opened() -> None:
    data = bytearray(word_document())
    place = data.rindex(b"PK\x05\x06") + 10
    data[place : place + 2] = b"\xff\xff"
    assert "members" in read(bytes(data)).damage[0]


def test_what_is_no_archive_is_told() -> None:
    assert read(b"PK\x03\x04 nothing").damage
    assert read(word_document()[:-30]).damage


def test_documents_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InternalError):
        OOXML.write(tmp_path / "a.docx", Slots(), DEFAULT_LIMITS)
