"""The page is whole in itself, shows what it should, and nothing from a file gets to act in it or in a terminal."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kzlabel.disclosure.wording import languages
from kzlabel.evidence import AI, Evidence, Layer, LayerEvidence, State
from kzlabel.media import Format, formats
from kzlabel.verification import report as page
from kzlabel.verification.judge import judge
from kzlabel.verification.preview import MAX_EMBEDDED, preview
from kzlabel.verification.report import ReportItem, report, text

from .evidences import BINDING, candidate, led_to, manifest, metadata, of, sidecar

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' --></style></title><!-- ]]> {{7*7}} "
    "{noun} %s &lt;b&gt; \x1b[31m\x9b2J\x07\r\nnext\u2028line\u202e\u2066rtl\u200b\u00ad\ufeff\ud800\U000e0041"
)

ELEMENTS: Mapping[str, set[str]] = {
    "html": {"lang"},
    "head": set(),
    "title": set(),
    "style": set(),
    "body": set(),
    "header": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "footer": set(),
    "h1": set(),
    "h3": set(),
    "dl": set(),
    "h2": {"id"},
    "p": {"class"},
    "time": {"datetime"},
    "section": {"aria-label"},
    "main": {"id"},
    "dt": set(),
    "ul": {"class"},
    "ol": {"class"},
    "li": {"class"},
    "strong": set(),
    "small": set(),
    "a": {"href", "class"},
    "span": {"class"},
    "article": {"id", "class", "aria-labelledby"},
    "dd": set(),
    "blockquote": set(),
    "q": {"lang"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "details": set(),
    "summary": set(),
    "code": set(),
    "svg": {"viewbox", "aria-hidden"},
    "path": {"d"},
    "img": {"src", "alt"},
    "table": set(),
    "thead": set(),
    "tbody": set(),
    "tr": set(),
    "th": {"scope"},
    "td": set(),
    "audio": {"src", "controls", "preload", "aria-label"},
    "video": {"src", "controls", "preload", "aria-label"},
}
EMPTY = {"meta", "img"}


class Page(HTMLParser):
    """Reads a page, refusing whatever a report has no use for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS, tag
        assert {name for name, _ in attrs} <= ELEMENTS[tag], (tag, attrs)
        for name, value in attrs:
            if name in ("href", "src"):
                assert re.match(r"#[\w-]+$|data:(image|audio|video)/[\w]+;base64,[A-Za-z0-9+/=]+$", value or "")
        self.seen.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.said.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        assert decl == "DOCTYPE html"

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")

    @property
    def text(self) -> str:
        return " ".join(self.said)


def hostile(value: Any = None) -> dict[str, Any]:
    """A detail in which every text, key included, is hostile."""
    return {
        "signer": {"name": HOSTILE, "organization": HOSTILE[::-1], "fingerprint": HOSTILE, "trusted": True},
        "signed_at": HOSTILE,
        "time_source": HOSTILE,
        "generator": {"name": HOSTILE, "version": HOSTILE},
        "identifier": HOSTILE,
        "manifest_id": HOSTILE,
        "training": HOSTILE,
        HOSTILE: HOSTILE,
        "ingredients": [{"title": HOSTILE, "relationship": HOSTILE, HOSTILE: [HOSTILE]}],
        "ingredients_ok": False,
        "wording": [HOSTILE, HOSTILE],
        "languages": [HOSTILE],
        "place": HOSTILE,
        "form": HOSTILE,
        "seconds": HOSTILE,
        "explanations": {HOSTILE: HOSTILE},
        "nested": value,
    }


def hostile_evidence(state: State) -> Evidence:
    layers = (
        LayerEvidence(Layer.MANIFEST, state, AI.GENERATED, (HOSTILE, BINDING), hostile([[[[[[HOSTILE]]]]]])),
        LayerEvidence(Layer.SIDECAR, State.TAMPERED, AI.GENERATED, (HOSTILE,), hostile()),
        LayerEvidence(Layer.METADATA, State.FOUND, AI.GENERATED, (HOSTILE,), hostile()),
        LayerEvidence(Layer.DISCLOSURE, State.RECORDED, AI.GENERATED, (HOSTILE,), hostile()),
        replace(led_to(candidate(**hostile())), payload=HOSTILE, codes=(HOSTILE,)),
    )
    return Evidence(HOSTILE, HOSTILE, HOSTILE, HOSTILE, layers, {HOSTILE: HOSTILE}, HOSTILE)


