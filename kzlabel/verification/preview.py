"""What a report shows of a file itself: the picture, a player, the beginning of a text; or its name, when too large."""

from __future__ import annotations

import base64
import codecs
import re
from html.parser import HTMLParser
from pathlib import Path

from ..inert import inert
from .elements import Markup, element, join

MAX_EMBEDDED = 8 << 20  # bytes of one file inside a page: a page of a few of these still opens at once
MAX_EXCERPT = 900  # characters of a text: what fits beside its evidence
MAX_TEXT_READ = 1 << 18  # bytes of a text that are read for its excerpt

# What browsers show, by media type, and the type to name: they sniff films, and refuse some that they could play.
_IMAGES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/apng"})
_FILMS = {
    "video/mp4": "video/mp4",
    "video/quicktime": "video/mp4",
    "video/webm": "video/webm",
    "video/matroska": "video/webm",
}
_SOUNDS = {
    "audio/mpeg": "audio/mpeg",
    "audio/flac": "audio/flac",
    "audio/x-flac": "audio/flac",
    "audio/ogg": "audio/ogg",
    "audio/opus": "audio/ogg",
    "audio/aac": "audio/aac",
    "audio/mp4": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/wav": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
}
# Bars of sound, for the eye only.
_BARS = "".join(
    f"M{6 * number + 3} {32 - height}v{2 * height}"
    for number, height in enumerate(
        (3, 6, 11, 8, 14, 20, 12, 9, 17, 26, 19, 13, 22, 28, 18, 11, 15, 23, 14, 8, 12, 7, 4, 2)
    )
)
_WAVE = element("svg", element("path", d=_BARS), viewBox="0 0 144 64", aria_hidden="true")
_SELECTORS = re.compile("\ufeff?[\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")


def preview(path: Path | None, mime: str | None, alt: str, room: int) -> tuple[Markup, int]:
    """Show a file, in at most `room` bytes of it; returns the element and the bytes that it took."""
    kind, _, parameters = (mime or "").partition(";")
    kind = kind.strip().lower()
    if path is None:
        return _nothing("No preview."), 0
    try:
        if kind.startswith("text/"):
            return _excerpt(path, kind, parameters), 0
        size = path.stat().st_size
        if kind not in _IMAGES and kind not in _FILMS and kind not in _SOUNDS:
            return _nothing("Browsers do not show this format."), 0
        if size > min(MAX_EMBEDDED, room):
            return _nothing(f"Too large to be shown here ({size / (1 << 20):.1f} MiB)."), 0
        content = path.read_bytes()
    except OSError:
        return _nothing("The file could not be read for a preview."), 0
    encoded = base64.b64encode(content).decode("ascii")
    return _embedded(kind, encoded, alt), size


def _embedded(kind: str, encoded: str, alt: str) -> Markup:
    if kind in _IMAGES:
        return element("img", src=Markup(f"data:{kind};base64,{encoded}"), alt=alt)
    if kind in _FILMS:
        source = Markup(f"data:{_FILMS[kind]};base64,{encoded}")
        return element("video", src=source, controls=True, preload="metadata", aria_label=alt)
    source = Markup(f"data:{_SOUNDS[kind]};base64,{encoded}")
    return join(_WAVE, element("audio", src=source, controls=True, preload="metadata", aria_label=alt))


def _nothing(why: str) -> Markup:
    return element("p", why, class_="nothing")


def _excerpt(path: Path, kind: str, parameters: str) -> Markup:
    with path.open("rb") as file:
        content = file.read(MAX_TEXT_READ)
    text = _decode(content, parameters)
    if kind == "text/html":
        text = _visible(text)
    text = _SELECTORS.sub(lambda match: f"⟨{len(match[0])} invisible characters⟩", text)
    lines = "\n".join(inert(line, limit=MAX_EXCERPT) for line in text[: MAX_EXCERPT + 1].strip().splitlines())
    cut = lines[: MAX_EXCERPT - 1] + "…" if len(text) > MAX_EXCERPT else lines
    return element("blockquote", *(element("p", line) for line in cut.split("\n") if line.strip()))


def _decode(content: bytes, parameters: str) -> str:
    charset = re.search(r"charset=\"?([\w.:-]+)", parameters, flags=re.IGNORECASE)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(name, errors="replace")
    try:
        return content.decode(charset[1] if charset else "utf-8", errors="replace")
    except LookupError:
        return content.decode("utf-8", errors="replace")


def _visible(markup: str) -> str:
    """The text of a page as a reader sees it, without its title, scripts and styles."""
    reader = _Reader()
    reader.feed(markup)
    return "\n".join(line for line in (" ".join(part.split()) for part in "".join(reader.said).split("\n")) if line)


_HIDDEN = ("head", "script", "style", "template", "noscript", "title")
_INLINE = (
    *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "i", "kbd", "mark", "q", "s", "small", "span", "strong"),
    *("sub", "sup", "time", "u", "var"),
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._depth: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._depth.append(tag)
        elif tag == "body":
            self._depth.clear()
        elif tag not in _INLINE:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._depth:
            del self._depth[self._depth.index(tag) :]
        elif tag not in _INLINE:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.said.append(data.replace("\n", " "))
