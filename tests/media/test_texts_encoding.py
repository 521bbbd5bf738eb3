from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.containers import charset
from kzlabel.containers.charset import Charset
from kzlabel.errors import LimitExceeded, UnreadableFile, UsageError
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.media.texts.encoding import EIGHT_BIT, candidates, load

RUSSIAN = "Съешь ещё этих мягких французских булок, да выпей чаю. Ёлка № 5 — «Ура»!\r\n"
KAZAKH = "Біздің тәуелсіз Қазақстан. Әр адам өз құқығын біледі, Ұлы дала үні.\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", Charset("utf-8")),
        (KAZAKH.encode(), Charset("utf-8")),
        (b"\xef\xbb\xbf" + KAZAKH.encode(), Charset("utf-8", b"\xef\xbb\xbf")),
        (KAZAKH.encode("utf-16"), Charset("utf-16-le", b"\xff\xfe")),
        (b"\xfe\xff" + KAZAKH.encode("utf-16-be"), Charset("utf-16-be", b"\xfe\xff")),
        (KAZAKH.encode("utf-16-le"), Charset("utf-16-le")),
        (KAZAKH.encode("utf-16-be"), Charset("utf-16-be")),
        ("שלום 🏳️‍🌈".encode(), Charset("utf-8")),
    ],
)
def test_unicode_is_recognised_with_and_without_a_mark(file: Path, data: bytes, expected: Charset) -> None:
    file.write_bytes(data)
    found = load(file, DEFAULT_LIMITS)
    assert found.charset == expected
    assert found.charset.encode(found.text) == data


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "mac-cyrillic"])
def test_russian_that_can_be_read_in_one_way_only_is_read_so(file: Path, codec: str) -> None:
    text = RUSSIAN.replace("—", "-").replace("«", '"').replace("»", '"')
    text = text.replace("№", "N") if codec == "koi8-r" else text
    file.write_bytes(text.encode(codec))
    assert load(file, DEFAULT_LIMITS).text == text


def test_russian_alike_in_two_encodings_is_taken_for_the_one_that_promises_fewer_letters(file: Path) -> None:
    file.write_bytes(RUSSIAN.encode("cp1251"))
    assert RUSSIAN.encode("cp1251") == RUSSIAN.encode("kz1048")
    assert load(file, DEFAULT_LIMITS).charset.codec == "cp1251"


def test_kazakh_in_eight_bits_is_read_as_what_it_is(file: Path) -> None:
    for codec in ("kz1048", "ptcp154"):
        assert candidates(KAZAKH.encode(codec)) == {codec: KAZAKH}
        file.write_bytes(KAZAKH.encode(codec))
        assert load(file, DEFAULT_LIMITS).text == KAZAKH


@pytest.mark.parametrize("text", ["ура", "привет мир", "а"])
def test_an_ambiguous_text_is_refused_with_every_candidate_and_a_line_of_each(file: Path, text: str) -> None:
    file.write_bytes(text.encode("cp1251"))
    with pytest.raises(UsageError, match=r"a\.txt: .*--encoding") as caught:
        load(file, DEFAULT_LIMITS)
    assert f"cp1251: «{text}»" in str(caught.value)
    assert len(candidates(text.encode("cp1251"))) > 1
    assert load(file, DEFAULT_LIMITS, encoding="cp1251").text == text


@pytest.mark.parametrize("codec", EIGHT_BIT)
def test_the_encoding_that_the_user_says_is_taken(file: Path, codec: str) -> None:
    text = "Привет, мир\r"
    file.write_bytes(text.encode(codec))
    found = load(file, DEFAULT_LIMITS, encoding=codec)
    assert found.text == text
    assert found.charset.encode(found.text) == file.read_bytes()


def test_a_text_in_none_of_the_encodings_asks_for_it(file: Path) -> None:
    file.write_bytes("Grüße aus Köln".encode("cp1252"))
    with pytest.raises(UsageError, match="--encoding"):
        load(file, DEFAULT_LIMITS)
    assert load(file, DEFAULT_LIMITS, encoding="windows-1252").text == "Grüße aus Köln"


@pytest.mark.parametrize("encoding", ["hex", "nonsense", "utf-7", "utf-32", "cp037", "rot13", "\0"])
def test_what_is_no_encoding_for_texts_is_refused(file: Path, encoding: str) -> None:
    file.write_bytes(b"a")
    with pytest.raises(UsageError):
        load(file, DEFAULT_LIMITS, encoding=encoding)


def test_bytes_that_do_not_fit_the_encoding_told_are_refused(file: Path) -> None:
    file.write_bytes("Привет".encode("cp1251"))
    with pytest.raises(UsageError, match="utf-8"):
        load(file, DEFAULT_LIMITS, encoding="utf-8")


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\0\1\2\3" * 30, b"abc\0def\0\0", bytes(range(256)), b"\xff\xfe\0\0a\0\0\0"],
)
def test_binary_data_is_no_text(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(UnreadableFile):
        load(file, DEFAULT_LIMITS)


def test_a_text_above_the_limit_is_not_read(file: Path) -> None:
    file.write_bytes(b"x" * 101)
    with pytest.raises(LimitExceeded, match="max_text_bytes"):
        load(file, Limits(max_text_bytes=100))


def test_a_header_that_ends_within_a_character_is_still_text() -> None:
    for codec in ("utf-8", "utf-16", "utf-16-be"):
        data = KAZAKH.encode(codec)
        assert all(charset.is_text(data[:size], cut=True) for size in range(16, len(data)))
