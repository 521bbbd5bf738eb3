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

LABELLED = ".labelled"  # put before the ending of an output whose name was not given
CHUNK = 1 << 20


def check_input(path: Path) -> os.stat_result:
    """Make sure that `path` is a readable, non-empty regular file. Raises UnreadableFile with the reason."""
    name = path.name or str(path)
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableFile(f"{name}: {reason(error)}") from None
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
        raise UnreadableFile(f"{path.name}: {reason(error)}") from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, hexadecimal, streamed. Raises UnreadableFile."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {reason(error)}") from None


def spool(stream: BinaryIO, folder: Path, *, limit: int) -> Path:
    """Write a pipe's bytes to a file in `folder`. Raises LimitExceeded beyond `limit` bytes, UnreadableFile."""
    path = folder / "stdin"
    size = 0
    with writing(path), path.open("wb") as file:
        while chunk := _next(stream):
            size += len(chunk)
            if size > limit:
                raise LimitExceeded(f"-: the input is larger than {limit} bytes; raise max_spool_bytes, or name a file")
            file.write(chunk)
    if not size:
        raise UnreadableFile("-: the input is empty")
    return path


def _next(stream: BinaryIO) -> bytes:
    try:
        return stream.read(CHUNK)
    except (OSError, ValueError) as error:
        words = reason(error) if isinstance(error, OSError) else str(error)
        raise UnreadableFile(f"-: the input cannot be read: {words}") from None


def check_target(target: Path, sources: tuple[Path, ...], *, overwrite: bool) -> None:
    """Make sure that `target` may be written. Raises OutputError, or UsageError when it is one of the inputs."""
    with writing(target):
        _check_folder(target)
        for source in sources:
            if _same_place(target, source):
                raise UsageError(f"{target.name}: output and input are the same file; use --in-place to replace it")
        if os.path.lexists(target):
            if not overwrite:
                raise OutputError(f"{target.name}: the output exists already; name another one, or use --overwrite")
            check_replaceable(target)
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise OutputError(f"{target.name}: no permission to write into {target.parent}")


def check_in_place(source: Path) -> None:
    """Make sure that an input may be replaced where it stands. Raises UsageError for links, which that would tear."""
    if source.is_symlink():
        raise UsageError(f"{source.name}: this is a symbolic link; use --follow-symlinks to replace what it points to")
    if source.stat().st_nlink > 1:
        raise UsageError(f"{source.name}: the file has several hard links, which --in-place would tear apart; use -o")


def check_replaceable(target: Path) -> None:
    """Make sure that a file that exists may be replaced. Raises OutputError.

    A read-only file could be replaced all the same, by a rename; whoever made it read-only did not want that.
    """
    status = target.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{target.name}: the output exists and is no regular file; name another one")
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise OutputError(f"{target.name}: the output exists and is read-only; make it writable, or name another one")


def _check_folder(target: Path) -> None:
    if target.is_dir():
        raise OutputError(f"{target.name or target}: the output is a folder; name a file, or use --out-dir")
    if not target.parent.is_dir():
        raise OutputError(f"{target.name}: the output folder {target.parent} does not exist; create it first")
    target.exists()  # tells of names that are too long before any work is done


def _same_place(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        if one.samefile(other):
            return True
    return one.absolute() == other.absolute()


def default_target(source: Path) -> Path:
    """Where a labelled file goes unless told: photo.labelled.jpg beside photo.jpg."""
    return source.with_name(f"{source.stem}{LABELLED}{source.suffix}") if source.name else source


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A private folder in the system's place for temporary files, gone afterwards. Raises OutputError."""
    with workspace(Path(tempfile.gettempdir()), prefix="kzlabel-") as room:
        yield room


@contextlib.contextmanager
def workspace(folder: Path, *, prefix: str = ".kzlabel-") -> Iterator[Path]:
    """A private folder for unfinished files, on the file system of the output, gone afterwards whatever happens."""
    with writing(folder):
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def is_full(error: OSError) -> bool:
    """Whether an error can only come from writing: no room left, or none allowed."""
    return error.errno in (errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))


def reason(error: OSError) -> str:
    """Why the operating system refused, in words that go on a sentence and say what to do where that is known."""
    known = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission",
        errno.EPERM: "not permitted",
        errno.ENOSPC: "the disk is full; free some space and run it again",
        getattr(errno, "EDQUOT", -1): "the disk quota is used up; free some space and run it again",
        errno.EFBIG: "the file would be larger than this system allows",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
        errno.EROFS: "the file system is read-only",
        errno.ELOOP: "too many symbolic links",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn operating system errors while `path` is written into one sentence. Raises OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path.name}: {reason(error)}") from None


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


def publish_both(first: tuple[Path, Path], second: tuple[Path, Path], *, overwrite: bool) -> None:
    """Publish two finished files, each given with its target; should the second fail, the first is undone.

    Raises OutputError.
    """
    finished, target = first
    before = _kept(target, finished.parent)
    publish(finished, target, overwrite=overwrite)
    try:
        publish(*second, overwrite=overwrite)
    except BaseException:
        with contextlib.suppress(OSError):  # must not hide what failed first
            if before is not None:
                before.replace(target)
            else:
                target.unlink(missing_ok=True)
        raise


def _kept(path: Path, room: Path) -> Path | None:
    """A copy of `path` in `room`; None where there is no such file."""
    if not path.exists():
        return None
    copy = room / "kept"
    with writing(path):
        shutil.copy2(path, copy)
    return copy


def write_text(target: Path, text: str, *, overwrite: bool) -> None:
    """Write a text file in UTF-8 that appears whole or not at all. Raises OutputError."""
    with workspace(target.parent) as room:
        finished = room / "text"
        with writing(target):
            finished.write_text(text, encoding="utf-8", newline="\n")
        publish(finished, target, overwrite=overwrite)


def replace_whole(target: Path, content: bytes) -> None:
    """Write or replace a small file of our own in one step. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file made for it, which the system lets go of if the process dies. Raises OSError."""
    # For our eyes only: whoever can open it can hold it, and keep us waiting.
    with open(path, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # Closing is not enough: a process forked meanwhile holds the same lock through its copy of the file.
                fcntl.flock(file, fcntl.LOCK_UN)


def take_over(finished: Path, existing: Path) -> None:
    """Give a finished file the mode, and where we may the owner, of the file it will replace. Raises OutputError."""
    with writing(existing):
        status = existing.stat()
        if hasattr(os, "chown"):
            with contextlib.suppress(OSError):
                os.chown(finished, status.st_uid, status.st_gid)
        finished.chmod(status.st_mode & 0o7777)


def copy_whole(source: Path, target: Path) -> None:
    """Copy bytes, and make sure that all of them arrived. Raises OutputError, InternalError."""
    with writing(target):
        shutil.copyfile(source, target)
    if source.stat().st_size != target.stat().st_size:
        raise InternalError(f"{target.name}: the copy is shorter than the input")


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
