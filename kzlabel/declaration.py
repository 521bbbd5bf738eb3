"""What the labeller asserts about a work: pure data, no input or output."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from .errors import UsageError

# IPTC NewsCodes, digitalsourcetype, release 2024-10-23.
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"

MAX_NAME = 256  # characters of a generator's or producer's name: long enough for any product, short enough for any tag


class Source(StrEnum):
    """How the work came to be: made by a generative system, or altered by one."""

    GENERATED = "generated"
    MODIFIED = "modified"

    @property
    def digital_source_type(self) -> str:
        """The IPTC digitalSourceType, as the full URI that XMP and C2PA ask for."""
        return _IPTC + _SOURCE_CODES[self]


_SOURCE_CODES = {
    Source.GENERATED: "trainedAlgorithmicMedia",
    Source.MODIFIED: "compositeWithTrainedAlgorithmicMedia",
}


class Training(StrEnum):
    """Whether the rights holder lets the work be used for training and data mining."""

    ALLOWED = "allowed"
    CONSTRAINED = "constrained"
    PROHIBITED = "prohibited"

    @property
    def strictness(self) -> int:
        """0 for allowed, 1 for constrained, 2 for prohibited: a prohibition is never weakened."""
        return list(Training).index(self)


@dataclass(frozen=True)
class Generator:
    """The AI system that made or altered the work."""

    name: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> Generator:
        """Read `NAME` or `NAME@VERSION`. Raises UsageError when the name is empty or too long."""
        name, _, version = text.rpartition("@") if "@" in text else (text, "", "")
        return cls(_checked(name, "generator"), _checked(version, "generator version") if version else None)

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


def new_identifier() -> str:
    """A random identifier: 48 bits as 12 lower-case hexadecimal digits, what a watermark payload can carry."""
    return f"{secrets.randbits(48):012x}"


@dataclass(frozen=True)
class Declaration:
    """What the labeller asserts about one work.

    source: generated or modified.
    generator: the AI system, or None when it is not told.
    producer: the person or organisation that answers for the work, or None.
    training: permission for training and data mining, or None to say nothing.
    identifier: 12 lower-case hexadecimal digits.
    created: when the work was labelled, an aware time in UTC.
    """

    source: Source = Source.GENERATED
    generator: Generator | None = None
    producer: str | None = None
    training: Training | None = None
    identifier: str = field(default_factory=new_identifier)
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{12}", self.identifier):
            raise UsageError(f"identifier {self.identifier!r} is not 12 lower-case hexadecimal digits")
        if self.created.tzinfo is None:
            raise UsageError("the time of a declaration needs a time zone")
        if self.producer is not None:
            _checked(self.producer, "producer")

    @property
    def created_text(self) -> str:
        """`created` as RFC 3339 in UTC, `2026-11-24T10:00:00Z`."""
        return self.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def same_assertion(self, other: Declaration) -> bool:
        """Whether both assert the same; identifier and time are given anew at each run and do not count."""
        return (self.source, self.generator, self.producer, self.training) == (
            other.source,
            other.generator,
            other.producer,
            other.training,
        )

    def to_json(self) -> dict[str, Any]:
        """The keys of `--declaration FILE.json`, without those that are unset."""
        generator = self.generator and {
            key: value for key, value in (("name", self.generator.name), ("version", self.generator.version)) if value
        }
        pairs = {
            "source": str(self.source),
            "generator": generator,
            "producer": self.producer,
            "training": str(self.training) if self.training else None,
            "identifier": self.identifier,
            "created": self.created_text,
        }
        return {key: value for key, value in pairs.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Declaration:
        """Read what `to_json` writes; every key may be absent. Raises UsageError naming the key that is wrong."""
        unknown = set(data) - {"source", "generator", "producer", "training", "identifier", "created"}
        if unknown:
            raise UsageError(f"unknown key in the declaration: {', '.join(sorted(map(repr, unknown)))}")
        values: dict[str, Any] = {}
        try:
            if "source" in data:
                values["source"] = Source(data["source"])
            if "training" in data:
                values["training"] = Training(data["training"])
            if "generator" in data:
                values["generator"] = _generator_from_json(data["generator"])
            if "producer" in data:
                values["producer"] = _checked(data["producer"], "producer")
            if "identifier" in data:
                values["identifier"] = str(data["identifier"])
            if "created" in data:
                values["created"] = datetime.fromisoformat(str(data["created"]))
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"the declaration is wrong: {error}") from None
        return cls(**values)


def _generator_from_json(value: Any) -> Generator:
    if isinstance(value, str):
        return Generator.parse(value)
    if not isinstance(value, Mapping) or "name" not in value:
        raise UsageError("the generator is neither a text nor an object with a name")
    version = value.get("version")
    return Generator(_checked(value["name"], "generator"), None if version is None else _checked(version, "version"))


def _checked(text: Any, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"the {what} is empty")
    if len(text) > MAX_NAME:
        raise UsageError(f"the {what} is longer than {MAX_NAME} characters")
    if not text.isprintable():
        raise UsageError(f"the {what} holds control characters")
    return text.strip()
