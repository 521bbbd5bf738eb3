"""The evidence of one manifest: its state from the validation codes, its facts from the report. Without c2pa."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

from ..containers.boxes import BoxWalker
from ..errors import LimitExceeded, UnreadableFile
from ..evidence import Layer, LayerEvidence, State
from ..inert import inert
from ..limits import Limits
from ..trust import NOBODY, Anchor, Trust
from ..trust.revocation import Answer, RevocationChecker
from . import codes, revoked
from .binding import ALGORITHMS, MALFORMED, MISMATCH, DataHash, Fault, OwnBinding, data_hash, holds
from .certificates import doubt, opened
from .coverage import Coverage, coverage
from .identities import Identity, identities
from .manifest_reading import ManifestReport, Status, explanations
from .store import Piece, compressed, doubled, signer_chain
from .vouching import NOBODY_VOUCHES, anchor_named, for_times_alone, voucher

# c2pa's explanation, beside a dataHash mismatch, when a store does not stand where the exclusion is.
_ELSEWHERE = "exclusion does not match"
# c2pa calls every time-stamp of a claim of version 1 trusted, whoever made it, and says so by this word.
_LEGACY = "legacy"
_SIGNERS, TIME_STAMPS, _IDENTITIES = "manifest", "tsa", "cawg"  # kinds of anchors, in c2pa's words


Again = Callable[[tuple[Anchor, ...], str], ManifestReport | None]
"""Validates the signatures once more, with these anchors as the only ones; the second is c2pa's word for their kind."""


def _never_again(anchors: tuple[Anchor, ...], kind: str) -> None:
    return None


def evidence(
    report: ManifestReport,
    *,
    layer: Layer,
    store: bytes | None,
    file: BinaryIO,
    trust: Trust = NOBODY,
    own_binding: OwnBinding | None = None,
    again: Again = _never_again,
    broken: str | None = None,
    revocation: RevocationChecker | None = None,
    unbound: bool = False,
) -> LayerEvidence:
    """Judge a report. store: the bytes of the manifest store, for the certificate.

    own_binding: takes the place of c2pa's check of the hard binding. again: validates anew with anchors for another
    purpose, which c2pa would not keep apart. broken: why the file around the store could not be parsed.
    revocation: asks whether the signer was revoked, where all else holds. unbound: the content is not there, and the
    state is told as if the hard binding held.
    """
    active = report.active
    success = report.statuses("success")
    informational = report.statuses("informational")
    failure = [one for one in report.statuses("failure") if not one.code.startswith(codes.INGREDIENT_FAMILY)]
    if own_binding is not None:
        failure = _rebound(failure, binding_faults(report, own_binding))
        if not any(_is_data_hash(one) for one in failure):
            success.append(Status("assertion.dataHash.match", "data hash valid"))
    elif broken is not None or any(_is_data_hash(one) and _ELSEWHERE in one.explanation for one in failure):
        failure = _rebound(failure, _displaced(report, file, broken))

    if not any(one.code in codes.BINDING for one in failure):
        failure += _unbound(report)
    failure = _uncheckable(report, failure)
    failure += _unproven(success, failure)

    chain = signer_chain(store, active) if store else ()
    failure += _ambiguous(store, active, chain, success)
    leaf = _Leaf.of(report, chain)
    if leaf.other_purpose:
        failure.append(Status("signingCredential.invalid", "the certificate is one for time-stamps or revocation"))
    time = _Time.of(report, success, again, trust)
    if time.expiry is not None:
        failure = [one for one in failure if one.code not in codes.EXPIRED] + list(time.expiry)
    elif leaf.lapsed and not any(one.code in codes.EXPIRED for one in failure):
        failure.append(Status("signingCredential.expired", "the certificate has expired, with no trusted time-stamp"))

    success, informational = time.without_other_opinions(success, informational)
    vouched = NOBODY_VOUCHES
    if time.proven and leaf.lapsed and not _trusted(success):
        success, failure = _as_of_then(success, failure, again, trust)
    if by := _trusted(success):
        times = for_times_alone(trust) if time.proven and leaf.lapsed else ()
        vouched = voucher(by.explanation, trust, chain, time.proven, partial(_confirmed, again, times))
    why = doubt(chain) if vouched.trusted else None
    if why:
        vouched = NOBODY_VOUCHES
    elif vouched.lapsed:
        why = "the term of who vouches for the signer is over"
    if why:
        success = [one for one in success if one.code != "signingCredential.trusted"]
        failure.append(Status("signingCredential.untrusted", why))
    trusted = vouched.trusted
    named = identities(report, partial(again, trust.identity_anchors, _IDENTITIES))
    answer: Answer | None = None
    if revocation is not None and _state(failure, unbound=unbound) in (State.VALID, State.EXPIRED):
        answer = revoked.answer(revocation, chain, trusted=trusted, proven=time.proven)
        informational = [one for one in informational if one.code != codes.OCSP_SKIPPED]
        kind, told = revoked.status(answer)
        {"success": success, "informational": informational, "failure": failure}[kind].append(told)
    state = _state(failure, unbound=unbound)
    covered = _coverage(report, file, failure)
    if covered and not covered.whole and state in (State.VALID, State.EXPIRED):
        informational.append(Status(codes.PARTIAL, "the hard binding leaves out more than the manifest's own place"))
    all_codes = _all_codes([*success, *informational, *failure], named)
    told_of = [*failure, *(one for one in informational if one.code not in codes.HARMLESS)]
    ingredients = report.ingredients(active)
    training = report.training(active)
    detail: dict[str, Any] = {
        "manifest_id": inert(active),
        "title": report.title(active),
        "signer": {**leaf.to_json(), **vouched.to_json()},
        "signed_at": time.at,
        "time_source": time.source,
        "generator": report.generator(active),
        "identifier": report.identifier(active),
        "training": str(training) if training else None,
        "digital_source_type": report.source_type(active),
        "profile": report.profile(active),
        "declaration": report.declaration(active),
        "disclosure": report.disclosure(active),
        "watermark": report.watermark(active),
        "soft_bindings": report.soft_bindings(active) or None,
        "identities": [one.to_json() for one in named] or None,
        "ingredients": [entry.to_json() for entry in ingredients],
        "ingredients_ok": not any(entry.broken for entry in ingredients),
        "binding": covered.to_json() if covered else None,
        "revocation": answer.to_json() if answer else None,
        "explanations": explanations([one for one in told_of if one.code in all_codes]),
    }
    return LayerEvidence(
        layer,
        state,
        ai=report.ai(active),
        codes=all_codes,
        detail={key: value for key, value in detail.items() if value is not None},
    )


