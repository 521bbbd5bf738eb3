"""The README's way from an empty folder to a file verified under one's own root, followed word by word."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ..system import need
from .command import PROGRAM, environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SECRETS = ("pin-of-the-readme-7b20", "so-pin-of-the-readme", "passphrase of the readme")


def test_the_way_in_the_readme_ends_at_a_verified_file(tmp_path: Path) -> None:
    need("softhsm2-util", "pkcs11-tool", "openssl", package="softhsm2, opensc and openssl")
    (way,) = re.findall(r"<!-- followed -->\n```bash\n(.*?)```", README, re.DOTALL)
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", way],
        cwd=folder,
        env=environment(tmp_path, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}"),
        input="".join(f"{secret}\n" for secret in SECRETS),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (answer,) = re.findall(r"The last line answers `(.*?)…`", README)
    assert done.stdout.splitlines()[-1].startswith(answer)
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
        written = [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert not written


def test_the_packages_that_the_readme_installs_are_those_that_the_tests_install() -> None:
    (named,) = re.findall(r"^# apt-get install (.+)$", README, re.MULTILINE)
    listed = (ROOT / "scripts" / "system-packages.sh").read_text("utf-8")
    (ours,) = re.findall(r"SYSTEM_PACKAGES=\((.*?)\)", listed, re.DOTALL)
    assert set(named.split()) <= {line.split()[0] for line in ours.strip().splitlines()}