@pytest.mark.parametrize("state", [State.VALID, State.TAMPERED, State.INVALID, State.ABSENT, State.EXPIRED])
def test_markup_in_every_field_comes_out_inert(state: State, tmp_path: Path) -> None:
    verdict = judge(hostile_evidence(state))
    excerpt = tmp_path / "page.html"
    excerpt.write_bytes(f"<body><p>{HOSTILE}&lt;script&gt;x<iframe src=//evil.example>".encode(errors="replace"))
    items = [
        ReportItem(verdict, excerpt, "text/html", hostile(), {HOSTILE: HOSTILE}, HOSTILE),
        ReportItem(verdict, excerpt, f"text/plain; charset={HOSTILE}"),
        ReportItem(verdict, excerpt, HOSTILE),
    ]
    html = report(items, title=HOSTILE, generated_at=NOW)
    html.encode()
    read = Page(html)
    assert "<script>alert(1)" in read.text
    steering = {char for char in html if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")}
    assert steering <= {"\n"}


@pytest.mark.parametrize("state", [State.VALID, State.TAMPERED, State.INVALID, State.ABSENT, State.EXPIRED])
def test_the_terminal_gets_no_escapes_no_direction_marks_and_no_lines_of_a_files_own(state: State) -> None:
    verdict = judge(hostile_evidence(state))
    for shown in (text(verdict), text(verdict, verbose=True)):
        assert all(line.isprintable() for line in shown.split("\n"))
        shown.encode()
    assert "\n" not in text(verdict)
    assert not [line for line in text(verdict, verbose=True).split("\n")[1:] if not line.startswith("  ")]


def test_the_json_of_a_verdict_shows_names_inert() -> None:
    verdict = judge(of(manifest(**hostile()))).to_json()
    for shown in (verdict["signer"]["name"], verdict["generator"]["name"], verdict["identifier"], *verdict["notes"]):
        assert shown.isprintable()


def sample(tmp_path: Path) -> list[ReportItem]:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (8, 8), "teal").save(picture)
    poem = tmp_path / "poem.txt"
    poem.write_text("Кешкі дала\nЖел тынды" + "\ufeff" + "\ufe01\U000e0101" * 50, encoding="utf-8")
    recorded = {
        "form": "badge",
        "languages": ["kk", "en"],
        "wording": ["ЖИ жасаған", "AI-generated"],
        "place": "top-right",
    }
    disclosure = LayerEvidence(Layer.DISCLOSURE, State.RECORDED, AI.GENERATED, detail=recorded)
    return [
        ReportItem(judge(of(manifest(), disclosure, metadata())), picture, "image/png", caption="As labelled"),
        ReportItem(
            judge(of(manifest(State.TAMPERED, AI.GENERATED, BINDING), sidecar(), medium="text")), poem, "text/plain"
        ),
        ReportItem(judge(of())),
    ]


def test_the_page_shows_picture_excerpt_disclosure_verdict_and_evidence(tmp_path: Path) -> None:
    read = Page(report(sample(tmp_path), title="Demo", generated_at=NOW))
    sources = [attributes["src"] for tag, attributes in read.seen if tag == "img"]
    assert sources == ["data:image/png;base64," + base64.b64encode((tmp_path / "picture.png").read_bytes()).decode()]
    for words in ("Verified", "Tampered", "No mark found", "Generated by AI", "Tulpar Studio", "Painter 2.1", BINDING):
        assert words in read.text
    for words in (
        "ЖИ жасаған",
        "Badge, top right",
        "Кешкі дала",
        "⟨101 invisible characters⟩",
        "As labelled",
        "3 files",
    ):
        assert words in read.text
    assert [attributes["lang"] for tag, attributes in read.seen if tag == "q"] == ["kk", "en"]


