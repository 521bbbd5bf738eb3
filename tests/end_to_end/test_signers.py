"""Each kind of signer labels each medium through the installed command; what it signed is verified under its root.

And nothing secret is seen on the way: not in what is printed, in a process list, in the record or in what is written.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from .. import pki
from ..signing import kms_server, stores, tokens
from .command import PROGRAM, environment
from .works import work

WORKS = ("photo.jpg", "h264.mp4", "vp9.webm", "song.wav", "story.txt")


@dataclass(frozen=True)
class Ready:
    """A signer to be used. root: PEM, None for the development root. secrets: what nobody may see."""

    uri: str
    root: str | None
    variables: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def _development(folder: Path, stack: ExitStack) -> Ready:
    return Ready("dev:", None)


def _files(folder: Path, stack: ExitStack) -> Ready:
    signer = pki.signer("es384", intermediate=True)
    uri = stores.pem_files(folder, signer, stores.PASSPHRASE)
    return Ready(uri, signer.root, {"KZLABEL_PASSPHRASE": stores.PASSPHRASE}, (stores.PASSPHRASE, *key_words(signer)))


def _pkcs12(folder: Path, stack: ExitStack) -> Ready:
    signer = pki.signer("ps256", intermediate=True)
    uri = stores.p12_file(folder, signer)
    return Ready(uri, signer.root, {"KZLABEL_PASSPHRASE": stores.PASSPHRASE}, (stores.PASSPHRASE, *key_words(signer)))


def _command(folder: Path, stack: ExitStack) -> Ready:
    signer = pki.signer("ed25519")
    return Ready(stores.key_service(folder, signer), signer.root, {}, key_words(signer))


def _token(folder: Path, stack: ExitStack) -> Ready:
    made = tokens.store(folder / "softhsm2")
    token = made.token("studio")
    # In a process of its own: the module reads its configuration but once.
    script = (
        "import sys; from tests.signing.tokens import *; from pathlib import Path\n"
        "signer = key_with_certificate(Token('studio', Path(sys.argv[1])), 'es256', 'signer', b'1')\n"
        "print(signer.root)"
    )
    variables = {"SOFTHSM2_CONF": str(made.configuration)}
    command = (PROGRAM.with_name("python"), "-c", script, str(token.module))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return Ready(
        token.uri("object=signer"), done.stdout, {**variables, "KZLABEL_PASSPHRASE": tokens.PIN}, (tokens.PIN,)
    )


def _key_service(folder: Path, stack: ExitStack) -> Ready:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    port = stack.enter_context(kms_server.running())
    owner = kms_server.client(port)
    key = owner.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    public = load_der_public_key(owner.get_public_key(KeyId=key)["PublicKey"])
    signer = pki.signer(public_key=public)
    chain = folder / "chain.pem"
    chain.write_text(signer.chain)
    options = {"region": kms_server.REGION, "endpoint": f"http://127.0.0.1:{port}", "cert": str(chain)}
    uri = f"awskms:///{key}?" + "&".join(f"{name}={quote(value)}" for name, value in options.items())
    access = {"AWS_ACCESS_KEY_ID": kms_server.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": kms_server.SECRET_KEY}
    return Ready(uri, signer.root, access, (kms_server.SECRET_KEY,))


SIGNERS: dict[str, Callable[[Path, ExitStack], Ready]] = {
    "dev": _development,
    "file": _files,
    "pkcs12": _pkcs12,
    "pkcs11": _token,
    "awskms": _key_service,
    "command": _command,
}


def key_words(signer: pki.PrivateSigner) -> tuple[str, ...]:
    """Lines of the private key as PEM has them."""
    return tuple(stores.key_pem(signer).decode().splitlines()[1:-1])[:3]


@pytest.mark.parametrize("kind", SIGNERS)
def test_each_signer_signs_each_medium_and_shows_nothing_secret(kind: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        ready = SIGNERS[kind](tmp_path, stack)
        sources = [work(name, tmp_path) for name in WORKS]
        output = tmp_path / "labelled"
        output.mkdir()
        variables = environment(tmp_path, XDG_STATE_HOME=str(tmp_path / "state"), **ready.variables)
        arguments = ["label", *map(str, sources), "--out-dir", str(output), "--signer", ready.uri]
        arguments += ["--no-watermark", "--json"]
        labelled, seen = watched([str(PROGRAM), *arguments], variables, tmp_path)
    assert labelled.returncode == 0, labelled.stderr

    root = tmp_path / "root.pem"
    root.write_text(ready.root or (tmp_path / ".config" / "kzlabel" / "keys" / "root.pem").read_text())
    arguments = ["--trust", root, "--policy", "trusted", "--no-watermark", "-v"]
    verify = [PROGRAM, "verify", *(output / name for name in WORKS), *arguments]
    verified = subprocess.run(verify, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count(": verified, generated: ") == len(WORKS)

    record = (tmp_path / "state" / "kzlabel" / "audit.jsonl").read_text()
    assert len(record.splitlines()) == len(WORKS)
    assert any("--signer" in line for line in seen)
    told = {
        "printed": labelled.stdout + labelled.stderr + verified.stdout + verified.stderr,
        "process list": "\n".join(seen),
        "record": record,
        "outputs": "".join(path.read_bytes().decode("latin-1") for path in output.iterdir()),
    }
    for place, text in told.items():
        assert "PRIVATE KEY" not in text, place
        for secret in ready.secrets:
            assert secret not in text, place


def watched(
    command: list[str], variables: dict[str, str], folder: Path
) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run a program, and read the command lines of all processes for as long as it runs."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.005):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        ended.set()
        watcher.join()
    return done, seen


@pytest.mark.parametrize(
    ("signer", "code", "words"),
    [
        ("file:missing.pem,missing.key", 7, "missing.pem: no such file; check the signer"),
        ("file:", 9, "a file name is missing"),
        ("pkcs12:missing.p12", 7, "missing.p12: no such file"),
        ("command:missing-program?cert=missing.pem", 7, "missing-program: it is not in PATH"),
        ("nonsense", 9, "has no scheme"),
        ("gcpkms://key", 9, "'gcpkms' is not known; known are awskms, command, dev, file, pkcs11, pkcs12"),
    ],
)
def test_a_signer_that_cannot_be_used_leaves_no_file_and_one_sentence(
    signer: str, code: int, words: str, tmp_path: Path
) -> None:
    source = work("picture.png", tmp_path)
    command = [PROGRAM, "label", source.name, "-o", "y.png", "--signer", signer]
    done = subprocess.run(command, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout
    assert not (tmp_path / "y.png").exists()
    assert not list(tmp_path.glob(".kzlabel-*"))
