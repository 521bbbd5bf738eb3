from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
import yaml

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.html import outline
from kzlabel.declaration import Source
from kzlabel.disclosure.plan import DisclosurePlan, Form, TextPlace
from kzlabel.errors import InternalError, UnsupportedFormat, UsageError
from kzlabel.limits import DEFAULT_LIMITS
from kzlabel.media import Carrier, detect
from kzlabel.media.base import Rendered, RenderPlan
from kzlabel.media.texts import FORMATS, Html, Markdown, PlainText
from kzlabel.media.texts.base import Text

KK, RU, EN = (
    "Жасанды интеллект арқылы жасалған",
    "Создано с помощью искусственного интеллекта",
    "Created with artificial intelligence",
)
TAGS = (Tag("DigitalSourceType", Source.GENERATED.digital_source_type), Tag("AISystemUsed", "GPT-Қ"))


def render(
    fmt: Text,
    folder: Path,
    data: bytes,
    *,
    place: TextPlace = TextPlace.TOP,
    languages: tuple[str, ...] = ("kk", "ru", "en"),
    tags: tuple[Tag, ...] = (),
    encoding: str | None = None,
) -> tuple[bytes, Rendered]:
    source, target = folder / ("source" + fmt.extensions[0]), folder / ("target" + fmt.extensions[0])
    source.write_bytes(data)
    plan = DisclosurePlan(languages=languages, text_place=place)
    target.unlink(missing_ok=True)
    done = fmt.render(source, target, RenderPlan(disclosure=plan, slots=Slots(tags=tags), encoding=encoding))
    fmt.check(source, target, done, DEFAULT_LIMITS)
    assert source.read_bytes() == data
    return target.read_bytes(), done


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "kz1048", "ptcp154"])
@pytest.mark.parametrize("last", ["", "end"])
def test_the_disclosure_is_the_first_line_and_no_other_byte_changes(
    tmp_path: Path, newline: str, codec: str, last: str
) -> None:
    text = f"Сәлем, әлем{newline}Екінші жол  {newline}{last}"
    told = codec if codec in ("kz1048", "ptcp154") else None
    after, done = render(PlainText(), tmp_path, text.encode(codec), encoding=told)
    assert after.decode(codec) == f"[{KK}]{newline}[{RU}]{newline}[{EN}]{newline}{newline}{text}"
    mark = {"utf-8-sig": 3, "utf-16": 2}.get(codec, 0)
    assert after[:mark] == text.encode(codec)[:mark]
    assert after.endswith(text.encode(codec)[mark:])
    assert done.disclosure is not None
    assert done.disclosure.form is Form.LINE
    assert done.disclosure.languages == ("kk", "ru", "en")
    assert done.disclosure.wording == (KK, RU, EN)
    assert done.notes == ()


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"])
def test_languages_that_an_encoding_cannot_hold_are_left_out_with_a_note(tmp_path: Path, codec: str) -> None:
    after, done = render(PlainText(), tmp_path, "Привет, Мир.\n".encode(codec), encoding=codec)
    assert after.decode(codec) == f"[{RU}]\n[{EN}]\n\nПривет, Мир.\n"
    assert done.disclosure is not None
    assert done.disclosure.languages == ("ru", "en")
    assert codec in done.notes[0]
    assert "'kk'" in done.notes[0]


def test_where_no_language_asked_for_fits_another_takes_its_place(tmp_path: Path) -> None:
    after, done = render(PlainText(), tmp_path, "Grüße".encode("cp1252"), languages=("kk",), encoding="cp1252")
    assert after.decode("cp1252") == f"[{EN}]\n\nGrüße"
    assert "'en' instead" in done.notes[-1]


@pytest.mark.parametrize("text", ["a\n", "a", "a\r\n\r\n", "\n", "a\rb\nc\r\n"])
@pytest.mark.parametrize("place", [TextPlace.BOTTOM, TextPlace.BOTH])
def test_the_disclosure_goes_to_the_bottom_on_request(tmp_path: Path, text: str, place: TextPlace) -> None:
    after, done = render(PlainText(), tmp_path, text.encode(), place=place, languages=("en",))
    shown = after.decode()
    assert text in shown
    assert shown.rstrip("\r\n").endswith(f"[{EN}]")
    assert shown.endswith(("\n", "\r")) == text.endswith(("\n", "\r"))
    assert shown.count(EN) == (2 if place is TextPlace.BOTH else 1)
    assert done.disclosure is not None
    assert done.disclosure.place == str(place)


