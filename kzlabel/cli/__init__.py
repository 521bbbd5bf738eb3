"""The command line: one short module per verb, no logic of its own."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `kzlabel` command; ends the process with a code of `ExitCode`."""
    # More threads than one halve no wait here: they only spin beside the one that works, for twice the CPU.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from .app import run
        from .output import quieten_libraries
    except KeyboardInterrupt:  # what has not begun yet needs no sentence
        sys.exit(130)

    quieten_libraries()
    sys.exit(run())
