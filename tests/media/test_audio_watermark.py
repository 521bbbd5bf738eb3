"""Recordings that carry a watermark: what is kept, what is read, and what is said where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.errors import InternalError, UnsupportedFormat
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media import Rendered, RenderPlan, detect
from kzlabel.media.audio import FORMATS
from kzlabel.media.audio.recording import Recording
from kzlabel.media.base import Look, WatermarkPlan, Watermarks
from kzlabel.verification.watermarks import read_back
from kzlabel.watermark.audio import embed
from kzlabel.watermark.keys import WatermarkKey
from kzlabel.watermark.payload import Payload

from .sounds import decoded, encoded, exact, ffmpeg, lag, loudness, music, speech

PAYLOAD = Payload("0123456789ab")
MARKED = RenderPlan(watermark=WatermarkPlan(PAYLOAD))
SPOKEN = replace(MARKED, disclosure=DisclosurePlan())
OPEN = (WatermarkKey(),)


@dataclass(frozen=True)
class Case:
    """A recording to mark. raw: ffmpeg's format of its samples, where each is kept as it was marked."""

    name: str
    sound: Any
    rate: int
    options: tuple[str, ...] = ()
    raw: str | None = None


CASES = [
    Case("a.mp3", music(10), 44_100, ("-b:a", "128k")),
    Case("speech.m4a", speech(10, 48_000, channels=2), 48_000, ("-b:a", "128k")),
    Case("exact.m4a", music(9), 44_100, ("-c:a", "alac", "-sample_fmt", "s32p"), "s32le"),
    Case("a.ogg", music(10), 44_100, ("-c:a", "libvorbis", "-q:a", "4")),
    Case("a.opus", music(10, 48_000), 48_000, ("-b:a", "96k")),
    Case("a.flac", music(9), 44_100, ("-sample_fmt", "s16"), "s16le"),
    Case("deep.flac", music(9, 96_000), 96_000, ("-sample_fmt", "s32"), "s32le"),
    Case("a.wav", music(9), 44_100, ("-c:a", "pcm_s16le"), "s16le"),
    Case("deep.wav", music(9), 44_100, ("-c:a", "pcm_s24le"), "s24le"),
    Case("float.wav", music(9), 44_100, ("-c:a", "pcm_f32le"), "f32le"),
    Case("telephone.wav", music(9, 8_000)[:, :1], 8_000, ("-c:a", "pcm_alaw"), "alaw"),
    Case("surround.wav", np.repeat(music(9, 24_000), 3, axis=1), 24_000, ("-c:a", "pcm_u8"), "u8"),
]


@dataclass(frozen=True)
class Done:
    case: Case
    format: Recording
    source: Path
    target: Path
    rendered: Rendered

    @property
    def notice(self) -> int:
        """Its samples."""
        count: int = self.rendered.info.detail["promise"].notice
        return count


@pytest.fixture(params=CASES, ids=lambda case: case.name, scope="module")
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Done:
    case: Case = request.param
    source = encoded(tmp_path_factory.mktemp("audio") / case.name, case.sound, case.rate, *case.options)
    # Half of them with a notice, half without one.
    plan = SPOKEN if CASES.index(case) % 2 else MARKED
    target, rendered = marked(source, plan)
    return Done(case, found(source), source, target, rendered)


def test_the_mark_is_read_and_recorded(done: Done) -> None:
    record = done.rendered.watermark
    assert record
    assert (record.carriers, record.identifier, record.why) == (("sound",), PAYLOAD.identifier, None)
    assert identifiers(done.format.watermarks(done.target, OPEN, DEFAULT_LIMITS)) == [("sound", PAYLOAD.identifier)]
    assert done.format.marks


