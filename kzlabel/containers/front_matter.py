"""Front matter of Markdown files: YAML between `---` lines or TOML between `+++` lines, read with suspicion.

Lines are only ever inserted, never rewritten, so that comments, order and quoting of the author stay as they are.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UnreadableFile
from ..limits import Limits
from . import charset, text_names
from .base import Slot, Slots, Tag
from .charset import Charset
from .text_edit import newline_of, read_whole, splice

MAX_CHARACTERS = 64 * 1024
"""Of one front matter: pages have some hundred; PyYAML reads about 100,000 characters a second."""
MAX_DEPTH = 16
MAX_NODES = 5_000

_OPENING = re.compile(r"\ufeff?(?P<fence>---|\+\+\+)[ \t]*(?:\r\n|\n|\r)")
_CLOSING = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r\n|\n|\r|\Z)", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*(?:\r\n|\n|\r|\Z)", re.MULTILINE),
}
# A C2PA manifest in front matter (A.9.3.2) stands in lines of its own, which are no YAML.
_MANIFEST_LINES = re.compile(
    r"^-----BEGIN C2PA MANIFEST-----[ \t]*(?:\r\n|\n)[^\r\n]*(?:\r\n|\n)-----END C2PA MANIFEST-----[ \t]*(?:\r\n|\n)",
    re.MULTILINE,
)
_KEY_LINE = re.compile(r"^[\w\"'][\w \"'.-]*[ \t]*[:=]", re.MULTILINE)


@dataclass(frozen=True)
class FrontMatter:
    """Offsets in the text. start, end: of the lines between the fences. body: behind the closing fence.

    values: its keys as text, maps as dicts, lists as lists. damage: why it cannot be read, None if it can.
    """

    fence: str
    start: int
    end: int
    body: int
    values: Mapping[str, Any]
    damage: str | None = None


def find(text: str) -> FrontMatter | None:
    """The front matter that `text` begins with; None where the first line is no fence or a mere rule."""
    opening = _OPENING.match(text)
    if opening is None:
        return None
    fence = opening["fence"]
    closing = _CLOSING[fence].search(text, opening.end(), opening.end() + 64 * MAX_CHARACTERS)
    if closing is None:
        return None
    start, end = opening.end(), closing.start()
    content = _MANIFEST_LINES.sub("", text[start:end])
    try:
        if len(content) > MAX_CHARACTERS:
            raise ValueError(f"it has more than {MAX_CHARACTERS} characters")
        values = _yaml(content) if fence == "---" else _toml(content)
    except ValueError as error:
        if not _KEY_LINE.search(content, 0, MAX_CHARACTERS):
            return None
        return FrontMatter(fence, start, end, closing.end(), {}, str(error))
    return None if values is None else FrontMatter(fence, start, end, closing.end(), values)


def with_keys(text: str, tags: Iterable[Tag], encoding: Charset, name: str) -> str:
    """The text with one key for each tag; one that is there is replaced if it differs, front matter is created.

    Raises UnreadableFile, naming the file as `name`, where front matter is damaged or takes no further keys.
    """
    wanted = tuple(tags)
    matter = find(text)
    newline = newline_of(text)
    if matter is None:
        lines = "".join(_entry(tag.name, tag.value, "---", encoding, newline) for tag in wanted)
        at = 1 if text.startswith("\ufeff") else 0
        return splice(text, [(at, at, f"---{newline}{lines}---{newline}{newline}")])
    if matter.damage:
        raise UnreadableFile(
            f"{name}: the front matter cannot be read ({matter.damage}); mend it, or use --no-metadata"
        )
    edits: list[tuple[int, int, str]] = []
    added = ""
    expected: dict[str, Any] = dict(matter.values)
    for tag in wanted:
        key = next((key for key in matter.values if key.casefold() == tag.name.casefold()), tag.name)
        held = matter.values.get(key)
        value = text_names.strictest(tag.name, tag.value, held if isinstance(held, str) else None)
        if held is None:
            added += _entry(key, value, matter.fence, encoding, newline)
        elif not _same(held, value):
            edits.append((*_lines_of(text, matter, key), _entry(key, value, matter.fence, encoding, newline)))
        expected[key] = value
    if added:
        # TOML takes keys of the top level before the first table only; YAML anywhere.
        at = matter.start if matter.fence == "+++" else matter.end
        edits.append((at, at, added))
    changed = splice(text, edits)
    again = find(changed)
    if (
        again is None
        or again.values.keys() != expected.keys()
        or not all(_same(again.values[key], value) for key, value in expected.items())
    ):
        raise UnreadableFile(f"{name}: keys cannot be added to this front matter; write it as plain `key: value` lines")
    return changed


class _Markdown:
    holds = frozenset({Slot.TAGS})

    def read(self, file: BinaryIO, limits: Limits) -> Slots:
        text, _ = _load(file, limits)
        manifest = "-----BEGIN C2PA MANIFEST-----" in text
        matter = find(text)
        if matter is None:
            return Slots(manifest=manifest)
        if matter.damage:
            return Slots(manifest=manifest, damage=(f"front matter: {matter.damage}",))
        tags = []
        for key, value in matter.values.items():
            if isinstance(value, str):
                tags.append(Tag(key, value, "front matter"))
            elif key.casefold() == text_names.AIGC.casefold() and isinstance(value, dict):
                tags.append(Tag(text_names.AIGC, json.dumps(value, ensure_ascii=False), "front matter"))
        return Slots(tags=tuple(tags), manifest=manifest)

    def write(self, path: Path, slots: Slots, limits: Limits) -> None:
        if not slots.tags:
            return
        with path.open("rb") as file:
            text, encoding = _load(file, limits)
        changed = with_keys(text, text_names.in_text(slots.tags), encoding, path.name)
        path.write_bytes(encoding.encode(changed))


MARKDOWN = _Markdown()


def _load(file: BinaryIO, limits: Limits) -> tuple[str, Charset]:
    return charset.ascii_compatible(read_whole(file, limits))


def _yaml(content: str) -> dict[str, Any] | None:
    """The mapping, every scalar as text; None where the content is no mapping. Raises ValueError.

    Built from PyYAML's events rather than by one of its loaders: no recursion, no tags, no aliases, and a stop as soon
    as a limit is reached.
    """
    import yaml

    root: list[Any] = []
    open_nodes: list[tuple[Any, list[str]]] = [(root, [])]
    try:
        for number, event in enumerate(yaml.parse(content, Loader=yaml.BaseLoader)):
            if number > MAX_NODES:
                raise ValueError(f"it has more than {MAX_NODES} values")
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("it uses aliases")
            if isinstance(event, yaml.ScalarEvent):
                _put(open_nodes[-1], event.value)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(open_nodes) > MAX_DEPTH:
                    raise ValueError("it is nested too deeply")
                node: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                _put(open_nodes[-1], node)
                open_nodes.append((node, []))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                open_nodes.pop()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"line {mark.line + 2} is no YAML" if mark else "it is no YAML") from None
    if not root or root == [""]:
        return {}
    if len(root) > 1:
        raise ValueError("it holds more than one document")
    return root[0] if isinstance(root[0], dict) else None


def _put(parent: tuple[Any, list[str]], value: Any) -> None:
    node, pending = parent
    if isinstance(node, list):
        node.append(value)
    elif pending:
        node.setdefault(pending.pop(), value)
    else:
        pending.append(value if isinstance(value, str) else repr(type(value)))


def _toml(content: str) -> dict[str, Any]:
    depth = max((len(match[0]) for match in re.finditer(r"[\[{]+", content)), default=0)
    if depth > MAX_DEPTH or content.count("[") + content.count("{") > MAX_NODES:
        raise ValueError("it is nested too deeply")
    try:
        values = tomllib.loads(content.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError):
        raise ValueError("it is no TOML") from None
    return {key: value if isinstance(value, dict | list) else str(value) for key, value in values.items()}


def _entry(key: str, value: str, fence: str, encoding: Charset, newline: str) -> str:
    """`key: "value"` as one line, an AIGC map as a nested one; a JSON string is a double-quoted one here."""
    colon = ": " if fence == "---" else " = "
    keys = text_names.aigc_map(value) if key.casefold() == text_names.AIGC.casefold() else None
    if keys is None:
        return f"{_plain(key)}{colon}{_quoted(value, encoding)}{newline}"
    items = [f"{_plain(name)}{colon}{_quoted(item, encoding)}" for name, item in keys.items()]
    if fence == "+++":
        return f"{key} = {{ {', '.join(items)} }}{newline}"
    return f"{key}:{newline}" + "".join(f"  {item}{newline}" for item in items)


def _plain(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][\w-]*", key, re.ASCII) else json.dumps(key)


def _quoted(value: str, encoding: Charset) -> str:
    keep = encoding.codec != charset.TRANSPARENT and encoding.fits(value)
    return "".join(
        character if character.isascii() or (keep and character.isprintable()) else f"\\U{ord(character):08x}"
        for character in json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    )


def _lines_of(text: str, matter: FrontMatter, key: str) -> tuple[int, int]:
    """The lines of one key of the top level: its own, and the indented ones that follow."""
    pattern = rf"^[\"']?{re.escape(key)}[\"']?[ \t]*[:=][^\r\n]*(?:\r\n|\n|\r)(?:[ \t]+[^\r\n]*(?:\r\n|\n|\r))*"
    match = re.compile(pattern, re.MULTILINE).search(text, matter.start, matter.end)
    return (match.start(), match.end()) if match else (matter.end, matter.end)


def _same(held: Any, value: Any) -> bool:
    if isinstance(held, dict) and isinstance(value, str):
        return {key: str(item) for key, item in held.items()} == text_names.aigc_map(value)
    return bool(held == value)