def _state(failure: list[Status], *, unbound: bool) -> State:
    return codes.state_of(one.code for one in failure if not (unbound and one.code in codes.BINDING))


def _trusted(success: list[Status]) -> Status | None:
    return next((one for one in success if one.code == "signingCredential.trusted"), None)


def _as_of_then(
    success: list[Status], failure: list[Status], again: Again, trust: Trust
) -> tuple[list[Status], list[Status]]:
    """Who vouches for a signer whose certificate has expired since, at the time that a trusted time-stamp shows.

    c2pa looks back only where it trusts the time-stamp, for which it must know both kinds of anchor at once. Those for
    signers come first, and are named by their place, so that one for time-stamps is not taken for one of them.
    """
    then = again((*trust.anchors, *for_times_alone(trust)), _SIGNERS)
    by = _trusted(then.statuses("success")) if then else None
    if by is None or anchor_named(by.explanation, trust) is None:
        return success, failure
    return [*success, by], [one for one in failure if one.code != "signingCredential.untrusted"]


def _confirmed(again: Again, times: tuple[Anchor, ...], anchor: Anchor) -> bool:
    """Whether c2pa trusts the signer under this set of anchors alone. times: those for time-stamps, to look back."""
    then = again((anchor, *times), _SIGNERS)
    by = _trusted(then.statuses("success")) if then else None
    return by is not None and anchor_named(by.explanation, Trust((anchor,))) is not None


def _all_codes(statuses: list[Status], named: list[Identity]) -> tuple[str, ...]:
    """Every code once; about identities what counts for them, which not all anchors do."""
    own = [one.code for one in statuses if not (named and one.code.startswith("cawg."))]
    return tuple(dict.fromkeys([*own, *(code for one in named for code in one.codes)]))


def unreadable(layer: Layer, code: str, sentence: str, state: State | None = None) -> LayerEvidence:
    """The evidence of a manifest that cannot be judged: at a remote address, or c2pa gave up."""
    state = state or (State.REMOTE if code == codes.REMOTE else State.INVALID)
    return LayerEvidence(layer, state, codes=(code,), detail={"explanations": {code: sentence}})


