"""Inputs opened with care, outputs that appear whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

import pytest

from kzlabel.errors import KzlabelError, LimitExceeded, OutputError, UnreadableFile, UsageError
from kzlabel.files import (
    check_input,
    check_target,
    locked,
    publish,
    publish_both,
    reason,
    spool,
    take_over,
    workspace,
    write_text,
)


class Broken(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_an_impossible_name_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="no possible file name"):
        check_input(Path("a\0b"))


def test_a_pipe_is_written_down_up_to_its_limit(tmp_path: Path) -> None:
    assert spool(io.BytesIO(b"x" * 10), tmp_path, limit=10).read_bytes() == b"x" * 10
    with pytest.raises(LimitExceeded, match="larger than 9 bytes; raise max_spool_bytes"):
        spool(io.BytesIO(b"x" * 10), tmp_path, limit=9)
    with pytest.raises(UnreadableFile, match="-: the input is empty"):
        spool(io.BytesIO(), tmp_path, limit=9)
    with pytest.raises(UnreadableFile, match="-: the input cannot be read: input/output error"):
        spool(Broken(), tmp_path, limit=9)  # type: ignore[arg-type]
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(UnreadableFile, match="-: the input cannot be read"):
        spool(closed, tmp_path, limit=9)


def test_a_workspace_is_gone_whatever_happens(tmp_path: Path) -> None:
    def interrupted() -> None:
        with workspace(tmp_path) as room:
            assert room.parent == tmp_path
            assert room.stat().st_mode & 0o077 == 0
            (room / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="no such file"), workspace(tmp_path / "none"):
        pass


def test_a_file_that_appeared_meanwhile_is_left_alone(tmp_path: Path) -> None:
    finished, target = tmp_path / "finished", tmp_path / "target"
    finished.write_text("new")
    check_target(target, (), overwrite=False)
    target.write_text("precious")
    with pytest.raises(OutputError, match="target: the output exists already"):
        publish(finished, target, overwrite=False)
    assert target.read_text() == "precious"
    publish(finished, target, overwrite=True)
    assert target.read_text() == "new"


def test_a_disk_without_hard_links_is_published_to_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    finished, target = tmp_path / "finished", tmp_path / "target"
    finished.write_text("new")
    publish(finished, target, overwrite=False)
    assert target.read_text() == "new"
    finished.write_text("newer")
    with pytest.raises(OutputError, match="exists already"):
        publish(finished, target, overwrite=False)
    assert target.read_text() == "new"


def test_of_two_files_both_appear_or_none(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()

    def both(overwrite: bool, sidecar: Path, target: Path) -> None:
        (room / "a").write_text("sidecar")
        (room / "b").write_text("film")
        publish_both((room / "a", sidecar), (room / "b", target), overwrite=overwrite)

    sidecar, target = tmp_path / "film.c2pa", tmp_path / "film"
    both(False, sidecar, target)
    assert (sidecar.read_text(), target.read_text()) == ("sidecar", "film")
    sidecar.unlink()
    with pytest.raises(OutputError):
        both(False, sidecar, target)
    assert not sidecar.exists()
    sidecar.write_text("earlier")
    with pytest.raises(OutputError):
        both(True, sidecar, tmp_path / "none" / "film")
    assert sidecar.read_text() == "earlier"
    with pytest.raises(OutputError):
        both(False, sidecar, tmp_path / "other")
    assert sidecar.read_text() == "earlier"
    assert not (tmp_path / "other").exists()


def test_an_output_is_none_of_its_inputs_under_any_name(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_text("x")
    (tmp_path / "soft").symlink_to(source)
    (tmp_path / "hard").hardlink_to(source)
    (tmp_path / "folder").mkdir()
    for target in (source, tmp_path / "soft", tmp_path / "hard", tmp_path / "folder" / ".." / "a"):
        with pytest.raises(UsageError, match="same file"):
            check_target(target, (tmp_path / "other", source), overwrite=True)
    with pytest.raises(UsageError, match="same file"):
        check_target(tmp_path / "new", (tmp_path / "new",), overwrite=True)


@pytest.mark.parametrize("name", ["x" * 300, "é" * 200, "a/b/c", "."])
def test_an_impossible_target_is_refused_at_once(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path / name, (), overwrite=True)
    assert "\n" not in str(caught.value)


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o604)
    (tmp_path / "new").write_text("new")
    take_over(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o604


def test_a_text_appears_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "ә\n", overwrite=False)
    assert (tmp_path / "a").read_bytes() == "ә\n".encode()
    with pytest.raises(OutputError):
        write_text(tmp_path / "a", "b", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG, 9999])
def test_reasons_are_words_that_go_on_a_sentence(number: int) -> None:
    words = reason(OSError(number, os.strerror(number)))
    assert words
    assert words[0].islower()
    assert not words.endswith(".")
    assert issubclass(OutputError, KzlabelError)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_nobody_else_can_open_what_is_locked_and_so_hold_it(tmp_path: Path) -> None:
    with locked(tmp_path / "one.lock"):
        assert stat.S_IMODE((tmp_path / "one.lock").stat().st_mode) == 0o600
