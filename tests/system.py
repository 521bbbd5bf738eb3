"""What tests need of the system besides Python: scripts/test installs it where it may."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*programs: str, package: str) -> None:
    """Skip the test where a program is missing; fail where it had to be there.

    As root, scripts/test installs Debian's `package` (see scripts/system-packages.sh), so its absence is a fault.
    """
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    sentence = f"{', '.join(missing)} is missing; install the package {package}"
    if getattr(os, "geteuid", lambda: 1)() == 0:
        pytest.fail(f"{sentence}, or run scripts/test, which does", pytrace=False)
    pytest.skip(sentence)
