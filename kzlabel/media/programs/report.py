"""ffmpeg's report on its input, written for people, read into facts: streams, colours, chapters, tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ...errors import UnreadableFile


@dataclass(frozen=True)
class Stream:
    """One stream. Texts are as ffmpeg names them; None or empty where it says nothing.

    kind: video, audio, subtitle, data or attachment. tag: the container's four letters, such as "hvc1".
    width, height: stored samples; `sar` is the shape of one. fps: average frames a second. time_base: seconds a tick.
    range, space, primaries, transfer: colour description. field_order: "progressive", "top first" ….
    rotation: degrees counter-clockwise to turn the stored picture for display. side_data: one line each.
    dispositions: "default", "attached pic" …. tags: pairs in file order. extradata: size and checksum of the codec's
    own header, or of a whole attachment.
    """

    index: int
    kind: str
    codec: str
    profile: str = ""
    tag: str = ""
    language: str = ""
    pix_fmt: str = ""
    range: str = ""
    space: str = ""
    primaries: str = ""
    transfer: str = ""
    field_order: str = ""
    width: int = 0
    height: int = 0
    sar: Fraction = Fraction(1)
    fps: Fraction | None = None
    time_base: Fraction = Fraction(1, 1000)
    bit_rate: int | None = None
    sample_rate: int = 0
    layout: str = ""
    sample_fmt: str = ""
    rotation: float = 0.0
    side_data: tuple[str, ...] = ()
    dispositions: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    extradata: str = ""

    @property
    def is_picture(self) -> bool:
        """Whether this is a cover or thumbnail, one still picture, rather than a film."""
        return any(name in self.dispositions for name in ("attached pic", "timed thumbnails", "still image"))

    def tagged(self, name: str) -> str:
        """The value of the first tag of this name, letter case aside; empty when there is none."""
        return next((value for key, value in self.tags if key.casefold() == name.casefold()), "")


@dataclass(frozen=True)
class Chapter:
    """start, end: seconds."""

    start: float
    end: float
    title: str = ""


@dataclass(frozen=True)
class Probe:
    """What one file holds. duration: seconds, None where the file does not say. start: seconds."""

    streams: tuple[Stream, ...]
    duration: float | None = None
    start: float = 0.0
    chapters: tuple[Chapter, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def of_kind(self, kind: str) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.streams if stream.kind == kind)

    @property
    def films(self) -> tuple[Stream, ...]:
        """The video streams that are no cover pictures."""
        return tuple(stream for stream in self.of_kind("video") if not stream.is_picture)


def parse(log: Iterable[str], *, name: str) -> Probe:
    """Read the report on the input out of what ffmpeg said. Raises UnreadableFile when it contradicts itself."""
    blocks = list(_blocks(log, name))
    streams = tuple(_stream(line, body) for line, body in blocks if _STREAM.match(line))
    streams = tuple(sorted(streams, key=lambda stream: stream.index))  # those of a group are printed first
    if [stream.index for stream in streams] != list(range(len(streams))):
        raise feigned(name)
    head = next((_DURATION.match(line) for line, _ in blocks if _DURATION.match(line)), None)
    chapters = [(match, body) for line, body in blocks if (match := _CHAPTER.match(line))]
    return Probe(
        streams=streams,
        duration=_seconds(head[1]) if head else None,
        start=float(head[2]) if head and head[2] else 0.0,
        chapters=tuple(Chapter(float(m[1]), float(m[2]), dict(_tags(body)).get("title", "")) for m, body in chapters),
        tags=tuple(_tags(blocks[0][1])) if blocks else (),
    )


_STREAM = re.compile(
    r"(?:  )?  Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\((?P<language>[^()]*)\))?: "
    r"(?P<kind>Video|Audio|Subtitle|Data|Attachment|Unknown): (?P<rest>.*)$"
)
_DURATION = re.compile(r"  Duration: (N/A|\d+:\d\d:\d\d\.\d+)(?:, start: (-?\d+\.\d+))?")
_CHAPTER = re.compile(r"    Chapter #0:\d+: start (-?\d+\.\d+), end (-?\d+\.\d+)")
_ROTATION = re.compile(r"display matrix: rotation of (-?\d+\.\d+) degrees", re.IGNORECASE)
_SIZE = re.compile(r"(\d+)x(\d+)(?: \[?SAR (\d+):(\d+) DAR \d+:\d+\]?)?$")
_SHAPE = re.compile(r"SAR (\d+):(\d+) DAR \d+:\d+$")
_CODEC = re.compile(r"(\S+)(?: \((?P<profile>[^()/]*)\))?(?: \((?P<tag>[^()]*) / 0x[0-9A-Fa-f]+\))?")
_FORMAT = re.compile(r"([a-z0-9_]+)(?:\((.*)\))?$")


def _blocks(log: Iterable[str], name: str) -> Iterator[tuple[str, list[str]]]:
    """The report's headings with the lines that belong to each."""
    heading: str | None = None
    body: list[str] = []
    state = "before"
    for line in log:
        if line.startswith("Input #0, "):
            if state != "before":
                raise feigned(name)
            state, heading = "within", line
        elif line.startswith("Stream mapping:"):
            if state != "within":
                raise feigned(name)
            state = "after"
        elif state == "within" and not line.startswith("["):
            if _STREAM.match(line) or _DURATION.match(line) or _CHAPTER.match(line):
                assert heading is not None
                yield heading, body
                heading, body = line, []
            else:
                body.append(line)
    if state != "after":
        raise UnreadableFile(f"{name}: ffmpeg does not say what this file holds; is it complete?")
    assert heading is not None
    yield heading, body


