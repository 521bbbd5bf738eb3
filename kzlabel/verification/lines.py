"""A verdict as lines: for the terminal, and the facts that the page shows as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..evidence import AI, LayerEvidence, State
from ..inert import inert
from .revocation_sentences import OPEN
from .sentences import UNASKED, signer_name
from .verdict import Verdict, VerdictKind

MAX_DEPTH = 4  # levels of one fact that are shown
MAX_DETAILS = 24  # facts shown of one layer; the JSON has all

TIMES: Mapping[str, str] = {
    "tsa-trusted": "confirmed by a trusted time-stamp",
    "tsa-untrusted": "time-stamped, by nobody you trust",
    "claimed": "by the signer's own clock",
    "none": "by the signer's own clock",
}


IDENTITIES: Mapping[str, str] = {
    "trusted": "an identity assertion that holds, and somebody you trust vouches for it",
    "valid": "an identity assertion that holds, and nobody you trust vouches for it",
    "invalid": "an identity assertion that does not hold",
    "not-checked": "an identity assertion that was not checked",
}


def text(verdict: Verdict, verbose: bool = False) -> str:
    """A verdict for the terminal: one line, and with `verbose` the notes and the evidence below it, indented."""
    said = f"{verdict.kind}, {verdict.ai}" if verdict.ai is not AI.UNKNOWN else str(verdict.kind)
    lines = [f"{inert(verdict.file, limit=400)}: {said}: {inert(_gist(verdict), limit=600)}{_vouching(verdict)}"]
    if verbose:
        lines += [f"  {inert(note, limit=600)}" for note in verdict.notes[1:]]
        lines += [f"  {name}: {inert(value, limit=400)}" for name, value in (*facts(verdict), *fingerprints(verdict))]
        for layer in verdict.evidence:
            lines += [f"  {line}" for line in _layer_lines(layer)]
    return "\n".join(lines)


def _gist(verdict: Verdict) -> str:
    """The one note that a line has room for: what was found, or why nothing could be read.

    Who asked about revocation, or has a registry, must not take silence for an answer.
    """
    if verdict.kind is VerdictKind.UNREADABLE and len(verdict.notes) > 1:
        return verdict.notes[1].removeprefix(f"{verdict.file}: ")
    return " ".join((verdict.notes[0], *(note for note in verdict.notes[1:] if note.startswith((OPEN, UNASKED)))))


def _vouching(verdict: Verdict) -> str:
    """Which list makes the signer a trusted one."""
    listed = verdict.signer.get("trust_list") if verdict.signer and verdict.signer.get("trusted") else None
    named = _list_and_date(listed or {})
    return f" Vouched for by {inert(named, limit=200)}." if named else ""


def _list_and_date(listed: Mapping[str, Any]) -> str:
    return " of ".join(str(listed[key]) for key in ("name", "date") if listed.get(key))


def facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Name and value: signer, time, generator and so on, as far as they are known."""
    if verdict.signer is not None:
        vouched = "nobody you trust vouches for it"
        if verdict.signer.get("trusted"):
            listed = verdict.signer.get("trust_list") or {}
            named = _list_and_date(listed)
            anchor = f"; {listed['anchor']}" if listed.get("anchor") else ""
            vouched = "trusted" + (f" ({named}{anchor})" if named else "")
        yield "Signer", f"{signer_name(verdict.signer)}: {vouched}"
    if verdict.signed_at:
        yield "Signed", f"{verdict.signed_at}, {TIMES[verdict.time_source]}"
    if verdict.generator:
        name, version = verdict.generator.get("name"), verdict.generator.get("version")
        yield "Generator", f"{name} {version}" if version else str(name)
    yield from (("Identity", said) for said in _identities(verdict))
    for name, value in (
        ("Identifier", verdict.identifier),
        ("Training", verdict.training),
    ):
        if value:
            yield name, value


def _identities(verdict: Verdict) -> Iterator[str]:
    """Who else stands by the work, from every manifest that holds; they decide nothing, and say so."""
    for layer in verdict.evidence:
        named = layer.detail.get("identities") if layer.state in (State.VALID, State.EXPIRED) else None
        for identity in named[:MAX_DETAILS] if isinstance(named, list | tuple) else ():
            if not isinstance(identity, Mapping):
                continue
            told = IDENTITIES.get(str(identity.get("state")), IDENTITIES["not-checked"])
            yield f"{signer_name(identity)}: {told}; it decides nothing"


def fingerprints(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Name and value: what tells this file, its manifest and its signer from all others."""
    for name, value in (
        ("Reason code", verdict.reason),
        ("Format", verdict.format),
        ("SHA-256", verdict.sha256),
        ("Manifest", verdict.manifest_id),
        ("Certificate", verdict.signer and verdict.signer.get("fingerprint")),
    ):
        if value:
            yield name, value


def detail_lines(detail: Mapping[str, Any]) -> list[str]:
    """`name: value` for each fact, inert and short."""
    present = [(key, value) for key, value in detail.items() if value not in (None, "", [], {}, ())]
    lines = [f"{inert(str(key), limit=40)}: {value_text(value)}" for key, value in present[:MAX_DETAILS]]
    return [*lines, "…"] if len(present) > MAX_DETAILS else lines


def value_text(value: Any, depth: int = 0) -> str:
    """One value of a detail, inert and short."""
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        pairs = [(key, item) for key, item in value.items() if item not in (None, [], {})][:MAX_DETAILS]
        value = ", ".join(f"{key} {value_text(item, depth + 1)}" for key, item in pairs)
    elif isinstance(value, list | tuple):
        value = "; ".join(value_text(item, depth + 1) for item in value[:MAX_DETAILS])
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    return inert(str(value), limit=300)


def _layer_lines(layer: LayerEvidence) -> Iterator[str]:
    says = "" if layer.ai is AI.UNKNOWN else f", {layer.ai}"
    codes = f" ({', '.join(inert(code, limit=80) for code in layer.codes[:MAX_DETAILS])})" if layer.codes else ""
    yield f"{layer.layer}: {layer.state}{says}{codes}"
    if layer.confidence is not None:
        yield f"  confidence: {layer.confidence:.12g}, payload: {inert(layer.payload or '', limit=64)}"
    yield from (f"  {line}" for line in detail_lines(layer.detail))
