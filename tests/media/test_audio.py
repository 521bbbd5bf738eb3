"""Every audio format, labelled and measured by other means than those that labelled it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kzlabel.declaration import Source
from kzlabel.disclosure.plan import DisclosurePlan, Form
from kzlabel.errors import InternalError
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.media import Carrier, Rendered, RenderPlan, detect
from kzlabel.media.audio import FORMATS
from kzlabel.media.audio.recording import Recording
from tests.media.sounds import decoded, encoded, exact, lag, loudness, music, speech


@dataclass(frozen=True)
class Case:
    """A recording to label. pcm: the PCM encoding of its samples where they must stay exact. tight: ± 1 LU is due."""

    name: str
    sound: Any
    rate: int
    options: tuple[str, ...] = ()
    pcm: str | None = None
    tight: bool = True


QUIET = speech(11, level=-38)
CASES = [
    Case("quiet.mp3", QUIET, 48_000, ("-b:a", "96k")),
    Case("low.mp3", speech(3, 8_000), 8_000, ("-b:a", "24k")),
    Case("loud-variable.mp3", music(11), 44_100, ("-q:a", "2"), tight=False),
    Case("speech.wav", speech(3, 44_100, channels=2), 44_100, ("-c:a", "pcm_s16le"), "s16le"),
    Case("surround.wav", speech(3, channels=6), 48_000, ("-c:a", "pcm_s16le"), "s16le"),
    Case("studio.wav", speech(3, 96_000), 96_000, ("-c:a", "pcm_s24le"), "s24le"),
    Case("float.wav", music(2), 44_100, ("-c:a", "pcm_f32le"), "f32le", tight=False),
    Case("telephone.wav", speech(2, 8_000), 8_000, ("-c:a", "pcm_alaw"), "alaw"),
    Case("odd.wav", speech(2, 11_025)[:22_049], 11_025, ("-c:a", "pcm_u8"), "u8"),
    Case("loud.flac", music(11), 44_100, ("-sample_fmt", "s16"), "s16le", tight=False),
    Case("studio.flac", speech(3, 96_000, channels=2), 96_000, ("-sample_fmt", "s32"), "s32le"),
    Case("surround.flac", speech(3, channels=6), 48_000, ("-sample_fmt", "s16"), "s16le"),
    Case("loud.m4a", music(11, level=-12), 44_100, ("-b:a", "160k", "-movflags", "+faststart"), tight=False),
    Case("low.m4a", speech(3, 8_000), 8_000, ("-b:a", "24k")),
    Case("surround.m4a", speech(3, channels=6), 48_000, ("-b:a", "384k")),
    Case("exact.m4a", speech(3, 48_000), 48_000, ("-c:a", "alac", "-sample_fmt", "s32p"), "s32le"),
    Case("stereo.ogg", speech(11, 44_100, channels=2), 44_100, ("-c:a", "libvorbis", "-q:a", "5")),
    Case("low.ogg", speech(3, 8_000), 8_000, ("-c:a", "libvorbis", "-q:a", "3")),
    Case("surround.ogg", speech(3, channels=6), 48_000, ("-c:a", "libvorbis", "-q:a", "3")),
    Case("loud.opus", music(11, 48_000), 48_000, ("-b:a", "128k"), tight=False),
    Case("surround.opus", speech(3, channels=6), 48_000, ("-b:a", "256k")),
]


@dataclass(frozen=True)
class Labelled:
    case: Case
    format: Recording
    source: Path
    target: Path
    rendered: Rendered
    samples: int
    """Of the notice."""


@pytest.fixture(params=CASES, ids=lambda case: case.name, scope="module")
def labelled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    case: Case = request.param
    folder = tmp_path_factory.mktemp("audio")
    source = encoded(folder / case.name, case.sound, case.rate, *case.options)
    format = found(source)
    target = folder / f"labelled-{case.name}"
    rendered = format.render(source, target, RenderPlan(disclosure=DisclosurePlan()))
    return Labelled(case, format, source, target, rendered, rendered.info.detail["promise"].notice)


def found(path: Path) -> Recording:
    format = detect(path.read_bytes()[: 64 * 1024], path.name, FORMATS)
    assert isinstance(format, Recording)
    return format


def test_the_notice_is_as_loud_as_the_programme(labelled: Labelled) -> None:
    notice, _ = loudness(labelled.target, 0, labelled.samples)
    programme, _ = loudness(labelled.source)
    wanted = max(programme, -36.0)
    assert abs(notice - wanted) <= (1.0 if labelled.case.tight else 5.0)
    assert labelled.rendered.disclosure
    assert labelled.rendered.disclosure.loudness == pytest.approx(notice, abs=1.0)


def test_the_notice_keeps_its_true_peak_under_one_decibel(labelled: Labelled) -> None:
    # The last tenth of a second of silence may bear a codec's echo of what follows.
    _, peak = loudness(labelled.target, 0, labelled.samples - labelled.case.rate // 10)
    assert peak <= -1.0


def test_the_notice_is_as_long_as_promised_and_recorded(labelled: Labelled) -> None:
    record = labelled.rendered.disclosure
    assert record
    short = len(labelled.case.sound) < 10 * labelled.case.rate
    assert record.form is Form.NOTICE
    assert record.place == "start"
    assert record.languages == (("kk",) if short else ("kk", "ru", "en"))
    assert record.seconds
    assert record.seconds[1] <= (3.5 if short else 8.0)


def test_the_programme_follows_complete(labelled: Labelled) -> None:
    before, after = decoded(labelled.source), decoded(labelled.target)
    assert after.shape[1] == before.shape[1]
    assert len(after) == len(before) + labelled.samples
    programme = after[labelled.samples :]
    if labelled.case.pcm:
        old, new = exact(labelled.source, labelled.case.pcm), exact(labelled.target, labelled.case.pcm)
        assert new.endswith(old)
    else:
        assert abs(lag(before, programme)) <= 1
        error = np.mean((programme - before) ** 2) / np.mean(before**2)
        assert error < 0.1
        # Both ends are there: the last fifth of a second is as loud as it was.
        tail = labelled.case.rate // 5
        assert np.std(programme[-tail:]) == pytest.approx(np.std(before[-tail:]), rel=0.3, abs=0.01)


def test_the_notice_is_heard_in_the_middle_of_the_sound_stage(labelled: Labelled) -> None:
    notice = decoded(labelled.target)[: labelled.samples]
    level = np.sqrt((notice**2).mean(axis=0))
    heard = [index for index, one in enumerate(level) if one > level.max() * 0.1]
    assert heard == {1: [0], 2: [0, 1], 6: [2]}[notice.shape[1]]


def test_codec_rate_layout_and_depth_stay(labelled: Labelled) -> None:
    labelled.format.check(labelled.source, labelled.target, labelled.rendered, DEFAULT_LIMITS)
    before = labelled.format.probe(labelled.source, DEFAULT_LIMITS).detail["stream"]
    after = labelled.format.probe(labelled.target, DEFAULT_LIMITS).detail["stream"]
    assert (after.codec, after.sample_rate, after.layout, after.sample_fmt) == (
        before.codec,
        before.sample_rate,
        before.layout,
        before.sample_fmt,
    )
    if not labelled.case.pcm and before.bit_rate and after.bit_rate:
        # The average of encoders that spend as the sound needs: a notice in one of six channels needs little.
        assert after.bit_rate >= before.bit_rate * 0.8


def test_the_labelled_file_is_found_to_be_of_the_same_format(labelled: Labelled) -> None:
    assert type(found(labelled.target)) is type(labelled.format)


def test_labelling_twice_gives_the_same_bytes(labelled: Labelled, tmp_path: Path) -> None:
    if not labelled.case.name.startswith(("low", "speech", "studio", "exact")):
        pytest.skip("one recording of each format is enough")
    again = tmp_path / labelled.case.name
    labelled.format.render(labelled.source, again, RenderPlan(disclosure=DisclosurePlan()))
    assert again.read_bytes() == labelled.target.read_bytes()


@pytest.mark.parametrize("name", ["cut.mp3", "cut.flac", "cut.wav", "cut.opus"])
def test_a_target_that_lacks_a_part_of_the_programme_does_not_pass(name: str, tmp_path: Path) -> None:
    source = encoded(tmp_path / name, speech(2), 48_000)
    format, target = found(source), tmp_path / f"labelled-{name}"
    rendered = format.render(source, target, RenderPlan(disclosure=DisclosurePlan()))
    shorter = encoded(tmp_path / f"shorter-{name}", decoded(target)[:-4800], 48_000)
    with pytest.raises(InternalError, match=r"length changed|samples changed"):
        format.check(source, shorter, rendered, DEFAULT_LIMITS)


@pytest.mark.parametrize("name", ["bare.mp3", "bare.wav", "bare.flac", "bare.m4a", "bare.ogg", "bare.opus"])
def test_without_a_disclosure_not_a_byte_changes(name: str, tmp_path: Path) -> None:
    codec = ("-c:a", "libvorbis") if name.endswith("ogg") else ()
    source = encoded(tmp_path / name, speech(0.3), 48_000, *codec)
    format, target = found(source), tmp_path / f"labelled-{name}"
    rendered = format.render(source, target, RenderPlan())
    assert rendered.disclosure is None
    assert target.read_bytes() == source.read_bytes()
    format.check(source, target, rendered, DEFAULT_LIMITS)


@pytest.mark.parametrize("name", ["silent.flac", "silent.mp3", "silent.opus"])
def test_silence_is_announced_at_a_loudness_of_its_own(name: str, tmp_path: Path) -> None:
    source = encoded(tmp_path / name, np.zeros((24_000, 2)), 48_000)
    format, target = found(source), tmp_path / f"labelled-{name}"
    rendered = format.render(source, target, RenderPlan(disclosure=DisclosurePlan()))
    format.check(source, target, rendered, DEFAULT_LIMITS)
    assert loudness(target)[0] == pytest.approx(-23.0, abs=1.0)


@pytest.mark.parametrize("name", ["blink.wav", "blink.mp3", "blink.m4a", "blink.ogg", "blink.opus", "blink.flac"])
def test_a_tenth_of_a_second_is_a_programme(name: str, tmp_path: Path) -> None:
    codec = ("-c:a", "libvorbis") if name.endswith("ogg") else ()
    source = encoded(tmp_path / name, speech(0.1), 48_000, *codec)
    format, target = found(source), tmp_path / f"labelled-{name}"
    rendered = format.render(source, target, RenderPlan(disclosure=DisclosurePlan()))
    format.check(source, target, rendered, DEFAULT_LIMITS)
    assert rendered.info.duration == pytest.approx(len(decoded(target)) / 48_000, abs=1152 / 48_000)


def test_modified_works_and_own_recordings_are_spoken_as_such(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.wav", speech(1), 48_000)
    own = encoded(tmp_path / "own.mp3", speech(1.5, 22_050), 22_050)
    plans = {
        "modified": DisclosurePlan(source=Source.MODIFIED, languages=("en",)),
        "own": DisclosurePlan(notice=own, texts={"kk": "Дауыс ЖИ арқылы жасалған"}),
    }
    lengths = {}
    for name, plan in plans.items():
        rendered = found(source).render(source, tmp_path / f"{name}.wav", RenderPlan(disclosure=plan))
        assert rendered.disclosure
        lengths[name] = rendered.disclosure.seconds
    assert lengths["own"] == pytest.approx((0.0, 1.85), abs=0.05)
    assert lengths["modified"] == pytest.approx((0.0, 3.04), abs=0.1)


def test_progress_rises_to_its_end(tmp_path: Path) -> None:
    source = encoded(tmp_path / "a.mp3", speech(20), 48_000)
    shares: list[float] = []
    plan = RenderPlan(disclosure=DisclosurePlan(), progress=shares.append)
    found(source).render(source, tmp_path / "b.mp3", plan)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_each_format_says_where_its_manifest_goes() -> None:
    carriers = {format.name: format.carrier for format in FORMATS if isinstance(format, Recording)}
    assert carriers == {
        "MP3": Carrier.EMBEDDED,
        "WAV": Carrier.EMBEDDED,
        "FLAC": Carrier.EMBEDDED,
        "M4A": Carrier.EMBEDDED,
        "Ogg Vorbis": Carrier.SIDECAR,
        "Opus": Carrier.SIDECAR,
    }
