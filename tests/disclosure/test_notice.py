from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from kzlabel.declaration import Source
from kzlabel.disclosure.notice import (
    BESIDE_SILENCE,
    FLOOR,
    ONE_LANGUAGE_LIMIT,
    TOTAL_LIMIT,
    choose,
    clips,
    earcon,
    lead_in,
    loudness_beside,
)
from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.disclosure.wording import phrases
from kzlabel.errors import RequirementNotMet, UsageError


def test_three_languages_are_spoken_after_the_earcon_in_the_order_asked_for() -> None:
    notice = choose(DisclosurePlan(languages=("ru", "kk", "en")), 60.0)
    assert [path.stem for path in notice.recordings] == ["earcon", "ru-generated", "kk-generated", "en-generated"]
    assert notice.languages == ("ru", "kk", "en")
    assert notice.wording[0] == "Создано искусственным интеллектом."
    assert not notice.notes


def test_modified_works_are_announced_as_such() -> None:
    notice = choose(DisclosurePlan(source=Source.MODIFIED, languages=("en",)), None)
    assert notice.wording == ("Modified with artificial intelligence.",)


def test_a_short_programme_gets_its_first_language_only_and_is_told_so() -> None:
    notice = choose(DisclosurePlan(), 9.99)
    assert notice.languages == ("kk",)
    assert len(notice.recordings) == len(notice.pauses) == 2
    assert "shorter than 10 s" in notice.notes[0]
    assert choose(DisclosurePlan(), 10.0).languages == ("kk", "ru", "en")


def test_every_choice_of_languages_keeps_within_the_promised_length() -> None:
    for source in Source:
        for language in {language for language, _ in clips() if language}:
            assert lead_in((language,), source) <= ONE_LANGUAGE_LIMIT == 3.5
        for three in itertools.combinations(("kk", "ru", "en"), 3):
            assert lead_in(three, source) <= TOTAL_LIMIT == 8.0


def test_the_pauses_and_clips_add_up_to_the_length_told() -> None:
    notice = choose(DisclosurePlan(), 60.0)
    spoken = [clips()[language, Source.GENERATED].seconds for language in notice.languages]
    assert lead_in(notice.languages, Source.GENERATED) == pytest.approx(
        sum(notice.pauses) + sum(spoken) + earcon().seconds
    )


def test_an_own_recording_takes_the_place_of_all_shipped_ones() -> None:
    own = Path("mine.wav")
    notice = choose(DisclosurePlan(notice=own, texts={"ru": "Голос создан ИИ."}), 3.0)
    assert notice.own
    assert notice.recordings == (own,)
    assert notice.wording == ("Голос создан ИИ.",)


def test_an_own_text_is_not_spoken_and_that_is_said() -> None:
    notice = choose(DisclosurePlan(languages=("ru", "en"), texts={"ru": "Сделано роботом"}), 60.0)
    assert notice.languages == ("ru", "en")
    assert notice.wording[0] == "Создано искусственным интеллектом."
    assert "--notice FILE" in notice.notes[0]


def test_a_language_without_a_recording_is_left_out_and_named_or_refused_when_alone() -> None:
    notice = choose(DisclosurePlan(languages=("uz", "en"), texts={"uz": "SI yaratgan"}), 60.0)
    assert notice.languages == ("en",)
    assert "uz" in notice.notes[0]
    with pytest.raises(RequirementNotMet, match="no spoken notice in uz; record one"):
        choose(DisclosurePlan(languages=("uz",), texts={"uz": "SI yaratgan"}), 60.0)
    with pytest.raises(UsageError):
        choose(DisclosurePlan(languages=("xx",)), 60.0)


def test_the_shipped_recordings_say_what_the_wording_says() -> None:
    for (language, source), clip in clips().items():
        if language:
            (phrase,) = phrases(DisclosurePlan(source=Source(source), languages=(language,)))
            assert clip.wording == phrase.spoken
            assert clip.path.is_file()


def test_loudness_follows_the_programme_down_to_a_floor_and_stands_alone_beside_silence() -> None:
    assert loudness_beside(-23.4) == -23.4
    assert loudness_beside(-5.0) == -5.0
    assert loudness_beside(-50.0) == FLOOR
    for nothing in (None, -math.inf, math.nan, -70.0):
        assert loudness_beside(nothing) == BESIDE_SILENCE
