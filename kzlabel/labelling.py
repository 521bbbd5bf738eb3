"""The use case "label one file": disclose, describe, sign, read back, register, move into place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from .admission import (
    STAMPED,
    check_targets,
    disclosed_already,
    format_of,
    hint_of,
    labelled_already,
    refuse_camera,
    sidecar_of,
    state_of,
)
from .containers.base import Slots
from .declaration import Declaration, Source
from .disclosure.wording import phrases
from .errors import AlreadyLabelled, InputError, InternalError, KzlabelError, MissingProgram, UnreadableFile
from .evidence import Layer, LayerEvidence, State
from .files import (
    check_input,
    copy_whole,
    publish,
    publish_both,
    sha256_of,
    take_over,
    workspace,
    writing,
)
from .fingerprint import keys
from .inert import inert
from .marks import metadata, soft_binding, text_manifest
from .marks.binding import OwnBinding
from .marks.definition import definition
from .marks.manifest import ANY_BYTES, Parent, sign_detached, sign_file
from .media import Carrier, Format, Rendered, RenderPlan
from .registry import Entry, Printed
from .registry.registrar import Registrar
from .request import Labelled, LabelOptions, Request
from .signing import DEVELOPMENT, Signer
from .signing.audit import Signature, Trail
from .signing.time_stamping import TimeStamping
from .verification.collect import Collected, Collector
from .watermarking import confirmed, still_there, watermarking

RENDERED, SIGNED = "rendered", "signed"  # unfinished files, in a folder of their own


@dataclass(frozen=True)
class Means:
    """What a labeller keeps for many files.

    open_signer: called once it is known that there is something to sign, since opening may make a key.
    """

    open_signer: Callable[[], Signer]
    time_stamping: TimeStamping
    audit: Trail
    registrar: Registrar
    collector: Collector


def label_file(request: Request, options: LabelOptions, means: Means) -> Labelled:
    """Label one file: disclose, describe, sign, read back, register, move into place.

    Raises the errors of the tree in `kzlabel.errors`; whatever happens, the input is whole and no half output is left.
    """
    with _as_people_know_it(request):
        return _label(request, options, means)


def _label(request: Request, options: LabelOptions, means: Means) -> Labelled:
    source, declaration = request.source, request.declaration
    open_signer, collector = means.open_signer, means.collector
    check_input(source)
    earlier = collector.collect(source, name=request.name, hint=hint_of(request))
    format = format_of(earlier, request, options)
    info = format.probe(source, options.limits)
    sidecar = sidecar_of(request, format, info)
    check_targets(request, sidecar, options, earlier, format)

    if labelled_already(earlier, declaration, options, open_signer):
        return _unchanged(request, options, earlier, format, sidecar)
    if declaration.source is Source.GENERATED and not options.source_confirmed:
        refuse_camera(earlier, info, request.name)

    if not request.dry_run:
        declaration = means.registrar.issued(declaration, open_signer, drawn=request.drawn)
        request = replace(request, declaration=declaration)

    # What is bound to a sidecar must not keep an earlier manifest inside it, so that it is disclosed and written anew.
    present = None if request.sidecar else disclosed_already(earlier, declaration, options, open_signer)
    plan, notes = _render_plan(request, options, earlier, format, disclose=present is None)
    mark = watermarking(source, format, earlier, declaration, options, open_signer)
    plan, notes = replace(plan, watermark=mark.plan), (*notes, *mark.notes)
    if request.dry_run:
        if options.signer != DEVELOPMENT:  # opening that one may make a key
            open_signer()
        return _planned(request, format, sidecar, notes)
    signer = open_signer()
    means.audit.ready()
    # Every writer says itself what went wrong; `writing` is for those that forget that a disk can be full.
    with writing(request.target), workspace(request.target.parent) as room:
        rendered_path = room / f"{RENDERED}{format.extensions[0]}"
        rendered = format.render(source, rendered_path, plan)
        format.check(source, rendered_path, rendered, options.limits)
        if present is not None:
            rendered = replace(rendered, disclosure=present)
        if mark.plan is not None:
            rendered = confirmed(rendered_path, format, rendered, mark.plan, options)
        elif mark.kept is not None:
            rendered = still_there(rendered_path, format, rendered, mark.kept, options)
        if options.watermark:  # else the content is left alone, and not looked at
            rendered = _impressed(rendered_path, format, rendered, options)
        parent = _parent(request, format, earlier, collector)
        profile = options.profile.name
        (finished, store, kept), unstamped = means.time_stamping.sign(
            lambda tsa: _sign(request, format, parent, rendered_path, rendered, room, signer, sidecar, profile, tsa)
        )
        manifest, digest = _read_back(finished, store, request, options, collector, rendered, earlier)
        # Before, not after: a signature that leaves the house unrecorded is worse than a record of one that stays.
        means.audit.record(_signature(request, options, earlier, manifest, digest, store, signer))
        entry = _entry(request, rendered, manifest, digest, kept, signer)
        with means.registrar.entering(entry, kept, request.target, signer, _printed(rendered)) as waiting:
            _publish(finished, store, request, sidecar, room, options)
    return Labelled(
        request.name,
        request.target,
        "labelled",
        format.mime,
        format.medium,
        declaration,
        sidecar,
        rendered.disclosure,
        rendered.watermark,
        manifest.detail.get("manifest_id"),
        digest,
        _time_stamp(manifest, means.time_stamping),
        tuple(dict.fromkeys((*notes, *rendered.notes, *_without_time_stamp(unstamped), *waiting))),
    )


@contextmanager
def _as_people_know_it(request: Request) -> Iterator[None]:
    """Put the input's name into sentences about our own temporary files."""
    try:
        yield
    except KzlabelError as error:
        named, colon, rest = str(error).partition(": ")
        ours = named == request.source.name or Path(named).stem in (RENDERED, SIGNED)
        if not colon or not ours or named == request.target.name:
            raise
        raise type(error)(f"{request.name}: {rest}") from error


