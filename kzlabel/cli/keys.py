"""kzlabel keys: signing keys and certificates"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ExitCode, UsageError
from ..signing.algorithm import Algorithm
from . import output as terminal
from .options import PASSPHRASE_VARIABLE, option, passphrase

if TYPE_CHECKING:
    from ..signing import Passphrase
    from ..signing.key_info import KeyInfo

group = typer.Typer(
    name="keys",
    help="Make, request, import, show and renew the keys and certificates that sign.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    option("--name", help="Whom the certificate names; the files are called after it.", metavar="NAME"),
]
Organization = Annotated[
    str | None, option("--organization", help="Organization in the certificate; default: the name.", metavar="NAME")
]
Country = Annotated[str, option("--country", help="Country in the certificate, two letters.", metavar="CODE")]
Alg = Annotated[Algorithm, option("--alg", help="How the key signs.")]
Days = Annotated[
    int, option("--days", help="Days that the certificate lasts: up to 366; 90 for assurance level 2.", metavar="N")
]
Ocsp = Annotated[
    str | None,
    option("--ocsp-url", help="Address in the certificate where its revocation can be asked.", metavar="URL"),
]
RootKey = Annotated[
    Path | None, option("--root-key", help="Key of the root, if it is not beside the root.", metavar="FILE")
]
Folder = Annotated[
    Path | None,
    option("--folder", help="Folder of keys; default: keys in your configuration folder.", metavar="DIR"),
]
PassphraseEnv = Annotated[
    str | None, option("--passphrase-env", help="Variable that holds the passphrase.", metavar="NAME")
]
PassphraseFd = Annotated[
    int | None, option("--passphrase-fd", help="File descriptor whose first line is the passphrase.", metavar="N")
]
NoPassphrase = Annotated[
    bool, option("--no-passphrase", help="Write the key unencrypted: whoever gets the file can sign.")
]
SharedKey = Annotated[bool, option("--allow-shared-key", help="Use a key file that other users may read.")]
AsJson = Annotated[bool, option("--json", help="One JSON value on stdout.")]


@group.command("init", epilog="Example: kzlabel keys init --name 'Studio' --organization 'Studio LLP' --country KZ")
def init(
    name: Name,
    organization: Organization = None,
    country: Country = "KZ",
    days: Days = 365,
    root_days: Annotated[int, option("--root-days", help="Days that the root lasts.", metavar="N")] = 3650,
    alg: Alg = Algorithm.ES256,
    ocsp_url: Ocsp = None,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    no_passphrase: NoPassphrase = False,
    as_json: AsJson = False,
) -> int:
    """Make a root of your own and a key that signs under it.

    Nobody trusts such a key until they name your root; it is not on the C2PA trust list.
    """
    from ..signing import keyring

    made = keyring.init(
        name,
        organization=organization,
        country=country,
        days=days,
        root_days=root_days,
        alg=alg,
        ocsp_url=ocsp_url,
        folder=folder,
        passphrase=_for_new_key(passphrase_env, passphrase_fd, no_passphrase),
    )
    if as_json:
        terminal.data(made.to_json())
        return ExitCode.DONE
    _tell(
        f"{made.name}: made a root and a key for {made.subject}",
        *_description(made),
        *_how_to_sign(made),
        f"Verify with it: kzlabel verify --trust {_quoted(made.root)} FILE",
        "Nobody trusts this key until they name that root; it is not on the C2PA trust list.",
        f"Keep {made.name}.root.key apart from the machine that signs: only keys issue and keys rotate need it.",
    )
    return ExitCode.DONE


@group.command("request", epilog="Example: kzlabel keys request --name 'Studio' --organization 'Studio LLP'")
def request(
    context: typer.Context,
    name: Name,
    organization: Organization = None,
    country: Country = "KZ",
    alg: Alg = Algorithm.ES256,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    no_passphrase: NoPassphrase = False,
    signer: Annotated[
        str | None,
        option("--signer", help="No new key: one on a token or in a key service signs the request.", metavar="URI"),
    ] = None,
    output: Annotated[
        Path | None, option("--output", "-o", help="With --signer: where the request goes.", metavar="FILE")
    ] = None,
    allow_shared_key: SharedKey = False,
    as_json: AsJson = False,
) -> int:
    """Make a key, and a certificate request for a certification authority.

    Authorities on the C2PA trust list issue only for products on the list of conforming products: a user of kzlabel
    cannot get such a certificate alone, a company whose product is listed can.
    """
    from ..signing import keyring
    from ..signing.elsewhere import request_elsewhere

    elsewhere = _on_the_command_line(context, signer)
    if (elsewhere is None) != (output is None):
        raise UsageError("a request for a key on a token or in a key service takes --signer and --output together")
    if elsewhere is not None and output is not None:
        told = passphrase(passphrase_env, passphrase_fd)
        request_elsewhere(
            name,
            elsewhere,
            output,
            organization=organization,
            country=country,
            passphrase=told,
            allow_shared_key=allow_shared_key,
        )
        if as_json:
            terminal.data({"request": str(output)})
        else:
            _tell(f"{output}: a request for {name}, signed by the key itself")
        return ExitCode.DONE
    made = keyring.request(
        name,
        organization=organization,
        country=country,
        alg=alg,
        folder=folder,
        passphrase=_for_new_key(passphrase_env, passphrase_fd, no_passphrase),
    )
    _tell_request(made, as_json)
    return ExitCode.DONE


@group.command("issue", epilog="Example: kzlabel keys issue token.request.pem token.pem --root studio")
def issue(
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="Certificate request, PEM.", readable=False)],
    output: Annotated[Path, typer.Argument(metavar="CERT", help="Where the certificate goes.", readable=False)],
    root: Annotated[str, option("--root", help="Name of the key whose root issues.", metavar="NAME")],
    days: Days = 365,
    ocsp_url: Ocsp = None,
    root_key: RootKey = None,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    allow_shared_key: SharedKey = False,
    as_json: AsJson = False,
) -> int:
    """Answer a certificate request with your own root: for a key on a token or on another machine."""
    from ..signing import keyring

    made = keyring.issue(
        request,
        output,
        root=root,
        days=days,
        ocsp_url=ocsp_url,
        root_key=root_key,
        folder=folder,
        passphrase=passphrase(passphrase_env, passphrase_fd),
        allow_shared_key=allow_shared_key,
    )
    if as_json:
        terminal.data(made.to_json())
    else:
        _tell(f"{output}: issued for {made.subject}", *_description(made))
    return ExitCode.DONE


@group.command("import", epilog="Example: kzlabel keys import chain.pem studio.key --root root.pem --name studio")
def import_(
    chain: Annotated[
        Path, typer.Argument(metavar="CHAIN", help="Certificate chain, PEM, or a .p12 file.", readable=False)
    ],
    key: Annotated[
        Path | None,
        typer.Argument(
            metavar="KEY",
            help="Private key, PEM; left out for a .p12, and for the answer to a request.",
            readable=False,
        ),
    ] = None,
    name: Annotated[
        str | None, option("--name", help="What to call it; default: what the certificate says.", metavar="NAME")
    ] = None,
    root: Annotated[
        Path | None,
        option("--root", help="Root that the chain leads to; not needed for known roots.", metavar="PEM"),
    ] = None,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    allow_shared_key: SharedKey = False,
    as_json: AsJson = False,
) -> int:
    """Take a certificate into the folder of keys, with its key or for a request made here.

    Refused, with the reason: a key and a certificate that do not match, an incomplete chain, a wrong key usage, weak
    or expired certificates, a self-signed leaf. An encrypted key stays encrypted.
    """
    from ..signing import keyring
    from .trust import believed

    anchors = believed(None, None, None, default=True).anchors
    made = keyring.import_(
        chain,
        key,
        name=name,
        root=root,
        known_roots=[one.certificate for anchor in anchors for one in anchor.authorities],
        folder=folder,
        passphrase=passphrase(passphrase_env, passphrase_fd),
        allow_shared_key=allow_shared_key,
    )
    _warn(made)
    if as_json:
        terminal.data(made.to_json())
    else:
        _tell(f"{made.name}: imported for {made.subject}", *_description(made), *_how_to_sign(made))
    return ExitCode.DONE


@group.command("show", epilog="Example: kzlabel keys show studio --json")
def show(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One key; default: all in the folder of keys.")
    ] = None,
    signer: Annotated[
        str | None, option("--signer", help="Show the one signer that this URI opens.", metavar="URI")
    ] = None,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    allow_shared_key: SharedKey = False,
    as_json: AsJson = False,
) -> int:
    """Show keys, certificates and pending requests; warns 30 days before a certificate expires.

    A signer set by a variable or in the configuration file is not opened; the key that it names is marked as in use.
    """
    from ..signing import DEVELOPMENT, keyring

    opened = _on_the_command_line(context, signer)
    if opened is not None and name is not None:
        raise UsageError("NAME and --signer exclude each other; give one of them")
    found = keyring.show(
        name,
        signer=opened,
        folder=folder,
        passphrase=passphrase(passphrase_env, passphrase_fd),
        allow_shared_key=allow_shared_key,
    )
    used = signer or DEVELOPMENT
    for one in found:
        _warn(one)
    if as_json:
        rows = [{**one.to_json(), "in_use": one.signer == used} for one in found]
        terminal.data(rows if name is None and opened is None else rows[0])
        return ExitCode.DONE
    if not found:
        terminal.say("kzlabel: there are no keys yet; make one with kzlabel keys init")
    for one in found:
        state = " (replaced)" if one.replaced else " (in use)" if one.signer == used else ""
        _tell(f"{one.name}{state}: {one.subject or 'no certificate'}", *_description(one))
    return ExitCode.DONE


@group.command("rotate", epilog="Example: kzlabel keys rotate studio")
def rotate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key to renew.")],
    days: Annotated[
        int | None,
        option("--days", help="Days that the new certificate lasts; default: as long as the old one.", metavar="N"),
    ] = None,
    alg: Annotated[Algorithm | None, option("--alg", help="How the new key signs; default: as the old one.")] = None,
    ocsp_url: Ocsp = None,
    root_key: RootKey = None,
    folder: Folder = None,
    passphrase_env: PassphraseEnv = None,
    passphrase_fd: PassphraseFd = None,
    allow_shared_key: SharedKey = False,
    as_json: AsJson = False,
) -> int:
    """Put a new key and certificate in the place of old ones; the signer's URI stays the same.

    Under your own root that is done at once, and the old pair is kept under a dated name. For a key from a
    certification authority a request is made, and the old pair signs until the answer is imported.
    """
    from ..signing import keyring

    made = keyring.rotate(
        name,
        days=days,
        alg=alg,
        ocsp_url=ocsp_url,
        root_key=root_key,
        folder=folder,
        passphrase=passphrase(passphrase_env, passphrase_fd),
        allow_shared_key=allow_shared_key,
    )
    if made.request is not None:
        _tell_request(made, as_json)
    elif as_json:
        terminal.data(made.to_json())
    else:
        _tell(f"{made.name}: a new key and certificate for {made.subject}", *_description(made))
    return ExitCode.DONE


def _on_the_command_line(context: typer.Context, signer: str | None) -> str | None:
    """The signer if it was named in so many words, and not by a variable or the configuration file."""
    source = context.get_parameter_source("signer")
    return signer if source is not None and source.name == "COMMANDLINE" else None


def _for_new_key(variable: str | None, descriptor: int | None, none: bool) -> Passphrase | None:
    """What encrypts a new key; None if it shall not be. Raises UsageError when nothing tells it."""
    if none:
        if variable is not None or descriptor is not None:
            raise UsageError("--no-passphrase excludes --passphrase-env and --passphrase-fd; give one of them")
        return None
    told = passphrase(variable, descriptor)
    if not told.tells:
        ways = f"set {variable or PASSPHRASE_VARIABLE}, or name a variable with --passphrase-env"
        raise UsageError(f"a new key is encrypted with a passphrase; {ways}, or say --no-passphrase")
    return told


def _tell_request(made: KeyInfo, as_json: bool) -> None:
    if as_json:
        terminal.data(made.to_json())
        return
    _tell(
        f"{made.name}: made a key and a request for {made.subject}",
        *_description(made),
        f"Send {made.request} to the certification authority; never send the key.",
        "Then: kzlabel keys import CHAIN.pem --root ROOT.pem",
        *(["Until then the old key signs."] if made.signer else []),
    )


def _description(made: KeyInfo) -> Iterator[str]:
    if made.alg:
        locked = {True: ", key encrypted", False: ", key not encrypted", None: ""}[made.encrypted]
        yield f"  algorithm    {made.alg}{locked}"
    if made.issuer:
        yield f"  issuer       {made.issuer}"
    if made.valid_from and made.valid_until:
        yield f"  valid        {made.valid_from:%Y-%m-%d} to {made.valid_until:%Y-%m-%d}, {made.days_left} days left"
    if made.fingerprint:
        yield f"  fingerprint  {made.fingerprint}"
    if made.signer:
        yield f"  signer       {made.signer}"
    if made.request:
        yield f"  request      {made.request}, waits for a certificate"
    if made.root:
        yield f"  root         {made.root}"


def _how_to_sign(made: KeyInfo) -> Iterator[str]:
    yield f"Sign with it: kzlabel label FILE --signer {_quoted(made.signer)}"
    yield f"or for good, in config.toml: signer = {json.dumps(made.signer, ensure_ascii=False)}"
    if made.encrypted:
        yield f"Its passphrase is asked for at a terminal; elsewhere set {PASSPHRASE_VARIABLE}, or use --passphrase-fd."


def _warn(made: KeyInfo) -> None:
    for sentence in made.warnings:
        terminal.say(f"kzlabel: {sentence}")


def _quoted(value: object) -> str:
    return shlex.quote(str(value))


def _tell(*rows: str) -> None:
    for row in rows:
        terminal.line(row)
