"""The unsigned layer: a declaration mapped onto a container's slots. `read` and `camera` are its way back.

XMP  Iptc4xmpExt:DigitalSourceType, AISystemUsed, AISystemVersionUsed; plus:DataMining; xmp:Identifier; dc:publisher;
     TC260:AIGC where there are no tags.
EXIF only into files that have none: ImageDescription, Software, UserComment.
tags DigitalSourceType, AISystemUsed, AISystemVersionUsed, Identifier, AIProducer, DataMining, AIGC, Comment.

The identifier goes into xmp:Identifier, a list, and not into dc:identifier, which holds one value only and may be
taken; an item of the scheme "kzlabel" is ours to replace.
"""

from __future__ import annotations

from ..containers.base import Slot, Slots, Tag
from ..declaration import Declaration, Source, Training
from ..errors import InputError
from ..limits import DEFAULT_LIMITS, Limits
from . import aigc, exif, xmp
from .metadata_names import COMMENTS, SCHEME, Meaning, meaning_of
from .metadata_reading import camera, read
from .training import VALUES

__all__ = ["camera", "describe", "read"]

_SENTENCES = {Source.GENERATED: "AI-generated", Source.MODIFIED: "AI-modified"}


def describe(
    existing: Slots,
    declaration: Declaration,
    *,
    holds: frozenset[Slot],
    aigc: bool = False,
    wording: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Slots, tuple[str, ...]]:
    """What to write into a file that holds `existing`, merged with it, and sentences about what was left as it is.

    holds: the slots that the container can fill. aigc: write the field of GB 45438, in exactly one place.
    wording: the sentence for people; without it EXIF says "AI-generated" or "AI-modified", and no tag says it.
    A prohibition of training that stands anywhere in the file is never weakened.
    """
    notes: list[str] = []
    training = _training(existing, declaration, limits, notes)
    field = _field(existing, declaration, holds, limits, notes) if aigc else None
    field_in_tags = Slot.TAGS in holds and not _xmp_values(existing, _AIGC, limits)

    packet: tuple[bytes, ...] = ()
    if Slot.XMP in holds:
        values = _properties(declaration, training, None if field_in_tags else field)
        packet = _packet(existing, values, declaration, limits, notes)
        if not packet and field is not None:
            field_in_tags = Slot.TAGS in holds
    block: bytes | None = None
    if Slot.EXIF in holds and (existing.exif is None or exif.is_own(existing.exif)):
        block = _exif(declaration, wording)
    tags: tuple[Tag, ...] = ()
    if Slot.TAGS in holds:
        tags = _tags(existing, declaration, training, field if field_in_tags else None, wording)
    return Slots(xmp=packet, exif=block, tags=tags), tuple(notes)


def _training(existing: Slots, declaration: Declaration, limits: Limits, notes: list[str]) -> Training | None:
    """What to write about training: nothing where nothing is said or where what stands there is at least as strict."""
    if declaration.training is None:
        return None
    said = read(existing, limits).detail.get("training")
    if said is not None and Training(said).strictness > declaration.training.strictness:
        notes.append(f"training is {said} in the metadata already, which is stricter and was kept")
        return None
    return declaration.training


def _field(
    existing: Slots, declaration: Declaration, holds: frozenset[Slot], limits: Limits, notes: list[str]
) -> aigc.Aigc | None:
    """The field to write; None where one stands in a tag that this container cannot write: there is only ever one."""
    in_tags = [tag.value for tag in existing.tags if meaning_of(tag.name) is Meaning.AIGC]
    found = [aigc.parse(text) for text in (*_xmp_values(existing, _AIGC, limits), *in_tags)]
    present = next((each for each in found if each is not None), None)
    own = aigc.build(declaration)
    if present is None:
        if not own.content_producer:
            notes.append("the AIGC field names no producer; GB 45438 asks for one, so give --producer")
        return own
    merged = aigc.merge(present, own)
    if merged == present:
        notes.append("an AIGC field was there already and was kept as it is")
    return None if in_tags and Slot.TAGS not in holds else merged


def _xmp_values(existing: Slots, wanted: xmp.Property, limits: Limits) -> list[str]:
    found: list[str] = []
    for data in existing.xmp:
        try:
            found += xmp.parse(data, limits).values(wanted)
        except InputError:
            continue
    return found


_SOURCE = xmp.Property(xmp.IPTC, "DigitalSourceType")
_SYSTEM = xmp.Property(xmp.IPTC, "AISystemUsed")
_VERSION = xmp.Property(xmp.IPTC, "AISystemVersionUsed")
_MINING = xmp.Property(xmp.PLUS, "DataMining")
_IDENTIFIER = xmp.Property(xmp.XMP, "Identifier")
_PUBLISHER = xmp.Property(xmp.DC, "publisher")
_AIGC = xmp.Property(xmp.TC260, "AIGC")


def _properties(
    declaration: Declaration, training: Training | None, field: aigc.Aigc | None
) -> dict[xmp.Property, xmp.Value]:
    values: dict[xmp.Property, xmp.Value] = {_SOURCE: xmp.Text(declaration.source.digital_source_type)}
    if declaration.generator:
        values[_SYSTEM] = xmp.Text(declaration.generator.name)
        values[_VERSION] = xmp.Text(declaration.generator.version or "")
    if training:
        values[_MINING] = xmp.Text(VALUES[training])
    values[_IDENTIFIER] = xmp.Listed(declaration.identifier, SCHEME)
    if field:
        values[_AIGC] = xmp.Text(field.to_json())
    return values


def _packet(
    existing: Slots,
    values: dict[xmp.Property, xmp.Value],
    declaration: Declaration,
    limits: Limits,
    notes: list[str],
) -> tuple[bytes, ...]:
    publisher = {_PUBLISHER: xmp.Listed(declaration.producer)} if declaration.producer else {}
    if not existing.xmp:
        return (xmp.create({**values, **publisher}),)
    try:
        packet = xmp.parse(existing.xmp[0], limits)
    except InputError:
        notes.append("the XMP packet that is there cannot be parsed; it was kept, and the marks stand elsewhere only")
        return ()
    if packet.values(_PUBLISHER):
        publisher = {}
    return (packet.merged({**values, **publisher}),)


def _exif(declaration: Declaration, wording: str | None) -> bytes:
    return exif.create(
        description=wording or _SENTENCES[declaration.source],
        comment=exif.comment(declaration.source.digital_source_type, declaration.identifier),
        software=str(declaration.generator) if declaration.generator else None,
    )


def _tags(
    existing: Slots,
    declaration: Declaration,
    training: Training | None,
    field: aigc.Aigc | None,
    wording: str | None,
) -> tuple[Tag, ...]:
    tags = [Tag("DigitalSourceType", declaration.source.digital_source_type)]
    if declaration.generator:
        tags.append(Tag("AISystemUsed", declaration.generator.name))
        if declaration.generator.version:
            tags.append(Tag("AISystemVersionUsed", declaration.generator.version))
    tags.append(Tag("Identifier", declaration.identifier))
    if declaration.producer:
        tags.append(Tag("AIProducer", declaration.producer))
    if training:
        tags.append(Tag("DataMining", VALUES[training]))
    if wording and not any(tag.name.casefold() in COMMENTS for tag in existing.tags):
        tags.append(Tag("Comment", wording))
    if field:
        tags.append(Tag(aigc.NAME, field.to_json()))
    return tuple(tags)
