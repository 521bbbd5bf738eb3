from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.charset import Charset
from kzlabel.containers.html import HTML, charset_of, declared, outline, with_meta
from kzlabel.containers.html_tokens import Kind, tokens
from kzlabel.limits import DEFAULT_LIMITS

UTF8 = Charset("utf-8")
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

PAGES = {
    "whole": "<!DOCTYPE html>\n<html><head><title>t</title></head>\n<body class=a>|text</body></html>",
    "no head": "<!DOCTYPE html><html><body>|text</body></html>",
    "no tags of structure": "<!DOCTYPE html><title>t</title>|<p>text",
    "fragment": "|text <b>x</b>",
    "only text": "|text",
    "comment with body": "<html><head><!-- <body> --><title>t</title></head><body>|text",
    "script with body": "<title>t</title><script>document.write('<body><p>')</script><body>|text",
    "script in script": "<script><!-- <script> </script> <body> --></script><body>|text",
    "style with tags": "<style>a:after { content: '<body>' }</style><body>|text",
    "title with tags": "<title><body></title><body>|text",
    "head in upper case": "<HTML><HEAD><TITLE>t</TITLE></HEAD><BODY>|text",
    "attribute with tag": "<html data-x='<body>'><head><meta name=a content='</head>'></head><body>|text",
    "template in head": "<head><template><div>no</div></template><title>t</title></head><body>|text",
    "noscript in head": "<head><noscript><style>p{}</style></noscript><title>t</title></head><body>|text",
    "empty comment": "<!--><title>t</title><body>|text",
    "bang in comment end": "<!-- x --!><title>t</title><body>|text",
    "text after head": "<head><title>t</title></head>\n|text",
    "bogus comment": "<!foo <body> ><title>t</title><body>|text".replace("<body> >", "body >"),
    "less than in text": "|1 < 2 <p>text",
    "byte order mark": "\ufeff<!DOCTYPE html><title>t</title><body>|text",
    "html ends early": "<html><head></head>|</html>",
    "empty": "|",
}


@pytest.mark.parametrize("name", PAGES)
def test_body_begins_where_a_browser_begins_it(name: str) -> None:
    page = PAGES[name].replace("|", "")
    assert outline(page).body == PAGES[name].index("|")


@pytest.mark.parametrize("name", PAGES)
def test_an_element_put_into_head_lies_in_head(name: str) -> None:
    page = PAGES[name].replace("|", "")
    at = outline(page).head
    marked = page[:at] + '<meta name="probe" content="here">' + page[at:]
    again = outline(marked)
    assert [tag.attributes for tag in again.tags if tag.attributes.get("name") == "probe"]
    if name in ("fragment", "only text", "less than in text", "empty", "empty comment", "html ends early"):
        return  # libxml2 does not build these as the standard says
    tree = lxml_html.document_fromstring(marked.removeprefix("\ufeff").replace("--!>", "-->"))
    if name not in ("no tags of structure", "template in head", "title with tags", "script in script"):
        assert tree.xpath("//head/meta[@name='probe']")


@pytest.mark.parametrize(
    ("page", "end"),
    [
        ("<body>a</body></html>", "</body></html>"),
        ("<html><p>a</html>", "</html>"),
        ("<p>a", ""),
        ("<body>a<!-- </body> --><script>'</body>'</script></body>\n", "</body>\n"),
    ],
)
def test_the_end_of_body_is_found(page: str, end: str) -> None:
    assert outline(page, whole=True).end == len(page) - len(end)


def test_frames_are_recognised() -> None:
    assert outline("<html><head></head><frameset cols='1,2'><frame src=a></frameset></html>").frameset
    assert not outline("<body><p>&lt;frameset></body>").frameset


def test_xhtml_is_read_as_xml() -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [ <!ENTITY a "<body>"> ]>'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/>'
        "<script><![CDATA[ '<body>' ]]></script></head><body>|text</body></html>"
    )
    found = outline(page.replace("|", ""))
    assert found.xhtml
    assert found.body == page.index("|")
    changed = with_meta(page.replace("|", ""), [Tag("ai-model", "A & B")], UTF8)
    assert '<meta name="ai-model" content="A &amp; B" />' in changed


def test_attributes_are_read_in_every_notation() -> None:
    (token,) = tokens("<meta NAME=a content='x &amp; y' b c=\"2\" name=second/>")
    assert token.attributes == {"name": "a", "content": "x & y", "b": "", "c": "2"}
    assert token.kind is Kind.START


@given(st.text(alphabet="<>/!-\"'= abmetahdscripyl\n[]?", max_size=120))
@settings(max_examples=300, deadline=None)
def test_any_soup_yields_offsets_in_order(soup: str) -> None:
    for xhtml in (False, True):
        position = 0
        for token in tokens(soup, xhtml=xhtml):
            assert position <= token.start < token.end <= len(soup)
            position = token.end
    page = outline(soup, whole=True)
    assert page.end is not None
    assert 0 <= page.head <= page.body <= len(soup)


