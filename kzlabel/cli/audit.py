"""kzlabel keys audit"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ExitCode, UsageError
from . import output as terminal
from .options import option

if TYPE_CHECKING:
    from ..signing.audit.checking import Checked

EXAMPLE = "Example: kzlabel keys audit --since 7d && kzlabel keys audit --check"


def audit(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="Files of records, the oldest first; default: the one in use."),
    ] = None,
    since: Annotated[
        str | None, option("--since", help="List what was signed since a time, a date, or 7d ago.", metavar="TIME")
    ] = None,
    check: Annotated[
        bool, option("--check", help="Prove that no record was changed, removed, inserted or moved; exit 1 if one was.")
    ] = False,
    head: Annotated[
        str | None,
        option("--head", help="With --check: the hash of a record that must be there, kept elsewhere.", metavar="HASH"),
    ] = None,
    audit: Annotated[
        str | None, option("--audit", help="Where signatures are recorded, as for label.", metavar="PLACE")
    ] = None,
    as_json: Annotated[bool, option("--json", help="One JSON value on stdout.")] = False,
) -> int:
    """List what was signed on this machine, or prove that the record of it is whole."""
    from ..signing.audit import checking

    if since is not None and check:
        raise UsageError("--since and --check exclude each other: the chain is checked from its beginning")
    if head is not None and not check:
        raise UsageError("--head goes with --check")
    places = files or [_file_in_use(audit)]
    if not check:
        if not files and not places[0].exists():  # a machine that has signed nothing, which is no error
            places = []
        _list(checking.records(places, since=checking.moment(since) if since else None), as_json)
        return ExitCode.DONE
    found = checking.check(places, head=head)
    if as_json:
        terminal.data(found.to_json())
    else:
        _tell(found)
    return ExitCode.DONE if found.whole else ExitCode.NOT_ACCEPTABLE


def _file_in_use(place: str | None) -> Path:
    from ..signing.audit.trail import FileTrail, open_trail

    trail = open_trail(place)
    if not isinstance(trail, FileTrail):
        raise UsageError(f"the audit record is {place}, which kzlabel cannot read; name a file with records of it")
    return trail.path


def _list(records: Iterator[dict[str, Any] | None], as_json: bool) -> None:
    shown = strange = 0
    for record in records:
        if record is None:
            strange += 1
            continue
        if as_json:
            terminal.lines(("[" if not shown else ",") + terminal.serialised(record, ascii_only=True))
        else:
            terminal.line(_row(record))
        shown += 1
    if as_json:
        terminal.lines("]" if shown else "[]")
    elif not shown:
        terminal.say("kzlabel: no signature is recorded here for that time")
    if strange:
        what = "line is no whole record" if strange == 1 else "lines are no whole records"
        terminal.say(f"kzlabel: {strange} {what}; kzlabel keys audit --check says more")


def _row(record: Mapping[str, Any]) -> str:
    def text(name: str, length: int) -> str:
        return str(record.get(name) or "-")[:length]

    return (
        f"{text('seq', 18):>6}  {text('time', 19)}Z  {text('identifier', 12)}  "
        f"{text('sha256_before', 12)} -> {text('sha256_after', 12)}  by {text('signer', 12)}  "
        f"{text('profile', 12)}  {text('time_stamp', 13)}  {text('tool', 40)}"
    )


def _tell(found: Checked) -> None:
    for note in found.notes:
        terminal.say(f"kzlabel: {note}")
    if found.head is not None:
        state = "whole" if found.whole else "whole so far"
        terminal.line(f"{state}: {found.records} records, the last of {found.until}")
        terminal.line(f"head: record {found.head.seq}, {found.head.hash}")
    if found.broken is not None:
        terminal.line(f"broken: {found.broken.sentence}")
