"""Unsigned marks as evidence: whatever the slots of a file say about AI, training and where the work comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..containers.base import Slots, Tag
from ..declaration import Training
from ..errors import InputError
from ..evidence import AI, Layer, LayerEvidence, State
from ..inert import inert
from ..limits import DEFAULT_LIMITS, Limits
from . import aigc, exif, xmp
from .metadata_names import SCHEME, Meaning, meaning_of
from .source_types import ai_of
from .training import reservation, strictest, training_of

MAX_MARKS = 100  # marks of one file that are reported
MAX_VALUE = 1000  # characters of one value that are reported

_XMP = (
    (xmp.Property(xmp.IPTC, "DigitalSourceType"), Meaning.SOURCE),
    (xmp.Property(xmp.IPTC, "AISystemUsed"), Meaning.SYSTEM),
    (xmp.Property(xmp.IPTC, "AISystemVersionUsed"), Meaning.VERSION),
    (xmp.Property(xmp.PLUS, "DataMining"), Meaning.MINING),
    (xmp.Property(xmp.TDM, "reservation"), Meaning.RESERVATION),
    (xmp.Property(xmp.TC260, "AIGC"), Meaning.AIGC),
)
_IDENTIFIER = xmp.Property(xmp.XMP, "Identifier")
_PUBLISHER = xmp.Property(xmp.DC, "publisher")

# Values of the W3C community draft "AI content disclosure".
_DISCLOSURES = {
    "ai-generated": AI.GENERATED,
    "autonomous": AI.GENERATED,
    "ai-assisted": AI.MODIFIED,
    "mixed": AI.MODIFIED,
    "none": AI.NONE,
}
_IN_TEXT = re.compile(r"https?://\S{1,40}?/(?:newscodes/)?digitalsourcetype/[A-Za-z]{1,64}", re.IGNORECASE)
_OUR_COMMENT = re.compile(r"Identifier: ([0-9a-f]{12})\Z")


@dataclass(frozen=True)
class Mark:
    """One value that says something. sure: whether it tells generated from modified."""

    place: str
    name: str
    meaning: Meaning
    value: str
    ai: AI = AI.UNKNOWN
    training: Training | None = None
    sure: bool = True

    @property
    def claims(self) -> bool:
        """Whether it is a mark by itself, and not only a name beside one."""
        return self.meaning not in (Meaning.IDENTIFIER, Meaning.PRODUCER, Meaning.VERSION)

    def to_json(self) -> dict[str, Any]:
        found = {"place": self.place, "name": self.name, "value": self.value[:MAX_VALUE]}
        if self.ai is not AI.UNKNOWN:
            found["ai"] = str(self.ai)
        if self.training:
            found["training"] = str(self.training)
        return {key: inert(value, MAX_VALUE) for key, value in found.items()}


def read(slots: Slots, limits: Limits = DEFAULT_LIMITS) -> LayerEvidence:
    """What the slots say. FOUND where anything speaks of AI or training, DAMAGED where only damage was found.

    detail: `marks` (place, name, value and what it says), `training` (the strictest found), `identifier`,
    `generator` {name, version}, `producer`, `damage` (sentences).
    """
    damage: list[str] = list(slots.damage)
    marks = [*_in_xmp(slots, limits, damage), *_in_exif(slots, limits, damage), *_in_tags(slots.tags, damage)]
    detail: dict[str, Any] = {}
    if any(mark.claims for mark in marks):
        detail["marks"] = [mark.to_json() for mark in marks[:MAX_MARKS]]
        if training := strictest(mark.training for mark in marks):
            detail["training"] = str(training)
        for key, meaning in (("identifier", Meaning.IDENTIFIER), ("producer", Meaning.PRODUCER)):
            if value := _first(marks, meaning):
                detail[key] = inert(value)
        if name := _first(marks, Meaning.SYSTEM):
            version = _first(marks, Meaning.VERSION)
            detail["generator"] = {"name": inert(name), **({"version": inert(version)} if version else {})}
    if damage:
        detail["damage"] = [inert(sentence) for sentence in damage[:MAX_MARKS]]
    state = State.FOUND if "marks" in detail else State.DAMAGED if damage else State.ABSENT
    return LayerEvidence(Layer.METADATA, state, _ai(marks), detail=detail)


def camera(slots: Slots, limits: Limits = DEFAULT_LIMITS) -> str | None:
    """A sentence where EXIF shows a camera's own exposure: its make and model, and a value such as ExposureTime.

    None where the file itself says that it is an AI's work: generators leave a copied or invented EXIF block in.
    """
    if slots.exif is None:
        return None
    found = exif.parse(slots.exif, limits)
    if not (found.make and found.model and found.exposed):
        return None
    if read(slots, limits).ai in (AI.GENERATED, AI.MODIFIED):
        return None
    model = found.model if found.model.startswith(found.make) else f"{found.make} {found.model}"
    return f"camera EXIF: {inert(model, 64)}"


def _in_xmp(slots: Slots, limits: Limits, damage: list[str]) -> Iterator[Mark]:
    for data in slots.xmp:
        try:
            packet = xmp.parse(data, limits)
        except InputError as error:
            damage.append(str(error))
            continue
        for wanted, meaning in _XMP:
            for value in packet.values(wanted):
                yield _mark("XMP", str(wanted), meaning, value, damage)
        for value in packet.schemed(_IDENTIFIER, SCHEME):
            yield Mark("XMP", str(_IDENTIFIER), Meaning.IDENTIFIER, value)
        for value in packet.values(_PUBLISHER):
            yield Mark("XMP", str(_PUBLISHER), Meaning.PRODUCER, value)


def _in_exif(slots: Slots, limits: Limits, damage: list[str]) -> Iterator[Mark]:
    if slots.exif is None:
        return
    found = exif.parse(slots.exif, limits)
    if found.damage:
        damage.append(found.damage)
    for name, text in (("ImageDescription", found.description), ("UserComment", found.comment)):
        yield from _in_free_text("EXIF", name, text, damage)


def _in_tags(tags: Iterable[Tag], damage: list[str]) -> Iterator[Mark]:
    for tag in tags:
        place = tag.place or "tag"
        meaning = meaning_of(tag.name)
        if meaning is None:
            yield from _in_free_text(place, tag.name, tag.value, damage)
        elif meaning is not Meaning.IDENTIFIER or re.fullmatch(r"[0-9a-f]{12}", tag.value):
            yield _mark(place, tag.name, meaning, tag.value, damage)


def _in_free_text(place: str, name: str, text: str, damage: list[str]) -> Iterator[Mark]:
    """Marks within a comment or a description: an AIGC field as JSON, the URI of a source type, our own identifier."""
    if text.lstrip().startswith("{") and '"aigc"' in text[: aigc.MAX_CHARS].casefold():
        yield _mark(place, name, Meaning.AIGC, text, damage)
    for match in _IN_TEXT.finditer(text[: exif.MAX_TEXT]):
        yield _mark(place, name, Meaning.SOURCE, match[0], damage)
        if ours := _OUR_COMMENT.search(text):
            yield Mark(place, name, Meaning.IDENTIFIER, ours[1])
        return


def _mark(place: str, name: str, meaning: Meaning, value: str, damage: list[str]) -> Mark:
    value = value.strip()
    if meaning is Meaning.SOURCE:
        return Mark(place, name, meaning, value, ai_of(value))
    if meaning is Meaning.DISCLOSURE:
        return Mark(place, name, meaning, value, _DISCLOSURES.get(value.casefold(), AI.UNKNOWN))
    if meaning is Meaning.MINING:
        return Mark(place, name, meaning, value, training=training_of(value))
    if meaning is Meaning.RESERVATION:
        return Mark(place, name, meaning, value, training=reservation(value))
    if meaning is Meaning.AIGC:
        field = aigc.parse(value)
        if field is None:
            damage.append(f"the AIGC field in {place} cannot be parsed")
        return Mark(place, name, meaning, value, field.ai if field else AI.UNKNOWN, sure=False)
    return Mark(place, name, meaning, value)


def _ai(marks: list[Mark]) -> AI:
    """A claim of AI is never outvoted by silence or by another origin; AIGC counts where nothing tells more."""
    for ais in ({mark.ai for mark in marks if mark.sure}, {mark.ai for mark in marks}):
        for ai in (AI.GENERATED, AI.MODIFIED):
            if ai in ais:
                return ai
    return AI.NONE if any(mark.ai is AI.NONE for mark in marks) else AI.UNKNOWN


def _first(marks: Iterable[Mark], meaning: Meaning) -> str | None:
    return next((mark.value for mark in marks if mark.meaning is meaning and mark.value), None)
