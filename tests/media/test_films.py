from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from kzlabel.containers.base import Slots, Tag
from kzlabel.disclosure.plan import DisclosurePlan, Form, Position
from kzlabel.errors import (
    InputError,
    InternalError,
    LimitExceeded,
    MissingProgram,
    UnreadableFile,
    UnsupportedFormat,
)
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.base import Format, Programs, Rendered, RenderPlan
from kzlabel.media.films import FORMATS
from kzlabel.media.programs.probe import Probe, Stream, probe

from .reels import FRAMES, HDR, MASTERING, PICTURE, ffmpeg, likeness, make, make_rich

PLAN = RenderPlan(disclosure=DisclosurePlan())
LEFT_BOTTOM = "128:112:0:68"  # outside the badge, which stands at the top right of 320x180


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "sound"),
    [
        ("h264.mp4", "h264", "yuv420p", "aac"),
        ("h264.mov", "h264", "yuv422p10le", "pcm_s16le"),
        ("h264.mkv", "h264", "yuv444p", "flac"),
        ("hevc.mp4", "hevc", "yuv420p10le", "aac"),
        ("hevc.mov", "hevc", "yuv420p", "aac"),
        ("av1.mp4", "av1", "yuv420p", "aac"),
        ("av1.mkv", "av1", "yuv420p10le", "libopus"),
        ("vp9.webm", "vp9", "yuv420p", "libopus"),
        ("vp9.mkv", "vp9", "yuv420p10le", "libopus"),
        ("vp8.webm", "vp8", "yuv420p", "libvorbis"),
    ],
)
def test_a_film_keeps_its_form_and_shows_the_badge_on_every_frame(
    name: str, codec: str, pix_fmt: str, sound: str, tmp_path: Path
) -> None:
    source = make(tmp_path / name, codec, pix_fmt=pix_fmt, sound=sound)
    target, rendered = _label(source)
    was, now = _main(source), _main(target)
    for field in ("codec", "pix_fmt", "width", "height", "sar", "time_base"):
        assert getattr(now, field) == getattr(was, field)
    assert rendered.info.frames == FRAMES
    assert rendered.disclosure
    assert rendered.disclosure.form is Form.BADGE
    assert rendered.disclosure.contrast
    assert rendered.disclosure.contrast >= 4.5
    assert _sound(target) == _sound(source)
    assert likeness(source, target, LEFT_BOTTOM) >= 0.99
    frames = list(_frames(target))
    assert len(frames) == FRAMES
    for frame in (frames[0], frames[FRAMES // 2], frames[-1]):
        assert _shows_badge(frame, rendered)
    assert not _shows_badge(next(_frames(source)), rendered)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "h264"), ("b.mov", "hevc"), ("c.mkv", "av1"), ("d.mkv", "vp9"), ("e.mkv", "vp8")]
)
def test_the_same_film_gives_the_same_bytes(name: str, codec: str, tmp_path: Path) -> None:
    source = make(tmp_path / name, codec, seconds="0.6")
    first = _label(source)[0].read_bytes()
    assert _label(source)[0].read_bytes() == first


def test_sounds_subtitles_chapters_and_tags_are_kept(tmp_path: Path) -> None:
    for name, subtitles in (("rich.mp4", "mov_text"), ("rich.mkv", "srt")):
        source = make_rich(tmp_path / name, subtitles=subtitles)
        target, _ = _label(source)
        was, now = _probe(source), _probe(target)
        assert [(s.kind, s.codec, s.language, s.dispositions) for s in now.streams] == [
            (s.kind, s.codec, s.language, s.dispositions) for s in was.streams
        ]
        assert now.chapters == was.chapters
        assert dict(now.tags)["title"] == dict(was.tags)["title"]
        with av.open(str(target)) as film:
            assert len(film.streams.subtitles) == 1


def test_the_index_stays_where_it_was(tmp_path: Path) -> None:
    make(tmp_path / "last.mp4", "h264")
    ffmpeg("-i", tmp_path / "last.mp4", "-c", "copy", "-movflags", "+faststart", tmp_path / "first.mp4")
    fragments = "+frag_keyframe+empty_moov+default_base_moof"
    ffmpeg("-i", tmp_path / "last.mp4", "-c", "copy", "-movflags", fragments, tmp_path / "fragments.mp4")
    orders = {}
    for name in ("last", "first", "fragments"):
        data = _label(tmp_path / f"{name}.mp4")[0].read_bytes()
        orders[name] = (data.index(b"moov") < data.index(b"mdat"), b"moof" in data)
    assert orders == {"last": (False, False), "first": (True, False), "fragments": (True, True)}


