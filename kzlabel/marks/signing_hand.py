"""The hand that signs: a signer as c2pa takes it, and failures in the words of whoever failed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import SigningError, TimeStampError
from ..inert import inert
from ..signing import Signer
from ..signing.local import LocalSigner

if TYPE_CHECKING:
    import c2pa


@contextmanager
def hand_of(signer: Signer, tsa: str | None, name: str) -> Iterator[c2pa.Signer]:
    """The signer as c2pa takes it. What goes wrong is told in the signer's own words where it has some.

    Raises SigningError; TimeStampError if the authority is at fault.
    """
    import c2pa

    native, callback = _native(signer, tsa, os.getpid())
    if callback:
        callback.forget()
    try:
        yield native
    except c2pa.C2paError as error:
        failure = callback.failure if callback else None
        if failure is not None and not isinstance(failure, Exception):
            raise failure from None  # Ctrl-C
        if failure is not None:
            raise SigningError(f"{name}: {failure}") from failure
        said = inert(str(error), 300)
        if tsa and (why := said.partition("internal error (")[2].removesuffix(")")):
            raise TimeStampError(f"{name}: the time-stamping authority gave no usable time-stamp: {why}") from error
        raise SigningError(f"{name}: the manifest could not be signed: {said}") from error


@lru_cache(maxsize=8)
def _native(signer: Signer, tsa: str | None, process: int) -> tuple[c2pa.Signer, _Callback | None]:
    """c2pa's signer: one for each process, as it does not outlive a fork; shared by threads.

    A key in hand goes to c2pa itself, which then knows the signature's size; a callback makes it reserve 9 KB more.
    """
    import c2pa

    with signing("the signer"):
        if isinstance(signer, LocalSigner):
            address = tsa.encode() if tsa else None
            info = c2pa.C2paSignerInfo(signer.alg.encode(), signer.chain.encode(), signer.key, address)  # type: ignore[no-untyped-call]
            return c2pa.Signer.from_info(info), None
        callback = _Callback(signer)
        return c2pa.Signer.from_callback(callback, c2pa.C2paSigningAlg[signer.alg.upper()], signer.chain, tsa), callback


class _Callback:
    """Signs for c2pa, which tells only that a signature failed: why is remembered, for each thread."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._here = threading.local()

    def __call__(self, data: bytes) -> bytes:
        try:
            return self._signer.sign(data)
        except BaseException as error:  # Ctrl-C too: Python throws away what a callback from C lets out
            self._here.failure = error
            return b""  # c2pa would log the words of an exception

    def forget(self) -> None:
        self._here.failure = None

    @property
    def failure(self) -> BaseException | None:
        found: BaseException | None = getattr(self._here, "failure", None)
        return found


@contextmanager
def signing(name: str) -> Iterator[None]:
    """Turn c2pa's errors into sentences. Raises SigningError."""
    import c2pa

    try:
        yield
    except c2pa.C2paError as error:
        raise SigningError(f"{name}: the manifest could not be signed: {inert(str(error), 300)}") from error
