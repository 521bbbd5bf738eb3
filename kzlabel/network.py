"""The one way to the network, for addresses that a person configured: bounded in time, size and attempts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from .errors import NetworkError
from .inert import inert

TIMEOUT = 10.0  # seconds for one attempt, whatever the server does
ATTEMPTS = 2
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
    that cannot be reached or is busy (5xx, 429) is asked `attempts` times. Raises NetworkError.
    """
    import urllib3

    shown = inert(url, 200)
    if not url.lower().startswith(("http://", "https://")):
        raise NetworkError(f"{shown}: this is no http or https address")
    problem = "no attempt was made"
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=timeout)) as pool:
        for attempt in range(attempts):
            if attempt:
                pause(0.5 * 2 ** (attempt - 1))
            end = time.monotonic() + timeout
            try:
                method = "GET" if data is None else "POST"
                answer = pool.request(
                    method, url, body=data, headers=dict(headers or {}), preload_content=False, redirect=False
                )
                with answer:
                    if answer.status == 200:
                        return _body(answer, limit, end)
                    problem = f"the server answers with status {answer.status}"
                    if answer.status < 500 and answer.status != 429:
                        break
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                problem = _reason(error)
    raise NetworkError(f"{shown}: {problem}")


def _body(answer: object, limit: int, end: float) -> bytes:
    import urllib3

    assert isinstance(answer, urllib3.response.BaseHTTPResponse)
    parts, size = [], 0
    while part := answer.read1(CHUNK):
        size += len(part)
        if size > limit:
            raise ValueError(f"the answer is larger than the limit of {limit} bytes")
        if time.monotonic() > end:
            raise TimeoutError("the answer takes too long")
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