# --- what is asked for ---


def _render_plan(
    request: Request, options: LabelOptions, earlier: Collected, format: Format, *, disclose: bool
) -> tuple[RenderPlan, tuple[str, ...]]:
    """One pass over the media: disclosure and merged metadata. With it, sentences about what could not be done."""
    notes: list[str] = []
    slots = Slots()
    if options.metadata and format.holds:
        slots, told = metadata.describe(
            earlier.slots,
            request.declaration,
            holds=format.holds,
            aigc=options.profile.aigc,
            wording=" · ".join(phrase.badge for phrase in phrases(options.plan(request.declaration.source))),
            limits=options.limits,
        )
        if not (slots.xmp or slots.exif or slots.tags):
            raise UnreadableFile(
                f"{request.name}: its XMP packet cannot be parsed, and there is no other place for the metadata; "
                "take it out, or use --no-metadata"
            )
        notes += told
    for layer, wanted in (
        ("disclosure", options.disclosure),
        ("metadata", options.metadata),
        ("watermark", options.watermark),
    ):
        if not wanted and layer in options.profile.layers:
            notes.append(f"written without {layer}, which the profile {options.profile.name} requires")
    if not disclose:
        notes.append("it discloses already what is to be disclosed, so nothing was added to what people perceive")
    broken = earlier.manifest
    if broken and broken.state in (State.TAMPERED, State.INVALID):
        notes.append("the manifest that was there does not hold; it is kept as an ingredient that does not hold")
    plan = RenderPlan(
        disclosure=options.plan(request.declaration.source) if options.disclosure and disclose else None,
        slots=slots,
        encoding=options.encoding,
        limits=options.limits,
        progress=request.progress,
    )
    return plan, tuple(notes)


# --- signing, reading back, publishing ---


def _impressed(path: Path, format: Format, rendered: Rendered, options: LabelOptions) -> Rendered:
    """`rendered` with the fingerprints of the finished work, or with a sentence why there are none."""
    try:
        found = format.fingerprints(path, rendered, options.limits)
    except (InputError, MissingProgram) as error:
        why = str(error).removeprefix(f"{path.name}: ")
        return replace(rendered, fingerprints=(), notes=(*rendered.notes, f"fingerprint: none, {why}"))
    return replace(rendered, fingerprints=found)


