"""Fetching from servers that do not do what is expected of them."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kzlabel import network
from kzlabel.errors import NetworkError
from kzlabel.network import exchange, fetch

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


# --- servers that name other addresses ---


def test_a_token_stays_with_the_server_that_was_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_public_address", lambda host, port: "127.0.0.1")
    seen: list[tuple[str | None, str | None]] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.headers.get("Host"), self.headers.get("Authorization")))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"there")

        def log_message(self, format: str, *args: object) -> None: ...

    with answering(Other) as other:
        port = other.rstrip("/").rpartition(":")[2]
        handler, asked = server((302, {"Location": f"http://example.org:{port}/x"}, b""))
        with answering(handler) as url:
            answer = exchange(
                "GET", url, headers={"Authorization": "Bearer x"}, limit=99, timeout=5, home=url, redirects=1
            )
            assert (answer.status, answer.body) == (200, b"there")
            assert seen == [(f"example.org:{port}", None)]
            posted = exchange("POST", url, data=b"x", limit=99, timeout=5, home=url, redirects=1)
            assert posted.status == 302
            assert len(asked) == 2


def test_a_redirect_to_what_is_no_address_is_not_followed() -> None:
    for location in ("ftp://example.org/", "file:///x", "//[", "https://[::1"):
        handler, _ = server((302, {"Location": location}, b""))
        with answering(handler) as url, pytest.raises(NetworkError):
            exchange("GET", url, limit=9, timeout=5, home=url, redirects=1)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fe80::1]", "[::ffff:10.0.0.1]"]
)
def test_a_server_cannot_send_us_into_a_private_network(host: str) -> None:
    with pytest.raises(NetworkError, match="private network"):
        exchange("GET", f"https://{host}/", limit=9, timeout=5, home="https://example.org")


def test_a_server_by_its_address_has_to_prove_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """We connect to the address that was looked at, and the certificate is still held against the name."""
    certificate, key = a_server_certificate("example.org")
    (tmp_path / "server.pem").write_bytes(certificate + key)
    (tmp_path / "root.pem").write_bytes(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    monkeypatch.setattr(network, "_public_address", lambda host, port: "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    handler, _ = server((200, {}, b"proven"))
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        port = listening.server_address[1]
        told = exchange("GET", f"https://example.org:{port}/", limit=99, timeout=5, home="https://a.example")
        assert told.body == b"proven"
        with pytest.raises(NetworkError, match="certificate is not accepted"):
            exchange("GET", f"https://example.com:{port}/", limit=99, timeout=5, home="https://a.example")
        listening.shutdown()


def a_server_certificate(host: str) -> tuple[bytes, bytes]:
    """A certificate that vouches for itself, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
