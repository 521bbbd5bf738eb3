"""kzlabel demo"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ExitCode
from . import output as terminal
from .options import Settings, option

EXAMPLE = "Example: kzlabel demo my-folder"


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to put it.", readable=False)] = Path(
        "kzlabel-demo"
    ),
    overwrite: Annotated[bool, option("--overwrite", help="Replace an earlier demonstration in that folder.")] = False,
    ffmpeg: Annotated[
        str | None, option("--ffmpeg", help="The ffmpeg program; default: the one that came with kzlabel.")
    ] = None,
) -> int:
    """Label and verify one file of each medium into a folder, with a report to look at."""
    from ..demo.show import show

    settings: Settings = context.obj
    report = show(folder, overwrite=overwrite, ffmpeg=ffmpeg, limits=settings.limits, tell=terminal.say)
    terminal.line(f"Open {report} in a browser.")
    return ExitCode.DONE
