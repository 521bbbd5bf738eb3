"""kzlabel trust: whom `verify` believes"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ExitCode, NetworkError, TrustError, UsageError
from ..inert import inert
from ..trust.purpose import Purpose
from . import output as terminal
from .options import option

if TYPE_CHECKING:
    from ..trust import Trust, TrustList, TrustStore
    from ..trust.authorities import Content
    from ..trust.store import Drift

group = typer.Typer(
    name="trust",
    help="List, add, update and remove trust anchors: the authorities that verify believes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SOON = 90  # days before an expiry in which it is told


@group.command("list", epilog="Example: kzlabel trust list --json")
def list_(as_json: Annotated[bool, option("--json", help="One JSON array.")] = False) -> int:
    """List the trust lists that verify believes, each with its purpose, date and source."""
    lists = _store().lists()
    if as_json:
        terminal.data([one.to_json() for one in lists])
        return ExitCode.DONE
    for one in lists:
        for row in _summary(one):
            terminal.line(row)
    return ExitCode.DONE


@group.command("show", epilog="Example: kzlabel trust show 'C2PA trust list'")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the list.")],
    as_json: Annotated[bool, option("--json", help="One JSON object.")] = False,
) -> int:
    """Show one trust list with every certificate in it."""
    one = _store().get(name)
    certificates = [authority.to_json() for authority in one.authorities]
    if as_json:
        terminal.data({**one.to_json(), "authorities": certificates})
        return ExitCode.DONE
    for row in _summary(one):
        terminal.line(row)
    for certificate in certificates:
        terminal.line(f"  {certificate['subject']}: {certificate['starts']} to {certificate['expires']}")
        terminal.line(f"    sha256 {certificate['fingerprint']}")
    return ExitCode.DONE


@group.command("add", epilog="Example: kzlabel trust add studio-root.pem --name 'Our studio'")
def add(
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="PEM, DER, or a trust list as JSON.")],
    purpose: Annotated[Purpose, option("--purpose", help="What the anchors may vouch for.")] = Purpose.SIGNING,
    name: Annotated[str | None, option("--name", help="How verdicts call it; the file's name by default.")] = None,
    issued: Annotated[
        str | None, option("--date", help="When the list was issued, if it does not say so.", metavar="YYYY-MM-DD")
    ] = None,
    allow_http: Annotated[
        bool, option("--allow-http", help="Fetch without encryption, which anyone can forge.")
    ] = False,
) -> int:
    """Believe further authorities, for one purpose."""
    content, listed = _read(source, allow_http)
    added = _store().add(
        content,
        name=name if name is not None else Path(source.rstrip("/").rpartition("/")[2]).stem or source,
        purpose=purpose,
        date=_date(issued) or content.date or listed,
        source=source if _is_address(source) else str(Path(source).absolute()),
        today=_today(),
    )
    for row in _summary(added):
        terminal.say(row)
    _warn(content, added.name)
    return ExitCode.DONE


@group.command("remove", epilog="Example: kzlabel trust remove 'Our studio'")
def remove(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the list.")]) -> int:
    """Stop believing a list of your own, or drop a newer copy of one that comes with kzlabel."""
    instead = _store().remove(name)
    after = f"; the one of {instead.date} that comes with kzlabel counts again" if instead else ""
    terminal.say(f"{inert(name)}: removed{after}")
    return ExitCode.DONE


@group.command("update", epilog="Example: kzlabel trust update 'C2PA trust list'")
def update(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|FILE|URL]...", help="Lists by name or by where they come from; all by default."),
    ] = None,
    source: Annotated[
        str | None, option("--from", help="Take the newer copy of the one list from here.", metavar="FILE|URL")
    ] = None,
    issued: Annotated[
        str | None, option("--date", help="When the list was issued, if it does not say so.", metavar="YYYY-MM-DD")
    ] = None,
    force: Annotated[bool, option("--force", help="Take an older list, or one that lost over half of it.")] = False,
    allow_http: Annotated[
        bool, option("--allow-http", help="Fetch without encryption, which anyone can forge.")
    ] = False,
    as_json: Annotated[bool, option("--json", help="What changed, as one JSON array.")] = False,
) -> int:
    """Fetch lists anew from where they came from, and tell which certificates came and went."""
    if source is not None and len(names or ()) != 1:
        raise UsageError("--from goes with the name of one list")
    store = _store()
    rows: list[dict[str, Any]] = []
    codes: list[ExitCode] = []
    for one, place in _wanted(store, names or [], source):
        with terminal.outcome(one.name, rows, codes):
            content, listed = _read(place, allow_http)
            when = _date(issued) or content.date or listed
            drift = store.update(one.name, content, date=when, today=_today(), force=force)
            codes.append(ExitCode.DONE)
            rows.append(drift.to_json())
            if not as_json:
                for row in _changes(drift):
                    terminal.line(row)
            _warn(content, one.name)
    if as_json:
        terminal.data(rows)
    return ExitCode.gravest(codes)


def believed(
    signers: list[Path] | None, time_stamping: list[Path] | None, identities: list[Path] | None, *, default: bool
) -> Trust:
    """Whom `verify` believes: what was named, then, unless that is all, the lists of kzlabel and of the user."""
    from ..trust import Trust, default_trust, load_anchors
    from ..trust.authorities import expired_sentences

    named = Trust(
        load_anchors(tuple(signers or ()), "--trust"),
        load_anchors(tuple(time_stamping or ()), "--trust-tsa"),
        load_anchors(tuple(identities or ()), "--trust-identity"),
    )
    for anchor in (*named.anchors, *named.time_anchors, *named.identity_anchors):
        for sentence in expired_sentences(anchor.pem, anchor.name):
            terminal.say(sentence)
    return named + default_trust(_folder()) if default else named


def _wanted(store: TrustStore, names: list[str], source: str | None) -> Iterator[tuple[TrustList, str]]:
    """Each list to update, with where to take it from."""
    if source is not None:
        yield store.get(names[0]), source
        return
    lists = store.lists()
    if not names:
        yield from ((one, one.address) for one in lists if one.address and _is_address(one.address))
        return
    for name in names:
        found = next((one for one in lists if one.name.casefold() == name.strip().casefold()), None)
        if found is not None:
            if not found.address:
                raise TrustError(f"{inert(found.name)}: it is not known where this list came from; use --from")
            yield found, found.address
        elif _is_address(name) or Path(name).exists():
            yield _from_there(lists, name), name
        else:
            store.get(name)


def _from_there(lists: tuple[TrustList, ...], place: str) -> TrustList:
    """The list that comes from an address or a file, which may have been downloaded under the same name."""
    ending = Path(place).name
    found = [
        one
        for one in lists
        if any(known and Path(known).name == ending for known in (one.source, one.updates)) or place == one.source
    ]
    if len(found) != 1:
        raise TrustError(
            f"{inert(place)}: no list is known to come from there; name the list, with --from {inert(ending)}"
        )
    return found[0]


def _read(source: str, allow_http: bool) -> tuple[Content, str]:
    """The certificates in a file or at an address, and the date to go by where the list tells none."""
    from ..network import fetch
    from ..trust.anchors import read_file
    from ..trust.authorities import MAX_ANCHOR_BYTES, read_content

    if not _is_address(source):
        data, changed = read_file(Path(source), "the name")
        return read_content(data, Path(source).name), changed
    if not source.lower().startswith("https://") and not allow_http:
        raise UsageError(
            f"{inert(source)}: fetched without encryption, anyone could forge it; use --allow-http all the same"
        )
    try:
        return read_content(fetch(source, limit=MAX_ANCHOR_BYTES), source), _today().isoformat()
    except NetworkError as error:
        raise TrustError(f"{error}; download it another way, and name the file") from None


def _is_address(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _summary(one: TrustList) -> Iterator[str]:
    count = len(one.authorities)
    what = "1 certificate" if count == 1 else f"{count} certificates"
    yield f"{one.name}: {one.purpose}, {what}, of {one.date}, {_term(one)}"
    yield f"  from {one.source or 'an unknown place'}, licence {one.licence or 'not stated'}"


def _term(one: TrustList) -> str:
    today = _today()
    expired = sum(authority.expires.date() < today for authority in one.authorities)
    if expired:
        return f"{expired} of them expired"
    days = (date.fromisoformat(one.expires) - today).days
    return f"the first expires on {one.expires}" + (f", in {days} days" if days < SOON else "")


def _changes(drift: Drift) -> Iterator[str]:
    name = drift.after.name
    if not drift.changed:
        yield f"{name}: nothing new, of {drift.after.date}"
        return
    yield f"{name}: now of {drift.after.date}, before of {drift.before.date}"
    yield from (f"  + {one.subject}, sha256 {one.fingerprint}" for one in drift.added)
    yield from (f"  - {one.subject}, sha256 {one.fingerprint}" for one in drift.removed)


def _warn(content: Content, name: str) -> None:
    from ..trust.authorities import expired_sentences

    for sentence in expired_sentences(content.pem, name):
        terminal.say(sentence)


def _date(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--date: {text!r} is no day; write it as 2026-08-05") from None


def _today() -> date:
    return datetime.now(UTC).date()


def _store() -> TrustStore:
    from ..trust import TrustStore

    return TrustStore(_folder())


def _folder() -> Path:
    from ..settings import config_folder

    return config_folder() / "trust"