def _sign(
    request: Request,
    format: Format,
    parent: Parent | None,
    rendered_path: Path,
    rendered: Rendered,
    room: Path,
    signer: Signer,
    sidecar: Path | None,
    profile: str,
    tsa: str | None,
) -> tuple[Path, bytes | None, bytes]:
    """The finished file, the manifest store where it goes into a sidecar, and the store wherever it goes."""
    opened = parent is not None
    declared = definition(
        request.declaration,
        rendered.disclosure,
        opened=opened,
        fmt=format.mime,
        profile=profile,
        watermark=rendered.watermark,
        fingerprints=rendered.fingerprints,
    )
    if sidecar is not None:
        store = sign_detached(rendered_path, declared, signer, parent=parent, tsa=tsa)
        return rendered_path, store, store
    finished = room / f"{SIGNED}{format.extensions[0]}"
    if format.carrier is Carrier.TEXT:
        stores: list[bytes] = []  # the last one is the one embedded

        def sign(data: bytes, exclusions: tuple[text_manifest.Exclusion, ...], digest: bytes) -> bytes:
            ranges = [(one.start, one.length) for one in exclusions]
            made = sign_detached(
                data,
                declared,
                signer,
                exclusions=ranges,
                content_hash=digest,
                parent=parent,
                tsa=tsa,
                name=request.name,
            )
            stores.append(made)
            return made

        signed = text_manifest.embed(rendered_path.read_bytes(), text_manifest.Structure(format.mime), sign)
        with writing(request.target):
            finished.write_bytes(signed)
        return finished, None, stores[-1]
    return finished, None, sign_file(rendered_path, finished, format.mime, declared, signer, parent=parent, tsa=tsa)


def _parent(request: Request, format: Format, earlier: Collected, collector: Collector) -> Parent | None:
    """The work this one was made from: the one named, else an input that is a modified work or carries a manifest."""
    if request.parent is not None:
        original = collector.collect(request.parent)
        mime = original.format.mime if original.format else ANY_BYTES
        return Parent(request.parent, mime, original.store, _binding(request.parent, original))
    if request.declaration.source is Source.MODIFIED or earlier.manifest is not None:
        return Parent(request.source, format.mime, earlier.store, _binding(request.source, earlier))
    return None


def _binding(path: Path, collected: Collected) -> OwnBinding | None:
    """How a text's own manifest is bound to it; None for everything that c2pa binds itself."""
    found = collected.located
    return text_manifest.own_binding(path.read_bytes(), found) if found and found.store else None


def _time_stamp(manifest: LayerEvidence, time_stamping: TimeStamping) -> dict[str, str] | None:
    """When an authority says that the manifest was signed, and which; None if none was asked or answered."""
    at = manifest.detail.get("signed_at")
    if manifest.detail.get("time_source") not in STAMPED or at is None or time_stamping.url is None:
        return None
    return {"time": at, "authority": time_stamping.url}


def _without_time_stamp(why: str | None) -> tuple[str, ...]:
    if why is None:
        return ()
    return (f"signed without a time-stamp: {why.partition(': ')[2] or why}; --tsa-required would have refused this",)


def _read_back(
    finished: Path,
    store: bytes | None,
    request: Request,
    options: LabelOptions,
    collector: Collector,
    rendered: Rendered,
    earlier: Collected,
) -> tuple[LayerEvidence, str]:
    """Verify our own work as a stranger would. Raises InternalError when a mark is not what it should be."""
    name = request.name
    beside = None
    if store is not None:
        beside = finished.with_name("readback.c2pa")
        with writing(request.target):
            beside.write_bytes(store)
    found = collector.collect(finished, name=request.target.name, beside=beside, hint=finished.name)
    manifest = found.manifest
    if manifest is None or manifest.state is not State.VALID:
        codes = ", ".join(manifest.codes) if manifest else "none found"
        raise InternalError(f"{name}: the manifest just written does not hold ({codes}); nothing was written")
    if manifest.detail.get("identifier") != request.declaration.identifier:
        raise InternalError(f"{name}: the manifest just written has another identifier; nothing was written")
    if rendered.disclosure is not None and state_of(found, Layer.DISCLOSURE) is not State.RECORDED:
        raise InternalError(f"{name}: the disclosure is not recorded in the manifest; nothing was written")
    described = found.layer(Layer.METADATA)
    holds = found.format is not None and found.format.holds
    if options.metadata and holds and (not described or described.state is not State.FOUND):
        if earlier.slots.damage:
            raise UnreadableFile(
                f"{name}: the metadata in it are damaged ({inert(earlier.slots.damage[0])}), so that others would not "
                "be found beside them; take them out, or use --no-metadata"
            )
        raise InternalError(f"{name}: the metadata just written cannot be found again; nothing was written")
    return manifest, found.evidence.sha256 or sha256_of(finished)


