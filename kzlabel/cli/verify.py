"""kzlabel verify"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ExitCode, UsageError
from ..files import check_target, write_text
from ..trust.policy import PolicyName
from ..trust.revocation_mode import Mode
from . import output as terminal
from . import revocation as revocations
from .options import Settings, option
from .trust import believed
from .watermark_keys import key_file

EXAMPLE = "Example: kzlabel verify --trust root.pem --policy trusted picture.labelled.jpg"


def _known_policy(context: typer.Context, name: str) -> str:
    """One that is not known is told like every other impossible value of an option."""
    own = context.find_root().obj.policies
    if name.strip().casefold() not in (*PolicyName, *own):
        raise typer.BadParameter(f"{name!r} is no policy; choose one of {', '.join((*PolicyName, *own))}")
    return name


def verify(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files to verify; - reads one from a pipe.")],
    recursive: Annotated[
        bool, option("--recursive", "-r", help="Go into folders; sidecars and dotfiles are skipped.")
    ] = False,
    trust: Annotated[
        list[Path] | None,
        option("--trust", help="Trust anchors for signers, a PEM file; may be repeated.", metavar="PEM"),
    ] = None,
    trust_tsa: Annotated[
        list[Path] | None,
        option("--trust-tsa", help="Trust anchors for time-stamps, a PEM file; may be repeated.", metavar="PEM"),
    ] = None,
    trust_identity: Annotated[
        list[Path] | None,
        option("--trust-identity", help="Trust anchors for identity assertions; may be repeated.", metavar="PEM"),
    ] = None,
    no_default_trust: Annotated[
        bool, option("--no-default-trust", help="Believe only what is named here, not the lists of kzlabel trust.")
    ] = False,
    policy: Annotated[
        str,
        option(
            "--policy",
            help=f"What is acceptable: {', '.join(PolicyName)}, or one of your own in the configuration file.",
            metavar="NAME",
            callback=_known_policy,
        ),
    ] = PolicyName.SIGNED,
    identity: Annotated[
        list[str] | None,
        option(
            "--identity",
            help="Accept only signers of this name, O=organization, CN=name or fingerprint; may be repeated.",
            metavar="PATTERN",
        ),
    ] = None,
    revocation: Annotated[Mode, option("--revocation", help=revocations.HELP)] = Mode.OFF,
    crl: Annotated[list[Path] | None, option("--crl", help=revocations.LIST_HELP, metavar="FILE")] = None,
    ocsp_url: Annotated[str | None, option("--ocsp-url", help=revocations.RESPONDER_HELP, metavar="URL")] = None,
    no_watermark: Annotated[
        bool, option("--no-watermark", help="Do not search the content itself, which takes decoding it.")
    ] = False,
    watermark_key: Annotated[
        list[Path] | None,
        option("--watermark-key", help="File with a secret watermark key, beside the open one; may be repeated."),
    ] = None,
    ffmpeg: Annotated[
        str | None, option("--ffmpeg", help="The ffmpeg program; default: the one that came with kzlabel.")
    ] = None,
    registry: Annotated[
        str | None,
        option(
            "--registry",
            help="Where a stripped copy may lead to its manifest: https://…, postgresql://…, sqlite:///PATH or none; "
            "default: the one in your state folder.",
            metavar="URL",
        ),
    ] = None,
    sidecar: Annotated[Path | None, option("--sidecar", help="The manifest store of the one input.")] = None,
    report: Annotated[
        Path | None, option("--report", help="Write a self-contained HTML page.", metavar="out.html")
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a report that exists.")] = False,
    as_json: Annotated[bool, option("--json", help="One JSON value on stdout: a verdict for each input.")] = False,
    as_jsonl: Annotated[bool, option("--jsonl", help="One verdict a line on stdout, as soon as it is known.")] = False,
    verbose: Annotated[bool, option("--verbose", "-v", help="Show the evidence below each verdict.")] = False,
) -> int:
    """Find every mark in files, validate it, and give one verdict each.

    Exit code 0: all acceptable under the policy; 1: some verdict is not; 3: some file could not be read.
    """
    from ..trust import Policy
    from ..verification.report import ReportItem, text
    from ..verification.report import report as page_of
    from ..verification.verifier import Verifier, VerifyOptions

    if as_json and as_jsonl:
        raise UsageError("--json and --jsonl exclude each other; give one of them")
    if sidecar is not None and (len(inputs) > 1 or recursive):
        raise UsageError("--sidecar belongs to one file, but there are several inputs; verify them one by one")
    if inputs.count("-") > 1:
        raise UsageError("-: the pipe can be read only once")
    if report is not None:
        check_target(report, tuple(Path(given) for given in inputs if given != "-"), overwrite=overwrite)
    settings: Settings = context.obj
    verifier = Verifier(
        VerifyOptions(
            trust=believed(trust, trust_tsa, trust_identity, default=not no_default_trust),
            policy=Policy.parse(policy, identity or (), settings.policies),
            limits=settings.limits,
            revocation=revocations.revocation(revocation, crl, ocsp_url),
            watermark=not no_watermark,
            watermark_keys=tuple(key_file(path) for path in watermark_key or ()),
            registry=registry,
            ffmpeg=ffmpeg,
        )
    )
    rows: list[dict[str, Any]] = []
    items: list[Any] = []
    codes: list[ExitCode] = []
    for given in _files(inputs, recursive):
        with terminal.outcome(given, rows, codes):
            verdict = verifier.verify(terminal.pipe() if given == "-" else Path(given), name=given, sidecar=sidecar)
            codes.append(verdict.exit_code)
            rows.append(verdict.to_json())
            if report is not None:
                items.append(ReportItem(verdict, Path(given) if given != "-" else None, verdict.format))
            if not as_json and not as_jsonl:
                terminal.lines(text(verdict, verbose=verbose))
        if as_jsonl:
            terminal.data(rows.pop(), pretty=False)
    if not codes:
        raise UsageError("there is no file to verify in what was named")
    if as_json:
        terminal.data(rows[0] if len(rows) == 1 else rows)
    if report is not None:
        page = page_of(items, title="Verification report", generated_at=datetime.now(UTC))
        write_text(report, page, overwrite=overwrite)
    return ExitCode.gravest(codes)


def _files(inputs: list[str], recursive: bool) -> Iterator[str]:
    """The files named, and with `recursive` those in folders, in the order of their names."""
    from ..marks.sidecar import is_sidecar

    for given in inputs:
        if not recursive or given == "-" or not Path(given).is_dir():
            yield given
            continue
        for folder, folders, names in os.walk(given):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and not is_sidecar(Path(name)):
                    yield str(Path(folder) / name)