@pytest.mark.parametrize(("turn", "mirrored"), [(90, False), (180, False), (270, False), (0, True), (90, True)])
def test_a_turned_film_shows_the_badge_upright(turn: int, mirrored: bool, tmp_path: Path) -> None:
    make(tmp_path / "plain.mp4", "h264", seconds="0.2")
    source = tmp_path / "turned.mp4"
    options = ["-display_rotation", str(turn), *(["-display_hflip"] if mirrored else [])]
    ffmpeg(*options, "-i", tmp_path / "plain.mp4", "-c", "copy", source)
    target, rendered = _label(source)
    assert (rendered.info.width, rendered.info.height) == ((180, 320) if turn in (90, 270) else (320, 180))
    assert _main(target).rotation == _main(source).rotation
    upright = tmp_path / "upright.mkv"  # as a player shows it: ffmpeg turns and mirrors by itself
    ffmpeg("-i", target, "-c:v", "ffv1", "-an", upright)
    assert _looks_like_the_drawing(next(_frames(upright)), rendered)


def test_a_film_of_oblong_pixels_shows_the_badge_in_shape(tmp_path: Path) -> None:
    source = make(tmp_path / "wide.mkv", "h264", picture=f"{PICTURE},setsar=64/45", seconds="0.2")
    target, rendered = _label(source)
    assert (rendered.info.width, rendered.info.height) == (455, 180)
    square = tmp_path / "square.mkv"
    ffmpeg("-i", target, "-vf", "scale=455:180", "-c:v", "ffv1", "-an", square)
    assert _looks_like_the_drawing(next(_frames(square)), rendered)


def test_frames_of_uneven_length_keep_their_times(tmp_path: Path) -> None:
    uneven = f"{PICTURE},setpts=PTS+gt(N\\,10)*0.5/TB+mod(N\\,3)*0.007/TB"
    times = {}
    for name, sound in (("uneven.mp4", "aac"), ("uneven.mkv", "aac")):
        rate = ["-fps_mode", "passthrough", "-enc_time_base", "1/90000"]
        source = make(tmp_path / name, "h264", *rate, picture=uneven, sound=sound)
        target, _ = _label(source)
        times[name] = [_times(source), _times(target)]
    assert times["uneven.mp4"][0] == times["uneven.mp4"][1]
    assert times["uneven.mkv"][0] == times["uneven.mkv"][1]


def test_high_dynamic_range_is_kept_and_the_badge_is_not_glaring(tmp_path: Path) -> None:
    colours = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    params = f"log-level=error:hdr10=1:{HDR}:{MASTERING}"
    source = make(
        tmp_path / "hdr.mp4", "hevc", "-x265-params", params, pix_fmt="yuv420p10le", picture=f"{PICTURE},{colours}"
    )
    target, rendered = _label(source)
    now = _main(target)
    assert (now.range, now.space, now.primaries, now.transfer) == ("tv", "bt2020nc", "bt2020", "smpte2084")
    assert any("max_luminance=1000" in item for item in now.side_data)
    assert any("MaxCLL=1000" in item for item in now.side_data)
    with av.open(str(target)) as film:
        luma = next(film.decode(video=0)).to_ndarray()[:180]
    assert rendered.disclosure
    region = rendered.disclosure.region
    assert region
    inner = luma[region.y + 8 : region.y + region.height - 8, region.x + 8 : region.x + region.width - 8]
    brightest = np.percentile(inner, 99)
    # Graphics white is 58 % of the PQ signal, which spans 64 to 940 in ten bits.
    assert brightest == pytest.approx(64 + 0.58 * 876, abs=30)


def test_full_range_stays_full_range(tmp_path: Path) -> None:
    source = make(
        tmp_path / "full.mp4", "h264", pix_fmt="yuvj420p", picture=f"{PICTURE},scale=out_range=pc", seconds="0.4"
    )
    target, _ = _label(source)
    assert (_main(target).range, _main(target).pix_fmt) == ("pc", "yuvj420p")
    assert likeness(source, target, LEFT_BOTTOM) >= 0.99


def test_interlaced_film_stays_interlaced(tmp_path: Path) -> None:
    source = make(tmp_path / "fields.mp4", "h264", *("-flags", "+ilme+ildct", "-x264-params", "tff=1"), seconds="0.4")
    target, _ = _label(source)
    assert "top" in _main(source).field_order
    assert _main(target).field_order == _main(source).field_order


