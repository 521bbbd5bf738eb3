from __future__ import annotations

import pytest

from kzlabel.declaration import Source
from kzlabel.disclosure.plan import DisclosurePlan
from kzlabel.disclosure.wording import languages, phrases, wording
from kzlabel.errors import UsageError


def test_the_default_is_kazakh_russian_and_english_in_this_order():
    assert wording(DisclosurePlan()) == [
        ("kk", "ЖИ арқылы жасалған", "ЖИ"),
        ("ru", "Создано ИИ", "ИИ"),
        ("en", "AI-generated", "AI"),
    ]


def test_a_modified_work_is_worded_otherwise():
    assert [badge for _, badge, _ in wording(DisclosurePlan(source=Source.MODIFIED))] == [
        "ЖИ арқылы өзгертілген",
        "Изменено ИИ",
        "AI-modified",
    ]


def test_every_language_has_every_form_for_every_source():
    for source in Source:
        for phrase in phrases(DisclosurePlan(source=source, languages=languages())):
            assert all((phrase.badge, phrase.short, phrase.line, phrase.spoken, phrase.notice)), phrase


def test_an_own_text_replaces_the_shipped_one_and_keeps_its_short_form():
    (phrase,) = phrases(DisclosurePlan(languages=("en",), texts={"en": "Made by a machine"}))
    assert (phrase.badge, phrase.line, phrase.short) == ("Made by a machine", "Made by a machine", "AI")


def test_an_own_text_opens_a_language_that_is_not_shipped():
    assert wording(DisclosurePlan(languages=("de",), texts={"de": "KI-generiert"})) == [
        ("de", "KI-generiert", "KI-generiert")
    ]


def test_an_unknown_language_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="kk, ru, en, zh"):
        wording(DisclosurePlan(languages=("xx",)))


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "turned \u202e round", "x" * 201])
def test_a_text_that_is_no_plain_line_is_refused(text: str):
    with pytest.raises(UsageError):
        wording(DisclosurePlan(texts={"en": text}))


def test_a_text_of_a_language_not_asked_for_is_refused():
    with pytest.raises(UsageError, match="'de'"):
        wording(DisclosurePlan(texts={"de": "KI"}))
