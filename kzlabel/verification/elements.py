"""HTML elements that are harmless by construction: every text and attribute value is made inert and escaped here."""

from __future__ import annotations

import html
from dataclasses import dataclass

from ..inert import inert

LIMIT = 4000  # characters of one text: a paragraph, never a flood

_EMPTY = frozenset({"img", "meta", "br"})


@dataclass(frozen=True)
class Markup:
    """HTML that is known to be safe."""

    html: str


Node = Markup | str | None


def element(name: str, /, *children: Node, **attributes: Markup | str | bool | None) -> Markup:
    """One element. Strings become text; None is left out. `class_` and `aria_label` stand for class and aria-label.

    name and the attributes' names come from our own code only, never from a file.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children).html}</{name}>")


def join(*children: Node) -> Markup:
    return Markup("".join(child.html if isinstance(child, Markup) else _text(child) for child in children if child))


def _attribute(key: str, value: Markup | str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{value.html if isinstance(value, Markup) else _text(value)}"'


def _text(text: str | None) -> str:
    return html.escape(inert(text or "", limit=LIMIT), quote=True)
