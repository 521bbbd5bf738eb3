"""Fetching from servers that do not do what is expected of them."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from kzlabel.errors import NetworkError
from kzlabel.network import fetch

from .tsa import answering


def server(*answers: tuple[int, dict[str, str], bytes]) -> tuple[type[BaseHTTPRequestHandler], list[str]]:
    """Gives one answer after the other, the last one for good; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            asked.append(f"{self.command} {self.path} {self.rfile.read(size).decode()}".strip())
            status, headers, body = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

    return Handler, asked


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server below HTTP: `talk` holds each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                    talk(connection)
                except OSError:
                    return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_a_get_and_a_post_bring_the_body() -> None:
    handler, asked = server((200, {}, b"here"))
    with answering(handler) as url:
        assert fetch(url, limit=4) == b"here"
        assert fetch(url, data=b"question", headers={"Content-Type": "x/y"}, limit=4) == b"here"
    assert asked == ["GET /", "POST / question"]


def test_a_busy_server_is_asked_again_and_a_refusal_is_not() -> None:
    pauses: list[float] = []
    handler, asked = server((503, {}, b""), (200, {}, b"late"))
    with answering(handler) as url:
        assert fetch(url, limit=10, pause=pauses.append) == b"late"
    assert (len(asked), pauses) == (2, [0.5])
    handler, asked = server((404, {}, b""))
    with answering(handler) as url, pytest.raises(NetworkError, match="status 404"):
        fetch(url, limit=10, pause=pauses.append)
    assert len(asked) == 1


def test_redirects_are_not_followed() -> None:
    elsewhere, asked = server((200, {}, b"secret"))
    with answering(elsewhere) as there:
        handler, _ = server((302, {"Location": there}, b""))
        with answering(handler) as url, pytest.raises(NetworkError, match="status 302"):
            fetch(url, limit=10)
    assert not asked


def test_answers_larger_than_the_limit_are_not_taken() -> None:
    handler, asked = server((200, {}, b"x" * 11))
    with answering(handler) as url, pytest.raises(NetworkError, match="larger than the limit of 10 bytes"):
        fetch(url, limit=10)
    assert len(asked) == 1


def test_an_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(1 << 20))
    handler, _ = server((200, {"Content-Encoding": "gzip"}, packed))
    with answering(handler) as url:
        assert fetch(url, limit=len(packed)) == packed


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_a_server_that_never_ends_costs_bounded_time(first: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(100):
            time.sleep(0.02)
            connection.sendall(b"x" if first else b"")

    began = time.monotonic()
    with raw(drip) as url, pytest.raises(NetworkError, match="does not answer in time"):
        fetch(url, limit=1 << 20, timeout=0.3, attempts=1)
    assert time.monotonic() - began < 5  # it is 0.3, and would be for ever


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", ""])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(NetworkError, match="no http or https address"):
        fetch(url, limit=10)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "http://[::", "http:///"])
def test_what_cannot_be_reached_is_said(url: str) -> None:
    with pytest.raises(NetworkError):
        fetch(url, limit=10, pause=lambda seconds: None)


def test_what_is_no_http_is_said() -> None:
    def nonsense(connection: socket.socket) -> None:
        with connection:
            connection.sendall(b"\x00\x01\x02 no http\r\n\r\n")

    with raw(nonsense) as url, pytest.raises(NetworkError):
        fetch(url, limit=10, pause=lambda seconds: None)
