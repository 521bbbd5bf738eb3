"""Files as kzlabel treats them: inputs opened with care, outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import InternalError, LimitExceeded, OutputError, UnreadableFile, UsageError

CHUNK = 1 << 20


def check_input(path: Path) -> os.stat_result:
    """Make sure that `path` is a readable, non-empty regular file. Raises UnreadableFile with the reason."""
    name = path.name or str(path)
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableFile(f"{name}: {_reason(error)}") from None
    except ValueError:
        raise UnreadableFile(f"{name!r}: this is no possible file name") from None
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableFile(f"{name}: this is a folder; name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile(f"{name}: this is no regular file; copy its content to a file, or pipe it in as -")
    if status.st_size == 0:
        raise UnreadableFile(f"{name}: the file is empty")
    if not os.access(path, os.R_OK):
        raise UnreadableFile(f"{name}: no permission to read it")
    return status


def open_input(path: Path) -> BinaryIO:
    """Open a checked input for reading. Raises UnreadableFile."""
    check_input(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {_reason(error)}") from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, hexadecimal, streamed. Raises UnreadableFile."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {_reason(error)}") from None


def spool(stream: BinaryIO, folder: Path, *, limit: int) -> Path:
    """Write a pipe's bytes to a file in `folder`. Raises LimitExceeded beyond `limit` bytes, UnreadableFile."""
    path = folder / "stdin"
    size = 0
    with writing(path), path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise LimitExceeded(f"-: the input is larger than {limit} bytes; raise max_spool_bytes, or name a file")
            file.write(chunk)
    if not size:
        raise UnreadableFile("-: the input is empty")
    return path


def check_target(target: Path, sources: tuple[Path, ...], *, overwrite: bool) -> None:
    """Make sure that `target` may be written. Raises OutputError, or UsageError when it is one of the inputs."""
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"{target.name}: the output folder {folder} does not exist; create it first")
    if target.is_dir():
        raise OutputError(f"{target.name}: the output is a folder; name a file, or use --out-dir")
    if os.path.lexists(target):
        for source in sources:
            with contextlib.suppress(OSError):
                if target.samefile(source):
                    raise UsageError(f"{target.name}: output and input are the same file; use --in-place to replace it")
        if not overwrite:
            raise OutputError(f"{target.name}: the output exists already; name another one, or use --overwrite")
        if not stat.S_ISREG(target.lstat().st_mode):
            raise OutputError(f"{target.name}: the output exists and is no regular file; name another one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target.name}: no permission to write into {folder}")


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A private folder for unfinished files, on the file system of the output, gone afterwards whatever happens."""
    with writing(folder):
        path = Path(tempfile.mkdtemp(prefix=".kzlabel-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn operating system errors while `path` is written into one sentence. Raises OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path.name}: {_reason(error)}") from None


def publish(finished: Path, target: Path, *, overwrite: bool) -> None:
    """Move a finished file into place in one step. Without `overwrite` a file that appeared meanwhile is left alone.

    Raises OutputError.
    """
    with writing(target):
        _flush(finished)
        if overwrite:
            finished.replace(target)
            return
        try:
            os.link(finished, target)  # fails if the target exists, which a rename on POSIX does not
        except FileExistsError:
            raise OutputError(
                f"{target.name}: the output exists already; name another one, or use --overwrite"
            ) from None
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise OutputError(
                    f"{target.name}: the output exists already; name another one, or use --overwrite"
                ) from None
            finished.rename(target)


def copy_whole(source: Path, target: Path) -> None:
    """Copy bytes, and make sure that all of them arrived. Raises OutputError, InternalError."""
    with writing(target):
        shutil.copyfile(source, target)
    if source.stat().st_size != target.stat().st_size:
        raise InternalError(f"{target.name}: the copy is shorter than the input")


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _reason(error: OSError) -> str:
    known = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission",
        errno.EPERM: "not permitted",
        errno.ENOSPC: "the disk is full; free some space and run it again",
        getattr(errno, "EDQUOT", -1): "the disk quota is used up; free some space and run it again",
        errno.EFBIG: "the file would be larger than this system allows",
        errno.ENAMETOOLONG: "the name is too long",
        errno.EROFS: "the file system is read-only",
        errno.ELOOP: "too many symbolic links",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
