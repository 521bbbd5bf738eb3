"""Manifest stores by their SHA-256: in the database, or as files in a folder or bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, exists, select

from ..errors import DamagedEntry, RegistryError
from ..files import replace_whole
from ..inert import inert
from ..limits import DEFAULT_LIMITS
from . import schema
from .statements import insert_once


class Manifests:
    """outside: a folder, or what fsspec takes (`s3://bucket/path`); None for the database itself."""

    def __init__(self, outside: str | None = None) -> None:
        self._outside = outside

    def keep(self, connection: Connection, content: bytes) -> str:
        """Keep a store, once; returns its digest. Raises RegistryError."""
        digest = hashlib.sha256(content).hexdigest()
        if len(content) > DEFAULT_LIMITS.max_manifest_bytes:
            raise RegistryError("registry: this manifest is larger than the limit on manifests")
        if self._outside is not None:  # first: a row must never promise a file that is not there
            self._put(digest, content)
        row = {"digest": digest, "size": len(content), "content": None if self._outside is not None else content}
        insert_once(connection, schema.manifest, row)
        return digest

    def get(self, connection: Connection, digest: str) -> bytes | None:
        """A store, proven to be the one of this digest; None if it is not known. Raises DamagedEntry, RegistryError."""
        row = connection.execute(
            select(schema.manifest.c.size, schema.manifest.c.content).where(schema.manifest.c.digest == digest)
        ).first()
        if row is None:
            return None
        content = bytes(row.content) if row.content is not None else self._take(digest, row.size)
        if hashlib.sha256(content).hexdigest() != digest:
            raise DamagedEntry(f"registry: the manifest {digest[:12]} it keeps is damaged; import it anew")
        return content

    def unused(self, connection: Connection) -> list[str]:
        """Remove the rows of stores that no entry refers to; returns their digests, for `remove_outside`."""
        table = schema.manifest
        idle = ~exists().where(schema.entry.c.manifest == table.c.digest)
        return list(connection.execute(delete(table).where(idle).returning(table.c.digest)).scalars())

    def remove_outside(self, digests: list[str]) -> None:
        """Once the transaction that removed the rows is through."""
        for digest in digests if self._outside is not None else ():
            if self._in_bucket:
                with self._bucket(digest) as (files, path):
                    if files.exists(path):
                        files.rm_file(path)
            else:
                self._path(digest).unlink(missing_ok=True)

    @property
    def _in_bucket(self) -> bool:
        return self._outside is not None and "://" in self._outside

    def _path(self, digest: str) -> Path:
        assert self._outside is not None
        return Path(self._outside) / digest[:2] / f"{digest}.c2pa"

    def _put(self, digest: str, content: bytes) -> None:
        if self._in_bucket:
            with self._bucket(digest) as (files, key):
                files.makedirs(key.rpartition("/")[0], exist_ok=True)
                files.pipe_file(key, content)
            return
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_whole(path, content)

    def _take(self, digest: str, size: int) -> bytes:
        if self._outside is None:
            raise DamagedEntry(f"registry: the manifest {digest[:12]} is kept elsewhere, and nothing says where")
        try:
            if self._in_bucket:
                with self._bucket(digest) as (files, path):
                    return bytes(files.cat_file(path, start=0, end=size + 1))
            with self._path(digest).open("rb") as file:
                return file.read(size + 1)
        except OSError:
            raise DamagedEntry(f"registry: the manifest {digest[:12]} is missing from {inert(self._outside)}") from None

    @contextmanager
    def _bucket(self, digest: str) -> Iterator[tuple[Any, str]]:
        """A file system of fsspec, and the path there. Raises RegistryError for whatever its package raises."""
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise RegistryError("registry: buckets need a package; pip install 'kzlabel[buckets]'") from None
        try:
            files, root = url_to_fs(self._outside)  # type: ignore[no-untyped-call]
        except (ImportError, ValueError) as error:
            raise RegistryError(f"registry: {inert(str(self._outside))} cannot be used: {inert(str(error))}") from None
        try:
            yield files, f"{root.rstrip('/')}/{digest[:2]}/{digest}.c2pa"
        except OSError:
            raise
        except Exception as error:  # of any package: no credentials, no such bucket, no answer
            raise RegistryError(f"registry: {inert(str(self._outside))}: {inert(str(error), 200)}") from None