def binding_faults(report: ManifestReport, own_binding: OwnBinding) -> list[Fault]:
    """What a text's own check says about the hard binding of the active manifest."""
    bound = bound_data(report)
    if bound is None:
        return [Fault(MALFORMED, "the manifest holds no data hash that could be checked")]
    return list(own_binding(bound))


def _unproven(success: list[Status], failure: list[Status]) -> list[Status]:
    """The absence of failures proves nothing: signature and hard binding must be reported to hold."""
    held = {one.code for one in success}
    if codes.state_of(one.code for one in failure) not in (State.VALID, State.EXPIRED):
        return []
    if codes.SIGNATURE_HOLDS in held and held & codes.BINDING_HOLDS:
        return []
    return [Status(codes.UNPROVEN, "the validation reports neither that signature and content match nor why not")]


def _unbound(report: ManifestReport) -> list[Status]:
    """An update manifest binds the content by its parent's hash: worth nothing where that was changed since.

    To c2pa it is a fault of the parent alone.
    """
    broken = [entry for entry in report.binders(report.active) if entry.broken]
    if any(entry.state is State.TAMPERED for entry in broken):
        return [Status("assertion.hashedURI.mismatch", "the manifest that binds the content was changed")]
    return [Status(codes.UNPROVEN, "the manifest that binds the content cannot be judged")] if broken else []


def _ambiguous(store: bytes | None, active: str, chain: tuple[bytes, ...], success: list[Status]) -> list[Status]:
    """What c2pa reads in one way and others could read in another."""
    if store is None or not any(one.code == codes.SIGNATURE_HOLDS for one in success):
        return []
    if not chain and compressed(store, active):
        return [Status(codes.UNSUPPORTED, "the manifest is compressed, which is not supported")]
    if not chain or opened(chain[0]) is None:  # what is asked of the certificate cannot be asked
        return [Status(codes.UNPROVEN, "the certificate of the signature cannot be found or read")]
    return [Status(codes.UNPROVEN, "two manifests bear the same label")] if doubled(store) else []


def _uncheckable(report: ManifestReport, failure: list[Status]) -> list[Status]:
    """A hash or signature that c2pa cannot compute is none that differs: nobody is accused of a change for it."""
    found = report.manifest(report.active).get("claim")
    claim = found if isinstance(found, dict) else {}
    binding = report.binding(report.active)
    dropped: set[str] = set()
    if binding and _disallowed(binding[1].get("alg") or claim.get("alg")):
        dropped |= codes.BINDING
    if _disallowed(claim.get("alg")):
        dropped.add("assertion.hashedURI.mismatch")
    if any(one.code == codes.UNSUPPORTED for one in failure):
        dropped.add("claimSignature.mismatch")
    if not dropped:
        return failure
    kept = [one for one in failure if one.code not in dropped]
    return [*kept, Status(codes.UNSUPPORTED, "an algorithm is not supported or not allowed")]


def _disallowed(alg: object) -> bool:
    return isinstance(alg, str) and alg not in ALGORITHMS


def in_place(report: ManifestReport, piece: Piece) -> bool:
    """Whether a store stands where its own hard binding says, and not in a picture, say, inside a recording's tags."""
    found = report.binding(report.active)
    if found is None or found[0] != "dataHash":
        return found is not None and found[0] == "bmffHash" and piece.boxed
    bound, end = bound_data(report), piece.offset + len(piece.store or b"")
    return bound is not None and any(
        start <= piece.offset and end <= start + length for start, length in bound.exclusions
    )


def at_top_level(file: BinaryIO, piece: Piece, limits: Limits) -> bool:
    """Whether a store stands in a box of its own among the outermost boxes of a file."""
    with suppress(UnreadableFile, LimitExceeded):
        boxes = BoxWalker(file, limits).top()
        return any(box.uuid is not None and box.start <= piece.offset < box.end for box in boxes)
    return False


def _displaced(report: ManifestReport, file: BinaryIO, broken: str | None) -> list[Fault]:
    """c2pa's refusal says nothing about the content: hash it ourselves, so that nobody is accused wrongly."""
    bound = bound_data(report)
    if bound is None:
        # A binding to the file's structure, and the structure is gone.
        return [Fault(MISMATCH, f"the file can no longer be parsed: {broken}")] if broken else []
    if not holds(file, bound):
        return [Fault(MISMATCH, "the content is not that which was signed")]
    if broken:
        return [Fault(codes.NOT_PARSED, f"the content is as it was signed, but the file cannot be parsed: {broken}")]
    return [Fault(MALFORMED, "the content is as it was signed, but the manifest stands elsewhere than it says")]


