"""kzlabel inspect"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ExitCode
from . import output as terminal
from .options import Settings, option

EXAMPLE = "Example: kzlabel inspect --json picture.jpg"


def inspect(
    context: typer.Context,
    input: Annotated[Path, typer.Argument(metavar="INPUT", help="File to look into.", readable=False)],
    sidecar: Annotated[Path | None, option("--sidecar", help="A manifest store beside the file.")] = None,
    as_json: Annotated[bool, option("--json", help="Everything as one JSON object.")] = False,
) -> int:
    """Show every mark of a file as found, raw, without judgement."""
    from ..verification.inspection import inspect_file, lines

    settings: Settings = context.obj
    found = inspect_file(input, limits=settings.limits, beside=sidecar)
    if as_json:
        terminal.data(found)
    else:
        for row in lines(found):
            terminal.line(row)
    return ExitCode.DONE
