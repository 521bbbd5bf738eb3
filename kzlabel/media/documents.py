"""Documents: their marks are read, and others' manifests in them verified; they are not labelled yet."""

from __future__ import annotations

from ..containers.ooxml import OOXML
from ..containers.pdf import PDF
from .base import Format, Medium

_ADVICE = "label the pictures, films and texts in it before you put it together"


class Pdf(Format):
    name = "PDF"
    mime = "application/pdf"
    medium = Medium.DOCUMENT
    extensions = (".pdf",)
    container = PDF
    refusal = _ADVICE

    @classmethod
    def score(cls, header: bytes) -> int:
        # ISO 32000-2, 7.5.2 with the tolerance of readers: the marker may stand anywhere in the first kilobyte.
        return 90 if header.startswith(b"%PDF-") else 30 if b"%PDF-" in header[:1024] else 0


class _Package(Format):
    """An office document: a zip whose first members tell what it is."""

    medium = Medium.DOCUMENT
    container = OOXML
    refusal = _ADVICE
    part: bytes

    @classmethod
    def score(cls, header: bytes) -> int:
        return 80 if header.startswith(b"PK\x03\x04") and cls.part in header else 0


class Word(_Package):
    name = "Word document"
    mime = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    extensions = (".docx",)
    part = b"word/"


class Excel(_Package):
    name = "Excel workbook"
    mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extensions = (".xlsx",)
    part = b"xl/"


class PowerPoint(_Package):
    name = "PowerPoint presentation"
    mime = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    extensions = (".pptx",)
    part = b"ppt/"


class Zip(Format):
    """Any other zip, e-books and OpenDocument included: only a C2PA manifest is looked for."""

    name = "ZIP archive"
    mime = "application/zip"
    medium = Medium.DOCUMENT
    extensions = (".zip", ".epub", ".odt", ".ods", ".odp")
    refusal = "label the files in it"

    @classmethod
    def score(cls, header: bytes) -> int:
        return 50 if header.startswith(b"PK\x03\x04") else 0


FORMATS: tuple[Format, ...] = (Pdf(), Word(), Excel(), PowerPoint(), Zip())
