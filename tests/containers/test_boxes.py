from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import pytest

from kzlabel.containers.boxes import BoxWalker
from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS


def box(type: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), type) + body


def walker(data: bytes, **limits: int) -> BoxWalker:
    return BoxWalker(BytesIO(data), replace(DEFAULT_LIMITS, **limits))


def test_boxes_are_found_in_file_order_with_their_bounds() -> None:
    boxes = list(walker(box(b"ftyp", b"avif") + box(b"mdat", b"xyz")).top())
    assert [(each.type, each.start, each.body, each.end) for each in boxes] == [
        (b"ftyp", 0, 8, 12),
        (b"mdat", 12, 20, 23),
    ]


def test_a_box_of_64_bit_size_and_one_to_the_end_of_the_file_are_measured() -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 20) + b"abcd"
    last = struct.pack(">I4s", 0, b"free") + b"to the end"
    boxes = list(walker(large + last).top())
    assert [(each.type, each.header, each.end) for each in boxes] == [(b"mdat", 16, 20), (b"free", 8, 38)]


def test_a_uuid_box_tells_its_extended_type() -> None:
    (found,) = walker(box(b"uuid", bytes(range(16)) + b"!")).top()
    assert found.uuid == bytes(range(16))
    assert found.end - found.body == 1


def test_children_are_walked_and_found() -> None:
    tree = walker(box(b"moov", box(b"trak", b"") + box(b"udta", box(b"meta", b"\0\0\0\0" + box(b"hdlr", b"x")))))
    udta = tree.find(tree.find(None, b"moov"), b"udta")
    assert udta is not None
    meta = tree.find(udta, b"meta")
    assert meta is not None
    found = tree.find(meta, b"hdlr", skip=4)
    assert found is not None
    assert tree.content(found, 10) == b"x"


def test_a_box_that_ends_after_the_file_is_cut_there() -> None:
    (found,) = walker(struct.pack(">I4s", 1000, b"mdat") + b"abc").top()
    assert found.cut
    assert found.end == 11


def test_an_impossible_size_is_unreadable() -> None:
    with pytest.raises(UnreadableFile, match="impossible size"):
        list(walker(struct.pack(">I4s", 7, b"mdat") + bytes(9)).top())


def test_more_boxes_than_the_limit_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 10"):
        list(walker(box(b"free", b"") * 11, max_boxes=10).top())


def test_nesting_deeper_than_the_limit_is_refused() -> None:
    tree = walker(box(b"a   ", box(b"b   ", box(b"c   ", b""))), max_nesting=1)
    (first,) = tree.top()
    (second,) = tree.children(first)
    with pytest.raises(LimitExceeded, match="nest deeper"):
        list(tree.children(second))


def test_a_block_longer_than_the_limit_is_not_read() -> None:
    tree = walker(box(b"meta", bytes(100)))
    (found,) = tree.top()
    with pytest.raises(LimitExceeded, match="the limit is 99"):
        tree.content(found, 99)
