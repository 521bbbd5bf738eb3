from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from kzlabel.containers.base import Slots
from kzlabel.containers.gif import GIF
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, gif, picture


def read(data: bytes) -> Slots:
    return GIF.read(io.BytesIO(data), DEFAULT_LIMITS)


def block(name: bytes, data: bytes) -> bytes:
    return b"\x21\xff\x0b" + name + bytes([len(data)]) + data + b"\0"


def with_blocks(*blocks: bytes) -> bytes:
    data = gif()
    place = data.index(b"\x21\xff\x0bNETSCAPE")
    return data[:place] + b"".join(blocks) + data[place:]


def test_comments_are_read() -> None:
    assert [(tag.name, tag.value) for tag in read(gif()).tags] == [("Comment", "by hand")]


def test_the_loop_count_stays_first_and_the_animation_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(gif())
    GIF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    data = path.read_bytes()
    assert data.find(b"NETSCAPE2.0") < data.find(b"XMP DataXMP") < data.find(b"\x2c\0\0\0\0")
    with Image.open(path) as opened:
        assert (opened.n_frames, opened.info["loop"]) == (3, 3)


def test_a_decoder_that_takes_the_packet_for_blocks_lands_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    for length in range(250, 262):
        path.write_bytes(gif())
        packet = FOREIGN_XMP[:length].ljust(length)
        GIF.write(path, Slots(xmp=(packet,)), DEFAULT_LIMITS)
        assert read(path.read_bytes()).xmp == (packet,)
        with Image.open(path) as opened:
            assert opened.n_frames == 3


def test_a_gif_of_version_87_becomes_one_of_89(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    picture("L").save(path, "GIF")
    data = path.read_bytes()
    path.write_bytes(b"GIF87a" + data[6:])
    GIF.write(path, Slots(xmp=(FOREIGN_XMP,)), DEFAULT_LIMITS)
    assert path.read_bytes()[:6] == b"GIF89a"


def test_a_manifest_store_is_noticed_and_never_carried(tmp_path: Path) -> None:
    store, own = block(b"C2PA_GIF\1\0\0", b"store"), block(b"SOMEBODY1.0", b"settings")
    source, target = tmp_path / "a.gif", tmp_path / "b.gif"
    source.write_bytes(with_blocks(store, own))
    assert read(source.read_bytes()).manifest
    picture("L").save(target, "GIF")
    GIF.carry(source, target, DEFAULT_LIMITS)
    data = target.read_bytes()
    assert own in data
    assert store not in data
    assert b"NETSCAPE" not in data


def test_a_comment_that_the_encoder_wrote_is_not_carried_again(tmp_path: Path) -> None:
    source, target = tmp_path / "a.gif", tmp_path / "b.gif"
    source.write_bytes(gif())
    picture("L").save(target, "GIF", comment=b"by hand")
    GIF.carry(source, target, DEFAULT_LIMITS)
    assert len(read(target.read_bytes()).tags) == 1


def test_a_packet_in_plain_sub_blocks_is_read_too() -> None:
    parts = [FOREIGN_XMP[start : start + 200] for start in range(0, len(FOREIGN_XMP), 200)]
    data = b"\x21\xff\x0bXMP DataXMP" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"
    assert read(with_blocks(data)).xmp == (FOREIGN_XMP,)
