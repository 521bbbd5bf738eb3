"""kzlabel registry: the store that leads from a watermark to its signed manifest."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ExitCode, RegistryError, UsageError
from . import output as terminal
from .options import Settings, option, passphrase, registry_token

if TYPE_CHECKING:
    from ..registry import Kept, Place
    from ..registry.outbox import Outbox
    from ..registry.store import Registry
    from ..signing import Signer

group = typer.Typer(
    name="registry",
    help="Keep signed manifests by watermark, so that a stripped copy leads back to its own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Where = Annotated[
    str | None,
    option("--registry", help="postgresql://… or sqlite:///PATH; default: a file in your state folder.", metavar="URL"),
]
Whose = Annotated[str, option("--signer", help="Whose key signs, as for label.", metavar="URI")]
Variable = Annotated[
    str | None, option("--passphrase-env", help="Variable that holds the key's passphrase or PIN.", metavar="NAME")
]
AsJson = Annotated[bool, option("--json", help="One JSON value on stdout.")]


@group.command("init", epilog="Example: kzlabel registry init && kzlabel label picture.png")
def init(
    registry: Where = None,
    manifests: Annotated[
        str | None,
        option("--manifests", help="Folder or bucket (s3://…) for the manifests; default: in the database."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Make a registry; from then on label registers in it. One that is there is left as it is."""
    from ..registry.store import initialise

    place = _place(registry)
    outside = str(Path(manifests).absolute()) if manifests is not None and "://" not in manifests else manifests
    initialise(place, outside).close()
    where = "here" if not place.configured else "there once KZLABEL_REGISTRY, or --registry, names it"
    _tell({"registry": place.name}, f"{place.name}: ready; label registers {where}", as_json)
    return ExitCode.DONE


