"""Films that carry a watermark in picture and sound: what is read and kept, and what is said where there is none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.errors import InputError, InternalError, UnreadableFile, UnsupportedFormat
from kzlabel.fingerprint import film
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.audio import write_wave
from kzlabel.media.base import Format, Rendered, RenderPlan, WatermarkPlan, Watermarks
from kzlabel.media.films import FORMATS
from kzlabel.media.films.formats import Film
from kzlabel.media.films.patterns import Pattern, blended
from kzlabel.media.programs.ffmpeg import builder, opened, run
from kzlabel.media.programs.packets import census
from kzlabel.media.programs.probe import Probe, probe
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload
from kzlabel.watermark.video import Dose

from .reels import CODECS, HDR, MASTERING, ffmpeg, likeness
from .reels import make as make_film
from .sounds import decoded, lag, music

PAYLOAD = Payload("0123456789ab")
MARKED = RenderPlan(watermark=WatermarkPlan(PAYLOAD))
SHOWN = replace(MARKED, disclosure=DisclosurePlan(languages=("en",)))
WITHOUT_SOUND = RenderPlan(watermark=WatermarkPlan(PAYLOAD, sound=False))
OPEN = (WatermarkKey(),)
SECONDS = 4.2
PICTURE = "mandelbrot=s=400x224:r=12,noise=alls=8:allf=t"
PQ = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
BOTH = [("picture", PAYLOAD.identifier), ("sound", PAYLOAD.identifier)]


@dataclass(frozen=True)
class Case:
    """A film to mark. sound: options of its encoder."""

    name: str
    codec: str
    pix_fmt: str
    sound: tuple[str, ...]
    picture: str = PICTURE
    more: tuple[str, ...] = ()


CASES = [
    Case("a.mp4", "h264", "yuv420p", ("aac",)),
    Case("deep.mov", "h264", "yuv422p10le", ("pcm_s24le",)),
    Case(
        "hdr.mp4",
        "hevc",
        "yuv420p10le",
        ("libmp3lame",),
        f"{PICTURE},{PQ}",
        ("-x265-params", f"log-level=error:hdr10=1:{HDR}:{MASTERING}"),
    ),
    Case("a.mkv", "av1", "yuv420p", ("flac",)),
    Case("full.webm", "vp9", "yuv444p", ("libopus",)),
    Case("old.webm", "vp8", "yuv420p", ("libvorbis",)),
    Case(
        "fields.mp4",
        "h264",
        "yuv420p",
        ("aac", "-ac", "1"),
        PICTURE,
        ("-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    ),
]


@dataclass(frozen=True)
class Done:
    source: Path
    target: Path
    rendered: Rendered


@pytest.fixture(params=CASES, ids=lambda case: case.name, scope="module")
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    case: Case = request.param
    source = make(tmp_path_factory.mktemp("films") / case.name, case)
    # Half of them with a badge, half without one.
    return Done(source, *marked(source, MARKED if CASES.index(case) % 2 else SHOWN))


def test_picture_and_sound_are_marked_recorded_and_read(done: Done) -> None:
    record = done.rendered.watermark
    assert record
    assert (record.carriers, record.identifier, record.why) == (("picture", "sound"), PAYLOAD.identifier, None)
    assert found(done.target).marks
    assert identifiers(read(done.target)) == BOTH


def test_the_frames_of_the_encoding_itself_are_signed_and_are_those_of_the_finished_film(done: Done) -> None:
    format, told = found(done.target), done.rendered.fingerprints
    impression = format.impression(done.target, DEFAULT_LIMITS)
    assert impression
    seen, heard = impression.fingerprints
    assert format.fingerprints(done.target, done.rendered, DEFAULT_LIMITS) == (*(told or (seen,)), heard)
    if told:  # not of a film that is shown turned
        (own,) = told
        differing = sum((one ^ other).bit_count() for one, other in zip(own.data, seen.data, strict=True))
        assert differing <= 0.05 * 8 * len(seen.data)
        assert (
            format.fingerprints(done.target, replace(done.rendered, fingerprints=(heard,)), DEFAULT_LIMITS)[0] == heard
        )


def test_frames_streams_form_and_time_are_kept(done: Done) -> None:
    found(done.source).check(done.source, done.target, done.rendered, DEFAULT_LIMITS)
    for before, after in zip(probed(done.source).streams, probed(done.target).streams, strict=True):
        for field in ("codec", "pix_fmt", "sar", "sample_rate", "layout", "sample_fmt", "field_order"):
            assert getattr(after, field) == getattr(before, field)
    old, new = decoded(done.source), decoded(done.target)
    assert abs(len(new) - len(old)) <= 2048
    assert lag(old, new) == 0
    assert likeness(done.source, done.target, "224:112:0:112") >= 0.98


def test_a_turned_and_mirrored_film_bears_the_mark_upright(tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", CASES[0])
    source = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "270", "-display_hflip", "-i", plain, "-c", "copy", source)
    target, rendered = marked(source, WITHOUT_SOUND)
    found(source).check(source, target, rendered, DEFAULT_LIMITS)
    assert identifiers(read(target)) == BOTH[:1]
    upright = tmp_path / "upright.mp4"  # as a platform keeps it: ffmpeg turns and mirrors by itself
    ffmpeg("-i", target, "-an", upright)
    assert identifiers(read(upright)) == BOTH[:1]


def test_a_film_of_oblong_pixels_bears_the_mark_in_shape(tmp_path: Path) -> None:
    source = make(tmp_path / "wide.mkv", replace(CASES[0], picture=f"{PICTURE},setsar=64/45"))
    target, _ = marked(source, WITHOUT_SOUND)
    square = tmp_path / "square.mp4"
    ffmpeg("-i", target, "-vf", "scale=568:224,setsar=1", "-an", square)
    assert identifiers(read(square)) == BOTH[:1]


def test_the_badge_is_as_crisp_as_without_a_mark(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", CASES[0])
    plain, was = marked(source, replace(SHOWN, watermark=None))
    plain = plain.rename(tmp_path / "plain.mp4")
    both, now = marked(source, SHOWN)
    assert now.disclosure == was.disclosure
    assert was.disclosure
    region = was.disclosure.region
    assert region
    crop = f"{region.width}:{region.height}:{region.x}:{region.y}"
    assert likeness(plain, both, crop) > 0.985


@pytest.mark.parametrize(
    ("pix_fmt", "full"),
    [("yuv420p", False), ("yuv420p", True), ("yuv422p", False), ("yuv444p", False), ("yuv420p10le", False)],
)
def test_the_pattern_is_added_to_luma_exactly_and_to_nothing_else(pix_fmt: str, full: bool, tmp_path: Path) -> None:
    path, raw = tmp_path / "a.mkv", tmp_path / "a.yuv"
    shape = f"mandelbrot=s=162x90:r=5,scale=out_range={'pc' if full else 'tv'},format={pix_fmt}"
    ffmpeg("-f", "lavfi", "-i", shape, "-t", "0.4", "-c:v", "ffv1", path)
    ffmpeg("-i", path, "-f", "rawvideo", raw)
    stream = probe(path, demuxer="matroska", limits=DEFAULT_LIMITS).films[0]
    away = np.random.default_rng(1).integers(-9, 10, (90, 162))
    pattern = Pattern((away + 128).astype(np.uint8), Dose(1.0))
    film = blended(opened(path, "matroska", DEFAULT_LIMITS)["0"], stream, pattern, tmp_path)
    got = bytearray()
    run(builder().output(film, "pipe:1", f="rawvideo"), name="a", limits=DEFAULT_LIMITS, consumer=got.extend)
    deep = "10" in pix_fmt
    kind, top = (np.dtype("<u2"), 1023) if deep else (np.dtype("u1"), 255)
    before = np.frombuffer(raw.read_bytes(), kind).reshape(2, -1).astype(int)
    after = np.frombuffer(bytes(got), kind).reshape(2, -1)
    count = away.size
    wanted = np.clip(before[:, :count] + away.reshape(-1) * (4 if deep else 1), 0, top)
    assert np.array_equal(after[:, :count], wanted)
    assert np.array_equal(after[:, count:], before[:, count:])


def test_sound_that_is_to_be_kept_is_kept_bit_for_bit(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", CASES[0])
    target, rendered = marked(source, WITHOUT_SOUND)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)
    assert packets(target, "audio") == packets(source, "audio")


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_late_sound_stays_in_step_and_every_track_is_marked(name: str, tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", CASES[0])
    source = tmp_path / name
    second = ("-map", "1:a", "-c:a:1", "libmp3lame", "-metadata:s:a:1", "language=kaz")
    ffmpeg("-i", plain, "-itsoffset", "0.7", "-i", plain, "-map", "0:v", "-map", "1:a", *second, "-c:v", "copy", source)
    target, rendered = marked(source, MARKED)
    found(source).check(source, target, rendered, DEFAULT_LIMITS)
    assert [stream.language for stream in probed(target).streams][2] == "kaz"
    for track in (0, 1):
        before, after = at_their_times(source, track), at_their_times(target, track)
        assert lag(before, after) == 0


def test_what_bears_no_mark_is_kept_and_said(tmp_path: Path) -> None:
    strange = make(tmp_path / "strange.mp4", replace(CASES[0], sound=("ac3",)))
    target, rendered = marked(strange, MARKED)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("picture",)
    assert any("ac3" in note for note in rendered.notes)
    assert packets(target, "audio") == packets(strange, "audio")
    small = make(tmp_path / "small.mp4", replace(CASES[0], picture="mandelbrot=s=128x72:r=5"))
    target, rendered = marked(small, MARKED)
    found(small).check(small, target, rendered, DEFAULT_LIMITS)
    assert rendered.watermark
    assert rendered.watermark.carriers == ("sound",)
    assert any("128 by 72" in note for note in rendered.notes)
    assert packets(target, "video") == packets(small, "video")
    assert identifiers(read(target)) == BOTH[1:]


def test_a_film_that_bears_none_at_all_says_why_and_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "short.mp4"
    ffmpeg("-f", "lavfi", "-i", f"{PICTURE},format=yuv420p", "-t", "0.4", source)
    target, rendered = marked(source, MARKED)
    assert rendered.watermark
    assert rendered.watermark.carriers == ()
    assert rendered.watermark.why
    assert "0.4 s" in rendered.watermark.why
    assert target.read_bytes() == source.read_bytes()
    assert marked(source, SHOWN)[1].disclosure
    foreign = tmp_path / "foreign.mp4"
    ffmpeg("-f", "lavfi", "-i", PICTURE, "-t", "0.4", "-c:v", "mpeg4", foreign)
    target, rendered = marked(foreign, MARKED)
    assert rendered.watermark
    assert rendered.watermark.why
    assert "mpeg4" in rendered.watermark.why
    assert target.read_bytes() == foreign.read_bytes()
    with pytest.raises(UnsupportedFormat, match="mpeg4"):
        marked(foreign, SHOWN)


def test_the_same_film_gives_the_same_bytes(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", CASES[0])
    assert marked(source, SHOWN)[0].read_bytes() == marked(source, SHOWN)[0].read_bytes()


def test_a_secret_mark_is_read_with_its_key_only(tmp_path: Path) -> None:
    secret = WatermarkKey(b"a secret of the house")
    source = make(tmp_path / "a.mkv", CASES[0])
    target, _ = marked(source, RenderPlan(watermark=WatermarkPlan(Payload("ffffffffffff"), key=secret)))
    assert identifiers(read(target, *OPEN, secret)) == [("picture", "f" * 12), ("sound", "f" * 12)]


def test_lost_or_moved_sound_is_noticed(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", CASES[0])
    target, rendered = marked(source, MARKED)
    moved, cut = tmp_path / "moved.mp4", tmp_path / "cut.mp4"
    ffmpeg("-i", target, "-itsoffset", "0.1", "-i", target, "-map", "0:v", "-map", "1:a", "-c", "copy", moved)
    ffmpeg("-i", target, "-map", "0", "-c:v", "copy", "-c:a", "aac", "-af", "atrim=end=3", cut)
    for broken, words in ((moved, "out of step"), (cut, "lasts")):
        with pytest.raises(InternalError, match=words):
            found(source).check(source, broken, rendered, DEFAULT_LIMITS)


def test_damage_in_the_middle_is_survived(tmp_path: Path) -> None:
    target, _ = marked(make(tmp_path / "a.mkv", CASES[0]), MARKED)
    data = bytearray(target.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = np.random.default_rng(1).bytes(4000)
    target.write_bytes(data)
    assert ("sound", PAYLOAD.identifier) in identifiers(read(target))
    again = target.rename(tmp_path / "damaged.mkv")
    with suppress(InputError):
        marked(again, MARKED)


def packets(path: Path, kind: str) -> list[str]:
    """Digests of all streams of a kind."""
    told = probed(path)
    counted = census(path, told, demuxer=found(path).demuxer, limits=DEFAULT_LIMITS)
    return [counted.tracks[stream.index].digest for stream in told.of_kind(kind)]


def test_a_search_without_time_does_not_count_as_one(tmp_path: Path) -> None:
    source = make_film(tmp_path / "a.mp4", "h264", seconds="2")
    looked = found(source).watermarks(source, OPEN, Limits(watermark_seconds=0.0))
    assert (looked.found, looked.why) == ((), "the search was given up after 0 s, the limit watermark_seconds")
    assert read(source) == Watermarks()


def test_a_film_of_which_only_the_sound_decodes_does_not_count_as_searched(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "whole.mkv", "h264", seconds="2")
    blind = tmp_path / "blind.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", "filter_units=remove_types=1-5", blind)  # its slices
    with pytest.raises(UnreadableFile):
        read(blind)


def at_their_times(path: Path, track: int) -> Any:
    """A track's samples from the film's beginning on, silence before the first."""
    raw = path.with_name("track.wav")
    ffmpeg("-i", path, "-map", f"0:a:{track}", "-af", "aresample=async=1:first_pts=0", "-c:a", "pcm_f32le", raw)
    return decoded(raw)


def make(target: Path, case: Case) -> Path:
    plain = target.parent / f"{target.stem}.sound.wav"
    write_wave(music(SECONDS, 48_000, level=-16), 48_000, plain)
    inputs = ["-f", "lavfi", "-i", f"{case.picture},format={case.pix_fmt}", "-i", plain]
    picture = [*CODECS[case.codec], "-pix_fmt", case.pix_fmt, *case.more]
    ffmpeg(*inputs, "-t", str(SECONDS), *picture, "-c:a", *case.sound, target)
    return target


def marked(source: Path, plan: RenderPlan) -> tuple[Path, Rendered]:
    target = source.with_name(f"marked-{source.name}")
    target.unlink(missing_ok=True)
    return target, found(source).render(source, target, plan)


def read(path: Path, *keys: WatermarkKey) -> Watermarks:
    return found(path).watermarks(path, keys or OPEN, DEFAULT_LIMITS)


def found(path: Path) -> Film:
    header = path.read_bytes()[: 64 * 1024]
    format: Format = max(FORMATS, key=lambda one: one.score(header))
    assert isinstance(format, Film)
    return format


def probed(path: Path) -> Probe:
    return probe(path, demuxer=found(path).demuxer, limits=DEFAULT_LIMITS)


def identifiers(read: Watermarks) -> list[tuple[str, str]]:
    return [(carrier, detection.payload.identifier) for carrier, detection in read.found]


def test_no_more_frames_are_put_aside_than_a_fingerprint_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kzlabel.media.films.burn.KEPT_SECONDS", 2)
    source = make_film(tmp_path / "film.mp4", "h264", "-an", seconds="4")
    plan = RenderPlan(watermark=WatermarkPlan(Payload("0123456789ab")))
    (mp4,) = (one for one in FORMATS if one.name == "MP4")
    (seen,) = mp4.render(source, tmp_path / "marked.mp4", plan).fingerprints
    assert len(film.FilmFingerprint.from_bytes(seen.data).codes) == 2
