"""What a validated manifest says, as evidence: from c2pa's report to our own words. Pure, without c2pa."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..declaration import Training
from ..evidence import AI, State
from ..inert import inert
from . import codes, soft_binding
from .definition import DECLARATION, DISCLOSURE, PROFILE, WATERMARK, record_from_store
from .source_types import ai_of

MAX_INGREDIENTS = 200
MAX_DEPTH = 16
MAX_EXPLANATIONS = 50
MAX_TEXT = 512  # our own declaration's names have at most 256 characters and must come back whole

_TRAINING_LABELS = ("cawg.training-mining", "c2pa.training-mining")
_USES = {"notAllowed": Training.PROHIBITED, "constrained": Training.CONSTRAINED, "allowed": Training.ALLOWED}
_METADATA_LABELS = ("cawg.metadata", "c2pa.metadata", "stds.iptc", "stds.iptc.photo-metadata")
_SOURCE_TYPE_NAMES = ("Iptc4xmpExt:DigitalSourceType", "iptcExt:DigitalSourceType", "DigitalSourceType")
_HASHES = {
    "c2pa.hash.data": "dataHash",
    "c2pa.hash.bmff": "bmffHash",
    "c2pa.hash.boxes": "boxesHash",
    "c2pa.hash.collection.data": "collectionHash",
    "c2pa.hash.multi-asset": "multiAssetHash",
}


@dataclass(frozen=True)
class Status:
    """One entry of a validation report."""

    code: str
    explanation: str
    url: str = ""
    """What it is about, as a JUMBF address."""


@dataclass(frozen=True)
class Ingredient:
    """One ingredient of a manifest, with what became of it."""

    title: str | None
    manifest_id: str | None
    relationship: str
    state: State
    codes: tuple[str, ...]
    ai: AI

    @property
    def counts(self) -> bool:
        """Whether its own statement about AI may be believed as far as the manifest that holds it."""
        return self.state in (State.VALID, State.EXPIRED)

    @property
    def broken(self) -> bool:
        return self.state in (State.TAMPERED, State.INVALID)

    def to_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "manifest_id": self.manifest_id,
            "relationship": self.relationship,
            "state": str(self.state),
            "ok": not self.broken,
            "codes": list(self.codes),
            "ai": str(self.ai),
        }


@dataclass(frozen=True)
class ManifestReport:
    """The active manifest of c2pa's detailed report, and the way to its ingredients."""

    whole: Mapping[str, Any] = field(repr=False)
    _known: dict[str, AI] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Meanings found so far: manifests may share ingredients many times over, or, forged, hold each other."""

    @property
    def active(self) -> str:
        return str(self.whole.get("active_manifest") or "")

    def manifest(self, label: str) -> Mapping[str, Any]:
        return _mapping(_mapping(self.whole.get("manifests")).get(label))

    def statuses(self, kind: str) -> list[Status]:
        """Entries about the active manifest; kind: success, informational or failure."""
        results = _mapping(_mapping(self.whole.get("validation_results")).get("activeManifest"))
        return list(_statuses(results.get(kind)))

    def assertions(self, label: str) -> Mapping[str, Any]:
        return _mapping(self.manifest(label).get("assertion_store"))

    def deltas(self, uri_end: str, manifest: str) -> Mapping[str, Any]:
        """How an ingredient's validation differs today from what was recorded when it was taken in."""
        for entry in _list(_mapping(self.whole.get("validation_results")).get("ingredientDeltas")):
            uri = str(_mapping(entry).get("ingredientAssertionURI"))
            if uri.endswith("/" + uri_end) and manifest in uri:
                return _mapping(_mapping(entry).get("validationDeltas"))
        return {}

    def ingredients(self, manifest: str, depth: int = 0) -> list[Ingredient]:
        if depth > MAX_DEPTH:
            return []
        found = []
        for label, assertion in self.assertions(manifest).items():
            if _base(label) in ("c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3"):
                found.append(self._ingredient(label, _mapping(assertion), manifest, depth))
                if len(found) >= MAX_INGREDIENTS:
                    break
        return found

    def _ingredient(self, label: str, assertion: Mapping[str, Any], holder: str, depth: int) -> Ingredient:
        reference = _mapping(assertion.get("activeManifest") or assertion.get("c2pa_manifest"))
        identifier = str(reference.get("url", "")).rpartition("/")[2] or None
        recorded = _mapping(_mapping(assertion.get("validationResults")).get("activeManifest"))
        deltas = self.deltas(label, holder)
        failures = [
            status.code
            for entries in (recorded.get("failure"), assertion.get("validationStatus"), deltas.get("failure"))
            for status in _statuses(entries)
            # The old form lists successes and failures together.
            if entries is not assertion.get("validationStatus") or not _is_success(status.code)
        ]
        failures += [
            status.code
            for status in self.statuses("failure")
            if status.code.startswith(codes.INGREDIENT_FAMILY) and identifier and not deltas
        ]
        said = [
            status.code
            for entries in (recorded.get("success"), deltas.get("success"), deltas.get("informational"))
            for status in _statuses(entries)
        ]
        missing = identifier is None or identifier not in _mapping(self.whole.get("manifests"))
        state = State.ABSENT if missing and not failures else codes.state_of(failures)
        title = assertion.get("dc:title") or assertion.get("title")
        return Ingredient(
            title=inert(title) if isinstance(title, str) else None,
            manifest_id=inert(identifier) if identifier else None,
            relationship=inert(str(assertion.get("relationship") or "unknown"), 40),
            state=state,
            codes=_unique([*said, *failures]),
            ai=AI.UNKNOWN if missing or identifier is None else self.ai(identifier, depth + 1),
        )

    def actions(self, manifest: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for label, assertion in self.assertions(manifest).items():
            if _base(label) in ("c2pa.actions", "c2pa.actions.v2"):
                found.extend(_mapping(action) for action in _list(_mapping(assertion).get("actions")))
        return found

    def ai(self, manifest: str, depth: int = 0) -> AI:
        """What this manifest says about AI: its own declaration, else its actions over its validated ingredients.

        Signed metadata count last: a claim of AI in them is heard, whatever the actions leave out.
        """
        if manifest not in self._known:
            self._known[manifest] = AI.UNKNOWN
            self._known[manifest] = self._ai(manifest, depth)
        return self._known[manifest]

    def _ai(self, manifest: str, depth: int) -> AI:
        declared = {"generated": AI.GENERATED, "modified": AI.MODIFIED}
        source = _mapping(self.assertions(manifest).get(DECLARATION)).get("source")
        if isinstance(source, str) and source in declared:
            return declared[source]

        ingredients = [entry for entry in self.ingredients(manifest, depth) if entry.counts]
        parents = [entry.ai for entry in ingredients if entry.relationship == "parentOf"]
        parts = [entry.ai for entry in ingredients if entry.relationship == "componentOf"]
        actions = self.actions(manifest)
        origins = [
            ai_of(action.get("digitalSourceType")) for action in actions if action.get("action") == "c2pa.created"
        ]
        later = [ai_of(action.get("digitalSourceType")) for action in actions if action.get("action") != "c2pa.created"]
        described = [ai_of(self.metadata(manifest, name)) for name in _SOURCE_TYPE_NAMES]

        told = [meaning for meaning in [*origins, *parents, *described] if meaning is not AI.UNKNOWN]
        base = told[0] if told else AI.UNKNOWN
        involved = {AI.GENERATED, AI.MODIFIED} & {*told, *later, *parts}
        if base is AI.GENERATED or not (involved or "c2pa.ai-disclosure" in self.assertions(manifest)):
            return base
        return AI.MODIFIED

    def metadata(self, manifest: str, name: str) -> Any:
        """One value out of the metadata assertions."""
        for label, assertion in self.assertions(manifest).items():
            if _base(label) in _METADATA_LABELS and name in _mapping(assertion):
                return _mapping(assertion)[name]
        return None

    def training(self, manifest: str) -> Training | None:
        """The strictest permission that any entry gives."""
        uses = [
            _USES[use]
            for label in _TRAINING_LABELS
            for entry in _mapping(_mapping(self.assertions(manifest).get(label)).get("entries")).values()
            if isinstance(use := _mapping(entry).get("use"), str) and use in _USES
        ]
        return max(uses, key=lambda use: use.strictness, default=None)

    def generator(self, manifest: str, depth: int = 0) -> dict[str, str | None] | None:
        """The AI system: agent of the action in which AI had a part, else the model disclosed, else a parent's."""
        declared = _mapping(_mapping(self.assertions(manifest).get(DECLARATION)).get("generator"))
        if isinstance(declared.get("name"), str):
            return _agent(declared)
        for action in self.actions(manifest):
            if ai_of(action.get("digitalSourceType")) in (AI.GENERATED, AI.MODIFIED) and action.get("softwareAgent"):
                return _agent(action["softwareAgent"])
        model = _mapping(self.assertions(manifest).get("c2pa.ai-disclosure")).get("modelName")
        if isinstance(model, str):
            return _agent(model)
        if depth < MAX_DEPTH:
            for entry in self.ingredients(manifest):
                if entry.relationship == "parentOf" and entry.counts and entry.manifest_id:
                    return self.generator(entry.manifest_id, depth + 1)
        return None

    def source_type(self, manifest: str) -> str | None:
        """The digitalSourceType of the origin, else of the first action in which AI had a part."""
        actions = self.actions(manifest)
        told = [action for action in actions if isinstance(action.get("digitalSourceType"), str)]
        first = next((action for action in told if action.get("action") == "c2pa.created"), None) or next(
            (action for action in told if ai_of(action["digitalSourceType"]) in (AI.GENERATED, AI.MODIFIED)), None
        )
        described = (self.metadata(manifest, name) for name in _SOURCE_TYPE_NAMES)
        found = first["digitalSourceType"] if first else next((one for one in described if isinstance(one, str)), None)
        return inert(found) if found else None

    def identifier(self, manifest: str) -> str | None:
        declared = _mapping(self.assertions(manifest).get(DECLARATION)).get("identifier")
        found = declared or self.metadata(manifest, "dc:identifier")
        return inert(found) if isinstance(found, str) else None

    def claimed_time(self, manifest: str) -> str | None:
        """The time that the signer itself tells, for what it is worth."""
        declared = _mapping(self.assertions(manifest).get(DECLARATION)).get("created")
        times = [declared, *(action.get("when") for action in self.actions(manifest))]
        return next((inert(time, 40) for time in times if isinstance(time, str)), None)

    def disclosure(self, manifest: str) -> dict[str, Any] | None:
        for action in self.actions(manifest):
            record = _mapping(action.get("parameters")).get(DISCLOSURE)
            if isinstance(record, dict):
                return record_from_store(plain_mapping(record))
        return None

    def declaration(self, manifest: str) -> dict[str, Any] | None:
        found = self.assertions(manifest).get(DECLARATION)
        if not isinstance(found, dict):
            return None
        return plain_mapping({key: value for key, value in found.items() if key not in (PROFILE, WATERMARK)})

    def profile(self, manifest: str) -> str | None:
        """The labelling profile, as our own declaration records it; None for works of earlier versions."""
        found = _mapping(self.assertions(manifest).get(DECLARATION)).get(PROFILE)
        return inert(found, 80) if isinstance(found, str) and found else None

    def watermark(self, manifest: str) -> dict[str, Any] | None:
        """What became of the watermark, as our own declaration records it."""
        found = _mapping(self.assertions(manifest).get(DECLARATION)).get(WATERMARK)
        return plain_mapping(found) if isinstance(found, dict) else None

    def soft_bindings(self, manifest: str) -> list[str]:
        """Identifiers of watermarks of our own algorithm to which the manifest is bound."""
        found = (
            identifier
            for label, assertion in self.assertions(manifest).items()
            if _base(label) == soft_binding.LABEL
            for identifier in soft_binding.identifiers(_mapping(assertion))
        )
        return list(dict.fromkeys(found))[: soft_binding.MAX_BINDINGS]

    def fingerprints(self, manifest: str) -> list[tuple[str, bytes]]:
        """Algorithm and signed value of each fingerprint to which the manifest is bound."""
        found = (
            soft_binding.fingerprint_value(_mapping(assertion))
            for label, assertion in self.assertions(manifest).items()
            if _base(label) == soft_binding.LABEL
        )
        return [one for one in found if one is not None][: soft_binding.MAX_BINDINGS]

    def binding(self, manifest: str, depth: int = 0) -> tuple[str, Mapping[str, Any]] | None:
        """Kind and assertion of the hard binding; that of the parent for an update manifest."""
        for label, assertion in self.assertions(manifest).items():
            kind = next((kind for start, kind in _HASHES.items() if _base(label).startswith(start)), None)
            if kind:
                return kind, _mapping(assertion)
        for entry in self.ingredients(manifest):
            if entry.relationship == "parentOf" and entry.manifest_id and depth < MAX_DEPTH:
                return self.binding(entry.manifest_id, depth + 1)
        return None

    def binders(self, manifest: str, depth: int = 0) -> list[Ingredient]:
        """The parents, one above the other, through which an update manifest has its hard binding."""
        if any(_base(label).startswith(start) for label in self.assertions(manifest) for start in _HASHES):
            return []
        for entry in self.ingredients(manifest):
            if entry.relationship == "parentOf" and entry.manifest_id and depth < MAX_DEPTH:
                return [entry, *self.binders(entry.manifest_id, depth + 1)]
        return []

    def title(self, manifest: str) -> str | None:
        claim = _mapping(self.manifest(manifest).get("claim"))
        found = claim.get("dc:title")
        return inert(found) if isinstance(found, str) else None


def explanations(statuses: Sequence[Status]) -> dict[str, str]:
    """One sentence for each code, as far as the library gives one."""
    said: dict[str, str] = {}
    for status in statuses[:MAX_EXPLANATIONS]:
        if status.explanation:
            said.setdefault(status.code, inert(status.explanation, 300))
    return said


def plain_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    """A foreign mapping with inert texts, bounded in depth and in number of entries."""
    plain = _plain(value, 0)
    return plain if isinstance(plain, dict) else {}


def _plain(value: Any, depth: int) -> Any:
    if depth > 8:
        return None
    if isinstance(value, dict):
        return {inert(str(key), 80): _plain(entry, depth + 1) for key, entry in list(value.items())[:100]}
    if isinstance(value, list):
        return [_plain(entry, depth + 1) for entry in value[:100]]
    if isinstance(value, str):
        return inert(value, MAX_TEXT)
    return value if isinstance(value, bool | int | float) else None


def _agent(agent: Any) -> dict[str, str | None] | None:
    """A software agent, which old actions write as a string."""
    if isinstance(agent, str):
        return {"name": inert(agent, MAX_TEXT), "version": None}
    name, version = _mapping(agent).get("name"), _mapping(agent).get("version")
    if not isinstance(name, str):
        return None
    return {"name": inert(name, MAX_TEXT), "version": inert(version, MAX_TEXT) if isinstance(version, str) else None}


def _statuses(entries: Any) -> Iterator[Status]:
    for entry in _list(entries):
        values = _mapping(entry)
        if isinstance(values.get("code"), str):
            yield Status(inert(values["code"], 80), str(values.get("explanation") or ""), str(values.get("url") or ""))


def _is_success(code: str) -> bool:
    return code.endswith((".match", ".validated", ".trusted", ".insideValidity", ".notRevoked", ".accessible"))


def _base(label: str) -> str:
    """A label without the number of its instance."""
    return label.partition("__")[0]


def _unique(items: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
