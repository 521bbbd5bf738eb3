"""Damaged films, recordings and documents: only our own errors come out, and what is written stays readable."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings

from kzlabel.containers.base import Container, Slots, Tag
from kzlabel.containers.flv import FLV
from kzlabel.containers.isobmff import MP4
from kzlabel.containers.matroska import MATROSKA
from kzlabel.containers.ooxml import OOXML
from kzlabel.containers.pdf import PDF
from kzlabel.containers.tags import FLAC, MP3, OGG, OPUS
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS

from .golden_media import Damage, damaged, damages, golden
from .test_ooxml import word_document
from .test_pdf import pdf_document
from .test_tags import tagged_mp3

SLOTS = Slots(xmp=(b"<x:xmpmeta/>",), tags=(Tag("AIGC", '{"Label":"1"}'), Tag("comment", "Создано ИИ")))
WRITABLE: dict[str, tuple[Container, Callable[[], bytes]]] = {
    "MP4": (MP4, lambda: golden("mp4")),
    "faststart MP4": (MP4, lambda: golden("faststart")),
    "fragmented MP4": (MP4, lambda: golden("fragmented")),
    "indexed MP4": (MP4, lambda: golden("indexed")),
    "MP4 with keys": (MP4, lambda: golden("keys")),
    "MOV": (MP4, lambda: golden("mov")),
    "MP3": (MP3, lambda: tagged_mp3(4)),
    "MP3 of version 2.2": (MP3, lambda: tagged_mp3(2)),
    "FLAC": (FLAC, lambda: golden("flac")),
    "Ogg": (OGG, lambda: golden("ogg")),
    "Opus": (OPUS, lambda: golden("opus")),
}
READABLE: dict[str, tuple[Container, Callable[[], bytes]]] = {
    "WebM": (MATROSKA, lambda: golden("webm")),
    "live WebM": (MATROSKA, lambda: golden("live")),
    "FLV": (FLV, lambda: golden("flv")),
    "OOXML": (OOXML, word_document),
    "PDF": (PDF, pdf_document),
}


@pytest.mark.parametrize("name", [*WRITABLE, *READABLE])
@settings(max_examples=100, deadline=None)
@given(defects=damages())
def test_a_damaged_file_is_read_without_any_error_but_our_own(name: str, defects: list[Damage]) -> None:
    container, sample = (WRITABLE | READABLE)[name]
    broken = damaged(sample(), defects)
    with contextlib.suppress(UnreadableFile, LimitExceeded):
        container.read(io.BytesIO(broken), DEFAULT_LIMITS)


@pytest.mark.parametrize("name", WRITABLE)
@settings(max_examples=60, deadline=None)
@given(defects=damages())
def test_a_damaged_file_is_written_whole_or_left_alone(name: str, defects: list[Damage]) -> None:
    container, sample = WRITABLE[name]
    broken = damaged(sample(), defects)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "broken"
        path.write_bytes(broken)
        try:
            container.write(path, SLOTS, DEFAULT_LIMITS)
        except (UnreadableFile, LimitExceeded):
            assert path.read_bytes() == broken
        else:
            with path.open("rb") as file:
                found = container.read(file, DEFAULT_LIMITS)
            assert '{"Label":"1"}' in found.values("AIGC")
        assert list(Path(folder).iterdir()) == [path]
