"""Judges evidence under a policy: pure, and so able to judge archived evidence years later.

The first row of the table that holds decides. Nothing that a broken manifest says reaches the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..evidence import AI, Evidence, State
from ..trust.policy import Policy
from . import sentences
from .facts import SAYS_AI, Facts, Statement, generator_of, loudest, strictest_training, text
from .verdict import Verdict, VerdictKind

# Every reason code, and what it means; docs/verdict.md says more.
REASONS: Mapping[str, str] = {
    "manifest.tampered": "a signature or a hash does not match, no code says which",
    "manifest.tampered.signature": "the claim's signature does not match",
    "manifest.tampered.assertion": "an assertion was changed, added or removed after signing",
    "manifest.tampered.binding": "the content was changed after signing, or the manifest belongs to another file",
    "manifest.invalid": "a manifest is there and cannot be judged",
    "manifest.invalid.malformed": "the manifest is malformed",
    "manifest.invalid.algorithm": "an algorithm is not supported or not allowed",
    "manifest.invalid.certificate": "the signer's certificate may not be used for signing such marks",
    "manifest.invalid.revoked": "the signer's certificate was revoked",
    "manifest.invalid.remote": "the manifest is only at a remote address, which is never fetched silently",
    "conflict.metadata": "a valid manifest names another origin than AI, the metadata name AI",
    "conflict.watermark": "a valid manifest names another origin than AI, a watermark confirmed by a registry names AI",
    "conflict.sidecar": "a valid manifest names another origin than AI, a trusted sidecar names AI",
    "manifest.untrusted": "valid, and nobody vouches for the signer",
    "manifest.expired": "the certificate was out of its term, and no trusted time-stamp shows a time within it",
    "manifest.trusted": "valid, and the signer is trusted",
    "recovered.trusted": "a registered manifest of a trusted signer speaks for this content",
    "recovered.enrolled": "a registered manifest of a signer enrolled in that registry speaks for this content",
    "manifest.partial": "the signed mark covers only a part of the work",
    "metadata.declared": "unsigned metadata only",
    "watermark.declared": "a watermark that no registry confirms",
    "watermark.unconfirmed": "a registry knows the watermark, and its manifest does not speak for this content",
    "disclosure.declared": "an unsigned disclosure only",
    "nothing.found": "every layer was checked, and nothing was found",
    "nothing.found.unchecked": "nothing was found, and some layer could not be checked",
    "file.unreadable": "the file cannot be parsed within the limits",
}

_BROKEN_SIGNATURE = ("claimSignature.mismatch",)
# Of dataHash, bmffHash, boxesHash, collectionHash and multiAssetHash.
_BROKEN_BINDING = ("Hash.mismatch", "Hash.unknownBox", "Hash.incorrectFileCount", "Hash.missingPart", "text.reflowed")
_BROKEN_ASSERTION = ("assertion.hashedURI.mismatch", "assertion.missing", "assertion.undeclared", "hashedURI.mismatch")
_INVALID = (
    ("manifest.invalid.revoked", ("revoked",)),
    ("manifest.invalid.algorithm", ("algorithm.unsupported", "algorithm.deprecated")),
    ("manifest.invalid.certificate", ("signingCredential.invalid",)),
    (
        "manifest.invalid.malformed",
        (
            *("malformed", ".invalid", "claim.missing", "claim.multiple", "claimSignature.missing", "Bindings.missing"),
            *("corruptedWrapper", "multipleWrappers", "general.error", "manifest.unreadable", "manifest.unproven"),
            *("malformedReference", "emptyReference", "multipleReferences", "multipleManifests"),
            *("multipleHardBindings", "selfRedacted", "action.redacted"),
        ),
    ),
    ("manifest.invalid.remote", ("manifest.inaccessible",)),
)


def judge(evidence: Evidence, policy: Policy | None = None) -> Verdict:
    """The verdict on a file's evidence under a policy (`signed` by default). Pure; never raises on odd evidence."""
    policy = policy or Policy()
    facts = Facts.of(evidence)
    kind, reason = next((kind, reason) for kind, row in _TABLE if (reason := row(facts)) is not None)
    ai = _ai(kind, facts)
    speaker = _speaker(kind, reason, facts)
    signer = speaker.signer if speaker else None
    said = speaker.detail if speaker else {}
    usable = kind not in (VerdictKind.TAMPERED, VerdictKind.INVALID)
    time_source = speaker.time_source if speaker else "none"
    profile = speaker.profile if speaker else None
    objection = policy.objection(kind, ai, signer, time_source=time_source, profile=profile)
    return Verdict(
        file=evidence.file,
        kind=kind,
        ai=ai,
        reason=reason,
        acceptable=objection is None,
        policy=policy.name,
        sha256=evidence.sha256,
        medium=evidence.medium,
        format=evidence.format,
        not_checked=facts.not_checked,
        signer=signer,
        signed_at=text(said, "signed_at"),
        time_source=time_source,
        generator=_generator(facts, said) if usable else None,
        identifier=_identifier(facts, said) if usable else None,
        manifest_id=text(said, "manifest_id"),
        training=_training(facts),
        evidence=evidence.layers,
        recovery=_recovery(facts),
        ingredients=speaker.ingredients if speaker and usable else (),
        notes=sentences.notes(facts, kind, reason, ai, speaker, policy, objection),
    )


def _tampered(facts: Facts) -> str | None:
    if facts.deciding is None or facts.deciding.state is not State.TAMPERED:
        return None
    codes = facts.deciding.codes
    if any(code.endswith(_BROKEN_SIGNATURE) for code in codes):
        return "manifest.tampered.signature"
    if any(code.endswith(_BROKEN_ASSERTION) for code in codes):
        return "manifest.tampered.assertion"
    return "manifest.tampered.binding" if any(code.endswith(_BROKEN_BINDING) for code in codes) else "manifest.tampered"


