"""Ctrl-C and SIGTERM while c2pa is at work, which calls back into Python and forgets what is raised there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kzlabel import Labeller, LabelOptions
from tests import pki
from tests.signing import works
from tests.signing.stores import python

from .command import PROGRAM, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent")

READING = """
import io, os, signal, sys
import c2pa
from kzlabel.cli.interrupts import catch_interrupts, interrupt_waits

class Struck(io.BytesIO):
    left = 1
    def readinto(self, buffer):
        if self.left:
            self.left = 0
            os.kill(os.getpid(), signal.SIGTERM)
        return super().readinto(buffer)
    def read(self, size=-1):
        if self.left:
            self.left = 0
            os.kill(os.getpid(), signal.SIGTERM)
        return super().read(size)

catch_interrupts()
stream = Struck(open(sys.argv[1], "rb").read())
try:
    reader = c2pa.Reader.try_create("image/jpeg", stream)
    print("mismatch" in reader.json())
    while True:
        pass
except KeyboardInterrupt:
    print(stream.left, interrupt_waits(), interrupt_waits())
"""


def test_an_interrupt_in_the_midst_of_reading_waits_until_the_file_is_read(tmp_path: Path) -> None:
    picture = tmp_path / "labelled.jpg"
    picture.write_bytes(Labeller(LabelOptions(keys=tmp_path, audit="off")).image(works.picture(), "jpeg"))
    done = subprocess.run(
        [sys.executable, "-c", READING, picture], capture_output=True, timeout=60, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["False", "0", "True", "False"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_program_signs_ends_the_whole_batch(number: signal.Signals, tmp_path: Path) -> None:
    made = pki.signer(days=90)
    (tmp_path / "chain.pem").write_text(made.chain)
    sleeper = python(
        tmp_path,
        f"import sys\nopen({str(tmp_path / 'started')!r}, 'a').write('once ')\nsys.stdin.buffer.read()\n"
        "import time\ntime.sleep(60)",
    )
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("The wind has dropped.\n")
    process = subprocess.Popen(
        [PROGRAM, "label", "one.txt", "two.txt", "--signer", f"command:{sleeper}?cert=chain.pem"],
        cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not (tmp_path / "started").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"kzlabel: interrupted; nothing was left half done\n")
    assert (tmp_path / "started").read_text() == "once "
    assert not [path for path in tmp_path.iterdir() if "labelled" in path.name or path.name.startswith(".kzlabel-")]


EARLY = """
import sys

class Struck:
    def find_spec(self, name, path=None, target=None):
        if name == "kzlabel.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Struck())
from kzlabel.cli import main
main()
"""


def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", EARLY], env=environment(tmp_path), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")
