"""Answers kept in a folder, for other processes and later runs: bytes as they came, to be verified again when used.

Whoever can write into the folder can withhold a newer answer for as long as an older one is valid, and nothing more.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ...files import replace_whole

MAX_FILES = 2000
MAX_BYTES = 128 << 20  # of all files together
_CROWDED = 0.9  # what is left of the bounds after old entries went, so that not every writing tidies


@dataclass(frozen=True)
class AnswerCache:
    """folder: made when first needed. max_age: seconds."""

    folder: Path
    max_age: float

    def load(self, *key: bytes, limit: int) -> bytes | None:
        """The answer kept under this key, None if there is none, or it is too old or too large."""
        try:
            with self._file(key).open("rb") as file:
                kept = os.fstat(file.fileno())
                if not 0 <= time.time() - kept.st_mtime <= self.max_age or kept.st_size > limit:
                    return None
                return file.read(limit)
        except OSError:
            return None

    def save(self, *key: bytes, data: bytes) -> None:
        """Keep an answer, whole or not at all; a folder that cannot be written keeps none."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_whole(self._file(key), data)
            self._tidy()

    def _file(self, key: tuple[bytes, ...]) -> Path:
        digest = sha256()
        for part in key:
            digest.update(len(part).to_bytes(8, "big") + part)
        return self.folder / f"{digest.hexdigest()}.der"

    def _tidy(self) -> None:
        """Remove the oldest entries beyond the bounds, and what a killed process left unfinished."""
        with os.scandir(self.folder) as entries:
            found = sorted((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in entries)
        size, many = sum(one[1] for one in found), len(found)
        if many > MAX_FILES or size > MAX_BYTES:
            for _, bytes_, path in found:
                if many <= MAX_FILES * _CROWDED and size <= MAX_BYTES * _CROWDED:
                    break
                with suppress(OSError):
                    Path(path).unlink()
                many, size = many - 1, size - bytes_
