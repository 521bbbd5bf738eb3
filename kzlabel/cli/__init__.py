"""The command line: one short module per verb, no logic of its own."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `kzlabel` command; ends the process with a code of `ExitCode`."""
    from .app import run
    from .output import quieten_libraries

    quieten_libraries()
    sys.exit(run())
