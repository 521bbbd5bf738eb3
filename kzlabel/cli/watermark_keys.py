"""Secret watermark keys, as the command line takes them: files that nobody else may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, UsageError
from ..files import reason
from ..inert import inert

if TYPE_CHECKING:
    from ..watermark.keys import WatermarkKey


def key_file(path: Path | None, *, allow_shared_key: bool = False) -> WatermarkKey:
    """The key in a file, all its bytes; the open key without one. Raises ConfigurationError."""
    from ..watermark.keys import MAX_SECRET, WatermarkKey

    if path is None:
        return WatermarkKey()
    shown = inert(str(path))
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            secret = file.read(MAX_SECRET + 1)
    except OSError as error:
        raise ConfigurationError(f"{shown}: {reason(error)}; check --watermark-key") from None
    if os.name == "posix" and mode & 0o077 and not allow_shared_key:
        raise ConfigurationError(f"{shown}: others may read this secret key; run chmod 600 on it")
    try:
        return WatermarkKey(secret)
    except UsageError as error:
        raise ConfigurationError(f"{shown}: {error}; make one with head -c 32 /dev/urandom") from None