def _stream(line: str, body: list[str]) -> Stream:
    match = _STREAM.match(line)
    assert match
    kind = match["kind"].lower()
    parts = _split(match["rest"])
    parts[-1], dispositions = _trailing(parts[-1])
    codec = _CODEC.match(parts[0])
    values: dict[str, object] = {}
    if codec and codec["profile"]:
        values["profile"] = codec["profile"]
    if codec and codec["tag"]:
        values["tag"] = codec["tag"].strip()
    if kind == "video":
        values |= _video(parts[1:])
    elif kind == "audio":
        values |= _audio(parts[1:])
    for part in parts[1:]:
        if rate := re.fullmatch(r"(\d+) kb/s", part):
            values["bit_rate"] = int(rate[1]) * 1000
    side_data = tuple(_section(body, "Side data:"))
    turned = next((m for item in side_data if (m := _ROTATION.search(item))), None)
    return Stream(
        index=int(match["index"]),
        kind=kind,
        codec=codec[1].rstrip(",") if codec else "none",
        language=match["language"] or "",
        rotation=float(turned[1]) if turned else 0.0,
        side_data=side_data,
        dispositions=dispositions,
        tags=tuple(_tags(body)),
        **values,  # type: ignore[arg-type]
    )


def _video(parts: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for place, part in enumerate(parts):
        if place == 0 and (match := _FORMAT.match(part)):
            values["pix_fmt"] = match[1]
            values |= _colours(match[2] or "")
        elif match := _SIZE.match(part):
            values["width"], values["height"] = int(match[1]), int(match[2])
            if match[3]:
                values["sar"] = _ratio(match[3], match[4])
        elif match := _SHAPE.match(part):
            values["sar"] = _ratio(match[1], match[2])
        elif match := re.fullmatch(r"([\d.]+)(k?) fps", part):
            values["fps"] = Fraction(match[1]) * (1000 if match[2] else 1)
    return values


def _colours(text: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for item in _split(text) if text else []:
        if item in ("tv", "pc"):
            values["range"] = item
        elif item == "progressive" or " first" in item:
            values["field_order"] = item
        elif re.fullmatch(r"[\w.-]+/[\w.-]+/[\w.-]+", item):
            values["space"], values["primaries"], values["transfer"] = item.split("/")
        elif re.fullmatch(r"[a-z][\w.-]*", item):
            values |= {"space": item, "primaries": item, "transfer": item}
    return values


def _audio(parts: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for place, part in enumerate(parts):
        if match := re.fullmatch(r"(\d+) Hz", part):
            values["sample_rate"] = int(match[1])
            if len(parts) > place + 2:
                values["layout"], values["sample_fmt"] = parts[place + 1], parts[place + 2].split(" ")[0]
    return values


def _trailing(text: str) -> tuple[str, tuple[str, ...]]:
    """Split the dispositions, which stand in brackets of their own at the end of a stream's line, from the rest."""
    found: list[str] = []
    while match := re.search(r" \(([a-z -]+)\)$", text):
        if match[1] not in _DISPOSITIONS:
            break
        found.insert(0, match[1])
        text = text[: match.start()]
    return text, tuple(found)


# libavformat/dump.c prints these words; the option -disposition wants the names beside them.
_DISPOSITIONS: Mapping[str, str] = {
    "default": "default",
    "dub": "dub",
    "original": "original",
    "comment": "comment",
    "lyrics": "lyrics",
    "karaoke": "karaoke",
    "forced": "forced",
    "hearing impaired": "hearing_impaired",
    "visual impaired": "visual_impaired",
    "clean effects": "clean_effects",
    "attached pic": "attached_pic",
    "timed thumbnails": "timed_thumbnails",
    "captions": "captions",
    "descriptions": "descriptions",
    "metadata": "metadata",
    "dependent": "dependent",
    "still image": "still_image",
    "non-diegetic": "non_diegetic",
    "multilayer": "multilayer",
}


def disposition_option(stream: Stream) -> str:
    """The dispositions of a stream as the option -disposition wants them, "default+forced", or "0" for none."""
    return "+".join(_DISPOSITIONS[word] for word in stream.dispositions) or "0"


def _section(body: list[str], title: str) -> Iterator[str]:
    """The lines below a title such as "Side data:", up to the next title of the same depth."""
    depth: int | None = None
    for line in body:
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() == title:
            depth = indent
        elif depth is not None and indent <= depth:
            depth = None
        elif depth is not None:
            yield line.strip()


def _tags(body: list[str]) -> Iterator[tuple[str, str]]:
    pending: list[str] | None = None
    for line in _section(body, "Metadata:"):
        if line.startswith(": ") and pending:
            pending[1] += "\n" + line[2:]
            continue
        if pending:
            yield pending[0], pending[1]
        key, colon, value = line.partition(": ")
        pending = [key.rstrip(), value] if colon else None
    if pending:
        yield pending[0], pending[1]


def _split(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _seconds(text: str) -> float | None:
    if text == "N/A":
        return None
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _ratio(above: str, below: str) -> Fraction:
    return Fraction(int(above), int(below)) if int(above) and int(below) else Fraction(1)


def feigned(name: str) -> UnreadableFile:
    """What to raise when the report contradicts itself, or another source."""
    return UnreadableFile(
        f"{name}: its tags imitate ffmpeg's report on its streams, or it was damaged; remux it without its tags first"
    )