def test_headings_descend_one_level_at_a_time_and_every_file_has_one(tmp_path: Path) -> None:
    read = Page(report(sample(tmp_path), title="Demo", generated_at=NOW))
    levels = [int(tag[1]) for tag, _ in read.seen if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    named = {attributes["aria-labelledby"] for tag, attributes in read.seen if tag == "article"}
    assert named == {attributes["id"] for tag, attributes in read.seen if tag == "h2" and "id" in attributes}
    assert all(attributes["alt"] for tag, attributes in read.seen if tag == "img")


def test_the_browser_is_told_to_load_nothing_and_run_nothing(tmp_path: Path) -> None:
    html = report(sample(tmp_path), title="Demo", generated_at=NOW)
    policy = next(a["content"] for tag, a in Page(html).seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; media-src data:; style-src 'sha256-")
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    assert not re.search(r"url\(|@import|https?:|//", re.sub(r"base64,[^\"]*", "", html))


def test_a_file_too_large_or_gone_is_named_only(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(MAX_EMBEDDED + 1))
    verdict = judge(of())
    items = [ReportItem(verdict, large, "image/png"), ReportItem(verdict, tmp_path / "gone.png", "image/png")]
    read = Page(report(items, title="Demo", generated_at=NOW))
    assert "Too large to be shown here (8.0 MiB)" in read.text
    assert "could not be read" in read.text
    assert not [tag for tag, _ in read.seen if tag == "img"]


def test_a_page_stops_embedding_when_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_EMBEDDED_TOGETHER", 1500)
    sound = tmp_path / "a.mp3"
    sound.write_bytes(bytes(1000))
    items = [ReportItem(judge(of(medium="audio")), sound, "audio/mpeg")] * 2
    read = Page(report(items, title="Demo", generated_at=NOW))
    assert [tag for tag, _ in read.seen if tag == "audio"] == ["audio"]


def test_a_page_without_files_is_a_page() -> None:
    assert "0 files" in Page(report([], title="Nothing", generated_at=NOW)).text


def test_colours_of_text_are_legible_on_their_ground() -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1, in both schemes."""
    style = (Path(page.__file__).parent / "report.css").read_text("utf-8")
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in style.split("@media")[:2]]
    assert len(schemes) == 2
    for colours in schemes:
        for name in ("good", "warn", "bad", "info", "odd", "mute"):
            assert contrast(colours[name], colours[f"{name}-tint"]) >= 4.5, name
            assert contrast(colours[name], colours["card"]) >= 4.5, name
        for ground in ("paper", "card", "well"):
            assert contrast(colours["ink"], colours[ground]) >= 7
            assert contrast(colours["soft"], colours[ground]) >= 4.5
        assert contrast(colours["link"], colours["card"]) >= 4.5


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_one_line_tells_the_verdict() -> None:
    assert text(judge(of())) == (
        "photo.jpg: unmarked: No mark was found. That says nothing about how this image was made."
    )
    assert text(judge(of(manifest()))).startswith("photo.jpg: verified, generated: Tulpar Studio (Tulpar LLP)")


def test_verbose_lines_hold_the_evidence() -> None:
    shown = text(judge(of(manifest(State.VALID, AI.GENERATED, "claimSignature.validated"), led_to(candidate()))), True)
    for words in ("manifest: valid, generated (claimSignature.validated)", "watermark: found", "Signer: Tulpar Studio"):
        assert words in shown


@pytest.mark.parametrize(
    "format",
    [format for format in formats() if not format.refusal and format.mime != "image/tiff"],  # browsers show no TIFF
    ids=lambda format: format.name,
)
def test_a_file_of_every_format_that_browsers_know_is_shown(format: Format, tmp_path: Path) -> None:
    file = tmp_path / f"work{format.extensions[0]}"
    file.write_bytes(b"content")
    assert 'class="nothing"' not in preview(file, format.mime, "", 1000)[0].html


@pytest.mark.parametrize("language", languages())
def test_a_disclosure_names_the_language_of_its_words(language: str) -> None:
    item = ReportItem(judge(of(manifest())), disclosure={"wording": ["words"], "languages": [language]})
    assert f'<q lang="{language}">words</q>' in report([item], title="Report", generated_at=NOW)
