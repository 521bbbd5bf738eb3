"""The one way to the network, for addresses that a person configured: bounded in time, size and attempts."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from .errors import NetworkError
from .inert import inert

if TYPE_CHECKING:
    import urllib3

TIMEOUT = 10.0  # seconds for one attempt, whatever the server does
ATTEMPTS = 2
PAUSE = 0.5  # seconds before a second attempt, twice as many before each further one
CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What a server answered. type: of the body, as the server calls it, lower case and without parameters."""

    status: int
    type: str
    body: bytes


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


def exchange(
    method: str,
    url: str,
    *,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    limit: int,
    timeout: float,
    home: str,
    redirects: int = 0,
) -> Answer:
    """One request to a server that may name other addresses, and its answer, whatever its status.

    home: the address that a person configured. Addresses of another origin come from a server: they are asked only if
    their host is a public one, and without Authorization. redirects: how many are followed, of a request without data,
    to the same scheme or from http to https. timeout: seconds for everything. Raises NetworkError.
    """
    shown = inert(url, 200)
    deadline = time.monotonic() + timeout
    try:
        return _within(
            timeout, lambda: _follow(method, url, data, dict(headers or {}), limit, deadline, home, redirects)
        )
    except _Problem as error:
        raise NetworkError(f"{shown}: {error}") from None


def _follow(
    method: str,
    url: str,
    data: bytes | None,
    headers: dict[str, str],
    limit: int,
    deadline: float,
    home: str,
    redirects: int,
) -> Answer:
    for _ in range(redirects + 1):
        away = _origin(url) != _origin(home)
        if away:
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        location, answer = _exchanged(method, url, data, headers, limit, deadline, public=away)
        if answer.status not in _REDIRECTS or data is not None or not location:
            return answer
        try:
            there = urljoin(url, location)
            schemes = urlsplit(url).scheme, urlsplit(there).scheme
        except ValueError:
            raise _Problem("it redirects to a malformed address", passing=False) from None
        if schemes not in (
            ("http", "http"),
            ("http", "https"),
            ("https", "https"),
        ):
            raise _Problem("it redirects to another kind of address", passing=False)
        url = there
    raise _Problem(f"it redirects more than {redirects} times", passing=False)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        raise _Problem("this address is malformed", passing=False) from None


def _exchanged(
    method: str, url: str, data: bytes | None, headers: dict[str, str], limit: int, deadline: float, *, public: bool
) -> tuple[str | None, Answer]:
    """Where the server redirects to, and its answer."""
    import urllib3

    scheme, host, port = _origin(url)
    if scheme not in _PORTS or not host or "@" in urlsplit(url).netloc:
        raise _Problem("this is no http or https address", passing=False)
    try:
        left = max(deadline - time.monotonic(), 0.001)
        # To the very address that was looked at: a name server might answer otherwise when asked again.
        target = _public_address(host, port) if public else host
        with _pool(scheme, host, target, port, left) as pool:
            parts = urlsplit(url)
            path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            answer = pool.request(
                method,
                path,
                body=data,
                headers={"Host": parts.netloc, **headers},
                preload_content=False,
                redirect=False,
                decode_content=False,
            )
            with answer:
                body = b"" if answer.status in _REDIRECTS else _body(answer, limit, deadline)
                kind_of_body = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                return answer.headers.get("Location"), Answer(answer.status, kind_of_body, body)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _Problem(_reason(error)) from None


def _pool(scheme: str, host: str, target: str, port: int | None, seconds: float) -> urllib3.HTTPConnectionPool:
    """Connections to `target`, an address of `host` or itself."""
    import urllib3

    timeout = urllib3.Timeout(total=seconds)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(target, port, retries=False, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        target, port, retries=False, timeout=timeout, server_hostname=host, assert_hostname=host
    )


def _public_address(host: str, port: int | None) -> str:
    """An address of this host, if all that it has are public."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found or not all(ipaddress.ip_address(one.partition("%")[0]).is_global for one in found):
        raise _Problem("the server names an address within a private network", passing=False)
    return found[0]


class _Problem(Exception):
    """Why an attempt failed. passing: another one may not."""

    def __init__(self, sentence: str, *, passing: bool = True) -> None:
        super().__init__(sentence)
        self.passing = passing


def _within(timeout: float, work: Callable[[], T]) -> T:
    """Run `work` on a thread that is left behind when time is up.

    A name server, or a server that sends its headers byte by byte, is under nobody's time limit otherwise.
    """
    results: SimpleQueue[T | BaseException] = SimpleQueue()

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


def _body(answer: object, limit: int, deadline: float | None = None) -> bytes:
    import urllib3

    assert isinstance(answer, urllib3.response.BaseHTTPResponse)
    parts, size = [], 0
    while part := answer.read1(CHUNK):
        size += len(part)
        if size > limit:
            raise _Problem(f"the answer is larger than the limit of {limit} bytes", passing=False)
        if deadline is not None and time.monotonic() > deadline:
            raise _Problem("it does not answer in time")
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
