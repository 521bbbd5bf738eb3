"""What the layers of one file amount to: the one place that knows which keys of `LayerEvidence.detail` count.

manifest, sidecar
    signer: {name, organization, fingerprint, trusted, trust_list: {name, date, anchor, age_days, certificates},
    lapsed_anchor: {anchor, expires}}; only `trusted: true` is trusted. anchor: subject of the certificate that vouches.
    age_days: of the list when the evidence was collected. lapsed_anchor: the one that would vouch, had its term not
    been over.
    signed_at, time_source, generator: {name, version}, identifier, manifest_id, training, profile.
    identities: [{type, name, state, …}]: identity assertions (CAWG), which decide nothing.
    ingredients: [{title, ok, …}], ingredients_ok: false when one of them is broken.
    binding: {uncovered: [[start, length], …]}: byte ranges that the hard binding leaves out.
    revocation: {status: good, revoked, unknown or not-checked, why, revoked_at, reason, after_signing, …}; absent where
    nobody asked. Its effect on the state is in the codes.
    The code `text.partial` on a valid layer: the mark covers only a passage of the text. `kzlabel.binding.partial`:
    its hard binding leaves out ranges in which the work itself may stand.
metadata
    generator, identifier, training, as above.
watermark
    registered: true or false once a registry was asked, absent otherwise.
    false_positive: the probability that a mark of this confidence is found in an unmarked file; else 1 - confidence.
    recovered: [candidate, …], each of them
        {via: "watermark" or "fingerprint", registry, enrolled, state: "valid" when all but the hard binding holds,
        watermark_bound: false where the manifest is bound to another watermark, fingerprint_agrees, similarity, place,
        why, ai, signer, signed_at, time_source, generator, identifier, manifest_id, training}. Every value comes from
        inside the signed manifest, none from a registry's own columns, but `enrolled`. place: where the copy lies in
        the original. why: what hinders the comparison.
fingerprint
    recovered: as above, found because they look, sound or read alike.

Anything of another type than expected counts as absent: evidence may come from an archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..declaration import Training
from ..evidence import AI, Evidence, Layer, LayerEvidence, State
from ..inert import inert

# False-positive probability up to which an unregistered watermark counts as a mark: one in a thousand million files.
MAX_FALSE_POSITIVE = 1e-9

# Days after which a trust list is called old: the C2PA lists announce their next issue for a year later.
MAX_LIST_AGE = 365

# Stand beside the layers in `not_checked`.
REVOCATION, REGISTRY = "revocation", "registry"

SAYS_AI = frozenset({AI.GENERATED, AI.MODIFIED})

_NOTHING = frozenset({State.ABSENT, State.NOT_CHECKED})
_NO_SIDECAR = _NOTHING | {State.NOT_FOR_THIS_FILE}
_PARTIAL = frozenset({"text.partial", "kzlabel.binding.partial"})
_INTACT = frozenset({State.VALID, State.EXPIRED})
_TIME_SOURCES = ("tsa-trusted", "tsa-untrusted", "claimed", "none")


@dataclass(frozen=True)
class Statement:
    """What one signed manifest says, wherever it was found."""

    ai: AI
    detail: Mapping[str, Any]

    @property
    def trusted(self) -> bool:
        return _mapping(self.detail, "signer").get("trusted") is True

    @property
    def signer(self) -> dict[str, Any] | None:
        """The signer as the verdict shows it, or None when the mark names none."""
        signer = _mapping(self.detail, "signer")
        if not signer:
            return None
        listed = _mapping(signer, "trust_list")
        return {
            "name": text(signer, "name"),
            "organization": text(signer, "organization"),
            "trusted": self.trusted,
            "trust_list": _trust_list(listed) if listed else None,
            "fingerprint": text(signer, "fingerprint"),
        }

    @property
    def profile(self) -> str | None:
        """The labelling profile that the manifest records."""
        return text(self.detail, "profile")

    @property
    def stale_list(self) -> Mapping[str, Any] | None:
        """The list that vouches for the signer, if it is one that ages and is old; a single root does not age."""
        listed = _mapping(_mapping(self.detail, "signer"), "trust_list")
        age = _days(listed)
        return listed if age is not None and age > MAX_LIST_AGE and listed.get("certificates") != 1 else None

    @property
    def lapsed_anchor(self) -> Mapping[str, Any]:
        """The certificate that would vouch for the signer, had its term not been over; empty as a rule."""
        return {} if self.trusted else _mapping(_mapping(self.detail, "signer"), "lapsed_anchor")

    @property
    def time_source(self) -> str:
        source = text(self.detail, "time_source")
        return source if source in _TIME_SOURCES else "none"

    @property
    def generator(self) -> dict[str, Any] | None:
        return generator_of(self.detail)

    @property
    def ingredients(self) -> tuple[Mapping[str, Any], ...]:
        return _mappings(self.detail, "ingredients")


@dataclass(frozen=True)
class Candidate(Statement):
    """A registered manifest that a registry offers for the content in hand."""

    @property
    def counts(self) -> bool:
        """Whether it may speak for this content: reached by the watermark, valid, vouched for, fingerprint agreeing."""
        return (
            self.by_watermark
            and self.detail.get("state") == "valid"
            and self.detail.get("watermark_bound") is not False
            and self.detail.get("fingerprint_agrees") is True
            and (self.trusted or self.enrolled)
        )

    @property
    def enrolled(self) -> bool:
        return self.detail.get("enrolled") is True

    @property
    def by_watermark(self) -> bool:
        return self.detail.get("via") == "watermark"


@dataclass(frozen=True)
class Facts:
    """The evidence, sorted by what it does to a verdict.

    deciding: the manifest that decides, None when there is none. sidecar: one that only stands beside it.
    metadata, watermarks, disclosures: marks found, nothing weak or damaged among them. weak: watermarks too uncertain
    to count. candidates: what registries offer. not_checked: layer -> why, damaged blocks included.
    """

    evidence: Evidence
    deciding: LayerEvidence | None
    sidecar: LayerEvidence | None
    metadata: tuple[LayerEvidence, ...]
    watermarks: tuple[LayerEvidence, ...]
    weak: tuple[LayerEvidence, ...]
    disclosures: tuple[LayerEvidence, ...]
    candidates: tuple[Candidate, ...]
    not_checked: Mapping[str, str]

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        deciding, beside = _deciding(evidence)
        seen = [layer for layer in _layers(evidence, Layer.WATERMARK) if layer.state is State.FOUND]
        alike = [layer for layer in _layers(evidence, Layer.FINGERPRINT) if layer.state is State.SIMILAR]
        return cls(
            evidence,
            deciding,
            beside,
            _found(evidence, Layer.METADATA),
            tuple(layer for layer in seen if _strong(layer)),
            tuple(layer for layer in seen if not _strong(layer)),
            _found(evidence, Layer.DISCLOSURE),
            tuple(candidate for layer in (*seen, *alike) for candidate in _candidates(layer)),
            _not_checked(evidence),
        )

    @property
    def intact(self) -> Statement | None:
        """The deciding manifest if signature, hashes and binding hold, whoever signed it."""
        if self.deciding is None or self.deciding.state not in _INTACT:
            return None
        return Statement(self.deciding.ai, self.deciding.detail)

    @property
    def partial(self) -> bool:
        """Whether the deciding manifest is intact and covers only a part of the content."""
        if self.intact is None or self.deciding is None:
            return False
        return not _PARTIAL.isdisjoint(self.deciding.codes)

    @property
    def whole(self) -> Statement | None:
        """The deciding manifest if it is intact and covers the whole content."""
        return None if self.partial else self.intact

    @property
    def match(self) -> Candidate | None:
        """The registered manifest that speaks for this content: a trusted signer's before an enrolled one's.

        Of both kinds one that names AI comes first: whoever is enrolled can bind another's watermark to a manifest that
        names a camera.
        """
        counting = [candidate for candidate in self.candidates if candidate.counts]
        return min(counting, key=lambda one: (not one.trusted, one.ai not in SAYS_AI), default=None)

    @property
    def registered(self) -> bool:
        """Whether a registry knows one of the watermarks, whatever it leads to."""
        return any(layer.detail.get("registered") is True for layer in (*self.watermarks, *self.weak))

    @property
    def unsigned(self) -> tuple[LayerEvidence, ...]:
        return (*self.metadata, *self.watermarks, *self.disclosures)


def loudest(claims: tuple[AI, ...]) -> AI:
    """What several marks say together: a claim of AI is never outvoted by silence or by another origin."""
    order = (AI.GENERATED, AI.MODIFIED, AI.NONE)
    return next((ai for ai in order if ai in claims), AI.UNKNOWN)


def strictest_training(details: tuple[Mapping[str, Any], ...]) -> str | None:
    """The strictest permission for training that any of these details holds."""
    words = {str(training) for training in Training}
    said = [Training(detail["training"]) for detail in details if detail.get("training") in words]
    return str(max(said, key=lambda training: training.strictness)) if said else None


def generator_of(detail: Mapping[str, Any]) -> dict[str, Any] | None:
    """The generator's name and version, made inert."""
    generator = _mapping(detail, "generator")
    name = text(generator, "name")
    return {"name": name, "version": text(generator, "version")} if name else None


