"""Runs the installed command as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("kzlabel")


@dataclass(frozen=True)
class Told:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(home: Path, **more: str) -> dict[str, str]:
    """A user's environment with a home of its own: keys and configuration of one test never meet another's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KZLABEL_", "XDG_"))}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **more}


def kzlabel(
    *arguments: str | Path, home: Path, cwd: Path | None = None, stdin: bytes | None = None, **variables: str
) -> Told:
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        env=environment(home, **variables),
        cwd=cwd or home,
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=300,
        check=False,
    )
    return Told(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