def test_rate_depth_layout_and_length_stay(done: Done) -> None:
    done.format.check(done.source, done.target, done.rendered, DEFAULT_LIMITS)
    before = done.format.probe(done.source, DEFAULT_LIMITS).detail["stream"]
    after = done.format.probe(done.target, DEFAULT_LIMITS).detail["stream"]
    for field in ("codec", "sample_rate", "layout", "sample_fmt"):
        assert getattr(after, field) == getattr(before, field)
    old, new = decoded(done.source), decoded(done.target)
    assert len(new) == len(old) + done.notice
    assert abs(lag(old, new[done.notice :])) <= 1


def test_the_mark_lies_far_below_the_sound(done: Done) -> None:
    old, new = decoded(done.source), decoded(done.target)[done.notice :]
    if done.case.raw:
        assert 10 * np.log10(np.mean(old**2) / np.mean((new - old) ** 2)) >= 20
        assert done.target.stat().st_size <= done.source.stat().st_size * 1.15 + 4 * done.notice * old.shape[1] + 8192
    else:
        assert done.target.stat().st_size >= done.source.stat().st_size * 0.9


def test_the_notice_is_what_it_is_without_a_mark(tmp_path: Path) -> None:
    for case in (CASES[5], CASES[7]):
        assert case.raw
        source = encoded(tmp_path / case.name, case.sound, case.rate, *case.options)
        plain, rendered = marked(source, replace(SPOKEN, watermark=None))
        before, level = exact(plain, case.raw), loudness(plain)[0]
        both, _ = marked(source, SPOKEN)
        after = exact(both, case.raw)
        notice = rendered.info.detail["promise"].notice * 4  # bytes: two channels of 16 bits
        assert after[:notice] == before[:notice]
        assert after[notice:] != before[notice:]
        assert abs(loudness(both)[0] - level) < 0.2


def test_chapters_move_by_the_notice_alone(tmp_path: Path) -> None:
    plain = encoded(tmp_path / "plain.m4a", music(8), 44_100)
    about = tmp_path / "about.txt"
    about.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=One\n"
                     "[CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=8000\ntitle=Two\n")  # fmt: skip
    source = tmp_path / "chapters.m4a"
    ffmpeg("-i", str(plain), "-i", str(about), "-map", "0", "-map_chapters", "1", "-c", "copy", str(source))
    for plan in (SPOKEN, MARKED):
        target, rendered = marked(source, plan)
        chapters = found(target).probe(target, DEFAULT_LIMITS).detail["probe"].chapters
        seconds = rendered.info.detail["promise"].notice / 44_100
        assert [one.title for one in chapters] == ["One", "Two"]
        assert chapters[1].start == pytest.approx(4 + seconds, abs=0.03)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.m4a"])
def test_the_same_recording_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    source = encoded(tmp_path / name, music(6), 44_100)
    assert marked(source, MARKED)[0].read_bytes() == marked(source, MARKED)[0].read_bytes()


def test_a_secret_mark_is_read_with_its_key_only_and_beside_the_open_one(tmp_path: Path) -> None:
    secret = WatermarkKey(b"a secret of the house")
    source = encoded(tmp_path / "a.flac", music(12), 44_100)
    once, _ = marked(source, RenderPlan(watermark=WatermarkPlan(Payload("ffffffffffff"), key=secret)))
    format = found(once)
    assert identifiers(format.watermarks(once, OPEN, DEFAULT_LIMITS)) == []
    assert identifiers(format.watermarks(once, (*OPEN, secret), DEFAULT_LIMITS)) == [("sound", "ffffffffffff")]


@pytest.mark.parametrize(
    ("name", "sound", "words"),
    [
        ("short.wav", music(1.2), "1.1 s"),
        ("short.mp3", music(1.2), "1.1 s"),
        ("silent.flac", np.zeros((48_000 * 6, 2)), "silent"),
        ("silent.wav", np.zeros((48_000 * 6, 2)), "silent"),
    ],
)
def test_what_cannot_bear_a_mark_is_labelled_without_one_and_says_why(
    name: str, sound: Any, words: str, tmp_path: Path
) -> None:
    source = encoded(tmp_path / name, sound, 48_000)
    for plan in (MARKED, SPOKEN):
        expected = marked(source, replace(plan, watermark=None))[0].read_bytes()
        target, rendered = marked(source, plan)
        assert rendered.watermark
        assert rendered.watermark.carriers == ()
        assert rendered.watermark.why
        assert words in rendered.watermark.why
        assert name not in rendered.watermark.why
        assert target.read_bytes() == expected
        found(source).check(source, target, rendered, DEFAULT_LIMITS)