@pytest.mark.parametrize("fmt", [PlainText(), Markdown(), Html()])
def test_rendering_what_is_rendered_adds_no_second_disclosure(tmp_path: Path, fmt: Text) -> None:
    once, _ = render(fmt, tmp_path, b"<p>words\n", place=TextPlace.BOTH, tags=TAGS)
    assert render(fmt, tmp_path, once, place=TextPlace.BOTH, tags=TAGS)[0] == once


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"a": 1}', "JSON"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "XML"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "playlist"),
        (b"WEBVTT\n\n", "subtitle"),
        (b"#!/bin/sh\n", "script"),
        (b"[" * 100_000, "JSON"),
    ],
)
def test_texts_for_programs_are_refused_by_name(tmp_path: Path, data: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedFormat, match=kind):
        render(PlainText(), tmp_path, data)


def test_an_ambiguous_text_is_probed_but_asks_for_its_encoding_when_rendered(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("ура".encode("cp1251"))
    info = PlainText().probe(tmp_path / "a.txt", DEFAULT_LIMITS)
    assert info.detail["encoding"] is None
    with pytest.raises(UsageError, match="--encoding"):
        render(PlainText(), tmp_path, "ура".encode("cp1251"))


@pytest.mark.parametrize(
    "text", ["# Hi\n\nText\n", "---\ntitle: X\n---\n# Hi\n", "---\r\ntitle: X\r\n---\r\n\r\ntext", "---\na: b\n---"]
)
def test_markdown_is_disclosed_behind_its_front_matter(tmp_path: Path, text: str) -> None:
    after, _ = render(Markdown(), tmp_path, text.encode(), tags=TAGS)
    shown = after.decode()
    newline = "\r\n" if "\r\n" in text else "\n"
    assert f"---{newline}{newline}> {KK} · {RU} · {EN}{newline}{newline}" in shown
    loaded = yaml.safe_load(shown.split("---")[1])
    assert loaded["ai-model"] == "GPT-Қ"
    assert loaded["digital-source-type"] == Source.GENERATED.digital_source_type
    assert all(line in shown.splitlines() for line in text.splitlines())


def test_own_words_do_not_become_markup(tmp_path: Path) -> None:
    source = tmp_path / "a.md"
    source.write_text("x\n")
    plan = DisclosurePlan(languages=("en",), texts={"en": "*AI* <b> & [x](y) #1"})
    Markdown().render(source, tmp_path / "b.md", RenderPlan(disclosure=plan))
    assert (tmp_path / "b.md").read_text() == "> \\*AI\\* \\<b\\> \\& \\[x\\](y) \\#1\n\nx\n"
    page = tmp_path / "a.html"
    page.write_text("<p>x")
    Html().render(page, tmp_path / "b.html", RenderPlan(disclosure=plan))
    assert "*AI* &lt;b&gt; &amp; [x](y) #1</span>" in (tmp_path / "b.html").read_text()


PAGE = """<!DOCTYPE html>
<html lang="kk">
<head>
<meta charset="{}">
<title>Т</title>
</head>
<body>
<p>Мәтін</p>
</body>
</html>
"""


@pytest.mark.parametrize("codec", ["utf-8", "kz1048", "utf-8-sig", "utf-16"])
def test_a_page_is_disclosed_first_thing_in_its_body(tmp_path: Path, codec: str) -> None:
    before = PAGE.format(codec).encode(codec)
    after, done = render(Html(), tmp_path, before, tags=TAGS)
    shown = after.decode(codec)
    banner = re.search(r"<body>\n(<aside role=\"note\".*?</aside>)\n<p>", shown)
    assert banner
    assert re.sub(r"<[^>]+>", "", banner[1]).replace("&#183;", "·") == f"{KK} · {RU} · {EN}"
    assert re.findall(r'<span lang="(\w\w)">', banner[1]) == ["kk", "ru", "en"]
    metas = {tag.attributes.get("name"): tag.attributes.get("content") for tag in outline(shown).tags}
    assert metas["ai-disclosure"] == "ai-generated"
    assert metas["ai-model"] == "GPT-Қ"
    assert done.notes == ()


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "iso8859-5"])
def test_a_page_shows_every_language_in_every_encoding(tmp_path: Path, codec: str) -> None:
    before = f'<meta charset="{codec}"><title>Привет</title><body>Мир'.encode(codec)
    after, done = render(Html(), tmp_path, before)
    assert KK in html.unescape(after.decode(codec))
    assert done.disclosure is not None
    assert done.disclosure.languages == ("kk", "ru", "en")


