"""The command within this process: as the installed one in all but the start of an interpreter."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kzlabel.signing.development import development_signer


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """A working folder, a home with a key, and the command. `refused` also holds that nothing at all was changed."""

    folder: Path
    home: Path
    _streams: pytest.CaptureFixture[str] = field(repr=False)

    def run(self, *arguments: str | Path) -> Ran:
        from kzlabel.cli.app import run

        self._streams.readouterr()
        code = run([str(argument) for argument in arguments])
        told = self._streams.readouterr()
        assert "Traceback" not in told.err
        return Ran(int(code), told.out, told.err)

    def refused(self, code: int, words: str, *arguments: str | Path) -> Ran:
        """Run, and expect this exit code, one clear sentence with these words, and everything as it was before."""
        before = self.snapshot()
        told = self.run(*arguments)
        assert told.code == code, (arguments, told)
        sentences = told.err.splitlines()
        assert len(sentences) == 1, (arguments, told)
        assert sentences[0].startswith("kzlabel: "), told.err
        assert words in told.err, (arguments, told.err)
        assert self.snapshot() == before, arguments
        return told

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """Mode and content of everything in the working folder."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            content = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(self.folder))] = (path.lstat().st_mode, content)
        return found

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    @property
    def root(self) -> Path:
        """The certificate of the development root."""
        return self.home / ".config" / "kzlabel" / "keys" / "root.pem"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a development key."""
    folder = tmp_path_factory.mktemp("keys")
    development_signer(folder)
    return folder


@pytest.fixture
def desk(
    tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    import os

    for name in list(os.environ):
        if name.startswith(("KZLABEL_", "XDG_")):
            monkeypatch.delenv(name)
    home, folder = tmp_path / "home", tmp_path / "work"
    (home / ".config" / "kzlabel").mkdir(parents=True)
    (home / ".config" / "kzlabel" / "keys").symlink_to(keys)
    folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.chdir(folder)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield Desk(folder, home, capsys)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
