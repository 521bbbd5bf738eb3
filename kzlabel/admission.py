"""What is asked before a file is labelled: its format, where things go, and whether there is anything left to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .declaration import Declaration
from .disclosure.plan import DisclosureRecord
from .errors import UnreadableFile, UnsupportedFormat, UsageError
from .evidence import AI, Layer, LayerEvidence, State
from .files import check_in_place, check_input, check_target
from .marks import metadata
from .marks.sidecar import path_for
from .media import Carrier, Format, MediaInfo
from .request import LabelOptions, Request
from .signing import Signer
from .verification.collect import Collected
from .watermarking import recorded

STAMPED = ("tsa-trusted", "tsa-untrusted")


def format_of(earlier: Collected, request: Request, options: LabelOptions) -> Format:
    format, name = earlier.format, request.name
    if format is None and earlier.evidence.unreadable and earlier.evidence.sha256 is None:
        raise UnreadableFile(earlier.evidence.unreadable)
    if format is None:
        raise UnsupportedFormat(
            f"{name}: this is no file format that kzlabel knows; convert it to JPEG, PNG, MP4, MP3, FLAC or plain text"
        )
    if format.refusal:
        raise UnsupportedFormat(format.sentence_of_refusal(Path(name)))
    expected = request.expected
    if expected and expected.lower().lstrip(".") not in format.names:
        raise UsageError(f"{name}: this is a {format.name} file, and --format says {expected}")
    if not options.keep_name:
        format.check_ending(name, request.target, way_out=", or use --keep-name")
    return format


def hint_of(request: Request) -> str:
    """What tells plain text from Markdown: the input's name, else the format expected, else the output's name."""
    if Path(request.name).suffix:
        return request.name
    return f".{request.expected}" if request.expected else request.target.name


def sidecar_of(request: Request, format: Format, info: MediaInfo) -> Path | None:
    """Where the manifest goes if not into the output."""
    if request.sidecar is not None:
        return request.sidecar
    if format.carrier_for(info) is not Carrier.SIDECAR:
        return None
    if request.alone:
        raise UsageError(f"{request.name}: {format.name} cannot hold a manifest; give --sidecar FILE to put it into")
    return path_for(request.target)


def check_targets(
    request: Request, sidecar: Path | None, options: LabelOptions, earlier: Collected, format: Format
) -> None:
    others = tuple(path for path in (request.parent, options.notice) if path)
    for path in others:
        check_input(path)
    sources = others if request.in_place else (request.source, *others)
    if request.in_place:
        check_in_place(request.source)
    overwrite = options.overwrite or request.in_place
    check_target(request.target, sources, overwrite=overwrite)
    if request.sidecar is not None and _stays_inside(earlier, format, options):
        raise UsageError(
            f"{request.name}: it carries a manifest already, which stays inside it when nothing is disclosed; "
            "leave out --sidecar or --no-disclosure"
        )
    if sidecar is not None:
        check_target(sidecar, (request.source, request.target, *others), overwrite=overwrite)


def _stays_inside(earlier: Collected, format: Format, options: LabelOptions) -> bool:
    """Whether rendering would carry an embedded manifest over, which then holds for nothing."""
    embedded = state_of(earlier, Layer.MANIFEST) not in (State.ABSENT, State.NOT_CHECKED)
    return embedded and format.carrier is Carrier.EMBEDDED and not options.disclosure


def refuse_camera(earlier: Collected, info: MediaInfo, name: str) -> None:
    manifest, described = earlier.manifest, earlier.layer(Layer.METADATA)
    proof = metadata.camera(earlier.slots)
    if described is None or described.ai not in (AI.GENERATED, AI.MODIFIED):
        proof = proof or info.camera
    if manifest and manifest.state in (State.VALID, State.EXPIRED) and manifest.ai is AI.NONE:
        proof = "its manifest names an origin without AI"
    if proof:
        raise UsageError(f"{name}: {proof}; say --source modified or generated")


def labelled_already(
    earlier: Collected, declaration: Declaration, options: LabelOptions, open_signer: Callable[[], Signer]
) -> bool:
    """A valid manifest by the same signer, the same declaration, every layer that is asked for present."""
    manifest = earlier.manifest
    if manifest is None or manifest.state is not State.VALID:
        return False
    try:
        declared = Declaration.from_json(manifest.detail.get("declaration", {}))
    except UsageError:
        return False
    if not declared.same_assertion(declaration):
        return False
    if manifest.detail.get("profile") not in (None, options.profile.name):  # earlier versions record none
        return False
    if not _ours(manifest, open_signer):
        return False
    if options.tsa_required and manifest.detail.get("time_source") not in STAMPED:
        return False
    if options.disclosure and state_of(earlier, Layer.DISCLOSURE) is not State.RECORDED:
        return False
    markable = earlier.format is not None and earlier.format.marks
    if options.watermark and markable and recorded(earlier) is None:
        return False
    holds = earlier.format is not None and earlier.format.holds
    return not (options.metadata and holds) or state_of(earlier, Layer.METADATA) is State.FOUND


def _ours(manifest: LayerEvidence, open_signer: Callable[[], Signer]) -> bool:
    return bool(manifest.detail.get("signer", {}).get("fingerprint") == open_signer().fingerprint)


def disclosed_already(
    earlier: Collected, declaration: Declaration, options: LabelOptions, open_signer: Callable[[], Signer]
) -> DisclosureRecord | None:
    """The disclosure that a valid manifest of the same signer records, if it says what is to be said.

    It is in the content, since the manifest is bound to that, and is not drawn or spoken a second time.
    """
    manifest = earlier.manifest
    if not options.disclosure or options.texts or manifest is None or manifest.state is not State.VALID:
        return None
    if "disclosure" not in manifest.detail or not _ours(manifest, open_signer):
        return None
    try:
        record = DisclosureRecord.from_json(manifest.detail["disclosure"])
    except ValueError:
        return None
    wanted = options.languages is None or set(options.languages) == set(record.languages)
    return record if wanted and record.source is declaration.source else None


def state_of(earlier: Collected, layer: Layer) -> State:
    found = earlier.layer(layer)
    return found.state if found else State.ABSENT
