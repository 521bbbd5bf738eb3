from __future__ import annotations

import io
import struct

from kzlabel.containers.base import Slots
from kzlabel.containers.flv import FLV
from kzlabel.limits import DEFAULT_LIMITS

from .golden_media import golden


def text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def film(*scripts: bytes) -> bytes:
    tags = b"".join(bytes([18]) + len(s).to_bytes(3) + bytes(7) + s + struct.pack(">I", len(s) + 11) for s in scripts)
    return b"FLV\1\0" + struct.pack(">II", 9, 0) + tags


def read(data: bytes) -> Slots:
    return FLV.read(io.BytesIO(data), DEFAULT_LIMITS)


def test_texts_of_the_script_data_are_read() -> None:
    found = read(golden("flv"))
    assert list(found.values("AIGC")) == ['{"Label":"1"}']
    assert not found.damage


def test_xmp_is_read() -> None:
    script = b"\x02" + text(b"onXMPData") + b"\x03" + text(b"liveXML") + b"\x02" + text(b"<x/>") + b"\0\0\x09"
    assert read(film(script)).xmp == (b"<x/>",)


def test_endless_nesting_ends() -> None:
    script = b"\x02" + text(b"onMetaData") + (b"\x03" + text(b"a")) * 1000
    assert "nest" in read(film(script)).damage[0]


def test_an_array_longer_than_its_data_ends() -> None:
    script = b"\x02" + text(b"onMetaData") + b"\x0a\xff\xff\xff\xff" + b"\x05" * 10
    assert "cut off" in read(film(script)).damage[0]