def test_a_codec_that_is_not_encoded_again_is_copied_unless_it_must_be_disclosed(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.m4a", music(6), 44_100, "-c:a", "ac3", "-f", "mp4", "-brand", "M4A ")
    target, rendered = marked(source, MARKED)
    assert target.read_bytes() == source.read_bytes()
    assert rendered.watermark
    assert rendered.watermark.why
    assert "ac3" in rendered.watermark.why
    with pytest.raises(UnsupportedFormat, match="ac3"):
        marked(source, SPOKEN)


def test_values_that_are_no_numbers_are_survived(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.wav", music(6), 44_100, "-c:a", "pcm_f32le")
    data = bytearray(source.read_bytes())
    place = data.index(b"data") + 8
    data[place + 40_000 : place + 40_016] = np.array([np.nan, np.inf, -np.inf, 3e38], "<f4").tobytes()
    source.write_bytes(data)
    target, rendered = marked(source, MARKED)
    found(source).check(source, target, rendered, DEFAULT_LIMITS)
    assert rendered.watermark


def test_another_programme_than_the_marked_one_does_not_pass(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.flac", music(6), 44_100, "-sample_fmt", "s16")
    _, rendered = marked(source, MARKED)
    with pytest.raises(InternalError, match="samples changed"):
        found(source).check(source, source, rendered, DEFAULT_LIMITS)


def test_a_search_without_time_ends_and_does_not_count_as_one(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.mp3", music(6), 44_100)
    hurried = found(source).watermarks(source, OPEN, Limits(watermark_seconds=0.0))
    assert hurried.found == ()
    assert "given up after 0 s" in str(hurried.why)
    assert found(source).watermarks(source, OPEN, DEFAULT_LIMITS) == Watermarks()


def test_a_stream_damaged_in_the_middle_is_still_read(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.mp3", music(16), 44_100)
    target, _ = marked(source, MARKED)
    data = bytearray(target.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    target.write_bytes(data)
    assert identifiers(found(target).watermarks(target, OPEN, DEFAULT_LIMITS)) == [("sound", PAYLOAD.identifier)]


def test_a_short_look_sees_the_middle_and_reading_back_does_not_rest_on_it(tmp_path: Path) -> None:
    sound = np.tile(music(10, 16_000), (10, 1)).astype(np.float32)
    early = np.concatenate([embed(sound[: 16_000 * 15], 16_000, PAYLOAD), sound[16_000 * 15 :]])
    for name, samples, seen in (("all.flac", embed(sound, 16_000, PAYLOAD), True), ("early.flac", early, False)):
        path = encoded(tmp_path / name, samples, 16_000)
        format = found(path)
        looked = format.watermarks(path, OPEN, DEFAULT_LIMITS, look=Look.STRETCH)
        assert (bool(looked.found), looked.in_part) == (seen, True)
        for _, detection in looked.found:
            assert detection.place["span"][0] >= 20
        held, _ = read_back(path, format, PAYLOAD, ("sound",), OPEN[0], DEFAULT_LIMITS)
        assert held == ("sound",)


def marked(source: Path, plan: RenderPlan) -> tuple[Path, Rendered]:
    target = source.with_name(f"marked-{source.name}")
    target.unlink(missing_ok=True)
    return target, found(source).render(source, target, plan)


def found(path: Path) -> Recording:
    format = detect(path.read_bytes()[: 64 * 1024], path.name, FORMATS)
    assert isinstance(format, Recording)
    return format


def identifiers(read: Watermarks) -> list[tuple[str, str]]:
    return [(carrier, detection.payload.identifier) for carrier, detection in read.found]
