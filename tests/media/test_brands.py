"""Films, recordings and pictures in one kind of container are told apart by brands and tracks."""

from __future__ import annotations

from kzlabel.media.brands import brands, handlers

FTYP = b"\0\0\0\x1cftypisom\0\0\x02\0isomavc1mp41"


def moov(*kinds: bytes) -> bytes:
    body = b"".join(b"\0\0\0\x20hdlr" + bytes(8) + kind + bytes(12) for kind in kinds)
    return (len(body) + 8).to_bytes(4) + b"moov" + body


def test_brands_come_in_order_and_end_with_their_box() -> None:
    assert brands(FTYP + moov(b"vide")) == (b"isom", b"isom", b"avc1", b"mp41")
    assert brands(FTYP[:20]) == (b"isom", b"isom")


def test_what_is_no_such_file_has_no_brands() -> None:
    for header in (b"", b"\0\0\0\x1cftyp", b"RIFF" + FTYP, bytes(64)):
        assert brands(header) == ()


def test_tracks_are_known_once_the_whole_movie_header_is_in_sight() -> None:
    whole = FTYP + moov(b"vide", b"soun", b"tmcd")
    assert handlers(whole) == {b"vide", b"soun", b"tmcd"}
    assert handlers(FTYP + moov()) == frozenset()
    assert handlers(whole[:-1]) is None
    assert handlers(FTYP) is None
