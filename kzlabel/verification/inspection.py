"""The use case "inspect one file": every mark as it stands, without judgement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UnreadableFile
from ..inert import inert
from ..limits import DEFAULT_LIMITS, Limits
from ..marks.manifest import ANY_BYTES, raw
from .collect import Collector
from .lines import value_text


def inspect_file(source: Path, *, limits: Limits = DEFAULT_LIMITS, beside: Path | None = None) -> dict[str, Any]:
    """Every mark of one file, raw.

    Keys: file, sha256, medium, format, xmp (packets as text), exif (size in bytes), tags (name, value, place),
    damage (sentences), manifest (c2pa's detailed report, or None), layers (evidence as collected), not_checked.
    Texts come as they stand in the file. Raises InputError when the file cannot be read.
    """
    collected = Collector(limits=limits).collect(source, beside=beside)
    evidence = collected.evidence
    if evidence.unreadable and evidence.sha256 is None:
        raise UnreadableFile(evidence.unreadable)
    slots = collected.slots
    mime = evidence.format or ANY_BYTES
    try:
        manifest = raw(source, ANY_BYTES if collected.located else mime, store=collected.store)
    except UnreadableFile as error:
        manifest = {"error": str(error)}
    return {
        "file": str(source),
        "sha256": evidence.sha256,
        "medium": evidence.medium,
        "format": evidence.format,
        "xmp": [packet.decode("utf-8", "backslashreplace") for packet in slots.xmp],
        "exif": len(slots.exif) if slots.exif else None,
        "tags": [{"name": tag.name, "value": tag.value, "place": tag.place} for tag in slots.tags],
        "damage": list(slots.damage),
        "manifest": manifest,
        "layers": [layer.to_json() for layer in evidence.layers],
        "not_checked": dict(evidence.not_checked),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The same for a person: one fact a line, everything from the file made inert."""
    rows = [f"{inert(found['file'])}: {found['format'] or 'unknown format'}, sha256 {found['sha256']}"]
    rows += [f"  {tag['place'] or 'tag'} {inert(tag['name'])} = {inert(tag['value'])}" for tag in found["tags"]]
    rows += [f"  XMP packet of {len(packet)} characters" for packet in found["xmp"]]
    if found["exif"]:
        rows.append(f"  EXIF block of {found['exif']} bytes")
    rows += [f"  damaged: {inert(sentence)}" for sentence in found["damage"]]
    for layer in found["layers"]:
        rows.append(f"  {layer['layer']}: {layer['state']}")
        rows += [f"    {code}" for code in layer["codes"]]
        rows += [f"    {key}: {value_text(value)}" for key, value in layer["detail"].items()]
    return rows
