"""Making, importing, showing and renewing keys: each function is the verb of `kzlabel keys` with the same name.

A folder of keys holds, for the key `studio`: `studio.pem` (the certificate chain, root left out) and `studio.key`
(PKCS#8), which sign; `studio.root.pem`, which verifiers name with `--trust`, and `studio.root.key`, if the root is
one's own; `studio.request.pem` and `studio.request.key` while a certification authority is asked;
`studio.2026-11-25.pem` and `.key`, a pair that another has replaced. Several processes may change a folder at once;
a key is never overwritten, and at no moment without its certificate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SigningError, UsageError
from ..files import check_target, write_text
from ..settings import config_folder
from .algorithm import Algorithm
from .base import KeyAccess, open_signer
from .certificates import (
    Subject,
    certificate_pem,
    certificate_request,
    key_pem,
    leaf_certificate,
    new_key,
    ocsp_of,
    public_der,
    root_certificate,
)
from .chain import check_chain, pem_of, read_chain
from .file import read_public
from .importing import Incoming, find_root, read_incoming
from .key_files import (
    DEVELOPMENT_NAME,
    KeyFiles,
    changing,
    check_free,
    check_no_request,
    is_replaced,
    keep_root,
    key_name,
    key_names,
    noted_algorithm,
    replace_pair,
    with_algorithm,
    write_new,
    write_whole,
)
from .key_info import KeyInfo, all_keys, chain_info, key_info, signer_info
from .own_root import (
    algorithm,
    check_days,
    check_root_days,
    check_url,
    open_root,
    read_request,
    root_subject,
    subject_of,
)
from .passphrase import Passphrase

if TYPE_CHECKING:
    from cryptography import x509

DAY = timedelta(days=1)
NO_PASSPHRASE = Passphrase()  # tells none: what is encrypted cannot be opened


def init(
    name: str,
    *,
    organization: str | None = None,
    country: str = "KZ",
    days: int = 365,
    root_days: int = 3650,
    alg: str = "es256",
    ocsp_url: str | None = None,
    folder: Path | None = None,
    passphrase: Passphrase | None = NO_PASSPHRASE,
) -> KeyInfo:
    """Make a root of one's own and a leaf that signs under it.

    name: whom the leaf names; the files are called after it. organization: that of `name` by default. days: of the
    leaf, 1 to 366; 90 at most follow assurance level 2. alg: es256, es384, es512, ps256, ps384, ps512 or ed25519.
    ocsp_url: where the leaf says that its revocation can be asked. folder: None for `keys` in the user's
    configuration folder. passphrase: encrypts both keys; None leaves them readable to whoever gets the files.

    Nobody trusts the leaf until they name the root: it is on no list. Raises UsageError, SigningError.
    """
    files = KeyFiles(_folder(folder), key_name(name))
    subject = Subject(name, organization or name, country)
    kind, life, root_life = algorithm(alg), check_days(days), check_root_days(root_days, days)
    ocsp = check_url(ocsp_url)
    check_free(files)
    secret = passphrase.get(f"the keys of {files.name}", new=True) if passphrase else None
    key, root_key = new_key(kind), new_key(kind)
    root = root_certificate(root_subject(subject), root_key, root_life)
    leaf = leaf_certificate(subject.name(), key.public_key(), root, root_key, life, ocsp=ocsp)
    made = {
        files.root_key: key_pem(root_key, secret),
        files.root: certificate_pem(root),
        files.key: key_pem(key, secret),
        files.chain: with_algorithm(certificate_pem(leaf), alg),
    }
    with changing(files.folder):
        check_free(files)
        write_new(made)
    return key_info(files)


def request(
    name: str,
    *,
    organization: str | None = None,
    country: str = "KZ",
    alg: str = "es256",
    folder: Path | None = None,
    passphrase: Passphrase | None = NO_PASSPHRASE,
) -> KeyInfo:
    """Make a key, and the request (PKCS#10) that a certification authority answers with its certificate.

    The request follows the certificate profile of the C2PA conformance programme, whose authorities issue to products
    on its list only. Take the answer in with `import_`. For the options see `init`. Raises UsageError, SigningError.
    """
    files = KeyFiles(_folder(folder), key_name(name))
    subject = Subject(name, organization or name, country)
    kind = algorithm(alg)
    check_free(files)
    secret = passphrase.get(f"the key of {files.name}", new=True) if passphrase else None
    made = _request_files(files, subject.name(), kind, secret)
    with changing(files.folder):
        check_free(files)
        write_new(made)
    return key_info(files)


def issue(
    request: Path,
    output: Path,
    *,
    root: str,
    days: int = 365,
    ocsp_url: str | None = None,
    root_key: Path | None = None,
    folder: Path | None = None,
    passphrase: Passphrase = NO_PASSPHRASE,
    allow_shared_key: bool = False,
) -> KeyInfo:
    """Answer a request with a root of one's own: for a key on a token, or on another machine.

    request: PEM. output: where the certificate goes; a new file. root: the name of a key that `init` made. root_key:
    the root's key, if it is kept elsewhere. Of the request only names and key are taken: the certificate follows the
    profile. Raises UsageError, SigningError, OutputError.
    """
    files = _existing(_folder(folder), root)
    life, ocsp = check_days(days), check_url(ocsp_url)
    check_target(output, (request,), overwrite=False)
    asked = read_request(request)
    own = open_root(files, KeyAccess(files.folder, passphrase, allow_shared_key), root_key)
    subject = subject_of(asked.request, own.certificate)
    leaf = own.leaf(subject.name(), asked.request.public_key(), life, ocsp)
    check_chain((leaf,), root=own.certificate, name=request.name)
    write_text(output, with_algorithm(certificate_pem(leaf), asked.alg).decode("ascii"), overwrite=False)
    return replace(chain_info(output.stem, (leaf,), asked.alg), root=files.root, files=(output,))


def import_(
    chain: Path,
    key: Path | None = None,
    *,
    name: str | None = None,
    root: Path | None = None,
    known_roots: Sequence[x509.Certificate] = (),
    folder: Path | None = None,
    passphrase: Passphrase = NO_PASSPHRASE,
    allow_shared_key: bool = False,
) -> KeyInfo:
    """Take a certificate chain into the folder, with its key.

    chain: PEM, the root may be missing; or PKCS#12 (.p12, .pfx), which holds the key as well. key: PEM; not needed
    where a request made here, or a key that is here already, waits for this certificate. name: of the files; that of
    the request, or else of the subject, by default. root: what the chain must lead to. It may be left out where the
    chain file holds it, another key in the folder has it, or it is among `known_roots`. The key stays encrypted as it
    is; where it is not, it is encrypted if `passphrase` tells with what.

    Raises SigningError with the reason when chain and key cannot sign together, UsageError.
    """
    access = KeyAccess(_folder(folder), passphrase, allow_shared_key)
    incoming = read_incoming(chain, key, access)
    check_chain(incoming.chain, incoming.public_key, name=chain.name)
    authority = find_root(incoming.chain, root, (*_roots(access.folder), *known_roots), chain.name)
    check_chain(incoming.chain, incoming.public_key, name=chain.name, root=authority)
    _place(access.folder, incoming, name, chain.name)  # refuse before anything is made
    kept = incoming.key_to_keep(passphrase)
    with changing(access.folder):
        files = _place(access.folder, incoming, name, chain.name)
        _settle(files, incoming, kept, authority)
    return key_info(files)


def show(
    name: str | None = None,
    *,
    folder: Path | None = None,
    signer: str | None = None,
    passphrase: Passphrase = NO_PASSPHRASE,
    allow_shared_key: bool = False,
) -> tuple[KeyInfo, ...]:
    """What is known of every key in the folder, of one, or of the signer that a URI names; see KeyInfo.

    Only with `signer` is a key opened. Raises UsageError when there is no key of that name, SigningError.
    """
    place = _folder(folder)
    if signer is not None:
        access = KeyAccess(place, passphrase, allow_shared_key)
        return (signer_info(signer, open_signer(signer, access)),)
    if name is None:
        return all_keys(place)
    return (key_info(_existing(place, name)),)


def rotate(
    name: str,
    *,
    days: int | None = None,
    alg: str | None = None,
    ocsp_url: str | None = None,
    root_key: Path | None = None,
    folder: Path | None = None,
    passphrase: Passphrase = NO_PASSPHRASE,
    allow_shared_key: bool = False,
) -> KeyInfo:
    """Put a new key and certificate in the place of old ones; the URI of the signer stays the same.

    Under a root of one's own the new pair is there at once, and the old one is kept under a dated name. Otherwise a
    request is made, and the old pair stays in use until its answer is imported. days, alg, ocsp_url: as the old
    certificate has them unless told. root_key: the root's key, if it is kept elsewhere. The new key is encrypted with
    the passphrase told, if the old one is encrypted. Raises UsageError, SigningError.
    """
    files = _existing(_folder(folder), name)
    access = KeyAccess(files.folder, passphrase, allow_shared_key)
    before = key_info(files)
    if files.name == DEVELOPMENT_NAME:
        raise UsageError("the development key is renewed by itself, the day before it lapses")
    if is_replaced(files):
        raise UsageError(f"{files.name} has been replaced already; name the key that took its place")
    if files.chain not in before.files or files.key not in before.files:
        raise UsageError(f"{files.name} has no certificate and key to replace; import the answer to its request first")
    pem = files.chain.read_bytes()
    old = read_chain(pem, files.chain.name)[0]
    kind = algorithm(alg or before.alg or "")
    life = check_days(days if days is not None else round((old.not_valid_after_utc - old.not_valid_before_utc) / DAY))
    ocsp = check_url(ocsp_url) or ocsp_of(old)
    own = open_root(files, access, root_key) if root_key or files.root_key.exists() else None
    if own is None:
        check_no_request(files)
    secret = passphrase.get(f"the new key of {files.name}", new=True) if before.encrypted else None
    if own is None:
        made = _request_files(files, old.subject, kind, secret)
        with changing(files.folder):
            check_no_request(files)
            write_new(made)
        return key_info(files)
    key = new_key(kind)
    leaf = own.leaf(old.subject, key.public_key(), life, ocsp)
    with changing(files.folder):
        replace_pair(files, with_algorithm(certificate_pem(leaf), kind), key_pem(key, secret), day=_today())
    return key_info(files)


def _folder(folder: Path | None) -> Path:
    place = folder or config_folder() / "keys"
    if "," in str(place) or "?" in str(place):
        raise UsageError(
            f"{place}: a comma or ? in the name of a folder has another meaning in signers; choose another"
        )
    return place


def _existing(folder: Path, name: str) -> KeyFiles:
    """The key of that name. Raises UsageError."""
    known = key_names(folder)
    found = name if name in known else key_name(name)
    if found not in known:
        hint = f"known are {', '.join(known)}" if known else "make one with kzlabel keys init"
        raise UsageError(f"there is no key {found} in {folder}; {hint}")
    return KeyFiles(folder, found)


def _request_files(files: KeyFiles, subject: x509.Name, kind: Algorithm, secret: str | None) -> dict[Path, bytes]:
    key = new_key(kind)
    asked = certificate_request(subject, key)
    return {files.request_key: key_pem(key, secret), files.request: with_algorithm(certificate_pem(asked), kind)}


def _place(folder: Path, incoming: Incoming, name: str | None, source: str) -> KeyFiles:
    """Where a certificate belongs: with its request, its key, or under a new name. Raises UsageError."""
    waiting = _waiting(folder, incoming.chain[0])
    if waiting is None:
        if incoming.key is None:
            raise UsageError(f"{source}: no request and no key in {folder} fits it; name its key as well")
        files = KeyFiles(folder, key_name(name or incoming.common_name))
        check_free(files)
        return files
    if name is not None and key_name(name) != waiting.name:
        raise UsageError(f"{source}: this certificate belongs to the key {waiting.name}; leave out --name")
    return waiting


def _waiting(folder: Path, leaf: x509.Certificate) -> KeyFiles | None:
    """The request or the key in a folder that a certificate is for."""
    wanted = public_der(leaf)
    for files in (KeyFiles(folder, name) for name in key_names(folder)):
        if is_replaced(files) or files.name == DEVELOPMENT_NAME:
            continue
        with contextlib.suppress(SigningError):  # a damaged file waits for nothing
            if files.request_key.exists() and public_der(read_request(files.request).request) == wanted:
                return files
        with contextlib.suppress(SigningError):
            if files.key.exists() and public_der(read_chain(read_public(files.chain), files.name)[0]) == wanted:
                return files
    return None


def _roots(folder: Path) -> Iterator[x509.Certificate]:
    """The roots of the keys in a folder."""
    for name in key_names(folder):
        with contextlib.suppress(SigningError):
            yield from read_chain(read_public(KeyFiles(folder, name).root), name)


def _settle(files: KeyFiles, incoming: Incoming, kept: bytes | None, root: x509.Certificate) -> None:
    """Put a checked chain, its root and its key in their places; what was there stays under a dated name."""
    leaf = public_der(incoming.chain[0])
    noted = incoming.alg
    from_request = files.request_key.exists() and public_der(read_request(files.request).request) == leaf
    if from_request:
        kept, noted = files.request_key.read_bytes(), noted_algorithm(files.request.read_bytes())
    elif files.key.exists():
        kept, noted = files.key.read_bytes(), noted_algorithm(files.chain.read_bytes())
    assert kept is not None
    chain = with_algorithm(pem_of(incoming.chain).encode("ascii"), noted or "")
    keep_root(files, certificate_pem(root), day=_today())
    if not (files.chain.exists() and files.key.exists()):
        write_new({files.key: kept, files.chain: chain})
    elif read_chain(read_public(files.chain), files.name)[0] != incoming.chain[0]:
        replace_pair(files, chain, kept, day=_today())
    else:  # the same again, perhaps with certificates that were missing
        write_whole(files.chain, chain)
    if from_request:
        files.request.unlink()
        files.request_key.unlink()


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
