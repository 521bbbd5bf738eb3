"""An authority whose revocations can be asked: OpenSSL's OCSP responder, and a web server for lists and forgeries."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from .. import pki

OCSP_PATH, LIST_PATH = "/ocsp", "/authority.crl"


def addresses(ocsp: str | None = None, crl: str | None = None) -> tuple[x509.ExtensionType, ...]:
    """The extensions that name a responder and a list."""
    found: list[x509.ExtensionType] = []
    if ocsp:
        method = AuthorityInformationAccessOID.OCSP
        found.append(
            x509.AuthorityInformationAccess([x509.AccessDescription(method, x509.UniformResourceIdentifier(ocsp))])
        )
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        found.append(x509.CRLDistributionPoints([point]))
    return tuple(found)


def certificates(pem: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(pem.encode())


def chain(signer: pki.PrivateSigner) -> list[bytes]:
    """As a manifest holds it: DER, the leaf first, without the root."""
    return [certificate.public_bytes(Encoding.DER) for certificate in certificates(signer.chain)]


def issuer(signer: pki.PrivateSigner) -> x509.Certificate:
    return certificates(signer.chain + signer.root)[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Web:
    """A web server. pages: path -> body, status, or what makes a body of the request's. asked: paths, in order."""

    url: str
    pages: dict[str, bytes | int | Callable[[bytes], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            page = served.pages.get(self.path, 404)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            content = page(body) if callable(page) else page
            self.send_response(content if isinstance(content, int) else 200)
            data = b"" if isinstance(content, int) else content
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Web(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Entry:
    """One certificate as an authority's index has it. revoked: with `reason` and, for keyTime, `since`."""

    certificate: x509.Certificate
    revoked: datetime | None = None
    reason: str = "keyCompromise"
    since: datetime | None = None

    @property
    def line(self) -> str:
        serial = f"{self.certificate.serial_number:X}"
        when = ""
        if self.revoked:
            since = f",{self.since:%Y%m%d%H%M%SZ}" if self.since else ""
            when = f"{self.revoked:%y%m%d%H%M%SZ},{self.reason}{since}"
        expiry = f"{self.certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
        fields = ("R" if when else "V", expiry, when, serial.zfill(len(serial) + len(serial) % 2), "unknown", "/CN=x")
        return "\t".join(fields) + "\n"


@contextmanager
def openssl_responder(
    folder: Path,
    port: int,
    authority: x509.Certificate,
    key: Any,
    entries: Sequence[Entry],
    *options: str,
    by: Any = None,
) -> Iterator[None]:
    """OpenSSL's responder for one authority. by: certificate and key that sign, the authority's own by default."""
    folder.mkdir(exist_ok=True)
    signer, signer_key = by or (authority, key)
    (folder / "index.txt").write_text("".join(entry.line for entry in entries))
    (folder / "authority.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    (folder / "signer.pem").write_bytes(signer.public_bytes(Encoding.PEM))
    (folder / "signer.key").write_bytes(_private(signer_key))
    command = ["openssl", "ocsp", "-port", str(port), "-index", "index.txt", "-CA", "authority.pem"]
    command += ["-rsigner", "signer.pem", "-rkey", "signer.key", "-ignore_err", *(options or ("-nmin", "60"))]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        told = ""
        while "waiting for" not in told.lower() and "ACCEPT" not in told:
            line = process.stdout.readline()
            assert line, f"the responder did not start: {told}"
            told += line
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield
    finally:
        process.kill()
        process.wait()


def delegate(
    authority: x509.Certificate,
    key: Any,
    *,
    name: str = "Responder",
    purpose: Any = ExtendedKeyUsageOID.OCSP_SIGNING,
    start: datetime | None = None,
    days: int = 30,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> tuple[x509.Certificate, Any]:
    """A certificate with which somebody else answers for an authority, and its key."""
    own = ec.generate_private_key(ec.SECP256R1())
    start = start or datetime.now(UTC) - timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()), own


def revocation_list(
    authority: x509.Certificate,
    key: Any,
    revoked: Sequence[x509.Certificate] = (),
    *,
    at: datetime | None = None,
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    since: datetime | None = None,
    start: datetime | None = None,
    days: float = 7,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    entry_extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """A list, DER. at: when `revoked` were. since: since when the key is no longer theirs."""
    start = start or datetime.now(UTC) - timedelta(minutes=1)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(start)
        .next_update(start + timedelta(days=days))
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    for certificate in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(at or datetime.now(UTC) - timedelta(minutes=2))
        )
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        if since:
            entry = entry.add_extension(x509.InvalidityDate(since.replace(tzinfo=None)), critical=False)
        for value, critical in entry_extensions:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _private(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
