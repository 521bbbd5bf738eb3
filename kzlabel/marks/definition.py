"""What the manifest of a labelled file says, as the definition that c2pa builds from: pure data.

Facts that others can read go where C2PA and CAWG have places for them; the declaration and the disclosure's record also
stand whole under our own names, so that they come back exactly as they were given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..declaration import Declaration, Source, Training
from ..disclosure.plan import DisclosureRecord, Form
from ..fingerprint import Fingerprint
from ..watermark.record import WatermarkRecord
from . import soft_binding

SPEC_VERSION = "2.4.0"  # of the C2PA specification; the conformance programme asks for it in every claim

DECLARATION = "org.kzlabel.declaration"
DISCLOSURE = "org.kzlabel.disclosure"
PROFILE = "profile"  # the regime that was labelled for, beside what is declared
WATERMARK = "watermark"  # and what became of the watermark
PARENT = "parent"  # names the parent ingredient inside one definition; not stored

# The badge is drawn, the notice put in front, by plain code: IPTC "algorithmicMedia", no trained model has part in it.
DRAWN_BY_CODE = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"

# C2PA 2.4, 18.28: the type of a model about whose kind nothing more is known.
MODEL_TYPE = "c2pa.types.model"

# CAWG training and data mining 1.1: every use that it names.
TRAINING_ENTRIES = ("cawg.ai_generative_training", "cawg.ai_inference", "cawg.ai_training", "cawg.data_mining")
TRAINING_USES = {
    Training.ALLOWED: "allowed",
    Training.CONSTRAINED: "constrained",
    Training.PROHIBITED: "notAllowed",
}

CONTEXT = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}


def definition(
    declaration: Declaration,
    disclosure: DisclosureRecord | None,
    *,
    opened: bool,
    fmt: str,
    title: str | None = None,
    profile: str | None = None,
    watermark: WatermarkRecord | None = None,
    fingerprints: Sequence[Fingerprint] = (),
) -> dict[str, Any]:
    """The definition of one manifest.

    opened: the work has a parent, which the signing function adds as an ingredient: the original of a modified work,
    or an input that carried a manifest. fmt: media type. title: only what the user wants to tell; never a path.
    profile: the regime that was labelled for. watermark: what became of it; one that is in the content is bound.
    fingerprints: of the finished content, which are bound too.
    """
    own: dict[str, Any] = declaration.to_json()
    if profile:
        own[PROFILE] = profile
    if watermark:
        own[WATERMARK] = watermark.to_json()
    values: dict[str, Any] = {
        "claim_generator_info": [{"name": "kzlabel", "version": __version__, "specVersion": SPEC_VERSION}],
        "format": fmt,
        "assertions": [
            _created(
                "c2pa.actions.v2",
                {"allActionsIncluded": True, "actions": _actions(declaration, disclosure, watermark, opened=opened)},
            ),
            _created("c2pa.ai-disclosure", _ai_disclosure(declaration)),
            _created(DECLARATION, own),
            # JSON-LD must stay JSON, not CBOR.
            {**_created("cawg.metadata", _metadata(declaration)), "kind": "Json"},
            *_training(declaration),
            *_soft_binding(watermark),
            *(
                _created(soft_binding.LABEL, soft_binding.fingerprint_data(one.algorithm, one.data))
                for one in fingerprints
            ),
        ],
    }
    if title is not None:
        values["title"] = title
    return values


def _created(label: str, data: dict[str, Any]) -> dict[str, Any]:
    """An assertion that the signer itself answers for; without the mark c2pa files it under gathered assertions."""
    return {"label": label, "created": True, "data": data}


def _soft_binding(watermark: WatermarkRecord | None) -> list[dict[str, Any]]:
    if watermark is None or watermark.identifier is None:
        return []
    return [_created(soft_binding.LABEL, soft_binding.assertion_data(watermark.identifier))]


def _fingerprint(one: Fingerprint) -> dict[str, Any]:
    return _created(soft_binding.LABEL, soft_binding.fingerprint_data(one.algorithm, one.data))


def _actions(
    declaration: Declaration, disclosure: DisclosureRecord | None, watermark: WatermarkRecord | None, *, opened: bool
) -> list[dict[str, Any]]:
    """How the work came to be, in order. digitalSourceType stands where C2PA 2.4 wants it, and never on c2pa.opened."""
    when = declaration.created_text
    origin: dict[str, Any] = {"digitalSourceType": declaration.source.digital_source_type, "when": when}
    if declaration.generator:
        version = {"version": declaration.generator.version} if declaration.generator.version else {}
        origin["softwareAgent"] = {"name": declaration.generator.name, **version}

    if opened:
        described = {
            Source.GENERATED: "Declared to be generated by an AI system as a whole",
            Source.MODIFIED: "Altered by an AI system",
        }
        actions: list[dict[str, Any]] = [
            {"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": [PARENT]}},
            {"action": "c2pa.edited", **origin, "description": described[declaration.source]},
        ]
    else:
        actions = [{"action": "c2pa.created", **origin}]
    if disclosure is not None:
        actions.append(_disclosed(disclosure, when))
    if watermark is not None and watermark.identifier is not None:
        agent = {"name": "kzlabel", "version": __version__}
        where = " and ".join(watermark.carriers)
        told = f"Watermark in the {where}" + (", from before" if watermark.kept else "")
        actions.append({"action": soft_binding.ACTION, "when": when, "softwareAgent": agent, "description": told})
    return actions


def _disclosed(record: DisclosureRecord, when: str) -> dict[str, Any]:
    """The action that records what people are shown or told, so that its removal is provable."""
    audible = record.form is Form.NOTICE
    what = "Spoken notice" if audible else "Visible notice"
    made = "AI-generated" if record.source is Source.GENERATED else "AI-modified"
    values: dict[str, Any] = {
        "action": "c2pa.edited" if audible else "c2pa.addedText",
        "when": when,
        "digitalSourceType": DRAWN_BY_CODE,
        "softwareAgent": {"name": "kzlabel", "version": __version__},
        "description": f"{what} that the work is {made}",
        "parameters": {DISCLOSURE: stored_record(record)},
    }
    if ranges := _ranges(record):
        values["changes"] = [{"region": ranges, "description": " · ".join(record.wording)}]
    return values


def stored_record(record: DisclosureRecord) -> dict[str, Any]:
    """The record as it stands in the manifest: c2pa reports a list of numbers as bytes, so a span needs names."""
    values = record.to_json()
    if record.seconds is not None:
        start, end = values["seconds"]
        values["seconds"] = {"start": start, "end": end}
    return values


def record_from_store(values: dict[str, Any]) -> dict[str, Any]:
    """The record as `DisclosureRecord.to_json` gave it."""
    span = values.get("seconds")
    if isinstance(span, dict):
        return {**values, "seconds": [span.get("start"), span.get("end")]}
    return values


def _ranges(record: DisclosureRecord) -> list[dict[str, Any]]:
    """Where and when, as C2PA regions of interest (2.4, 18.2): pixels of the picture as displayed, seconds as npt."""
    ranges: list[dict[str, Any]] = []
    if record.region is not None:
        region = record.region
        shape = {
            "type": "rectangle",
            "unit": "pixel",
            "origin": {"x": region.x, "y": region.y},
            "width": region.width,
            "height": region.height,
        }
        ranges.append({"type": "spatial", "shape": shape})
    if record.seconds is not None:
        start, end = (f"{second:.3f}".rstrip("0").rstrip(".") for second in record.seconds)
        ranges.append({"type": "temporal", "time": {"type": "npt", "start": start, "end": end}})
    return ranges


def _ai_disclosure(declaration: Declaration) -> dict[str, Any]:
    named = {"modelName": str(declaration.generator)} if declaration.generator else {}
    return {"modelType": MODEL_TYPE, **named}


def _metadata(declaration: Declaration) -> dict[str, Any]:
    values: dict[str, Any] = {
        "@context": CONTEXT,
        "Iptc4xmpExt:DigitalSourceType": declaration.source.digital_source_type,
        "dc:identifier": declaration.identifier,
        "dc:date": declaration.created_text,
    }
    if declaration.generator:
        values["Iptc4xmpExt:AISystemUsed"] = declaration.generator.name
        if declaration.generator.version:
            values["Iptc4xmpExt:AISystemVersionUsed"] = declaration.generator.version
    if declaration.producer:
        values["dc:publisher"] = declaration.producer
    return values


def _training(declaration: Declaration) -> list[dict[str, Any]]:
    if declaration.training is None:
        return []
    use = TRAINING_USES[declaration.training]
    return [_created("cawg.training-mining", {"entries": {entry: {"use": use} for entry in TRAINING_ENTRIES}})]
