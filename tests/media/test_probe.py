from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from kzlabel.errors import LimitExceeded, UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.programs.packets import census
from kzlabel.media.programs.probe import Probe, probe
from kzlabel.media.programs.report import parse

from .reels import make, make_rich


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rich(tmp_path_factory.mktemp("probe") / "rich.mkv", subtitles="srt")


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "h264", "yuv420p"),
        ("b.mov", "h264", "yuv422p10le"),
        ("c.mkv", "hevc", "yuv420p10le"),
        ("d.webm", "vp9", "yuv420p"),
    ],
)
def test_streams_are_as_another_library_sees_them(name: str, codec: str, pix_fmt: str, tmp_path: Path) -> None:
    path = make(tmp_path / name, codec, pix_fmt=pix_fmt, sound="libopus" if name.endswith("webm") else "aac")
    found = _probe(path)
    picture, sound = found.streams
    with av.open(str(path)) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (picture.codec, picture.pix_fmt) == (video.codec_context.name, video.codec_context.pix_fmt)
        assert (picture.width, picture.height) == (video.codec_context.width, video.codec_context.height)
        assert picture.profile == video.profile
        assert picture.time_base == video.time_base
        assert picture.fps == video.average_rate
        assert (sound.sample_rate, sound.layout) == (audio.sample_rate, audio.codec_context.layout.name)
        assert found.duration == pytest.approx(film.duration / 1e6, abs=0.011)


def test_packets_are_as_another_library_sees_them(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", "h264", "-g", "12")
    track = census(path, _probe(path), demuxer="mov", limits=DEFAULT_LIMITS).tracks[0]
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
    assert track.packets == len(packets)
    assert list(track.times) == sorted(packet.pts for packet in packets)
    assert (track.key_distance, track.reordered) == (12, True)


def test_chapters_languages_and_tags_are_read(rich: Path) -> None:
    found = _probe(rich)
    assert [chapter.title for chapter in found.chapters] == ["Бірінші", "Second"]
    assert [stream.language for stream in found.of_kind("audio")] == ["kaz", "rus"]
    assert found.of_kind("audio")[1].dispositions == ("comment",)


def test_a_line_break_in_a_tag_feigns_no_stream(rich: Path) -> None:
    found = _probe(rich)
    assert [stream.kind for stream in found.streams] == ["video", "audio", "audio", "subtitle"]
    assert dict(found.tags)["title"].startswith("Evil\n  Stream #0:1")


def test_a_line_break_in_the_name_of_a_tag_is_refused(rich: Path, tmp_path: Path) -> None:
    # The name of a Matroska tag may be any text, so one can be made that looks like a line of ffmpeg's own.
    feigned = b"X\n  Stream #0:4: Video: h264, yuv420p, 64x64, 25 fps"
    path = tmp_path / "evil.mkv"
    data = rich.read_bytes()
    place = data.index(b"\x45\xa3\x86ARTIST")  # TagName of six bytes, within SimpleTag (67C8) within Tag (7373)
    path.write_bytes(_grown(data, place, feigned))
    with pytest.raises(UnreadableFile, match="imitate"):
        _probe(path)


@pytest.mark.parametrize(
    "lines",
    [
        ["Input #0, mov, from 'x':", "  Stream #0:1: Video: h264, yuv420p, 64x64, 25 fps", "Stream mapping:"],
        ["Input #0, mov, from 'x':", *["  Stream #0:0: Audio: aac, 1 Hz, mono, fltp"] * 2, "Stream mapping:"],
        ["Input #0, mov, from 'x':", "Input #0, mov, from 'y':", "Stream mapping:"],
        ["Input #0, mov, from 'x':", "Stream mapping:", "Stream mapping:"],
        ["Input #0, mov, from 'x':"],
        [],
    ],
)
def test_a_report_that_contradicts_itself_is_refused(lines: list[str]) -> None:
    with pytest.raises(UnreadableFile):
        parse(lines, name="x")


def test_a_report_is_read_to_its_last_detail() -> None:
    stream = parse(
        [
            "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'x':",
            "  Duration: 01:00:00.50, start: -0.040000, bitrate: 1 kb/s",
            (
                "  Stream #0:0[0x1](und): Video: h264 (High 4:2:2 Intra) (avc1 / 0x31637661), yuv422p10le(tv, "
                "bt2020nc/bt2020/arib-std-b67, top coded first (swapped)), 1440x1080 [SAR 4:3 DAR 16:9], 99 kb/s, "
                "59.94 fps, 59.94 tbr, 90k tbn, start 0.020000 (default) (forced)"
            ),
            "    Metadata:",
            "      title           : one",
            "                      : two",
            "    Side data:",
            "      Display Matrix: rotation of -90.00 degrees",
            "Stream mapping:",
        ],
        name="x",
    )
    picture = stream.streams[0]
    assert (stream.duration, stream.start) == (3600.5, -0.04)
    assert (picture.profile, picture.tag, picture.pix_fmt) == ("High 4:2:2 Intra", "avc1", "yuv422p10le")
    assert (picture.range, picture.space, picture.primaries) == ("tv", "bt2020nc", "bt2020")
    assert (picture.transfer, picture.field_order) == ("arib-std-b67", "top coded first (swapped)")
    assert (picture.sar, picture.fps, picture.rotation) == (Fraction(4, 3), Fraction("59.94"), -90.0)
    assert picture.dispositions == ("default", "forced")
    assert picture.tags == (("title", "one\ntwo"),)


def test_limits_on_size_and_duration_are_kept(rich: Path) -> None:
    with pytest.raises(LimitExceeded, match="max_duration"):
        probe(rich, demuxer="matroska", limits=Limits(max_duration=1))
    with pytest.raises((LimitExceeded, UnreadableFile)):
        probe(rich, demuxer="matroska", limits=Limits(max_pixels=1000))


def _probe(path: Path) -> Probe:
    demuxer = "matroska" if path.suffix in (".mkv", ".webm") else "mov"
    return probe(path, demuxer=demuxer, limits=DEFAULT_LIMITS)


def _grown(data: bytes, place: int, name: bytes) -> bytes:
    """`data` with the Tags element around `place` replaced by one tag of this name, and padded to the old length."""
    start = data.rindex(b"\x12\x54\xc3\x67", 0, place)
    octets = 9 - data[start + 4].bit_length()
    length = int.from_bytes(data[start + 4 : start + 4 + octets]) & ((1 << 7 * octets) - 1)
    end = start + 4 + octets + length
    simple = b"\x45\xa3" + _size(len(name)) + name + b"\x44\x87" + _size(1) + b"x"
    tag = b"\x63\xc0\x80" + b"\x67\xc8" + _size(len(simple)) + simple
    whole = b"\x73\x73" + _size(len(tag)) + tag
    tags = b"\x12\x54\xc3\x67" + _size(len(whole)) + whole
    padding = end - start - len(tags) - 9
    assert padding >= 0
    return data[:start] + tags + b"\xec" + _size(padding) + bytes(padding) + data[end:]


def _size(value: int) -> bytes:
    return (value | 1 << 56).to_bytes(8)