def _rebound(failure: list[Status], faults: list[Fault]) -> list[Status]:
    kept = [one for one in failure if not _is_data_hash(one)]
    return kept + [Status(fault.code, fault.sentence) for fault in faults]


def _is_data_hash(status: Status) -> bool:
    return status.code.startswith("assertion.dataHash.")


def bound_data(report: ManifestReport) -> DataHash | None:
    """The active manifest's hard binding, if it is a well-formed hash over bytes."""
    found = report.binding(report.active)
    if found is None or found[0] != "dataHash":
        return None
    default = report.manifest(report.active).get("claim", {}).get("alg") or "sha256"
    return data_hash(found[1], default)


def _coverage(report: ManifestReport, file: BinaryIO, failure: list[Status]) -> Coverage | None:
    found = report.binding(report.active)
    if found is None:
        return None
    displaced = any(one.code == MALFORMED for one in failure)
    return coverage(*found, bound_data(report), file, displaced=displaced)


@dataclass(frozen=True)
class _Time:
    """When the manifest was signed, and how one knows. expiry: what a trusted time makes of the certificate's term."""

    at: str | None
    source: str
    expiry: tuple[Status, ...] | None = None

    @classmethod
    def of(
        cls,
        report: ManifestReport,
        success: list[Status],
        again: Again,
        trust: Trust,
    ) -> _Time:
        stamped = any(one.code in ("timeStamp.validated", "timeStamp.trusted") for one in success)
        at = _iso(_signature(report).get("time"))
        if not stamped or at is None:
            claimed = _iso(report.claimed_time(report.active))
            return cls(claimed, "claimed" if claimed else "none")
        then = again(trust.time_anchors, TIME_STAMPS)
        if then and any(
            one.code == "timeStamp.trusted" and _LEGACY not in one.explanation for one in then.statuses("success")
        ):
            expiry = tuple(one for one in then.statuses("failure") if one.code in codes.EXPIRED)
            return cls(at, "tsa-trusted", expiry)
        return cls(at, "tsa-untrusted")

    @property
    def proven(self) -> datetime | None:
        """The time, where a trusted time-stamp shows it."""
        return datetime.fromisoformat(self.at) if self.source == "tsa-trusted" and self.at else None

    def without_other_opinions(
        self, success: list[Status], informational: list[Status]
    ) -> tuple[list[Status], list[Status]]:
        """The codes with ours in place of what c2pa says of the time-stamp when it knows the wrong anchors."""
        if self.source not in ("tsa-trusted", "tsa-untrusted"):
            return success, informational
        success = [one for one in success if one.code != "timeStamp.trusted"]
        informational = [one for one in informational if one.code != "timeStamp.untrusted"]
        if self.source == "tsa-trusted":
            return [*success, Status("timeStamp.trusted", "")], informational
        return success, [*informational, Status("timeStamp.untrusted", "no anchor vouches for who made it")]


@dataclass(frozen=True)
class _Leaf:
    """The signer's certificate."""

    name: str | None
    organization: str | None
    fingerprint: str | None = None
    lapsed: bool = False
    other_purpose: bool = False
    """Made out for time-stamps or answers on revocation, with which nobody may sign works; c2pa lets it pass."""

    @classmethod
    def of(cls, report: ManifestReport, chain: tuple[bytes, ...]) -> _Leaf:
        found = opened(chain[0]) if chain else None
        signature = _signature(report)
        name, organization = signature.get("common_name"), signature.get("issuer")  # the leaf's, whatever the word
        if found is None:
            return cls(_shown(name), _shown(organization))
        return cls(
            _shown(found.name or name),
            _shown(found.organization or organization),
            found.fingerprint,
            found.expires < datetime.now(UTC),
            found.other_purpose,
        )

    def to_json(self) -> dict[str, str | None]:
        return {"name": self.name, "organization": self.organization, "fingerprint": self.fingerprint}


def _signature(report: ManifestReport) -> Mapping[str, Any]:
    found = report.manifest(report.active).get("signature")
    return found if isinstance(found, dict) else {}


def _shown(value: object) -> str | None:
    return inert(value) if isinstance(value, str) and value else None


def _iso(text: object) -> str | None:
    """A time as RFC 3339 in UTC; None for what is no time."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        return None