@group.command("status", epilog="Example: kzlabel registry status --repair")
def status(
    registry: Where = None,
    repair: Annotated[
        bool, option("--repair", help="Deliver entries that wait, and settle those of runs that were cut short.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Say what the registry holds and what waits for it; exit 12 if it does not answer."""
    from ..registry.outbox import Outbox
    from ..registry.place import outbox_folder

    outbox = Outbox(outbox_folder())
    if (place := _place(registry)).remote:
        return _status_of_server(place, outbox, repair, as_json)
    try:
        opened = place.open()
    except RegistryError:
        if waiting := len(outbox.names()):
            terminal.say(f"kzlabel: {waiting} entries wait for it")
        raise
    done = outbox.deliver(opened, most=None) if repair else None
    count, waiting = opened.count(), len(outbox.names())
    if as_json:
        value = {"registry": opened.place.name, **vars(count), "waiting": waiting}
        terminal.data({**value, "repair": done.to_json() if done else None})
    else:
        if done:
            terminal.line(f"repaired: {done.delivered} delivered, {done.void} whose file never came into place")
        terminal.line(
            f"{opened.place.name}: {count.confirmed} entries, {count.pending} pending, {count.manifests} manifests, "
            f"{count.identifiers} identifiers issued, {count.signers} signers enrolled, {waiting} waiting"
        )
    if done and done.why:
        terminal.say(f"kzlabel: {done.left} entries were not delivered: {done.why}")
        return ExitCode.REGISTRY
    return ExitCode.DONE


def _status_of_server(place: Place, outbox: Outbox, repair: bool, as_json: bool) -> int:
    """What waits for it: how much it holds, it does not tell."""
    from ..registry.resolver import keeper_of

    done = None
    if repair:
        keeper = keeper_of(place)
        keeper.admit("", development=False)
        done = outbox.deliver(keeper, most=None)
    value = {"registry": place.name, "waiting": len(outbox.names()), "repair": done.to_json() if done else None}
    _tell(value, f"{place.name}: a server, {value['waiting']} waiting for it", as_json)
    if done and done.why:
        terminal.say(f"kzlabel: {done.left} entries were not delivered: {done.why}")
        return ExitCode.REGISTRY
    return ExitCode.DONE


@group.command("show", epilog="Example: kzlabel registry show 0123456789ab")
def show(
    key: Annotated[str, typer.Argument(metavar="ID", help="An identifier, or the SHA-256 of a file or manifest.")],
    registry: Where = None,
    save: Annotated[Path | None, option("--save", help="Write the first entry's manifest into this file.")] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a file that exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show the entries of an identifier or a hash; exit 1 if there are none."""
    wanted = key.lower()
    if len(wanted) not in (12, 64) or not set(wanted) <= set("0123456789abcdef"):
        raise UsageError(f"{key}: this is neither an identifier (12 hexadecimal digits) nor a SHA-256 (64)")
    opened = _open(registry)
    found = opened.find(wanted) if len(wanted) == 12 else opened.find_file(wanted)
    prints = [opened.printed(kept.entry) for kept in found]
    if as_json:
        sizes = [[{"algorithm": one.algorithm, "bytes": len(one.data)} for one in some] for some in prints]
        terminal.data([{**kept.to_json(), "fingerprints": told} for kept, told in zip(found, sizes, strict=True)])
    else:
        for kept, some in zip(found, prints, strict=True):
            terminal.line(_row(kept))
            for one in some:
                terminal.line(f"  fingerprint {one.algorithm}, {len(one.data)} bytes")
    if not found:
        terminal.say(f"kzlabel: {wanted}: nothing is registered under it")
        return ExitCode.NOT_ACCEPTABLE
    if save is not None:
        _save(opened, found[0], save, overwrite)
    return ExitCode.DONE


@group.command("enrol", epilog="Example: kzlabel registry enrol newsroom.pem")
def enrol(
    certificate: Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="PEM, the signer's certificate first.")],
    registry: Where = None,
    as_json: AsJson = False,
) -> int:
    """Let a signer register labels here."""
    fingerprint = _fingerprint(certificate)
    new = _open(registry).enrol(fingerprint)
    what = "enrolled" if new else "was enrolled already"
    _tell({"signer": fingerprint, "new": new}, f"{certificate.name}: {fingerprint[:16]}… {what}", as_json)
    return ExitCode.DONE


@group.command("export", epilog="Example: kzlabel registry export exchange.zip --signer file:cert.pem,key.pem")
def export(
    target: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="The archive to write.")],
    registry: Where = None,
    signer: Whose = "dev:",
    passphrase_env: Variable = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace an archive that exists.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write every confirmed entry with its manifest into one signed archive."""
    from ..registry import archive

    number = archive.export(_open(registry), target, _signer(signer, passphrase_env), overwrite=overwrite)
    _tell({"archive": str(target), "entries": number}, f"{target}: {number} entries", as_json)
    return ExitCode.DONE


@group.command("import", epilog="Example: kzlabel registry import exchange.zip --from partner.pem")
def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="An archive that export wrote.")],
    registry: Where = None,
    from_: Annotated[
        list[Path] | None,
        option("--from", help="Certificate (PEM) of whoever signed the archive, if not enrolled; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Add an archive's entries, each only if its manifest verifies; exit 10 if some were refused."""
    from ..registry import archive

    settings: Settings = context.obj
    opened = _open(registry)
    named = {_fingerprint(path) for path in from_ or ()}
    done = archive.bring_in(
        opened, source, lambda whose: whose in named or opened.enrolled(whose), limits=settings.limits
    )
    _tell(done.to_json(), f"{source.name}: {done.added} new, {done.known} known, {done.refused} refused", as_json)
    for why in done.reasons:
        terminal.say(f"kzlabel: {why}")
    return ExitCode.BATCH_INCOMPLETE if done.refused else ExitCode.DONE


@group.command("prune", epilog="Example: kzlabel registry prune --older-than 30")
def prune(
    registry: Where = None,
    older_than: Annotated[
        float, option("--older-than", min=0.0, help="Days that an entry has been pending.", metavar="DAYS")
    ] = 7.0,
    as_json: AsJson = False,
) -> int:
    """Remove entries that were never confirmed, and manifests without an entry. Identifiers stay issued."""
    entries, manifests = _open(registry).prune(older_than * 86400)
    value = {"entries": entries, "manifests": manifests}
    _tell(value, f"removed {entries} pending entries and {manifests} manifests", as_json)
    return ExitCode.DONE


@group.command("migrate", epilog="Example: kzlabel registry migrate")
def migrate(registry: Where = None, as_json: AsJson = False) -> int:
    """Bring the tables up to date after an update of kzlabel. Make a backup first."""
    from ..registry import store

    place = _place(registry)
    before, after = store.migrate(place)
    what = f"was of version {after} already" if before == after else f"brought from version {before} to {after}"
    _tell({"registry": place.name, "before": before, "after": after}, f"{place.name}: {what}", as_json)
    return ExitCode.DONE


def _place(text: str | None) -> Place:
    from ..registry.place import NONE, Place, default_file, named

    if text == NONE:
        raise UsageError("--registry none: these commands need a registry")
    return named(text, registry_token()) if text else Place(default_file(), configured=False)


def _open(text: str | None) -> Registry:
    return _place(text).open()


def _fingerprint(certificate: Path) -> str:
    from ..files import open_input
    from ..signing.base import fingerprint_of

    with open_input(certificate) as file:
        return fingerprint_of(file.read(1 << 20).decode("ascii", "replace"))


def _signer(uri: str, variable: str | None) -> Signer:
    from ..settings import config_folder
    from ..signing import KeyAccess, open_signer

    made = open_signer(uri, KeyAccess(config_folder() / "keys", passphrase(variable, None)))
    if made.news:
        terminal.say(f"kzlabel: {made.news}")
    return made


def _save(registry: Registry, kept: Kept, target: Path, overwrite: bool) -> None:
    from ..files import check_target, replace_whole, writing

    content = registry.manifest(kept.entry.manifest)
    if content is None:
        raise RegistryError(f"registry {registry.place.name}: the manifest is missing; run kzlabel registry prune")
    check_target(target, (), overwrite=overwrite)
    with writing(target):
        replace_whole(target, content)


def _row(kept: Kept) -> str:
    entry, when = kept.entry, datetime.fromtimestamp(kept.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mark = f"watermark {entry.watermark}" if entry.watermark else "no watermark"
    return (
        f"{entry.identifier}  {kept.state:9}  {when}  {mark}  file {entry.sha256[:12]}  "
        f"manifest {entry.manifest[:12]}  by {entry.signer[:12]}  {entry.manifest_id or ''}"
    )


def _tell(value: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        terminal.data(value)
    else:
        terminal.line(sentence)
