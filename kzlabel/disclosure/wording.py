"""What is shown, written and said, in each language: data, replaceable by own texts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from ..declaration import Source
from ..errors import UsageError
from .plan import DisclosurePlan

MAX_TEXT = 200  # characters of an own text: a sentence; what is longer is no label


@dataclass(frozen=True)
class Phrase:
    """The wording of one language.

    badge: on pictures. short: on pictures where `badge` does not fit. line: in texts, without a final full stop.
    spoken: the sentence before recordings. notice: the same in its long form.
    """

    language: str
    badge: str
    short: str
    line: str
    spoken: str
    notice: str


def languages() -> tuple[str, ...]:
    """The languages whose wording is shipped, in the order of the data file."""
    return tuple(_shipped())


def phrases(plan: DisclosurePlan) -> tuple[Phrase, ...]:
    """The wording that `plan` asks for, one phrase for each language, in its order, none twice.

    An own text takes the place of every form but the short one; it is its own short form where none is shipped.
    Raises UsageError for an unknown language, a text of a language not asked for, or a text that is no line.
    """
    wanted = tuple(dict.fromkeys(plan.languages))
    if not wanted:
        raise UsageError(f"no language is given; choose from {', '.join(languages())}")
    for language in plan.texts:
        if language not in wanted:
            raise UsageError(f"there is a text for {language!r}, which is not among the languages {', '.join(wanted)}")
    return tuple(_phrase(language, plan) for language in wanted)


def wording(plan: DisclosurePlan) -> list[tuple[str, str, str]]:
    """(language, badge, short) in the order of `plan`. Raises as `phrases` does."""
    return [(phrase.language, phrase.badge, phrase.short) for phrase in phrases(plan)]


def _phrase(language: str, plan: DisclosurePlan) -> Phrase:
    shipped = _shipped().get(language, {}).get(plan.source)
    own = plan.texts.get(language)
    if own is None:
        if shipped is None:
            raise UsageError(
                f"there is no wording for the language {language!r}; choose from {', '.join(languages())}, "
                f"or give your own with --text {language}=TEXT"
            )
        return shipped
    own = _checked(own, language)
    return Phrase(language, own, shipped.short if shipped else own, own, own, own)


def _checked(text: str, language: str) -> str:
    text = text.strip()
    if not text:
        raise UsageError(f"the text for {language!r} is empty")
    if len(text) > MAX_TEXT:
        raise UsageError(f"the text for {language!r} is longer than {MAX_TEXT} characters")
    if not text.isprintable():
        raise UsageError(f"the text for {language!r} holds line breaks or control characters; give one plain line")
    return text


@cache
def _shipped() -> Mapping[str, Mapping[Source, Phrase]]:
    data = tomllib.loads((resources.files(__package__) / "data" / "wording.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            language: MappingProxyType({source: Phrase(language, **entry[source]) for source in Source})
            for language, entry in data.items()
        }
    )
