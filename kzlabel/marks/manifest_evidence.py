"""The evidence of one manifest: its state from the validation codes, its facts from the report. Without c2pa."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

from ..containers.boxes import BoxWalker
from ..errors import LimitExceeded, UnreadableFile
from ..evidence import Layer, LayerEvidence, State
from ..inert import inert
from ..limits import DEFAULT_LIMITS, Limits
from ..trust import NOBODY, Trust
from . import codes
from .binding import MALFORMED, MISMATCH, DataHash, Fault, OwnBinding, data_hash, holds
from .manifest_reading import ManifestReport, Status, explanations
from .store import Piece, signer_certificate

# c2pa's explanation, beside a dataHash mismatch, when a store does not stand where the exclusion is.
_ELSEWHERE = "exclusion does not match"
_MAX_PLACES = 200  # byte ranges listed
# c2pa calls every time-stamp of a claim of version 1 trusted, whoever made it, and says so by this word.
_LEGACY = "legacy"


def evidence(
    report: ManifestReport,
    *,
    layer: Layer,
    store: bytes | None,
    file: BinaryIO,
    trust: Trust = NOBODY,
    own_binding: OwnBinding | None = None,
    with_time_anchors: Callable[[], ManifestReport | None] | None = None,
    broken: str | None = None,
) -> LayerEvidence:
    """Judge a report. store: the bytes of the manifest store, for the certificate.

    own_binding: takes the place of c2pa's check of the hard binding. with_time_anchors: validates again, with
    time-stamping authorities as the only anchors. broken: why the file around the store could not be parsed.
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

    failure += _unproven(success, failure)

    leaf = _Leaf.of(report, store)
    if leaf.other_purpose:
        failure.append(Status("signingCredential.invalid", "the certificate is one for time-stamps or revocation"))
    time = _Time.of(report, success, with_time_anchors)
    if time.expiry is not None:
        failure = [one for one in failure if one.code not in codes.EXPIRED] + list(time.expiry)
    elif leaf.lapsed and not any(one.code in codes.EXPIRED for one in failure):
        failure.append(Status("signingCredential.expired", "the certificate has expired, with no trusted time-stamp"))

    success, informational = time.without_other_opinions(success, informational)
    trusted = any(one.code == "signingCredential.trusted" for one in success)
    ingredients = report.ingredients(active)
    training = report.training(active)
    detail: dict[str, Any] = {
        "manifest_id": inert(active),
        "title": report.title(active),
        "signer": {**leaf.to_json(), "trusted": trusted, "trust_list": _trust_list(report, trust) if trusted else None},
        "signed_at": time.at,
        "time_source": time.source,
        "generator": report.generator(active),
        "identifier": report.identifier(active),
        "training": str(training) if training else None,
        "digital_source_type": report.source_type(active),
        "declaration": report.declaration(active),
        "disclosure": report.disclosure(active),
        "ingredients": [entry.to_json() for entry in ingredients],
        "ingredients_ok": not any(entry.broken for entry in ingredients),
        "binding": _binding(report, file, failure),
        "explanations": explanations([*failure, *(one for one in informational if one.code not in codes.HARMLESS)]),
    }
    return LayerEvidence(
        layer,
        codes.state_of(one.code for one in failure),
        ai=report.ai(active),
        codes=tuple(dict.fromkeys(one.code for one in [*success, *informational, *failure])),
        detail={key: value for key, value in detail.items() if value is not None},
    )


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


def _binding(report: ManifestReport, file: BinaryIO, failure: list[Status]) -> dict[str, Any] | None:
    """The kind of the hard binding, and the byte ranges that it leaves out, the manifest's own place aside."""
    found = report.binding(report.active)
    if found is None:
        return None
    kind, assertion = found
    places: list[tuple[int, int]] = []
    if kind == "bmffHash":
        places = _open_boxes(assertion, file)
    elif bound := bound_data(report):
        # c2pa makes sure that the manifest stands in an exclusion, unless it says that it does not.
        displaced = any(one.code == MALFORMED for one in failure)
        own = None if displaced else max(bound.exclusions, key=lambda place: place[1], default=None)
        places = [place for place in bound.exclusions if place != own]
    return {"type": kind, "uncovered": [list(place) for place in places[:_MAX_PLACES]]}


