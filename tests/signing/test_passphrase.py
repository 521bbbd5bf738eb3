"""Passphrases: told by a descriptor or a variable, never lost, and never handed on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kzlabel.errors import SigningError
from kzlabel.signing import KeyAccess, Passphrase, open_signer
from kzlabel.signing.passphrase import MAX_BYTES
from tests import pki
from tests.end_to_end.command import kzlabel
from tests.signing.stores import PASSPHRASE, VARIABLE, key_pem, pem_files, private, python, told


@contextmanager
def pipe(content: bytes) -> Iterator[int]:
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def test_a_descriptor_used_for_another_pipe_later_tells_what_is_in_that_one() -> None:
    with pipe(b"first\nmore") as first:
        tells = Passphrase(descriptor=first)
        assert tells.get("a key") == tells.get("another key") == "first"
    with pipe(b"second\r\n") as second:
        assert second == first
        assert tells.get("a key") == "second"


def test_bytes_that_are_no_utf_8_are_told_alike_by_variable_and_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "caf\udce9")
    with pipe(b"caf\xe9\n") as reading:
        assert Passphrase(descriptor=reading).get("a key") == Passphrase(variable=VARIABLE).get("a key")


@pytest.mark.parametrize("descriptor", [-1, 999_999, 1 << 70])
def test_a_descriptor_that_is_none_is_one_sentence(descriptor: int) -> None:
    with pytest.raises(SigningError, match=f"no passphrase can be read from the file descriptor {descriptor}"):
        Passphrase(descriptor=descriptor).get("a key")


def test_a_folder_and_an_endless_line_tell_no_passphrase(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY) if os.name == "posix" else -1
    with pytest.raises(SigningError, match="no passphrase can be read"):
        Passphrase(descriptor=folder).get("a key")
    with pipe(b"x" * (MAX_BYTES + 1)) as reading, pytest.raises(SigningError, match="too long for a passphrase"):
        Passphrase(descriptor=reading).get("a key")


def test_an_empty_passphrase_is_a_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = pem_files(tmp_path, pki.signer(), PASSPHRASE)
    monkeypatch.setenv(VARIABLE, "")
    with pytest.raises(SigningError, match=r"leaf\.key: the passphrase is wrong, or the private key is damaged$"):
        open_signer(uri, told(tmp_path))
    private(tmp_path / "leaf.key", key_pem(pki.signer()).replace(b"M", b"!"))
    with pytest.raises(SigningError, match=r"leaf\.key: the private key is damaged$"):
        open_signer(uri, KeyAccess(tmp_path))


def test_standard_input_does_not_bring_file_and_passphrase_at_once(tmp_path: Path) -> None:
    done = kzlabel(
        *("label", "-", "-o", "made.txt", "--passphrase-fd", "0", "--signer", pem_files(tmp_path, pki.signer(), "x")),
        home=tmp_path,
        stdin=b"x\nThe wind has dropped.\n",
    )
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "both the file and the passphrase" in done.err
    assert not (tmp_path / "made.txt").exists()


@pytest.mark.skipif(os.name != "posix", reason="the program of this test begins with #!")
def test_programs_that_are_run_do_not_inherit_it(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text(pki.signer(days=90).chain)
    (tmp_path / "poem.txt").write_text("The wind has dropped.\n")
    nosy = python(
        tmp_path,
        "import os, sys\nsys.exit(' '.join(sorted(name for name, value in os.environ.items() if 'hush' in value)))",
    )
    done = kzlabel(
        *("label", "poem.txt", "--signer", f"command:{nosy}?cert=chain.pem", "--passphrase-env", "MINE"),
        home=tmp_path,
        KZLABEL_PASSPHRASE="hush",
        MINE="hush",
        OTHER="hush",
    )
    assert done.code == 7
    assert done.err.endswith("poem.txt: the program sign-it failed with exit code 1: OTHER\n")
