"""A real time-stamping authority (RFC 3161): OpenSSL's, behind a small HTTP server, under a root of its own."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import pki

_CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/chain.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """A time-stamper. root: PEM of what vouches for it. asked: how many stamps it was asked for."""

    folder: Path
    root: str
    clock: str | None = None
    """A time as faketime takes it, such as "-10d", in place of the true one."""
    asked: int = 0
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stamp(self, query: bytes) -> bytes:
        """The answer, DER, to a time-stamp query."""
        with self._lock:
            self.asked += 1
            (self.folder / "query.tsq").write_bytes(query)
            command = ["openssl", "ts", "-reply", "-config", "tsa.conf", "-queryfile", "query.tsq", "-out", "reply.tsr"]
            if self.clock:
                command = ["faketime", "-f", self.clock, *command]
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
            return (self.folder / "reply.tsr").read_bytes()


def authority(
    folder: Path, *, clock: str | None = None, start: datetime | None = None, days: int = 3650, name: str = "Test TSA"
) -> Authority:
    """An authority in `folder`, without a server: its certificate is good from ten years ago unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    start = start or datetime.now(UTC) - timedelta(days=3000)
    made = pki.signer(
        "ps256",
        name=name,
        organization="Test Time",
        purposes=(pki.TIME_STAMPING,),
        critical_purposes=True,
        start=start,
        days=days,
    )
    (folder / "tsa.pem").write_text(made.chain)
    (folder / "chain.pem").write_text(made.root)
    (folder / "tsa.key").write_bytes(made.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "serial").write_text("01\n")
    (folder / "tsa.conf").write_text(_CONFIGURATION.format(folder=folder))
    return Authority(folder, made.root, clock)


@contextmanager
def serving(authority: Authority) -> Iterator[Authority]:
    """The authority at a local address, `url`, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            reply = authority.stamp(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None: ...

    with answering(Handler) as url:
        authority.url = url
        yield authority


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A local HTTP server; yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