def _open_boxes(assertion: Mapping[str, Any], file: BinaryIO) -> list[tuple[int, int]]:
    """Boxes of the top level that a bmffHash leaves out: by the rules `ftyp` and `mfra`, often `free` and `skip`."""
    exclusions = assertion.get("exclusions")
    named = {
        entry["xpath"][1:].encode()
        for entry in (exclusions if isinstance(exclusions, list) else ())
        # With data to match, as for the manifest's own box, it is not every box of that type.
        if isinstance(entry, dict) and isinstance(entry.get("xpath"), str) and not entry.get("data")
    }
    found: list[tuple[int, int]] = []
    with suppress(UnreadableFile, LimitExceeded):
        for box in BoxWalker(file, DEFAULT_LIMITS).top():
            if box.type in named:
                found.append((box.start, box.end - box.start))
    return found


def _trust_list(report: ManifestReport, trust: Trust) -> dict[str, str | None] | None:
    """The anchor that c2pa names by its number."""
    number = (report.trust_uri or "").rpartition("-")[2]
    if not number.isdecimal() or int(number) >= len(trust.anchors):
        return None
    anchor = trust.anchors[int(number)]
    return {"name": inert(anchor.name), "date": anchor.date}


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
        with_time_anchors: Callable[[], ManifestReport | None] | None,
    ) -> _Time:
        stamped = any(one.code in ("timeStamp.validated", "timeStamp.trusted") for one in success)
        at = _iso(_signature(report).get("time"))
        if not stamped or at is None:
            claimed = _iso(report.claimed_time(report.active))
            return cls(claimed, "claimed" if claimed else "none")
        again = with_time_anchors() if with_time_anchors else None
        if again and any(
            one.code == "timeStamp.trusted" and _LEGACY not in one.explanation for one in again.statuses("success")
        ):
            expiry = tuple(one for one in again.statuses("failure") if one.code in codes.EXPIRED)
            return cls(at, "tsa-trusted", expiry)
        return cls(at, "tsa-untrusted")

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
    def of(cls, report: ManifestReport, store: bytes | None) -> _Leaf:
        der = signer_certificate(store, report.active) if store else None
        opened = (_remembered if len(der) <= _USUAL else _opened)(der) if der else None
        signature = _signature(report)
        name, organization = signature.get("common_name"), signature.get("issuer")  # the leaf's, whatever the word
        if opened is None:
            return cls(_shown(name), _shown(organization))
        return cls(
            _shown(opened.name or name),
            _shown(opened.organization or organization),
            opened.fingerprint,
            opened.expires < datetime.now(UTC),
            opened.other_purpose,
        )

    def to_json(self) -> dict[str, str | None]:
        return {"name": self.name, "organization": self.organization, "fingerprint": self.fingerprint}


@dataclass(frozen=True)
class _Certificate:
    """What counts of a certificate, as it stands in it."""

    name: str | None
    organization: str | None
    fingerprint: str
    expires: datetime
    other_purpose: bool


def _opened(der: bytes) -> _Certificate | None:
    """None for what is no certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    try:
        with warnings.catch_warnings(action="ignore"):  # a hostile certificate must not write on the screen
            certificate = x509.load_der_x509_certificate(der)
        name, organization = (
            next((str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)), None)
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        )
        other_purpose = any(
            purpose in (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.OCSP_SIGNING)
            for extension in certificate.extensions
            if isinstance(extension.value, x509.ExtendedKeyUsage)
            for purpose in extension.value
        )
        fingerprint = certificate.fingerprint(SHA256()).hex()
        return _Certificate(name, organization, fingerprint, certificate.not_valid_after_utc, other_purpose)
    except (ValueError, x509.InvalidVersion):
        return None


# File after file is signed with the same few certificates, and to open one takes a tenth of a verification.
_USUAL = 16 * 1024  # bytes; larger ones are opened each time, so that nobody fills the memory with them
_remembered = lru_cache(maxsize=32)(_opened)


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