def _invalid(facts: Facts) -> str | None:
    if facts.deciding is None or facts.intact is not None or facts.deciding.state is State.TAMPERED:
        return None
    if facts.deciding.state is State.REMOTE:
        return "manifest.invalid.remote"
    for reason, endings in _INVALID:
        if any(code.endswith(endings) for code in facts.deciding.codes):
            return reason
    return "manifest.invalid"


def _conflicting(facts: Facts) -> str | None:
    if facts.whole is None or facts.whole.ai is not AI.NONE:
        return None
    if any(layer.ai in SAYS_AI for layer in facts.metadata):
        return "conflict.metadata"
    if any(candidate.counts and candidate.ai in SAYS_AI for candidate in facts.candidates):
        return "conflict.watermark"
    beside = facts.sidecar
    if beside is not None and beside.state is State.VALID and beside.ai in SAYS_AI:
        return "conflict.sidecar" if Statement(beside.ai, beside.detail).trusted else None
    return None


def _untrusted(facts: Facts) -> str | None:
    if facts.whole is None or facts.deciding is None:
        return None
    if facts.deciding.state is State.EXPIRED:
        return "manifest.expired"
    return None if facts.whole.trusted else "manifest.untrusted"


def _verified(facts: Facts) -> str | None:
    return None if facts.whole is None else "manifest.trusted"


def _recovered(facts: Facts) -> str | None:
    if facts.match is None:
        return None
    return "recovered.trusted" if facts.match.trusted else "recovered.enrolled"


def _declared(facts: Facts) -> str | None:
    if facts.partial:
        return "manifest.partial"
    if facts.metadata:
        return "metadata.declared"
    if facts.watermarks:
        return "watermark.unconfirmed" if facts.registered else "watermark.declared"
    return "disclosure.declared" if facts.disclosures else None


def _unreadable(facts: Facts) -> str | None:
    return "file.unreadable" if facts.evidence.unreadable is not None else None


def _incomplete(facts: Facts) -> str | None:
    return "nothing.found.unchecked" if facts.not_checked else None


def _unmarked(facts: Facts) -> str | None:
    return "nothing.found"


# Rows in the order of the contract, but for the last three: where nothing was found, a file that cannot be parsed is
# unreadable rather than incomplete, and what is left is unmarked.
_TABLE: tuple[tuple[VerdictKind, Callable[[Facts], str | None]], ...] = (
    (VerdictKind.TAMPERED, _tampered),
    (VerdictKind.INVALID, _invalid),
    (VerdictKind.CONFLICTING, _conflicting),
    (VerdictKind.UNTRUSTED, _untrusted),
    (VerdictKind.VERIFIED, _verified),
    (VerdictKind.RECOVERED, _recovered),
    (VerdictKind.DECLARED, _declared),
    (VerdictKind.UNREADABLE, _unreadable),
    (VerdictKind.INCOMPLETE, _incomplete),
    (VerdictKind.UNMARKED, _unmarked),
)


def _ai(kind: VerdictKind, facts: Facts) -> AI:
    """What the mark that decides says; nothing is taken from a broken one, and a contradiction stays open."""
    if kind in (VerdictKind.VERIFIED, VerdictKind.UNTRUSTED) and facts.whole is not None:
        return facts.whole.ai
    if kind is VerdictKind.RECOVERED and facts.match is not None:
        return facts.match.ai
    if kind is VerdictKind.DECLARED:
        partial = (facts.intact.ai,) if facts.intact is not None else ()
        return loudest((*partial, *(layer.ai for layer in facts.unsigned)))
    return AI.UNKNOWN


def _speaker(kind: VerdictKind, reason: str, facts: Facts) -> Statement | None:
    """The signed statement that the verdict shows signer and time of; after tampering only if the signature holds."""
    if kind is VerdictKind.RECOVERED:
        return facts.match
    if kind is VerdictKind.TAMPERED and facts.deciding is not None:
        signed = reason in ("manifest.tampered.binding", "manifest.tampered.assertion")
        return Statement(AI.UNKNOWN, facts.deciding.detail) if signed else None
    return facts.intact


def _generator(facts: Facts, said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if said:
        return generator_of(said)
    return next((found for layer in facts.metadata if (found := generator_of(layer.detail))), None)


def _identifier(facts: Facts, said: Mapping[str, Any]) -> str | None:
    if said:
        return text(said, "identifier")
    named = (text(layer.detail, "identifier") for layer in facts.metadata)
    seen = (layer.payload for layer in facts.watermarks)
    return next((identifier for identifier in (*named, *seen) if identifier), None)


def _training(facts: Facts) -> str | None:
    """The strictest permission found in any mark that can be believed as far as it goes."""
    beside = facts.sidecar
    signed = [statement.detail for statement in (facts.intact, facts.match) if statement is not None]
    if beside is not None and beside.state in (State.VALID, State.EXPIRED):
        signed.append(beside.detail)
    return strictest_training((*signed, *(layer.detail for layer in facts.metadata)))


def _recovery(facts: Facts) -> Mapping[str, Any] | None:
    """All that registries offered: the match, every candidate, and what only looks similar."""
    if not facts.candidates:
        return None
    return {
        "match": facts.match and dict(facts.match.detail),
        "candidates": [dict(candidate.detail) for candidate in facts.candidates if candidate.by_watermark],
        "similar": [dict(candidate.detail) for candidate in facts.candidates if not candidate.by_watermark],
    }
