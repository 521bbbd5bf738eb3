"""Any other key service: `command:PROGRAM?cert=CHAIN.pem`, by the protocol of c2patool's `--signer-path`.

The program is run once for each signature as `PROGRAM --reserve-size N --alg ALG --sign-cert CHAIN.pem`. It reads the
bytes to sign from its standard input, writes the signature to its standard output, and ends with 0; a failure is told
in the first line on its standard error. An ECDSA signature may be raw or DER. No shell is involved.

Options: `cert` (needed), `alg`, `timeout` in seconds, `reserve` in bytes, which is only passed on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import ConfigurationError, SigningError
from ..files import reason
from ..inert import inert
from .base import KeyAccess, split_options
from .chain import credential, read_chain
from .cose import checked
from .file import expanded, read_public, shown

TIMEOUT = 30.0  # seconds for one signature
MAX_TIMEOUT = 600.0
RESERVE = 20_000  # bytes: what c2patool passes unless told otherwise
MAX_SIGNATURE = 4096  # bytes; RSA of 16384 bits gives 2048
MAX_TOLD = 4096  # bytes of standard error that are kept


@dataclass(frozen=True)
class CommandSigner:
    """Signs by running a program. Safe for threads: each signature is a process of its own.

    program: its absolute path. certificate: the absolute path of the chain's file.
    """

    chain: str
    alg: str
    fingerprint: str
    program: str
    certificate: str
    reserve: int = RESERVE
    timeout: float = TIMEOUT
    news: str | None = field(default=None, compare=False)

    def sign(self, data: bytes) -> bytes:
        """The raw COSE signature of `data`, checked against the certificate. Raises SigningError."""
        who = f"the program {inert(Path(self.program).name, 80)}"
        arguments = ["--reserve-size", str(self.reserve), "--alg", self.alg, "--sign-cert", self.certificate]
        given = _run([self.program, *arguments], data, self.timeout, who)
        return checked(self.chain, self.alg, data, given, who)


def open_command(rest: str, access: KeyAccess) -> CommandSigner:
    """The signer of `command:`. Raises SigningError, ConfigurationError."""
    text, options = split_options(rest, ("alg", "cert", "reserve", "timeout"))
    if not options.get("cert"):
        raise ConfigurationError("signer command: the certificate is missing; write command:PROGRAM?cert=CHAIN.pem")
    timeout = _number(options, "timeout", TIMEOUT, MAX_TIMEOUT)
    reserve = int(_number(options, "reserve", RESERVE, 1 << 20))
    program = _program(text)
    path = expanded(options["cert"]).absolute()
    fit = credential(read_chain(read_public(path), shown(path)), name=shown(path), wanted=options.get("alg"))
    return CommandSigner(fit.chain, fit.alg, fit.fingerprint, program, str(path), reserve, timeout, fit.news)


def _number(options: dict[str, str], name: str, default: float, most: float) -> float:
    try:
        number = float(options.get(name, default))
    except ValueError:
        number = 0.0
    if not 0 < number <= most:
        raise ConfigurationError(f"signer command: {name} is a number above 0, up to {most:g}")
    return number


def _program(text: str) -> str:
    """The program's absolute path. A bare name is looked up in PATH, never in the working folder: files that somebody
    sent must not choose what signs.
    """
    if not text.strip():
        raise ConfigurationError("signer command: the program is missing; write command:PROGRAM?cert=CHAIN.pem")
    path = expanded(text)
    shown_name = inert(text, 120)
    if path.is_absolute():
        places = [path]
    elif not any(mark in text for mark in ("/", "\\", os.sep)):
        folders = [Path(one) for one in os.get_exec_path() if Path(one).is_absolute()]
        places = [folder / path for folder in folders]
    else:
        raise ConfigurationError(f"signer command: {shown_name} is a relative path; give the whole path")
    found = next((found for place in places if (found := shutil.which(str(place)))), None)
    if found is None:
        where = "there is no such program, or it may not be run" if path.is_absolute() else "it is not in PATH"
        raise SigningError(f"signer command: {shown_name}: {where}")
    return found


def _run(arguments: list[str], data: bytes, timeout: float, who: str) -> bytes:
    """What the program writes for `data`; bounded in time and size."""
    end = time.monotonic() + timeout
    try:
        pipe = subprocess.PIPE
        process = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise SigningError(f"{who} cannot be started: {reason(error)}") from None
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None
    out, told = _Drain(stdout, MAX_SIGNATURE, process), _Drain(stderr, MAX_TOLD)
    threads = [_thread(out), _thread(told), _thread(lambda: _feed(stdin, data))]
    try:
        process.wait(max(end - time.monotonic(), 0))
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        late = any(thread.is_alive() for thread in threads)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        process.kill()  # nothing happens to one that has ended
        process.wait()
    if out.overflown:
        raise SigningError(f"{who} wrote over {MAX_SIGNATURE} bytes, which is no signature")
    if late:
        raise SigningError(f"{who} did not end within {timeout:g} seconds; see what it waits for, or raise timeout=")
    if process.returncode < 0:
        raise SigningError(f"{who} was ended by signal {-process.returncode}")
    if process.returncode:
        line = next(iter(bytes(told.kept).decode("utf-8", "replace").strip().splitlines()), "it does not say why")
        raise SigningError(f"{who} failed with exit code {process.returncode}: {inert(line, 200)}")
    return bytes(out.kept)


class _Drain:
    """Reads a pipe to its end and keeps the first `limit` bytes; more of them end `process`, if that is given."""

    def __init__(self, pipe: IO[bytes], limit: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self.kept = bytearray()
        self.overflown = False
        self._pipe, self._limit, self._process = pipe, limit, process

    def __call__(self) -> None:
        with self._pipe, suppress(OSError, ValueError):
            while part := os.read(self._pipe.fileno(), 1 << 16):
                room = self._limit - len(self.kept)
                self.kept += part[:room]
                if len(part) > room and self._process:
                    self.overflown = True
                    self._process.kill()
                    return


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with suppress(OSError, ValueError), pipe:  # a program that has ended early tells why itself
        pipe.write(data)


def _thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)  # one that hangs on an orphan's pipe must not keep us
    thread.start()
    return thread
