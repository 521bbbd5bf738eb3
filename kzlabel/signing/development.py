"""The development key: a root and a leaf of one's own, made at first use, DEVELOPMENT in the name of both.

Three files in the folder of keys: `root.pem`, what a verifier may be told to trust (its own key is never written);
`dev.pem`, the leaf that signs; `dev.key`, the leaf's key as PKCS#8, for its owner's eyes only.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import ConfigurationError, SigningError
from ..files import locked
from .base import KeyAccess, fingerprint_of
from .certificates import issue, public_der
from .chain import algorithm_for
from .key_files import write_whole
from .local import LocalSigner, load_key

ROOT, LEAF, KEY, LOCK = "root.pem", "dev.pem", "dev.key", ".dev.lock"

# C2PA conformance programme, certificate profile for assurance level 1: at most 366 days.
LEAF_LIFE = timedelta(days=365)
# A leaf that lapses while a batch runs would spoil its end.
RENEW_BEFORE = timedelta(days=1)


@dataclass(frozen=True)
class DevelopmentSigner(LocalSigner):
    """Signs with the development key (ES256).

    root: PEM of the root, for `--trust`. news: a sentence for a person when the key was made just now, else None.
    """

    root: str = field(kw_only=True)


def open_development(rest: str, access: KeyAccess) -> DevelopmentSigner:
    """The signer of `dev:`; `rest` must be empty. Raises SigningError, ConfigurationError."""
    if rest:
        raise ConfigurationError(f"signer dev:{rest}: the development key takes nothing after dev:")
    return development_signer(access.folder, allow_shared_key=access.allow_shared_key)


def development_signer(folder: Path, *, allow_shared_key: bool = False) -> DevelopmentSigner:
    """Open the development key in `folder`, making folder, root and leaf when there are none or the leaf has lapsed.

    Safe for several processes at once: all get the same key. Raises SigningError when the folder cannot be written,
    a file is damaged, or others may read the key (unless `allow_shared_key`).
    """
    try:
        present = _read(folder, allow_shared_key)
        if present and not _lapsed(present):
            return present
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / LOCK):
            present = _read(folder, allow_shared_key)
            if present and not _lapsed(present):
                return present
            return _make(folder, renewed=present is not None)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SigningError(f"the development key in {folder} cannot be used: {reason}; name a signer") from None


def _read(folder: Path, allow_shared_key: bool) -> DevelopmentSigner | None:
    """The three files as they stand; None when they are not all there or, mid-way through a renewal, do not fit."""
    from cryptography import x509

    try:
        status = (folder / KEY).stat()
        key, chain, root = ((folder / name).read_bytes() for name in (KEY, LEAF, ROOT))
    except FileNotFoundError:
        return None
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077 and not allow_shared_key:
        raise SigningError(f"{folder / KEY}: others may read this private key; run chmod 600 on it")
    try:
        public = load_key(key).public_key()
        leaf = x509.load_pem_x509_certificate(chain)
        fits = x509.load_pem_x509_certificate(root).subject == leaf.issuer
        matches = fits and public_der(leaf) == public_der(public)
    except (ValueError, TypeError):
        raise SigningError(
            f"{folder}: {KEY}, {LEAF} or {ROOT} is damaged; move all three away to get new ones"
        ) from None
    if not matches:
        return None
    text = chain.decode("ascii")
    return DevelopmentSigner(text, key, algorithm_for(public), fingerprint_of(text), root=root.decode("ascii"))


def _lapsed(signer: DevelopmentSigner) -> bool:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(signer.chain.encode())
    return leaf.not_valid_after_utc - RENEW_BEFORE <= datetime.now(UTC)


def _make(folder: Path, *, renewed: bool) -> DevelopmentSigner:
    made = issue(LEAF_LIFE)
    for name, content in ((ROOT, made.root), (LEAF, made.leaf), (KEY, made.key)):
        write_whole(folder / name, content)
    what = (
        "the development key had lapsed; a new one, with a new root,"
        if renewed
        else "no signing key yet; a DEVELOPMENT key"
    )
    news = (
        f"{what} was made in {folder}: its marks verify as untrusted, unless {folder / ROOT} is named with --trust; "
        "the key of the root was thrown away"
    )
    text = made.leaf.decode("ascii")
    return DevelopmentSigner(text, made.key, "es256", fingerprint_of(text), news, root=made.root.decode("ascii"))
