from __future__ import annotations

import io
from pathlib import Path

import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.matroska import MATROSKA, doctype
from kzlabel.errors import InternalError
from kzlabel.limits import DEFAULT_LIMITS, Limits

from .golden_media import golden

SEGMENT, TAGS, TAG, TARGETS, TRACK_UID = b"\x18\x53\x80\x67", b"\x12\x54\xc3\x67", b"\x73\x73", b"\x63\xc0", b"\x63\xc5"
SIMPLE, NAME, STRING, CLUSTER, BLOCK = b"\x67\xc8", b"\x45\xa3", b"\x44\x87", b"\x1f\x43\xb6\x75", b"\xa3"
UNKNOWN = b"\x01" + b"\xff" * 7


def element(id: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return id + (len(body) | 1 << 56).to_bytes(8) + body


def simple(name: str, value: str, *inner: bytes) -> bytes:
    return element(SIMPLE, element(NAME, name.encode()), element(STRING, value.encode()), *inner)


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Slots:
    return MATROSKA.read(io.BytesIO(data), limits)


@pytest.mark.parametrize("kind", ["webm", "mkv", "live"])
def test_tags_that_ffmpeg_wrote_are_read(kind: str) -> None:
    found = read(golden(kind))
    assert not found.damage
    assert list(found.values("title")) == ["Сурет"]
    if kind != "webm":
        assert Tag("AIGC", '{"Label":"1"}', "Matroska tag") in found.tags


def test_document_types_are_told_apart() -> None:
    assert doctype(golden("webm")[:64]) == "webm"
    assert doctype(golden("mkv")[:64]) == "matroska"
    for other in (b"", b"\x1a", golden("mp4")[:64], golden("webm")[:9]):
        assert doctype(other) is None


def test_what_concerns_the_whole_film_comes_first() -> None:
    track = element(TAG, element(TARGETS, element(TRACK_UID, b"\1")), simple("AIGC", "track"))
    whole = element(TAG, simple("AIGC", "film"))
    assert list(read(element(SEGMENT, element(TAGS, track, whole))).values("aigc")) == ["film", "track"]


def test_tags_behind_clusters_of_unknown_size_are_found() -> None:
    cluster = CLUSTER + UNKNOWN + element(BLOCK, bytes(100)) * 3
    data = SEGMENT + UNKNOWN + cluster * 2 + element(TAGS, element(TAG, simple("AIGC", "late")))
    assert list(read(data).values("AIGC")) == ["late"]


def test_nested_tags_are_read_as_deep_as_the_limits_allow() -> None:
    nested = simple("inner", "1")
    for _ in range(40):
        nested = simple("outer", "2", nested)
    found = read(element(SEGMENT, element(TAGS, element(TAG, nested))))
    assert "deeper" in found.damage[0]


def test_endless_elements_end_at_the_limit() -> None:
    data = SEGMENT + UNKNOWN + CLUSTER + UNKNOWN + element(BLOCK) * 100
    assert "more than 50" in read(data, Limits(max_boxes=50)).damage[0]


def test_texts_together_stay_within_one_slot() -> None:
    many = element(SEGMENT, element(TAGS, *[element(TAG, simple("a", "x" * 400))] * 5))
    found = read(many, Limits(max_slot_bytes=1000))
    assert len(found.tags) == 2
    assert found.damage


def test_writing_is_left_to_the_muxer(tmp_path: Path) -> None:
    MATROSKA.write(tmp_path / "a.webm", Slots(), DEFAULT_LIMITS)
    with pytest.raises(InternalError, match=r"a\.webm"):
        MATROSKA.write(tmp_path / "a.webm", Slots(tags=(Tag("AIGC", "{}"),)), DEFAULT_LIMITS)