def test_covers_and_attachments_are_kept_bit_for_bit(tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1", cover)
    plain = make(tmp_path / "plain.mp4", "h264", seconds="0.4")
    film = tmp_path / "cover.mp4"
    ffmpeg("-i", plain, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic", film)
    boxed, _ = _label(film)
    matroska = tmp_path / "cover.mkv"
    words = tmp_path / "words.txt"
    words.write_text("Attached words")
    attached = ["-attach", cover, "-metadata:s:t:0", "mimetype=image/png"]
    attached += ["-attach", words, "-metadata:s:t:1", "mimetype=text/plain"]
    ffmpeg("-i", plain, "-map", "0", "-c", "copy", *attached, matroska)
    free, _ = _label(matroska)
    for target in (boxed, free):
        assert cover.read_bytes() in target.read_bytes()
        assert [stream.is_picture for stream in _probe(target).of_kind("video")] == [False, True]
    assert b"Attached words" in free.read_bytes()


def test_every_picture_of_several_is_labelled(tmp_path: Path) -> None:
    plain = make(tmp_path / "one.mp4", "h264", seconds="0.4")
    source = tmp_path / "two.mp4"
    ffmpeg("-i", plain, "-map", "0:v", "-map", "0:v", "-map", "0:a", "-c", "copy", source)
    target, rendered = _label(source)
    for index in (0, 1):
        assert _shows_badge(next(_frames(target, index)), rendered)


def test_a_late_picture_stays_in_step_with_the_sound(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", "h264", seconds="0.8")
    source = tmp_path / "late.mp4"
    ffmpeg("-itsoffset", "0.3", "-i", plain, "-i", plain, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    target, rendered = _label(source)
    assert _times(target) == _times(source)
    assert _shows_badge(next(_frames(target)), rendered)


def test_time_codes_and_quicktime_keys_are_kept(tmp_path: Path) -> None:
    key = ["-metadata", "com.example.camera=First", "-movflags", "+use_metadata_tags"]
    source = make(tmp_path / "code.mov", "h264", "-timecode", "01:00:00:00", *key, seconds="0.4")
    target, _ = _label(source)
    assert dict(_probe(target).tags)["com.example.camera"] == "First"
    assert _main(target).tagged("timecode") == "01:00:00:00"
    assert [stream.tag for stream in _probe(target).of_kind("data")] == ["tmcd"]


def test_a_film_from_a_camera_is_known_by_its_metadata(tmp_path: Path) -> None:
    made = ["-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone 15"]
    source = make(tmp_path / "phone.mov", "h264", *made, "-movflags", "+use_metadata_tags", seconds="0.2")
    assert _format("phone.mov").probe(source, DEFAULT_LIMITS).camera == "camera metadata: Apple iPhone 15"
    plain = make(tmp_path / "plain.mov", "h264", seconds="0.2")
    assert _format("plain.mov").probe(plain, DEFAULT_LIMITS).camera is None


def test_a_film_at_an_odd_angle_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "plain.mp4", "h264", seconds="0.2")
    source = tmp_path / "odd.mp4"
    ffmpeg("-display_rotation", "30", "-i", tmp_path / "plain.mp4", "-c", "copy", source)
    with pytest.raises(UnsupportedFormat, match="odd angle"):
        _label(source)


def test_slots_are_filled_with_and_without_a_disclosure(tmp_path: Path) -> None:
    slots = Slots(tags=(Tag("comment", "labelled"),))
    for name in ("a.mp4", "a.mov", "a.mkv"):
        source = make(tmp_path / name, "h264", "-metadata", "title=Kept", seconds="0.2")
        for disclosure in (None, DisclosurePlan()):
            target, _ = _label(source, replace(PLAN, slots=slots, disclosure=disclosure))
            found = {key.casefold(): value for key, value in _probe(target).tags}
            assert (found["title"], found["comment"]) == ("Kept", "labelled")
            if disclosure is None:
                assert _packets(target) == _packets(source)


def test_without_disclosure_and_marks_the_bytes_stay_the_same(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        source = make(tmp_path / name, "h264", seconds="0.2")
        assert _label(source, RenderPlan())[0].read_bytes() == source.read_bytes()


def test_the_plan_decides_where_the_badge_stands(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "h264", seconds="0.2")
    plan = replace(PLAN, disclosure=DisclosurePlan(position=Position.BOTTOM_LEFT, languages=("en",)))
    target, rendered = _label(source, plan)
    assert rendered.disclosure
    assert rendered.disclosure.region
    assert rendered.disclosure.region.y > 90
    assert _shows_badge(next(_frames(target)), rendered)


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    shares: list[float] = []
    _label(make(tmp_path / "a.mp4", "h264"), replace(PLAN, progress=shares.append))
    assert shares == sorted(shares)
    assert shares[-1] > 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-c:v", "mpeg4"], "encoded as mpeg4"),
        (["-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p12le"], "yuv420p12le"),
        (["-vn"], "no film"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(arguments: list[str], words: str, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    inputs = ["-f", "lavfi", "-i", f"{PICTURE},format=yuv420p", "-f", "lavfi", "-i", "sine"]
    ffmpeg(*inputs, "-t", "0.2", *arguments, source)
    with pytest.raises(UnsupportedFormat, match=words):
        _format("film.mp4").render(source, tmp_path / "out.mp4", PLAN)
    assert not (tmp_path / "out.mp4").exists()


def test_a_film_cut_short_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "whole.mp4", "h264", "-movflags", "+faststart")
    make(tmp_path / "whole.mkv", "h264")
    for name in ("whole.mp4", "whole.mkv"):
        data = (tmp_path / name).read_bytes()
        cut = tmp_path / f"cut-{name}"
        for share in (0.1, 0.6, 0.95):
            cut.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(UnreadableFile):
                _format(name).render(cut, tmp_path / "out", PLAN)


def test_damage_lets_only_our_own_errors_out(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", "h264", "-movflags", "+faststart", seconds="0.4").read_bytes()
    rng = np.random.default_rng(1)
    film = tmp_path / "damaged.mp4"
    for number in range(25):
        data = bytearray(whole)
        reach = 2000 if number % 2 else len(data)
        for place in rng.integers(0, reach, 8):
            data[place] = rng.integers(256)
        film.write_bytes(data)
        target = tmp_path / f"out-{number}.mp4"
        try:
            rendered = _format("a.mp4").render(film, target, PLAN)
            _format("a.mp4").check(film, target, rendered, DEFAULT_LIMITS)
        except (InputError, InternalError):
            pass


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def test_a_playlist_or_script_named_like_a_film_reaches_nothing(listener: socket.socket, tmp_path: Path) -> None:
    canary = make(tmp_path / "canary.ts", "h264", "-f", "mpegts", seconds="0.2")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.ts"
    texts = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{canary}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{canary}'\n",
        f"ffconcat version 1.0\nfile '{address}'\n",
        f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{address}'/></svg>",
        f"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{address}</BaseURL></MPD>",
    ]
    for number, text in enumerate(texts):
        for ending in ("mp4", "mkv"):
            film = tmp_path / f"hostile-{number}.{ending}"
            film.write_text(text)
            header = film.read_bytes()
            assert all(format.score(header) == 0 for format in FORMATS)
            with pytest.raises(UnreadableFile):
                _format(film.name).render(film, tmp_path / "out", PLAN)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_reference_to_another_file_is_not_followed(tmp_path: Path) -> None:
    source = make(tmp_path / "whole.mov", "h264", seconds="0.2")
    secret = make(tmp_path / "secret.mov", "h264", picture=f"{PICTURE},negate", seconds="0.2")
    # The data reference "url ", flagged as the same file, becomes an alias record that names another one.
    data = source.read_bytes()
    place = data.index(b"url \0\0\0\1")
    film = tmp_path / "alias.mov"
    film.write_bytes(data[:place] + b"url \0\0\0\0" + data[place + 8 :])
    before = secret.stat().st_atime_ns
    _format("a.mov").probe(film, DEFAULT_LIMITS)
    assert secret.stat().st_atime_ns == before


def test_limits_and_missing_programs_are_named(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "h264", seconds="0.4")
    format = _format("a.mp4")
    with pytest.raises(LimitExceeded, match="max_duration"):
        format.render(source, tmp_path / "out.mp4", replace(PLAN, limits=Limits(max_duration=0.1)))
    with pytest.raises(InputError):
        format.render(source, tmp_path / "out.mp4", replace(PLAN, limits=Limits(max_pixels=1000)))
    with pytest.raises(LimitExceeded, match="program_timeout"):
        format.render(source, tmp_path / "out.mp4", replace(PLAN, limits=Limits(program_timeout=1e-4)))
    with pytest.raises(MissingProgram):
        format.using(Programs(ffmpeg="/no/such/program")).render(source, tmp_path / "out.mp4", PLAN)
    with pytest.raises(MissingProgram):
        format.using(Programs(ffmpeg=sys.executable + "-none")).probe(source, DEFAULT_LIMITS)


def test_a_lost_stream_or_frame_is_noticed(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", "h264")
    target, rendered = _label(source)
    silent, short = tmp_path / "silent.mp4", tmp_path / "short.mp4"
    ffmpeg("-i", target, "-map", "0:v", "-c", "copy", silent)
    ffmpeg("-i", target, "-map", "0", "-c:a", "copy", "-c:v", "libx264", "-frames:v", "20", short)
    for broken in (silent, short):
        with pytest.raises(InternalError, match="did not read back"):
            _format("a.mp4").check(source, broken, rendered, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", "MP4"),
        (b"\0\0\0\x14ftypM4V \0\0\0\1M4V ", "MP4"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "QuickTime film"),
        (b"\0\0\0\x08wide\0\0\0\x10mdat" + bytes(8) + b"\0\0\0\x08moov", "QuickTime film"),
        (b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "WebM"),
        (b"\x1aE\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "Matroska film"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI"),
        (b"FLV\x01\x05", "Flash video"),
        (b"\0\0\0\x20ftypM4A \0\0\2\0M4A isomiso2", None),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", None),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", None),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"", None),
    ],
)
def test_films_are_known_by_their_first_bytes(header: bytes, name: str | None) -> None:
    scores = {format.name: format.score(header) for format in FORMATS if format.score(header)}
    assert (max(scores, key=lambda key: scores[key]) if scores else None) == name


def test_sound_alone_in_an_mp4_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine", "-t", "0.2", "-movflags", "+faststart", path)
    assert all(format.score(path.read_bytes()) == 0 for format in FORMATS)


def test_what_can_only_be_verified_says_so(tmp_path: Path) -> None:
    for name in ("a.avi", "a.flv"):
        with pytest.raises(UnsupportedFormat, match="can be verified but not yet labelled; convert it"):
            _format(name).render(tmp_path / name, tmp_path / "out", PLAN)


def _format(name: str) -> Format:
    return next(format for format in FORMATS if Path(name).suffix in format.extensions)


def _label(source: Path, plan: RenderPlan = PLAN) -> tuple[Path, Rendered]:
    """Render beside the source, and read back as the tool does."""
    target = source.with_name(f"labelled-{source.name}")
    target.unlink(missing_ok=True)
    format = _format(source.name)
    rendered = format.render(source, target, plan)
    format.check(source, target, rendered, DEFAULT_LIMITS)
    return target, rendered


def _probe(path: Path) -> Probe:
    demuxer = "matroska" if path.suffix in (".mkv", ".webm") else "mov"
    return probe(path, demuxer=demuxer, limits=DEFAULT_LIMITS)


def _main(path: Path) -> Stream:
    return _probe(path).films[0]


def _frames(path: Path, index: int = 0) -> Iterator[np.ndarray[Any, Any]]:
    """RGB, (height, width, 3), 0..255."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=index):
            yield frame.to_ndarray(format="rgb24")


def _times(path: Path) -> list[int]:
    with av.open(str(path)) as film:
        return sorted(packet.pts for packet in film.demux(video=0) if packet.size)


def _sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0)]


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux()]


def _shows_badge(frame: np.ndarray[Any, Any], rendered: Rendered) -> bool:
    """Whether the region is mostly dark plate with some white ink."""
    assert rendered.disclosure
    region = rendered.disclosure.region
    assert region
    part = frame[region.y : region.y + region.height, region.x : region.x + region.width].mean(axis=2)
    return bool((part < 100).mean() > 0.5 and 0.04 < (part > 170).mean() < 0.5)


def _looks_like_the_drawing(frame: np.ndarray[Any, Any], rendered: Rendered) -> bool:
    from kzlabel.disclosure import badge

    assert rendered.disclosure
    region = rendered.disclosure.region
    assert region
    layout = badge.lay_out(region.picture_width, region.picture_height, DisclosurePlan(), grid=2)
    drawn = np.asarray(badge.draw(layout).convert("L"), dtype=float)
    likest = 0.0
    for shift in (-1, 0, 1):  # where pixels are oblong, an even place in storage is an odd one on the screen
        left = region.x + shift
        shown = frame[region.y : region.y + region.height, left : left + region.width].mean(axis=2)
        likest = max(likest, float(np.corrcoef(drawn.ravel(), shown.ravel())[0, 1]))
    return likest > 0.8
