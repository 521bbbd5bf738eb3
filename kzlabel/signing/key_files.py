"""The files of a folder of keys: what they are called, and how they are written whole, under a lock, for one owner."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SigningError, UsageError
from ..files import locked, reason, replace_whole

DEVELOPMENT_NAME = "dev"  # the name of the development key, whose root is root.pem
RESERVED = (DEVELOPMENT_NAME, "root")
MAX_NAME = 40  # characters, up to 160 bytes: with its endings it stays below the 255 bytes that file systems take

LOCK = ".keys.lock"

# An RSA key does not tell which of its algorithms it is for. Where it is not the usual one, a line before the PEM,
# which RFC 7468 leaves to explanations, does.
UNUSUAL = ("ps384", "ps512")
_NOTE = "kzlabel signs with "


@dataclass(frozen=True)
class KeyFiles:
    """The files of one key, all in one folder; they need not be there.

    chain: PEM, the leaf first, the root left out. key: its private key, PKCS#8. root, root_key: the authority of its
    own that issued it. request, request_key: what waits for a certificate.
    """

    folder: Path
    name: str

    @property
    def chain(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        return self.folder / f"{self.name}.key"

    @property
    def root(self) -> Path:
        return self.folder / ("root.pem" if self.name == DEVELOPMENT_NAME else f"{self.name}.root.pem")

    @property
    def root_key(self) -> Path:
        return self.folder / f"{self.name}.root.key"

    @property
    def request(self) -> Path:
        return self.folder / f"{self.name}.request.pem"

    @property
    def request_key(self) -> Path:
        return self.folder / f"{self.name}.request.key"

    def all(self) -> tuple[Path, ...]:
        """Every path."""
        return self.chain, self.key, self.root, self.root_key, self.request, self.request_key

    def replaced(self, day: str) -> KeyFiles:
        """The dated name under which a pair is kept that another has replaced: studio.2026-11-25."""
        number, aside = 1, KeyFiles(self.folder, f"{self.name}.{day}")
        while aside.chain.exists() or aside.key.exists():
            number += 1
            aside = KeyFiles(self.folder, f"{self.name}.{day}-{number}")
        return aside


def key_name(text: str) -> str:
    """The name of a key's files: letters and digits of any script, with hyphens between. Raises UsageError."""
    plain = unicodedata.normalize("NFC", text).casefold()
    name = re.sub(r"[\W_]+", "-", plain).strip("-")[:MAX_NAME].strip("-")
    if not name:
        raise UsageError(f"the name {text!r} has no letter or digit; choose another one")
    if name in RESERVED:
        raise UsageError(f"the name {name!r} is kept for the development key; choose another one")
    return name


def key_names(folder: Path) -> list[str]:
    """The names of all keys in a folder, of those replaced by others too, in order."""
    names = set()
    with _reading(folder):
        for path in folder.iterdir() if folder.is_dir() else ():
            stem, ending = path.stem, path.suffix
            if path.name.startswith(".") or ending not in (".pem", ".key"):
                continue
            stem = stem.removesuffix(".request")
            if stem != "root" and not stem.endswith(".root"):
                names.add(stem)
    return sorted(names)


def with_algorithm(pem: bytes, alg: str) -> bytes:
    """A PEM that tells the algorithm, where the key does not."""
    return f"{_NOTE}{alg}\n".encode() + pem if alg in UNUSUAL else pem


def noted_algorithm(pem: bytes) -> str | None:
    """The algorithm that a PEM tells, if it does."""
    first = pem.partition(b"\n")[0].decode("ascii", "replace")
    alg = first.removeprefix(_NOTE).strip()
    return alg if first.startswith(_NOTE) and alg in UNUSUAL else None


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Hold a folder of keys, made if need be, for one process alone. Raises SigningError if it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder / LOCK):
            yield
    except OSError as error:
        raise SigningError(f"the folder of keys {folder} cannot be written: {reason(error)}") from None


def check_free(files: KeyFiles) -> None:
    """Make sure that no key of this name is there. Raises UsageError, for a key is never overwritten."""
    for path in files.all():
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already, and keys are never overwritten; choose another name")


def check_no_request(files: KeyFiles) -> None:
    """Make sure that no request of this key waits already. Raises UsageError."""
    for path in (files.request, files.request_key):
        if os.path.lexists(path):
            raise UsageError(f"{path} waits for its certificate; import that, or delete the request and its key")


def is_replaced(files: KeyFiles) -> bool:
    """Whether another pair has taken the place of this one, whose name has a date."""
    return "." in files.name


def write_new(files: Mapping[Path, bytes]) -> None:
    """Write files that are not there yet: all of them, or none when one fails. Hold the folder meanwhile."""
    done: list[Path] = []
    try:
        for path, content in files.items():
            write_whole(path, content)
            done.append(path)
    except BaseException:
        for path in done:
            with contextlib.suppress(OSError):
                path.unlink()
        raise


def replace_pair(files: KeyFiles, chain: bytes, key: bytes, *, day: str) -> None:
    """Put a new pair in the place of the old one, which stays under a dated name. Hold the folder meanwhile.

    Two files cannot change in one step. So the key file holds both keys while the chain is exchanged: whoever reads,
    or comes back after a crash, finds the key that belongs to the chain.
    """
    aside = files.replaced(day)
    old = files.key.read_bytes()
    write_whole(aside.key, old)
    write_whole(aside.chain, files.chain.read_bytes())
    if key != old:
        write_whole(files.key, old.rstrip() + b"\n" + key)
    write_whole(files.chain, chain)
    write_whole(files.key, key)


def keep_root(files: KeyFiles, root: bytes, *, day: str) -> None:
    """Write the root of a key; another one that is there, and its key, go under a dated name. Hold the folder."""
    if files.root.exists() and files.root.read_bytes() != root:
        aside = files.replaced(day)
        for old, new in ((files.root_key, aside.root_key), (files.root, aside.root)):
            if old.exists():
                old.replace(new)
    if not files.root.exists():
        write_whole(files.root, root)


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace `path` in one step. What ends in .key is at no moment readable by others. Raises OSError."""
    replace_whole(path, content)
    if path.suffix != ".key" and os.name == "posix":
        path.chmod(0o644)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SigningError(f"{path}: {reason(error)}") from None