def _signature(
    request: Request,
    options: LabelOptions,
    earlier: Collected,
    manifest: LayerEvidence,
    digest: str,
    store: bytes | None,
    signer: Signer,
) -> Signature:
    """What the audit record tells of this signature."""
    source = manifest.detail.get("time_source")
    return Signature(
        request.declaration.identifier,
        manifest.detail.get("manifest_id"),
        earlier.evidence.sha256 or sha256_of(request.source),
        digest,
        sha256(store).hexdigest() if store is not None else None,
        signer.fingerprint,
        options.profile.name,
        source if source in STAMPED else "none",
    )


def _entry(
    request: Request, rendered: Rendered, manifest: LayerEvidence, digest: str, store: bytes, signer: Signer
) -> Entry:
    """What the registry keeps of this label."""
    return Entry(
        request.declaration.identifier,
        rendered.watermark.identifier if rendered.watermark is not None else None,
        sha256(store).hexdigest(),
        manifest.detail.get("manifest_id"),
        digest,
        signer.fingerprint,
    )


def _printed(rendered: Rendered) -> tuple[Printed, ...]:
    """The fingerprints that the registry keeps: those it is asked by, and those too large for the manifest."""
    found = ((one, keys(one)) for one in rendered.fingerprints)
    return tuple(
        Printed(one.algorithm, one.data, asked)
        for one, asked in found
        if asked or len(one.data) > soft_binding.MAX_VALUE
    )


def _publish(
    finished: Path, store: bytes | None, request: Request, sidecar: Path | None, room: Path, options: LabelOptions
) -> None:
    """Put the finished file, and its sidecar if it has one, into place; of two both or neither, if nobody kills us."""
    overwrite = options.overwrite or request.in_place
    if request.target.exists():
        take_over(finished, request.target)
    if store is None or sidecar is None:
        publish(finished, request.target, overwrite=overwrite)
        return
    beside = room / "manifest.c2pa"
    with writing(sidecar):
        beside.write_bytes(store)
    publish_both((beside, sidecar), (finished, request.target), overwrite=overwrite)


# --- outcomes without new work ---


def _unchanged(
    request: Request, options: LabelOptions, earlier: Collected, format: Format, sidecar: Path | None
) -> Labelled:
    """An identical copy, or a refusal where only new files are wanted."""
    manifest = earlier.manifest
    assert manifest is not None
    if options.only_new:
        raise AlreadyLabelled(f"{request.name}: already labelled; leave out --only-new to get a copy")
    in_sidecar = manifest.layer is Layer.SIDECAR
    if not request.dry_run and not request.in_place:
        with workspace(request.target.parent) as room:
            copy = room / "copy"
            copy_whole(request.source, copy)
            _publish(copy, earlier.store if in_sidecar else None, request, sidecar, room, options)
    return Labelled(
        request.name,
        request.target,
        "unchanged",
        format.mime,
        format.medium,
        Declaration.from_json(manifest.detail["declaration"]),
        sidecar if in_sidecar else None,
        manifest_id=manifest.detail.get("manifest_id"),
        sha256=earlier.evidence.sha256,
    )


def _planned(request: Request, format: Format, sidecar: Path | None, notes: tuple[str, ...]) -> Labelled:
    return Labelled(
        request.name, request.target, "planned", format.mime, format.medium, request.declaration, sidecar, notes=notes
    )