def text(detail: Mapping[str, Any], key: str) -> str | None:
    """A text value, made inert and capped; None when it is absent, empty or no text."""
    value = detail.get(key)
    return inert(value) if isinstance(value, str) and value.strip() else None


def _trust_list(listed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": text(listed, "name"),
        "date": text(listed, "date"),
        "anchor": text(listed, "anchor"),
        "age_days": _days(listed),
    }


def _days(listed: Mapping[str, Any]) -> int | None:
    age = listed.get("age_days")
    return age if isinstance(age, int) and not isinstance(age, bool) else None


def _deciding(evidence: Evidence) -> tuple[LayerEvidence | None, LayerEvidence | None]:
    """An embedded manifest decides; a sidecar does where none is embedded, or only an address is."""
    embedded = [layer for layer in _layers(evidence, Layer.MANIFEST) if layer.state not in _NOTHING]
    sidecars = [layer for layer in _layers(evidence, Layer.SIDECAR) if layer.state not in _NO_SIDECAR]
    first = min(embedded, key=_gravity, default=None)
    beside = next(iter(sidecars), None)
    if first is None or (first.state is State.REMOTE and beside is not None):
        return beside, None
    return first, beside


def _gravity(layer: LayerEvidence) -> int:
    """Of several manifests in one file the worst decides: nobody hides a broken one behind an intact one."""
    order = (State.TAMPERED, State.INVALID, State.EXPIRED, State.VALID, State.REMOTE)
    return order.index(layer.state) if layer.state in order else order.index(State.INVALID)


