from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.tags import OGG, OPUS
from kzlabel.errors import UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits

from .golden_media import golden, packets, tags_seen

KINDS = {"ogg": OGG, "opus": OPUS}
AIGC = Tag("AIGC", '{"Label":"1"}')


def write(kind: str, folder: Path, data: bytes, slots: Slots) -> bytes:
    path = folder / f"sound.{kind}"
    path.write_bytes(data)
    KINDS[kind].write(path, slots, DEFAULT_LIMITS)
    return path.read_bytes()


@pytest.mark.parametrize("length", [10, 255, 64_000, 300_000])
@pytest.mark.parametrize("kind", KINDS)
def test_comments_are_written_and_every_packet_stays_as_it_was(kind: str, length: int, tmp_path: Path) -> None:
    before = golden(kind)
    after = write(kind, tmp_path, before, Slots(tags=(AIGC, Tag("long", "x" * length))))
    found = KINDS[kind].read(io.BytesIO(after), DEFAULT_LIMITS)
    assert list(found.values("aigc")) == [AIGC.value]
    assert list(found.values("title")) == ["Сурет"]
    assert packets(after) == packets(before)
    seen = tags_seen(after)
    assert (seen["aigc"], seen["title"], len(seen["long"])) == (AIGC.value, "Сурет", length)


@pytest.mark.parametrize("kind", KINDS)
def test_comments_of_other_encodings_and_alphabets_stay(kind: str, tmp_path: Path) -> None:
    odd = (b"ARTIST=\xc0\xe1\xe2", "ИМЯ=кто".encode(), b"no sign")
    path = tmp_path / "odd"
    path.write_bytes(golden(kind))
    with path.open("rb") as file:
        comments = KINDS[kind].comments(file, DEFAULT_LIMITS)
    KINDS[kind].put(path, replace(comments, entries=odd), DEFAULT_LIMITS)
    after = write(kind, tmp_path, path.read_bytes(), Slots(tags=(AIGC,)))
    assert after[-500:] == golden(kind)[-500:]
    assert KINDS[kind].comments(io.BytesIO(after), DEFAULT_LIMITS).entries[:3] == odd


@pytest.mark.parametrize("kind", KINDS)
def test_long_comments_can_be_shortened_again(kind: str, tmp_path: Path) -> None:
    long = write(kind, tmp_path, golden(kind), Slots(tags=(Tag("long", "x" * 300_000),)))
    short = write(kind, tmp_path, long, Slots(tags=(Tag("long", "x"),)))
    assert packets(short) == packets(golden(kind))
    assert write(kind, tmp_path, short, Slots(tags=(Tag("long", "x"),))) == short


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_follows_another_keeps_its_pages(kind: str, tmp_path: Path) -> None:
    chain = golden(kind) + golden(kind)
    after = write(kind, tmp_path, chain, Slots(tags=(Tag("long", "x" * 300_000),)))
    assert after.endswith(golden(kind))


def test_a_manifest_in_a_stream_of_its_own_is_noticed() -> None:
    page = b"OggS\0\2" + bytes(8) + b"c2pa" + bytes(8) + b"\1\5" + b"\0c2pa"
    assert OPUS.read(io.BytesIO(page + golden("opus")), DEFAULT_LIMITS).manifest


@pytest.mark.parametrize("kind", KINDS)
def test_headers_beyond_the_limit_are_damage_and_a_foreign_codec_is_refused(kind: str, tmp_path: Path) -> None:
    found = KINDS[kind].read(io.BytesIO(golden(kind)), Limits(max_slot_bytes=20))
    assert found.damage
    path = tmp_path / "other.ogg"
    path.write_bytes(golden("opus" if kind == "ogg" else "ogg"))
    with pytest.raises(UnreadableFile, match=r"other\.ogg"):
        KINDS[kind].write(path, Slots(tags=(AIGC,)), DEFAULT_LIMITS)
