"""kzlabel label"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..declaration import Declaration, Generator, Source, Training
from ..disclosure.plan import Position, TextPlace
from ..errors import ExitCode, UsageError
from ..files import check_target, default_target, reason, scratch, spool, write_text, writing
from ..limits import Limits
from ..settings import source_date_epoch
from ..watermark.strength import Strength
from . import output as terminal
from .options import Settings, option, passphrase, registry_token
from .watermark_keys import key_file

EXAMPLE = "Example: kzlabel label picture.png --generator 'Painter@2.1' --producer 'Studio' -o picture.labelled.png"
MAX_DECLARATION_BYTES = 1 << 20


def label(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files to label; - reads one from a pipe.")],
    output: Annotated[str | None, option("--output", "-o", help="Output file; - writes it to a pipe.")] = None,
    out_dir: Annotated[Path | None, option("--out-dir", help="Folder for the outputs, under their own names.")] = None,
    in_place: Annotated[bool, option("--in-place", help="Replace each input by its labelled copy.")] = False,
    follow_symlinks: Annotated[
        bool, option("--follow-symlinks", help="With --in-place: replace what a symbolic link points to.")
    ] = False,
    keep_times: Annotated[bool, option("--keep-times", help="Give the output the input's modification time.")] = False,
    profile: Annotated[
        str, option("--profile", help="Rules to follow: kz, eu, cn, us-ca, in, kr.", metavar="NAME")
    ] = "kz",
    lang: Annotated[
        str | None,
        option("--lang", help="Languages of the disclosure, in order; default: the profile's.", metavar="LIST"),
    ] = None,
    text: Annotated[
        list[str] | None, option("--text", help="Own wording for one language; may be repeated.", metavar="LANG=TEXT")
    ] = None,
    source: Annotated[
        Source | None,
        option("--source", help="Made by a generative system, or altered by one.", show_default="generated"),
    ] = None,
    parent: Annotated[
        Path | None, option("--parent", help="The original of a modified work; implies --source modified.")
    ] = None,
    generator: Annotated[str | None, option("--generator", help="The AI system.", metavar="NAME[@VERSION]")] = None,
    producer: Annotated[str | None, option("--producer", help="Who answers for the work.", metavar="NAME")] = None,
    training: Annotated[
        Training | None, option("--training", help="Permission for training and data mining; unset says nothing.")
    ] = None,
    declaration: Annotated[
        Path | None, option("--declaration", help="JSON file with source, generator, producer, training …")
    ] = None,
    position: Annotated[Position, option("--position", help="Where the badge stands.")] = Position.TOP_RIGHT,
    size: Annotated[float, option("--size", min=1.0, max=10.0, help="Factor on the badge's least height.")] = 1.0,
    crop_safe: Annotated[
        bool | None,
        option(
            "--crop-safe/--no-crop-safe",
            help="Keep the badge whole in centred 1:1, 4:5 and 9:16 crops; default: the profile's.",
        ),
    ] = None,
    text_place: Annotated[TextPlace, option("--text-place", help="Where a text's disclosure stands.")] = TextPlace.TOP,
    notice: Annotated[
        Path | None, option("--notice", help="Own recording, in place of the shipped spoken notice.")
    ] = None,
    encoding: Annotated[
        str | None, option("--encoding", help="Character encoding of a text; default: found out.", metavar="NAME")
    ] = None,
    no_disclosure: Annotated[bool, option("--no-disclosure", help="Write no disclosure that people perceive.")] = False,
    no_metadata: Annotated[bool, option("--no-metadata", help="Write no unsigned metadata.")] = False,
    no_watermark: Annotated[
        bool, option("--no-watermark", help="Put no invisible identifier into the content.")
    ] = False,
    watermark_key: Annotated[
        Path | None,
        option("--watermark-key", help="File with a secret of 16 to 1024 bytes; default: the key that all can read."),
    ] = None,
    watermark_strength: Annotated[
        Strength, option("--watermark-strength", help="What it withstands against what could be noticed.")
    ] = Strength.NORMAL,
    keep_sound: Annotated[
        bool, option("--keep-sound", help="Copy a film's sound bit for bit, without a watermark of its own.")
    ] = False,
    sidecar: Annotated[
        Path | None, option("--sidecar", help="Put the manifest into this file beside the output, not into it.")
    ] = None,
    signer: Annotated[
        str,
        option(
            "--signer",
            help="Whose key signs: dev:, file:CERT,KEY, pkcs12:FILE, pkcs11:…, awskms:///KEY, command:PROGRAM.",
            metavar="URI",
        ),
    ] = "dev:",
    passphrase_env: Annotated[
        str | None,
        option("--passphrase-env", help="Variable that holds the key's passphrase or PIN.", metavar="NAME"),
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        option("--passphrase-fd", help="File descriptor whose first line is the passphrase or PIN.", metavar="N"),
    ] = None,
    allow_shared_key: Annotated[
        bool, option("--allow-shared-key", help="Use a key file that other users may read.")
    ] = False,
    tsa: Annotated[
        str | None,
        option(
            "--tsa",
            help="Time-stamping authority (RFC 3161), for signatures that outlive the certificate.",
            metavar="URL",
        ),
    ] = None,
    tsa_required: Annotated[
        bool, option("--tsa-required", help="Fail (exit 7) rather than sign without a time-stamp.")
    ] = False,
    registry: Annotated[
        str | None,
        option(
            "--registry",
            help="Where labels are registered: postgresql://…, sqlite:///PATH, https://…, none; default: yours if any.",
            metavar="URL",
        ),
    ] = None,
    registry_required: Annotated[
        bool, option("--registry-required", help="Fail (exit 12) rather than let an entry wait for the registry.")
    ] = False,
    audit: Annotated[
        str | None,
        option(
            "--audit",
            help="Where each signature is recorded: a file, syslog: or off; default: a file in your state folder.",
            metavar="PLACE",
        ),
    ] = None,
    format: Annotated[
        str | None,
        option("--format", help="With -o -: the format expected; refused when it is another.", metavar="NAME"),
    ] = None,
    json_file: Annotated[Path | None, option("--json-file", help="With -o -: where the JSON goes.")] = None,
    dry_run: Annotated[bool, option("--dry-run", help="Check everything and say what would be done.")] = False,
    overwrite: Annotated[bool, option("--overwrite", help="Replace outputs that exist.")] = False,
    only_new: Annotated[
        bool, option("--only-new", help="Refuse files that carry this label already (exit 6).")
    ] = False,
    keep_name: Annotated[bool, option("--keep-name", help="Keep an ending that belongs to another format.")] = False,
    ffmpeg: Annotated[
        str | None, option("--ffmpeg", help="The ffmpeg program; default: the one that came with kzlabel.")
    ] = None,
    as_json: Annotated[bool, option("--json", help="One JSON value on stdout: a row for each input.")] = False,
) -> int:
    """Label files: a disclosure that people perceive, metadata, and a signed C2PA manifest.

    Without -o, photo.jpg becomes photo.labelled.jpg. The input is never changed unless --in-place is given.
    """
    from ..labeller import Labeller
    from ..profiles import load_profile
    from ..request import LabelOptions

    settings: Settings = context.obj
    _check_combination(inputs, output, out_dir, in_place, sidecar, json_file, as_json, overwrite)
    if passphrase_fd == 0 and "-" in inputs:
        raise UsageError("-: standard input cannot bring both the file and the passphrase; use another --passphrase-fd")
    known = _declared(declaration)
    stated = {
        "source": source,
        "generator": Generator.parse(generator) if generator else None,
        "producer": producer,
        "training": training,
    }
    known |= {key: value for key, value in stated.items() if value is not None}
    if parent is not None:
        known.setdefault("source", Source.MODIFIED)
    if "identifier" in known and len(inputs) > 1:
        raise UsageError("one identifier cannot stand for several files; take it out of the declaration")

    options = LabelOptions(
        profile=load_profile(profile),
        languages=tuple(part.strip() for part in lang.split(",") if part.strip()) if lang is not None else None,
        texts=dict(_pair(entry) for entry in text or ()),
        position=position,
        size=size,
        crop_safe=crop_safe,
        text_place=text_place,
        notice=notice,
        encoding=encoding,
        disclosure=not no_disclosure,
        metadata=not no_metadata,
        watermark=not no_watermark,
        watermark_key=key_file(watermark_key, allow_shared_key=allow_shared_key),
        watermark_strength=watermark_strength,
        keep_sound=keep_sound,
        only_new=only_new,
        overwrite=overwrite,
        keep_name=keep_name,
        source_confirmed="source" in known,
        signer=signer,
        passphrase=passphrase(passphrase_env, passphrase_fd),
        allow_shared_key=allow_shared_key,
        tsa=tsa,
        tsa_required=tsa_required,
        audit=audit,
        registry=registry,
        registry_required=registry_required,
        registry_token=registry_token(),
        ffmpeg=ffmpeg,
        limits=settings.limits,
    )
    labeller = Labeller(options)

    rows: list[dict[str, Any]] = []
    codes: list[ExitCode] = []
    places = _Places(output, out_dir, in_place, follow_symlinks, inputs, settings.limits)
    with ExitStack() as stack:
        for given in inputs:
            with terminal.outcome(given, rows, codes):
                job = places.job(given, stack)
                times = _times(job.source) if keep_times else None
                with terminal.progress(job.source) as progress:
                    labelled = labeller.label(
                        job.source,
                        job.target,
                        declaration=_declaration(known),
                        parent=parent,
                        sidecar=sidecar,
                        expected=format,
                        name=job.name,
                        dry_run=dry_run,
                        in_place=in_place,
                        alone=job.to_stdout,
                        drawn="identifier" not in known,
                        progress=progress,
                    )
                job.finish(labelled, times)
                rows.append({**labelled.to_json(), "file": given})
                codes.append(ExitCode.DONE)
                if not as_json and output != "-":
                    terminal.line(labelled.sentence)
                for note in labelled.notes:
                    terminal.say(f"{job.name}: {note}")
    for sentence in labeller.take_news():
        terminal.say(f"kzlabel: {sentence}")
    value = rows[0] if len(rows) == 1 else rows
    if as_json:
        terminal.data(value)
    if json_file:
        write_text(json_file, terminal.serialised(value) + "\n", overwrite=overwrite)
    return ExitCode.gravest(codes)


@dataclass(frozen=True)
class _Job:
    """One input with its output, None to replace the input. `name` is what people see."""

    source: Path
    target: Path | None
    name: str
    to_stdout: bool = False

    def finish(self, labelled: Any, times: tuple[int, int] | None) -> None:
        """What comes once the labelled file is in place."""
        if labelled.status == "planned":
            return
        if self.to_stdout:
            terminal.stream(labelled.output)
        elif times:
            with writing(labelled.output):
                os.utime(labelled.output, ns=times)


def _times(source: Path) -> tuple[int, int] | None:
    try:
        status = source.stat()
    except (OSError, ValueError):
        return None  # labelling will say what is wrong
    return status.st_atime_ns, status.st_mtime_ns


class _Places:
    """Where each output goes; no output may take the place of another one or of an input."""

    def __init__(
        self,
        output: str | None,
        out_dir: Path | None,
        in_place: bool,
        follow_symlinks: bool,
        inputs: list[str],
        limits: Limits,
    ) -> None:
        self._output, self._out_dir, self._in_place, self._follow = output, out_dir, in_place, follow_symlinks
        self._limits = limits
        self._taken = {Path(given).absolute(): given for given in inputs if given != "-"}

    def job(self, given: str, stack: ExitStack) -> _Job:
        """The job of one input. Raises UsageError, InputError, OutputError."""
        if given == "-":
            source, name = spool(terminal.pipe(), self._room(stack), limit=self._limits.max_spool_bytes), given
        else:
            source = Path(given)
            name = source.name or given
        if self._output == "-":
            return _Job(source, self._room(stack) / f"output{source.suffix}", name, to_stdout=True)
        if self._in_place:
            return _Job(source.resolve() if self._follow else source, None, name)
        if self._output is not None:
            return _Job(source, Path(self._output), name)
        target = self._out_dir / source.name if self._out_dir is not None else default_target(source)
        if target.absolute() != source.absolute() and (other := self._taken.get(target.absolute())) is not None:
            raise UsageError(f"{name}: its output {target.name} would take the place of {other}; label it by itself")
        self._taken[target.absolute()] = f"the output of {given}"
        return _Job(source, target, name)

    @staticmethod
    def _room(stack: ExitStack) -> Path:
        return stack.enter_context(scratch())


def _check_combination(
    inputs: list[str],
    output: str | None,
    out_dir: Path | None,
    in_place: bool,
    sidecar: Path | None,
    json_file: Path | None,
    as_json: bool,
    overwrite: bool,
) -> None:
    if sum((output is not None, out_dir is not None, in_place)) > 1:
        raise UsageError("-o, --out-dir and --in-place exclude each other; give one of them")
    if len(inputs) > 1 and output is not None:
        raise UsageError("-o names one output, but there are several inputs; use --out-dir")
    if len(inputs) > 1 and sidecar is not None:
        raise UsageError("--sidecar names one file, but there are several inputs; label them one by one")
    if inputs.count("-") and in_place:
        raise UsageError("-: an input from a pipe cannot be replaced in place; use -o")
    if inputs.count("-") and output is None:
        raise UsageError("-: an input from a pipe needs -o, to name the output")
    if inputs.count("-") > 1:
        raise UsageError("-: the pipe can be read only once")
    if output == "-":
        if as_json:
            raise UsageError("-o - takes stdout for the labelled file; send the JSON to --json-file")
        if sys.stdout.isatty():
            raise UsageError("-o - does not write to a terminal; redirect it to a file or a pipe")
        if json_file is not None:
            named = [Path(given) for given in inputs if given != "-"]
            check_target(json_file, (*named, *((sidecar,) if sidecar else ())), overwrite=overwrite)
    elif json_file is not None:
        raise UsageError("--json-file goes with -o -; use --json")


def _pair(entry: str) -> tuple[str, str]:
    language, equals, wording = entry.partition("=")
    if not equals or not language.strip() or not wording.strip():
        raise UsageError(f"--text {entry!r} is not LANG=TEXT, such as en='Made with AI'")
    return language.strip(), wording.strip()


def _declared(file: Path | None) -> dict[str, Any]:
    """The fields that a declaration file sets."""
    if file is None:
        return {}
    try:
        if file.stat().st_size > MAX_DECLARATION_BYTES:
            raise UsageError(f"{file.name}: a declaration of over 1 MB; is this the right file?")
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{file.name}: {reason(error)}; check --declaration") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file.name}: this is no valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{file.name}: a declaration is a JSON object")
    try:
        whole = Declaration.from_json(data)
    except UsageError as error:
        raise UsageError(f"{file.name}: {error}") from None
    return {key: getattr(whole, key) for key in data}


def _declaration(known: dict[str, Any]) -> Declaration:
    declared = Declaration(**known)
    epoch = source_date_epoch(os.environ)
    if epoch is not None and "created" not in known:
        declared = replace(declared, created=datetime.fromtimestamp(epoch, UTC))
    return declared