def _layers(evidence: Evidence, layer: Layer) -> tuple[LayerEvidence, ...]:
    return tuple(found for found in evidence.layers if found.layer is layer)


def _found(evidence: Evidence, layer: Layer) -> tuple[LayerEvidence, ...]:
    return tuple(found for found in _layers(evidence, layer) if found.state is State.FOUND)


def _strong(layer: LayerEvidence) -> bool:
    probability = layer.detail.get("false_positive")
    if not isinstance(probability, int | float):
        probability = None if layer.confidence is None else 1 - layer.confidence
    # 1 - 0.999999999 is a little more than 1e-9 in floating point.
    return probability is not None and probability <= MAX_FALSE_POSITIVE * (1 + 1e-6)


def _candidates(layer: LayerEvidence) -> tuple[Candidate, ...]:
    words = {str(ai) for ai in AI}
    return tuple(
        Candidate(AI(detail["ai"]) if detail.get("ai") in words else AI.UNKNOWN, detail)
        for detail in _mappings(layer.detail, "recovered")
    )


def _not_checked(evidence: Evidence) -> dict[str, str]:
    found = {str(layer): why for layer, why in evidence.not_checked.items()}
    for layer in evidence.layers:
        if layer.layer in (Layer.MANIFEST, Layer.SIDECAR) and layer.state is State.DAMAGED:
            continue  # a damaged manifest is there, and judged
        if layer.state is State.DAMAGED:
            found.setdefault(str(layer.layer), "a block of it is damaged")
        elif layer.state is State.NOT_CHECKED:
            found.setdefault(str(layer.layer), _explanation(layer) or "it was not looked at")
    if not _layers(evidence, Layer.MANIFEST):
        found.setdefault(str(Layer.MANIFEST), "it was not looked at")
    return found


def _explanation(layer: LayerEvidence) -> str | None:
    told = [str(sentence) for sentence in _mapping(layer.detail, "explanations").values()]
    return told[0] if told else None


def _mapping(detail: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = detail.get(key)
    return value if isinstance(value, Mapping) else {}


def _mappings(detail: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    value = detail.get(key)
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else ()
