"""C2PA manifests: signed into a file or beside it, and read back as evidence.

With `signing_hand`, the only importer of c2pa.

Each default that c2pa ships with is a trap here, so nothing is ever done without a context of our own: thumbnails off,
no network, trust from the caller only. The state of a manifest is computed from validation codes, never taken over.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import LimitExceeded, OutputError, SigningError, UnreadableFile
from ..evidence import Layer, LayerEvidence, State
from ..files import reason
from ..inert import inert
from ..limits import DEFAULT_LIMITS, Limits
from ..signing import Signer
from ..signing.profile import PURPOSES
from ..trust import NOBODY, Anchor, Trust
from ..trust.revocation import RevocationChecker
from . import codes
from .binding import DataHash, OwnBinding, assertion_data, digest, whole_file
from .definition import PARENT
from .manifest_evidence import TIME_STAMPS, at_top_level, binding_faults, bound_data, evidence, in_place, unreadable
from .manifest_reading import ManifestReport
from .patience import patient
from .signing_hand import hand_of, signing
from .store import Piece, carve
from .vouching import anchor_name

if TYPE_CHECKING:
    import c2pa

ANY_BYTES = "application/octet-stream"  # to c2pa: no structure, hash the whole

_PURPOSES = "\n".join(PURPOSES)  # of signing certificates, as c2pa wants to be told


@dataclass(frozen=True)
class Parent:
    """The work from which the labelled one was made, or the input that carried a manifest already.

    store: its manifest store when that does not stand inside it (a sidecar, a text's wrapper). binding: how a text's
    store is bound to it. title: only what the user wants to tell.
    """

    path: Path
    mime: str
    store: bytes | None = None
    binding: OwnBinding | None = None
    title: str | None = None


def sign_file(
    source: Path,
    target: Path,
    mime: str,
    definition: Mapping[str, Any],
    signer: Signer,
    *,
    parent: Parent | None = None,
    tsa: str | None = None,
) -> bytes:
    """Write `target`: `source` with a signed manifest in it. A manifest that `source` holds is replaced.
    Returns the manifest store.

    The definition must be one with `opened` exactly if there is a parent. tsa: address of an authority that
    time-stamps the signature. Raises SigningError, TimeStampError, OutputError, UnreadableFile. An unfinished target
    is removed.
    """
    if target.exists() and target.samefile(source):
        raise SigningError(f"{target.name}: source and target are the same file, which would destroy it")
    with (
        hand_of(signer, tsa, source.name) as hand,
        _reading(source) as file,
        _builder(definition, parent) as builder,
        _writing(target) as writer,
        patient(file, source.name, signing=True) as reader,
    ):
        store: bytes = builder.sign(hand, mime, reader, writer)
    return store


def sign_detached(
    data: Path | bytes,
    definition: Mapping[str, Any],
    signer: Signer,
    *,
    exclusions: Sequence[tuple[int, int]] = (),
    content_hash: bytes | None = None,
    parent: Parent | None = None,
    tsa: str | None = None,
    name: str | None = None,
) -> bytes:
    """Sign without touching the content; returns the manifest store, for a sidecar or a text.

    The store is bound to the bytes of `data` outside `exclusions`, or to `content_hash` (SHA-256) where a text counts
    its own way. tsa: as for `sign_file`. name: of the source, for sentences. Streams: a file of any size takes little
    memory.
    Raises SigningError, TimeStampError, UnreadableFile.
    """
    if content_hash is None:
        with _reading(data) as reader:
            content_hash = digest(reader, "sha256", sorted(exclusions))
    bound = assertion_data(DataHash("sha256", content_hash, tuple(sorted(exclusions))))
    with_hash = {
        **definition,
        "assertions": [*definition["assertions"], {"label": "c2pa.hash.data", "created": True, "data": bound}],
    }
    shown = name or (data.name if isinstance(data, Path) else "the content")
    with _builder(with_hash, parent) as builder, hand_of(signer, tsa, shown) as hand:
        builder.set_no_embed()  # type: ignore[no-untyped-call]
        store: bytes = builder.sign(hand, ANY_BYTES, io.BytesIO(), io.BytesIO())
    return store


def read(
    source: Path | bytes,
    mime: str,
    *,
    store: bytes | None = None,
    trust: Trust = NOBODY,
    own_binding: OwnBinding | None = None,
    layer: Layer = Layer.MANIFEST,
    limits: Limits = DEFAULT_LIMITS,
    revocation: RevocationChecker | None = None,
    unbound: bool = False,
) -> LayerEvidence | None:
    """Validate the manifest in a file, or `store` against the file; None if there is none.

    mime: a hint, the bytes decide. own_binding: checks the hard binding of a text, which c2pa refuses.
    revocation: asks whether a trusted signer was revoked. unbound: judge as if the hard binding held.
    Never raises on hostile content, only UnreadableFile when the file cannot be opened or read.
    """
    with _reading(source) as file:
        try:
            if store is not None and own_binding is None:
                report, found, own_binding = _report_of_sidecar(file, mime, store, trust)
            else:
                report, found = _report(file, mime, store, trust)
        except _Unreadable as problem:
            if store is None and not problem.remote:
                return _in_a_broken_file(file, problem, trust, layer, limits)
            return unreadable(layer, codes.REMOTE if problem.remote else codes.UNREADABLE, problem.sentence)
        if report is None:
            return None if store is not None else _overlooked(file, mime, trust, layer, limits)

        def again(anchors: tuple[Anchor, ...], kind: str) -> ManifestReport | None:
            return _report_on_signatures(found, Trust(anchors=anchors), kind) if anchors and found else None

        return evidence(
            report,
            layer=layer,
            store=found,
            file=file,
            trust=trust,
            own_binding=own_binding,
            again=again,
            revocation=revocation,
            unbound=unbound,
        )


def raw(source: Path | bytes, mime: str, *, store: bytes | None = None) -> dict[str, Any] | None:
    """c2pa's detailed report as it stands, without judgement; None if there is no manifest. Texts are not inert.

    Raises UnreadableFile.
    """
    name = source.name if isinstance(source, Path) else "the content"
    with _reading(source) as file:
        try:
            report, _ = _report(file, mime, store, NOBODY)
        except _Unreadable as problem:
            raise UnreadableFile(f"{name}: the manifest cannot be read: {problem.sentence}") from None
    return dict(report.whole) if report else None


def fingerprints_of(store: bytes) -> list[tuple[str, bytes]]:
    """Algorithm and value of each fingerprint that the active manifest of a store is bound to, as signed there.

    Whether the signature holds is for `read` to say. [] where the store cannot be read.
    """
    try:
        report, _ = _report(io.BytesIO(), ANY_BYTES, store, NOBODY)
    except _Unreadable:
        return []
    return report.fingerprints(report.active) if report and report.active else []


def store_of(source: Path | bytes, mime: str) -> bytes | None:
    """The manifest store embedded in a file; None if there is none, or it cannot be read. Raises UnreadableFile."""
    with _reading(source) as file:
        try:
            return _report(file, mime, None, NOBODY)[1]
        except _Unreadable:
            return None


class _Unreadable(Exception):
    """c2pa gave up on a file or a store."""

    def __init__(self, sentence: str, *, remote: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remote = remote


# --- signing ---


@contextmanager
def _builder(definition: Mapping[str, Any], parent: Parent | None) -> Iterator[c2pa.Builder]:
    import c2pa

    def begin(*ingredients: Mapping[str, Any]) -> c2pa.Builder:
        values = {**definition, "ingredients": ingredients} if ingredients else definition
        with signing("the manifest"):
            return c2pa.Builder(json.dumps(values), context=_context(NOBODY, os.getpid()))

    if parent is None:
        builder = begin()
    elif parent.store is not None:
        builder = begin(_detached_ingredient(parent))
        with signing(parent.path.name):
            builder.add_resource(_STORE_NAME, io.BytesIO(parent.store))
    else:
        builder = begin()
        with _reading(parent.path) as file:
            try:
                with patient(file, parent.path.name) as reader:
                    builder.add_ingredient(json.dumps(_ingredient(parent)), parent.mime, reader)
            except c2pa.C2paError as error:
                builder.close()
                if carve(file, 0) is not None:
                    raise SigningError(
                        f"{parent.path.name}: its earlier manifest cannot be read: {inert(str(error), 300)}; "
                        "remove it first"
                    ) from None
                builder = begin(_ingredient(parent))  # no manifest in it, so that nothing is lost
    try:
        yield builder
    finally:
        builder.close()


_STORE_NAME = "parent.c2pa"


def _ingredient(parent: Parent) -> dict[str, Any]:
    titled = {} if parent.title is None else {"title": parent.title}
    return {"relationship": "parentOf", "label": PARENT, "format": parent.mime, **titled}


def _detached_ingredient(parent: Parent) -> dict[str, Any]:
    """An ingredient whose store stands beside it, with what its validation yields today."""
    with _reading(parent.path) as file:
        try:
            report, _ = _report(file, parent.mime if parent.binding is None else ANY_BYTES, parent.store, NOBODY)
        except _Unreadable as problem:
            raise SigningError(
                f"{parent.path.name}: its earlier manifest cannot be read: {problem.sentence}; remove it first"
            ) from None
    if report is None:
        raise SigningError(f"{parent.path.name}: its earlier manifest is empty; remove it first")
    results = report.whole.get("validation_results") or {}
    if parent.binding is not None:
        active = results["activeManifest"]
        kept = [entry for entry in active["failure"] if not str(entry.get("code")).startswith("assertion.dataHash")]
        faults = binding_faults(report, parent.binding)
        kept += [{"code": fault.code, "explanation": fault.sentence} for fault in faults if "dataHash" in fault.code]
        results = {**results, "activeManifest": {**active, "failure": kept}}
    return {
        **_ingredient(parent),
        "active_manifest": report.active,
        "manifest_data": {"format": "application/c2pa", "identifier": _STORE_NAME},
        "validation_results": results,
    }


@contextmanager
def _writing(target: Path) -> Iterator[BinaryIO]:
    """Open the target; what goes wrong with it is an OutputError, though c2pa reports all failures alike."""
    try:
        raw_file = _Raw(target, "w+b")
    except OSError as error:
        raise OutputError(f"{target.name}: {reason(error)}") from None
    try:
        with io.BufferedRandom(raw_file) as writer:
            yield writer
    except BaseException as error:
        if target.is_file():  # never a device
            target.unlink(missing_ok=True)
        cause = error if isinstance(error, OSError) else raw_file.failure
        if cause is None:
            raise
        raise OutputError(f"{target.name}: {reason(cause)}") from None


class _Raw(io.FileIO):
    """A file that remembers why a write failed."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


# --- reading ---


@contextmanager
def _reading(source: Path | bytes) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{source.name}: {reason(error)}") from None
    with file:
        yield file


@lru_cache(maxsize=16)
def _context(trust: Trust, process: int, kind: str = "manifest") -> c2pa.Context:
    """One context for each set of anchors and process; safe for threads, not across a fork.

    Whatever the kind, c2pa takes an anchor for a claim's signer too, so that each purpose needs a context of its own.
    """
    import c2pa

    settings = {
        "trust": {
            "trust_config": _PURPOSES,
            "anchors": [_anchor_settings(index, anchor, kind) for index, anchor in enumerate(trust.anchors)],
        },
        "verify": {
            "verify_trust": kind != TIME_STAMPS,  # whom nobody asks about the signer
            "verify_timestamp_trust": True,
            "verify_after_sign": False,  # every output is read back by whoever wrote it, with more than c2pa looks at
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "builder": {"thumbnail": {"enabled": False}},
        "core": {
            "max_decompressed_manifest_size_in_mb": DEFAULT_LIMITS.max_manifest_bytes >> 20,
            # Else an identity assertion makes c2pa look up, and ask, whatever host its issuer's did:web names.
            "allowed_network_hosts": [],
        },
    }
    try:
        return c2pa.Context(c2pa.Settings.from_dict(settings))
    except c2pa.C2paError as error:
        from ..errors import TrustError

        names = ", ".join(anchor.name for anchor in trust.anchors) or "none"
        raise TrustError(f"trust anchors ({inert(names)}) cannot be used: {inert(str(error), 300)}") from error


def _anchor_settings(index: int, anchor: Anchor, kind: str) -> dict[str, str]:
    return {
        "trust_anchors": anchor.pem,
        "trust_kind": kind,
        "trust_uri": anchor_name(index),
        "trust_config": _PURPOSES,
    }


def _report(file: BinaryIO, mime: str, store: bytes | None, trust: Trust) -> tuple[ManifestReport | None, bytes | None]:
    """Validate; returns the report and the bytes of the store. Raises _Unreadable."""
    import c2pa

    try:
        with patient(file, "the file") as offered:
            reader = c2pa.Reader.try_create(mime, offered, store, context=_context(trust, os.getpid()))
        if reader is None:
            return None, None
        with reader:
            report = ManifestReport(json.loads(reader.detailed_json()))
            if not report.active:  # c2pa cannot put some damaged assertions into its detailed report
                report = ManifestReport(json.loads(reader.json()))
            if not report.active:
                raise _Unreadable("the manifest yields no report")
            return report, store or _embedded_store(reader, report.active)
    except c2pa.C2paError.NotSupported as error:  # type: ignore[attr-defined]
        if _embeds(mime):
            raise _Unreadable(inert(str(error), 300)) from None  # it was such a file once
        return None, None  # a format that cannot hold a manifest
    except c2pa.C2paError as error:
        sentence = inert(str(error), 300)
        remote = sentence.startswith("Remote")
        raise _Unreadable(sentence, remote=remote) from None
    except LimitExceeded as error:
        raise _Unreadable(str(error).removeprefix("the file: ")) from None
    except (ValueError, RecursionError) as error:  # JSON that Python refuses
        raise _Unreadable(inert(str(error), 300)) from None


def _report_on_signatures(store: bytes, trust: Trust, kind: str) -> ManifestReport | None:
    """What c2pa says about the signatures in a store under other anchors: statuses alone, without the content."""
    import c2pa

    with suppress(c2pa.C2paError, ValueError, RecursionError):
        context = _context(trust, os.getpid(), kind)
        reader = c2pa.Reader.try_create(ANY_BYTES, io.BytesIO(), store, context=context)
        if reader is not None:
            with reader:
                return ManifestReport(json.loads(reader.json()))
    return None


def _report_of_sidecar(
    file: BinaryIO, mime: str, store: bytes, trust: Trust
) -> tuple[ManifestReport | None, bytes | None, OwnBinding | None]:
    """As `_report`; a hash over the whole file is left to us, who read it in small pieces: c2pa takes 400 MB for it."""
    report, _ = _report(io.BytesIO(), ANY_BYTES, store, trust)
    bound = bound_data(report) if report else None
    if bound is not None and not bound.exclusions:
        return report, store, partial(whole_file, file)
    return *_report(file, mime, store, trust), None


def _embedded_store(reader: c2pa.Reader, active: str) -> bytes | None:
    """c2pa answers a request for a part of the active manifest with its whole store."""
    import c2pa

    target = io.BytesIO()
    with suppress(c2pa.C2paError):
        reader.resource_to_stream(f"self#jumbf=/c2pa/{active}/c2pa.signature", target)
    return target.getvalue() or None


def _in_a_broken_file(
    file: BinaryIO, problem: _Unreadable, trust: Trust, layer: Layer, limits: Limits
) -> LayerEvidence:
    """c2pa cannot parse the file. It may still hold a store, whose hash tells whether the content was altered."""
    if (piece := carve(file, limits.max_manifest_bytes)) is None:
        return unreadable(layer, codes.NOT_PARSED, problem.sentence, State.NOT_CHECKED)
    return _carved(file, piece, problem.sentence, trust, layer) or unreadable(layer, codes.UNREADABLE, problem.sentence)


def _overlooked(file: BinaryIO, mime: str, trust: Trust, layer: Layer, limits: Limits) -> LayerEvidence | None:
    """c2pa finds no manifest. A damaged length or type of a chunk may hide one that says it stands right here."""
    unknown = mime == ANY_BYTES  # perhaps the very first bytes were damaged
    if not (unknown or _embeds(mime)) or (piece := carve(file, limits.max_manifest_bytes)) is None:
        return None
    if unknown and piece.boxed and not at_top_level(file, piece, limits):
        return None  # a film inside an archive, say
    return _carved(file, piece, "a part of its structure is damaged", trust, layer)


def _carved(file: BinaryIO, piece: Piece, problem: str, trust: Trust, layer: Layer) -> LayerEvidence | None:
    """Evidence from a store that was found by its bytes, unless it belongs to something else inside the file."""
    if piece.store is None:
        return None
    with suppress(_Unreadable):
        report, _ = _report(file, ANY_BYTES, piece.store, trust)
        if report is not None and in_place(report, piece):
            return evidence(report, layer=layer, store=piece.store, file=file, trust=trust, broken=problem)
    return None


def _embeds(mime: str) -> bool:
    """Whether c2pa knows how files of this type hold a manifest."""
    import c2pa

    return mime != ANY_BYTES and mime in c2pa.Reader.get_supported_mime_types()
