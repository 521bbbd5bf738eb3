"""What every container of pictures promises, on a real file of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from kzlabel.containers.base import Container, Slot, Slots, Tag
from kzlabel.containers.ifd import TiffReader
from kzlabel.errors import InputError, KzlabelError
from kzlabel.limits import DEFAULT_LIMITS

from .picture_files import FOREIGN_XMP, PICTURES, SAMPLES, Sample, pixels

XMP = FOREIGN_XMP.replace(b"Somebody else", b"The labeller")
EXIF = b"MM\0*\0\0\0\x08\0\1\x01\x31\0\2\0\0\0\4abc\0\0\0\0\0"  # Software: abc

each_picture = pytest.mark.parametrize("sample", PICTURES, ids=lambda sample: sample.name)
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


CONTENT = {  # what comes before the compressed content, and how far after it that begins for certain
    ".jpg": (b"\xff\xda", 14),
    ".png": (b"IDAT", 6),
    ".gif": (b"\x2c\0\0\0\0", 12),
    ".webp": (b"VP8", 20),
    ".avif": (b"mdat", 8),
    ".wav": (b"data", 8),
}


def content(path: Path) -> int:
    """An offset within the compressed content."""
    if path.suffix == ".tif":
        with path.open("rb") as file:
            reader = TiffReader(file, DEFAULT_LIMITS)
            return reader.integers(reader.directory(reader.first).entries[273])[0]
    before, distance = CONTENT[path.suffix]
    data = path.read_bytes()
    return (data.rfind(before) if path.suffix == ".webp" else data.find(before)) + distance


def fill(sample: Sample, path: Path, slots: Slots) -> None:
    sample.container.write(path, slots, DEFAULT_LIMITS)


@each_sample
def test_a_packet_written_is_read_again(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    fill(sample, path, Slots(xmp=(XMP,)))
    found = sample.read(path)
    assert found.xmp == (XMP,)
    assert found.damage == ()


@each_picture
def test_writing_changes_no_pixel(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    before = pixels(path)
    fill(sample, path, Slots(xmp=(XMP,), exif=EXIF if Slot.EXIF in sample.container.holds else None))
    assert pixels(path) == before


@each_picture
def test_pillow_finds_the_packet_too(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    fill(sample, path, Slots(xmp=(XMP,)))
    if path.suffix in (".gif",) or path.name == "moving.avif":  # Pillow reads none there
        assert XMP in path.read_bytes()
        return
    with Image.open(path) as opened:
        opened.load()
        assert opened.getxmp()["xmpmeta"]["RDF"]["Description"]["Credit"] == "The labeller"


@each_sample
def test_what_was_there_stays(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    before = sample.read(path)
    fill(sample, path, Slots(xmp=(XMP,)))
    after = sample.read(path)
    assert after.exif == before.exif
    assert after.tags == before.tags


@each_sample
def test_a_second_packet_takes_the_place_of_the_first(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    longer = XMP.replace(b"The labeller", b"The labeller" * 40)
    for packet in (FOREIGN_XMP, longer, XMP):
        fill(sample, path, Slots(xmp=(packet,)))
        (found,) = sample.read(path).xmp
        assert found.rstrip() == packet
    if sample in PICTURES:
        pixels(path)


@each_picture
def test_writing_nothing_changes_nothing(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    before = path.read_bytes()
    fill(sample, path, Slots())
    assert path.read_bytes() == before


@pytest.mark.parametrize("sample", [s for s in PICTURES if Slot.EXIF in s.container.holds], ids=lambda s: s.name)
def test_an_exif_block_written_is_read_again(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    fill(sample, path, Slots(xmp=(XMP,), exif=EXIF))
    assert sample.read(path).exif == EXIF
    with Image.open(path) as opened:
        assert opened.getexif()[305] == "abc"


@each_picture
def test_metadata_is_carried_into_a_picture_that_was_encoded_anew(sample: Sample, tmp_path: Path) -> None:
    source = sample.write(tmp_path)
    fill(sample, source, Slots(xmp=(XMP,)))
    target = tmp_path / f"target{source.suffix}"
    with Image.open(source) as opened:
        animated = getattr(opened, "n_frames", 1) > 1
        opened.save(target, save_all=animated, **({"comment": b""} if source.suffix == ".jpg" else {}))
    before = pixels(target)
    sample.container.carry(source, target, DEFAULT_LIMITS)  # type: ignore[attr-defined]
    held, brought = sample.read(source), sample.read(target)
    assert brought.xmp == held.xmp
    assert brought.tags == held.tags
    assert source.suffix == ".avif" or (brought.exif is None) == (held.exif is None)  # AVIF's encoder writes EXIF
    if source.suffix in (".jpg", ".png", ".webp"):
        assert brought.exif == held.exif
    assert pixels(target) == before


@each_picture
def test_carrying_twice_brings_nothing_twice(sample: Sample, tmp_path: Path) -> None:
    source = sample.write(tmp_path)
    fill(sample, source, Slots(xmp=(XMP,)))
    whole = source.read_bytes()
    target = tmp_path / f"target{source.suffix}"
    target.write_bytes(whole)
    sample.container.carry(source, target, DEFAULT_LIMITS)  # type: ignore[attr-defined]
    assert sample.read(target) == sample.read(source)


@each_sample
def test_marks_are_found_although_the_content_is_corrupt(sample: Sample, tmp_path: Path) -> None:
    path = sample.write(tmp_path)
    fill(sample, path, Slots(xmp=(XMP,)))
    data = bytearray(path.read_bytes())
    start = content(path)
    for place in range(start, start + 12):
        data[place] ^= 0x55
    path.write_bytes(data)
    assert sample.read(path).xmp == (XMP,)


@each_sample
def test_another_format_is_unreadable_and_never_written(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / sample.name
    path.write_bytes(b"just a text, and no picture at all, long enough to hold any header")
    found = sample.read(path)
    assert found == Slots(damage=found.damage)
    assert sample.name in found.damage[0]
    with pytest.raises(InputError):
        fill(sample, path, Slots(xmp=(XMP,)))


def cases(draw: st.DrawFn, data: bytes) -> bytes:
    """The file with some bytes changed, and perhaps cut."""
    broken = bytearray(data)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(broken) - 1))
        broken[place] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, broken[place] ^ 1]))
    cut = draw(st.one_of(st.none(), st.integers(0, len(broken))))
    return bytes(broken[:cut])


@each_sample
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(draws=st.data())
def test_only_our_own_errors_leave_a_broken_file(sample: Sample, draws: st.DataObject, tmp_path: Path) -> None:
    container: Container = sample.container
    path = tmp_path / sample.name
    path.write_bytes(marked(sample, tmp_path))
    path.write_bytes(draws.draw(st.composite(cases)(path.read_bytes())))
    sample.read(path)
    try:
        container.write(path, Slots(xmp=(XMP,), tags=(Tag("AIGC", "{}"),)), DEFAULT_LIMITS)
        if hasattr(container, "carry"):
            target = sample.write(tmp_path)
            source = tmp_path / f"source{path.suffix}"
            source.write_bytes(path.read_bytes())
            container.carry(source, target, DEFAULT_LIMITS)
    except KzlabelError:
        pass


_MARKED: dict[str, bytes] = {}


def marked(sample: Sample, folder: Path) -> bytes:
    """The sample with a packet in it, made once."""
    if sample.name not in _MARKED:
        path = sample.write(folder)
        fill(sample, path, Slots(xmp=(FOREIGN_XMP,)))
        _MARKED[sample.name] = path.read_bytes()
    return _MARKED[sample.name]
