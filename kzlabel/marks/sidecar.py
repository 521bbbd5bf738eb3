"""Sidecars: manifest stores in a file of their own, beside the content or wherever the user says."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UnreadableFile
from ..inert import inert
from ..limits import Limits

SUFFIX = ".c2pa"


@dataclass(frozen=True)
class Sidecar:
    """A manifest store that was found. place: the sidecar's name, inert.

    ambiguous: found as NAME.c2pa, which NAME.jpg and NAME.webm would share; it may belong to another file.
    """

    store: bytes = field(repr=False)
    ambiguous: bool
    place: str


def path_for(output: Path) -> Path:
    """Where the sidecar of an output is written: `clip.webm.c2pa` beside `clip.webm`."""
    return output.with_name(output.name + SUFFIX)


def is_sidecar(path: Path) -> bool:
    """Whether a file is named like a sidecar, so that recursion skips it."""
    return path.suffix.casefold() == SUFFIX


def find(path: Path, explicit: Path | None, limits: Limits) -> Sidecar | None:
    """The sidecar of a file: `explicit`, else NAME.EXT.c2pa, else NAME.c2pa in the same folder; None if there is none.

    Beside the file only a regular file counts, no link: a folder that was downloaded must not lead elsewhere. Of one
    that is too large only the beginning is taken, which no validation survives. Raises UnreadableFile for `explicit`.
    """
    if explicit is not None:
        try:
            store = _read(explicit, limits, follow=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UnreadableFile(f"{explicit.name}: the sidecar cannot be read: {reason}; check --sidecar") from None
        if store is None:
            raise UnreadableFile(f"{explicit.name}: the sidecar is no regular file; check --sidecar")
        return Sidecar(store, ambiguous=False, place=inert(explicit.name))
    exact = path_for(path)
    for candidate in dict.fromkeys((exact, path.with_suffix(SUFFIX))):
        if candidate == path:
            continue
        try:
            store = _read(candidate, limits, follow=False)
        except (OSError, ValueError):
            continue
        if store is not None:
            return Sidecar(store, ambiguous=candidate != exact, place=inert(candidate.name))
    return None


def _read(path: Path, limits: Limits, *, follow: bool) -> bytes | None:
    """At most one byte more than a store may have; None for what is no regular file."""
    if not follow and path.is_symlink():
        return None
    no_surprise = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe must not make us wait
    handle = os.open(path, os.O_RDONLY | no_surprise | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return file.read(limits.max_manifest_bytes + 1)
