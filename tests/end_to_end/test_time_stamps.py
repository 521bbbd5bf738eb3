"""Time-stamps from a real authority, OpenSSL's: asked, required, refused, and what they are worth years later."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.trust import Anchor, Trust

from .. import pki, tsa
from ..system import need
from .command import PROGRAM, environment
from .conftest import Desk
from .works import work


@pytest.fixture(scope="module")
def clock_tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tsa.Authority]:
    need("openssl", package="openssl")
    with tsa.serving(tsa.authority(tmp_path_factory.mktemp("tsa"))) as authority:
        yield authority


def anchor(pem: str, name: str = "own") -> Anchor:
    return Anchor(name, "2026-01-01", pem)


def other_bytes(authority: tsa.Authority) -> bytes:
    """A good answer, to another question."""
    query = authority.folder / "other.tsq"
    command = ["openssl", "ts", "-query", "-data", __file__, "-sha256", "-cert", "-out", str(query)]
    subprocess.run(command, check=True, capture_output=True)
    return authority.stamp(query.read_bytes())


def always(status: int, body: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    return Handler


@pytest.mark.parametrize(
    "name", ["photo.jpg", "picture.png", "song.wav", "vp9.webm", "story.txt", "note.md", "page.html"]
)
def test_a_time_stamp_is_in_every_kind_of_carrier(name: str, desk: Desk, clock_tower: tsa.Authority) -> None:
    source = work(name, desk.folder)
    told = desk.run("label", source, "-o", f"out{source.suffix}", "--tsa", clock_tower.url, "--tsa-required", "--json")
    assert told.code == 0, told.err
    stamp = told.json["time_stamp"]
    assert stamp["authority"] == clock_tower.url
    signed = datetime.fromisoformat(stamp["time"])
    assert abs(datetime.now(UTC) - signed) < timedelta(minutes=5)
    root = anchor(desk.root.read_text())
    output = desk.folder / f"out{source.suffix}"

    def verdict(*time_anchors: Anchor) -> tuple[str, str, str | None]:
        trust = Trust(anchors=(root,), time_anchors=time_anchors)
        found = Verifier(VerifyOptions(trust=trust)).verify(output)
        return found.kind, found.time_source, found.signed_at

    assert verdict(anchor(clock_tower.root)) == ("verified", "tsa-trusted", stamp["time"])
    assert verdict() == ("verified", "tsa-untrusted", stamp["time"])
    assert verdict(root) == ("verified", "tsa-untrusted", stamp["time"])


def test_the_root_of_a_time_stamper_makes_no_signature_trusted(desk: Desk, clock_tower: tsa.Authority) -> None:
    desk.run("label", work("photo.jpg", desk.folder), "-o", "out.jpg", "--tsa", clock_tower.url)
    trust = Trust(time_anchors=(anchor(clock_tower.root),))
    found = Verifier(VerifyOptions(trust=trust)).verify(desk.folder / "out.jpg")
    assert (found.kind, found.time_source) == ("untrusted", "tsa-trusted")
    assert "timeStamp.trusted" in found.evidence[0].codes
    assert "signingCredential.untrusted" in found.evidence[0].codes


@pytest.mark.parametrize("fault", ["down", "busy", "garbage", "empty", "other bytes", "refusal"])
def test_without_a_usable_time_stamp_it_is_said_or_refused(fault: str, desk: Desk, clock_tower: tsa.Authority) -> None:
    answers = {
        "busy": (503, b""),
        "garbage": (200, b"\x30\x03\x02\x01\x00 no time-stamp"),
        "empty": (200, b""),
        "other bytes": (200, other_bytes(clock_tower)),
        "refusal": (200, clock_tower.stamp(b"no query")),
    }
    source = work("photo.jpg", desk.folder)
    with tsa.answering(always(*answers.get(fault, (200, b"")))) as url:
        url = "http://127.0.0.1:9/" if fault == "down" else url
        desk.refused(7, "time-stamp", "label", source, "-o", "out.jpg", "--tsa", url, "--tsa-required")
        told = desk.run("label", source, "-o", "out.jpg", "--tsa", url, "--json")
    assert told.code == 0, told.err
    assert told.json["time_stamp"] is None
    assert "signed without a time-stamp" in told.err
    assert any("signed without a time-stamp" in note for note in told.json["notes"])
    found = Verifier().verify(desk.folder / "out.jpg")
    assert (found.kind, found.time_source) == ("untrusted", "claimed")


def test_an_authority_that_never_answers_costs_bounded_time(tmp_path: Path, keys: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        labeller = Labeller(LabelOptions(keys=keys, tsa=url, source_confirmed=True))
        first = labeller.label(work("photo.jpg", tmp_path), tmp_path / "one.jpg")
        # It rests now, so that the next file does not wait for it.
        second = labeller.label(tmp_path / "photo.jpg", tmp_path / "two.jpg")
        silent.setblocking(False)
        asked = 0
        while True:
            try:
                silent.accept()[0].close()
                asked += 1
            except BlockingIOError:
                break
    for made in (first, second):
        assert made.time_stamp is None
        assert any("signed without a time-stamp" in note for note in made.notes)
    assert asked == 1


def test_impossible_addresses_are_told_before_any_work(desk: Desk) -> None:
    source = work("photo.jpg", desk.folder)
    desk.refused(9, "no http or https address", "label", source, "-o", "out.jpg", "--tsa", "ftp://tsa.example/")
    desk.refused(9, "--tsa URL", "label", source, "-o", "out.jpg", "--tsa-required")


def test_a_certificate_since_expired_counts_where_a_trusted_time_stamp_shows_an_earlier_time(tmp_path: Path) -> None:
    """Signed ten days ago by a clock turned back for the whole command, with a leaf that lived for five days."""
    need("openssl", package="openssl")
    need("faketime", package="faketime")
    past = datetime.now(UTC) - timedelta(days=11)
    signer = pki.signer(start=past, days=5)
    chain, key = tmp_path / "chain.pem", tmp_path / "leaf.key"
    chain.write_text(signer.chain)
    key.write_bytes(signer.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    source = work("photo.jpg", tmp_path)
    with tsa.serving(tsa.authority(tmp_path / "tsa", clock="-10d")) as authority:
        for target, more in (("stamped.jpg", ["--tsa", authority.url, "--tsa-required"]), ("plain.jpg", [])):
            command = ["faketime", "-f", "-10d", sys.executable, str(PROGRAM), "label", str(source)]
            command += ["-o", str(tmp_path / target), "--signer", f"file:{chain},{key}", *more]
            done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def verdict(name: str, *time_anchors: Anchor) -> tuple[str, str, str]:
        trust = Trust(anchors=(anchor(signer.root),), time_anchors=time_anchors)
        found = Verifier(VerifyOptions(trust=trust)).verify(tmp_path / name)
        return found.kind, found.reason, found.time_source

    tower = anchor(authority.root)
    assert verdict("stamped.jpg", tower) == ("verified", "manifest.trusted", "tsa-trusted")
    assert verdict("stamped.jpg") == ("untrusted", "manifest.expired", "tsa-untrusted")
    assert verdict("plain.jpg", tower) == ("untrusted", "manifest.expired", "claimed")

    # The same file with a changed pixel is tampered, whatever the dates say.
    changed = bytearray((tmp_path / "stamped.jpg").read_bytes())
    changed[-20] ^= 1
    (tmp_path / "stamped.jpg").write_bytes(changed)
    assert verdict("stamped.jpg", tower)[0] == "tampered"
