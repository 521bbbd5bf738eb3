"""What c2pa gets to see of files that are made to take it hours."""

from __future__ import annotations

import io
import struct

import pytest

from kzlabel.errors import LimitExceeded
from kzlabel.evidence import State
from kzlabel.marks.manifest import read
from kzlabel.marks.patience import BYTES_PER_STEP, MAX_BOXES, MAX_SEGMENTS, MAX_STEPS, patient

FTYP = struct.pack(">I", 20) + b"ftypisom\0\0\2\0isom"
FREE = b"\0\0\0\x08free"


def ask(content: bytes, times: int) -> None:
    with patient(io.BytesIO(content), "a.png") as file:
        for _ in range(times):
            file.tell()


def test_a_file_is_read_so_often_and_no_more() -> None:
    with pytest.raises(LimitExceeded, match=r"^a\.png: .*over 1000000 steps"):
        ask(b"x", MAX_STEPS + 1)
    with patient(io.BytesIO(bytes(64 * BYTES_PER_STEP)), "a") as file:
        for _ in range(MAX_STEPS + 64):
            file.tell()
        assert not file.lost
        with pytest.raises(OSError, match="too often"):
            file.read()


def test_other_failures_stay_what_they_are() -> None:
    with pytest.raises(ZeroDivisionError), patient(io.BytesIO(b"x"), "a"):
        raise ZeroDivisionError


def test_boxes_are_counted_wherever_they_stand() -> None:
    inside = struct.pack(">I", 8 + 8 * MAX_BOXES) + b"moov" + FREE * MAX_BOXES
    for content in (FTYP + FREE * MAX_BOXES, FTYP + inside):
        with pytest.raises(LimitExceeded, match=r"^a: it has over 40000 boxes"), patient(io.BytesIO(content), "a"):
            pass
        found = read(content, "video/mp4")
        assert found is not None
        assert found.state is State.NOT_CHECKED
    with patient(io.BytesIO(FTYP + FREE * (MAX_BOXES - 1)), "a"):
        pass


def test_segments_are_counted_before_signing_only() -> None:
    photo = io.BytesIO(b"\xff\xd8" + b"\xff\xe7\0\2" * MAX_SEGMENTS + b"\xff\xda")
    with patient(photo, "a"):
        pass
    with pytest.raises(LimitExceeded, match=r"^a: it has over 20000 segments"), patient(photo, "a", signing=True):
        pass
