"""The one way to the network, for addresses that a person configured: bounded in time, size and attempts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from .errors import NetworkError
from .inert import inert

TIMEOUT = 10.0  # seconds for one attempt, whatever the server does
ATTEMPTS = 2
PAUSE = 0.5  # seconds before a second attempt, twice as many before each further one
CHUNK = 1 << 16


def fetch(
    url: str,
    *,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    limit: int,
    timeout: float = TIMEOUT,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> bytes:
    """The body that a GET of `url` brings, or a POST where there is `data`; at most `limit` bytes.

    http and https only; redirects are not followed, so that the address asked is the address configured. A server
    that cannot be reached or is busy (5xx, 429) is asked `attempts` times. timeout: seconds for one attempt, looking
    up its name included. Raises NetworkError.
    """
    shown = inert(url, 200)
    if not url.lower().startswith(("http://", "https://")):
        raise NetworkError(f"{shown}: this is no http or https address")
    problem = _Problem("no attempt was made")
    for attempt in range(attempts):
        if attempt:
            pause(PAUSE * 2 ** (attempt - 1))
        try:
            return _within(timeout, lambda: _ask(url, data, dict(headers or {}), limit, timeout))
        except _Problem as error:
            problem = error
            if not error.passing:
                break
    raise NetworkError(f"{shown}: {problem}")


class _Problem(Exception):
    """Why an attempt failed. passing: another one may not."""

    def __init__(self, sentence: str, *, passing: bool = True) -> None:
        super().__init__(sentence)
        self.passing = passing


def _within(timeout: float, work: Callable[[], bytes]) -> bytes:
    """Run `work` on a thread that is left behind when time is up.

    A name server, or a server that sends its headers byte by byte, is under nobody's time limit otherwise.
    """
    results: SimpleQueue[bytes | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            results.put(work())
        except BaseException as error:
            results.put(error)

    threading.Thread(target=run, name="network", daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except Empty:
        raise _Problem("it does not answer in time") from None
    if isinstance(result, BaseException):
        raise result
    return result


def _ask(url: str, data: bytes | None, headers: dict[str, str], limit: int, timeout: float) -> bytes:
    import urllib3

    try:
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=timeout)) as pool:
            method = "GET" if data is None else "POST"
            # Nothing compressed was asked for; some small answers unpack to a size that `limit` notices too late.
            answer = pool.request(
                method,
                url,
                body=data,
                headers=headers,
                preload_content=False,
                redirect=False,
                decode_content=False,
            )
            with answer:
                if answer.status != 200:
                    passing = answer.status >= 500 or answer.status == 429
                    raise _Problem(f"the server answers with status {answer.status}", passing=passing)
                return _body(answer, limit)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _Problem(_reason(error)) from None


def _body(answer: object, limit: int) -> bytes:
    import urllib3

    assert isinstance(answer, urllib3.response.BaseHTTPResponse)
    parts, size = [], 0
    while part := answer.read1(CHUNK):
        size += len(part)
        if size > limit:
            raise _Problem(f"the answer is larger than the limit of {limit} bytes", passing=False)
        parts.append(part)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    import urllib3

    if isinstance(error, urllib3.exceptions.NewConnectionError):  # before time-outs, of which it is one to urllib3
        return "it cannot be reached"
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return "it does not answer in time"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "its certificate is not accepted"
    return inert(str(error), 200)