def test_a_page_that_tells_no_encoding_gets_ascii_only(tmp_path: Path) -> None:
    after, _ = render(Html(), tmp_path, "<title>t</title><body>Сәлем".encode(), tags=TAGS)
    assert after.replace("Сәлем".encode(), b"").isascii()
    assert KK in html.unescape(after.decode())


def test_the_bottom_of_a_page_is_before_the_end_of_body(tmp_path: Path) -> None:
    after, _ = render(Html(), tmp_path, PAGE.format("utf-8").encode(), place=TextPlace.BOTTOM)
    assert after.endswith(b"</aside>\n</body>\n</html>\n")


def test_xhtml_stays_well_formed(tmp_path: Path) -> None:
    from lxml import etree

    before = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head>'
        "<body><p>x</p></body></html>"
    )
    after, _ = render(Html(), tmp_path, before.encode(), tags=TAGS, place=TextPlace.BOTH)
    tree = etree.fromstring(after)
    body = tree.find("{*}body")
    assert body is not None
    assert [etree.QName(child).localname for child in body] == ["aside", "p", "aside"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (b"<html><head></head><frameset cols='1,2'><frame src=a></frameset></html>", "frames"),
        (b"<?xml version='1.0'?><h:html xmlns:h='http://www.w3.org/1999/xhtml'><h:body/></h:html>", "prefix"),
    ],
)
def test_pages_without_a_body_to_write_in_are_refused_by_name(tmp_path: Path, page: bytes, words: str) -> None:
    with pytest.raises(UnsupportedFormat, match=words):
        render(Html(), tmp_path, page)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"words", "text/plain"),
        ("a.md", b"# words", "text/markdown"),
        ("a", b"# words", "text/plain"),
        ("a.txt", b"<!-- x -->\n<!DOCTYPE html><p>x", "text/html"),
        ("a.md", b"<p align=center>logo</p>\n\n# words", "text/markdown"),
        ("a.html", b"<p>fragment</p>", "text/html"),
        ("a.xhtml", b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', "text/html"),
        ("a.html", "<html><body>Привет".encode("utf-16"), "text/html"),
        ("a.txt", "Привет".encode("cp1251"), "text/plain"),
        ("a.txt", b"\0\1\2\3", None),
        ("a.txt", b"", None),
    ],
)
def test_kinds_of_text_are_told_by_content_then_by_name(name: str, data: bytes, expected: str | None) -> None:
    found = detect(data, name, FORMATS)
    assert (found.mime if found else None) == expected


@pytest.mark.parametrize(
    ("fmt", "data", "expected"),
    [
        (PlainText(), "Қ".encode(), Carrier.TEXT),
        (PlainText(), "Қ".encode("utf-16"), Carrier.TEXT),
        (PlainText(), "Привет, Мир".encode("cp1251"), Carrier.SIDECAR),
        (Markdown(), "Привет, Мир".encode("cp1251"), Carrier.TEXT),
        (Markdown(), "# Қ".encode("utf-16"), Carrier.SIDECAR),
        (Markdown(), b"# a\rb\r", Carrier.SIDECAR),
        (Html(), b"<p>a\rb\r", Carrier.TEXT),
        (Html(), "<p>Қ".encode("utf-16"), Carrier.SIDECAR),
    ],
)
def test_the_manifest_goes_inside_where_the_encoding_can_hold_it(
    tmp_path: Path, fmt: Text, data: bytes, expected: Carrier
) -> None:
    file = tmp_path / "a"
    file.write_bytes(data)
    assert fmt.carrier_for(fmt.probe(file, DEFAULT_LIMITS)) is expected


@pytest.mark.parametrize("fmt", [PlainText(), Markdown(), Html()])
def test_a_changed_word_or_a_missing_disclosure_is_noticed(tmp_path: Path, fmt: Text) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"<p>some words\n")
    done = fmt.render(source, target, RenderPlan(disclosure=DisclosurePlan(languages=("en",))))
    fmt.check(source, target, done, DEFAULT_LIMITS)
    good = target.read_bytes()
    for bad in (good.replace(b"some", b"same"), good.replace(EN.encode(), b"x"), good + b"more"):
        target.write_bytes(bad)
        with pytest.raises(InternalError):
            fmt.check(source, target, done, DEFAULT_LIMITS)
