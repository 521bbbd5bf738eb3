"""Labels the same text once for each END, in children of its own that strace looks on: see test_labelling.

usage: many_ends.py SOURCE FOLDER END...

END is CALL:NUMBER: strace kills whoever makes the LAST of any kind of call that it watches, so that a child which is to
end at its tenth `fsync` makes LAST - 10 of them first, which fail and change nothing. One process imports everything
once: the program, started anew for each end, took three times as long.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# What a label imports as it goes.
import c2pa  # noqa: F401

import kzlabel.labeller
import kzlabel.registry.store  # noqa: F401
from kzlabel.cli import main

LAST = 90  # more than a label makes of any kind
NOBODY, NOWHERE = 1 << 20, Path("/proc/nowhere")
IDLE: dict[str, Callable[[], object]] = {
    "pwrite64": lambda: os.pwrite(NOBODY, b"", 0),
    "fsync": lambda: os.fsync(NOBODY),
    "fdatasync": lambda: os.fdatasync(NOBODY),
    "rename": lambda: NOWHERE.rename(NOWHERE),
    "link": lambda: os.link(NOWHERE, NOWHERE),
    "unlink": lambda: NOWHERE.unlink(),
    "unlinkat": lambda: os.unlink("nowhere", dir_fd=NOBODY),
}


def one(end: str, source: str, folder: str) -> int:
    """How the child ended, as os.waitpid says it."""
    call, number = end.split(":")
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for _ in range(LAST - int(number)):
            with suppress(OSError):
                IDLE[call]()
        sys.argv = ["kzlabel", "label", source, "-o", f"{folder}/{call}-{number}.out.txt"]
        main()  # ends the child as it ends the program
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    sys.stdout.write(json.dumps([one(end, sys.argv[1], sys.argv[2]) for end in sys.argv[3:]]))