@pytest.mark.parametrize(
    "unit",
    ["<a ", "<!--", "<a b='", "<", "</", "<script>", "<![CDATA[", "<a b=\"'", "<!", "<?", "<p>", "<title>", "a="],
)
def test_a_flood_of_unclosed_markup_is_walked_once(unit: str) -> None:
    outline(unit * (1_000_000 // len(unit)), whole=True)


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        (b'<meta charset="windows-1251">', "cp1251"),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        (b'<?xml version="1.0" encoding="windows-1251"?><html>', "cp1251"),
        (b"<meta charset=utf-16>", "utf-8"),
        (b"<meta charset=x-mac-cyrillic>", "mac-cyrillic"),
        (b"<meta charset=nonsense>", None),
        (b"<meta charset=hex>", None),
        (b"<!-- <meta charset=koi8-r> --><p>", None),
        (b"<body><meta charset=koi8-r>", None),
    ],
)
def test_the_declared_encoding_is_found(head: bytes, codec: str | None) -> None:
    assert declared(head) == codec


def test_a_byte_order_mark_outranks_the_declaration() -> None:
    found = charset_of(b"\xef\xbb\xbf<meta charset=windows-1251>")
    assert found == Charset("utf-8", b"\xef\xbb\xbf")


def read(data: bytes) -> Slots:
    return HTML.read(io.BytesIO(data), DEFAULT_LIMITS)


def test_tags_written_are_read_back_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    before = '<!DOCTYPE html>\r\n<meta charset="utf-8">\r\n<meta name="generator" content="Hugo">\r\n<p>Қазақ\r\n'
    page.write_bytes(before.encode())
    tags = (
        Tag("DigitalSourceType", SOURCE),
        Tag("AISystemUsed", 'Қ "x" <y>'),
        Tag("DataMining", "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-SEECONSTRAINT"),
        Tag("AIGC", '{"Label":"1"}'),
    )
    HTML.write(page, Slots(tags=tags), DEFAULT_LIMITS)
    found = read(page.read_bytes())
    assert list(found.values("digital-source-type")) == [SOURCE]
    assert list(found.values("ai-disclosure")) == ["ai-generated"]
    assert list(found.values("ai-model")) == ['Қ "x" <y>']
    assert list(found.values("tdm-reservation")) == ["1"]
    assert list(found.values("AIGC")) == ['{"Label":"1"}']
    assert list(found.values("generator")) == ["Hugo"]
    after = page.read_bytes().decode()
    ours = [line for line in after.splitlines(True) if line not in before.splitlines(True)]
    for line in ours:
        after = after.replace(line, "", 1)
    assert after == before


def test_writing_twice_changes_nothing_and_a_new_value_takes_the_place_of_the_old(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><meta charset=utf-8><title>x</title><p>y")
    HTML.write(page, Slots(tags=(Tag("AISystemUsed", "A"),)), DEFAULT_LIMITS)
    once = page.read_bytes()
    HTML.write(page, Slots(tags=(Tag("AISystemUsed", "A"),)), DEFAULT_LIMITS)
    assert page.read_bytes() == once
    HTML.write(page, Slots(tags=(Tag("AISystemUsed", "B"),)), DEFAULT_LIMITS)
    assert page.read_bytes() == once.replace(b'content="A"', b'content="B"')


def test_a_reservation_is_never_taken_back(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<meta name="tdm-reservation" content="1"><p>x')
    HTML.write(page, Slots(tags=(Tag("DataMining", "http://ns.useplus.org/ldf/vocab/DMI-ALLOWED"),)), DEFAULT_LIMITS)
    assert list(read(page.read_bytes()).values("tdm-reservation")) == ["1"]


@pytest.mark.parametrize("codec", ["cp1251", "kz1048", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic", "utf-16"])
def test_other_bytes_stay_in_every_encoding(tmp_path: Path, codec: str) -> None:
    page = tmp_path / "page.html"
    page.write_bytes("<title>Привет</title><p>мир".encode(codec))
    HTML.write(page, Slots(tags=(Tag("AISystemUsed", "Қ"),)), DEFAULT_LIMITS)
    text = page.read_bytes().decode(codec)
    assert "<title>Привет</title>" in text
    assert text.endswith("<p>мир")
    assert 'content="Қ"' in text or 'content="&#1178;"' in text


def test_the_disclosure_attribute_of_the_page_is_read() -> None:
    assert list(read(b'<html ai-disclosure="ai-assisted"><p>x').values("ai-disclosure")) == ["ai-assisted"]


def test_a_manifest_is_noticed() -> None:
    assert read(b'<script type="application/c2pa">AAAA</script><p>x').manifest
    assert read(b"<link rel='c2pa-manifest' href=x><p>").manifest
    assert not read(b'<!-- <script type="application/c2pa">AAAA</script> --><p>x').manifest
