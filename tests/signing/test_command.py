"""`command:`: any program that signs, by the protocol of c2patool's signer program."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from kzlabel import Labeller, LabelOptions, Trust, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing import Signer, open_signer
from kzlabel.signing.command import MAX_SIGNATURE
from kzlabel.trust import Anchor
from tests import pki
from tests.signing.stores import ALGORITHMS, access, key_service, program, python
from tests.signing.works import picture

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests begin with #!")


def opened(folder: Path, body: str, alg: str = "es256", more: str = "") -> Signer:
    """A signer whose program is this Python text."""
    made = pki.signer(alg)
    (folder / "chain.pem").write_text(made.chain)
    path = python(folder, body)
    return open_signer(f"command:{path}?cert={folder / 'chain.pem'}{more}", access(folder))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_signs_pictures_that_verify_under_the_root(alg: str, tmp_path: Path) -> None:
    made = pki.signer(alg, intermediate=True, days=90)
    labeller = Labeller(LabelOptions(signer=key_service(tmp_path, made), keys=tmp_path))
    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(Anchor("Root", None, made.root),))))
    for format in ("jpeg", "png"):
        verdict = verifier.verify(labeller.image(picture(), format))
        assert verdict.kind == "verified", verdict.notes
        assert verdict.signer
        assert verdict.signer["fingerprint"] == made.fingerprint


def test_the_program_is_told_what_c2patool_tells_it_and_nothing_else(tmp_path: Path) -> None:
    body = (
        "import json, sys\n"
        f"with open({str(tmp_path / 'told.json')!r}, 'w') as file:\n"
        "    json.dump([sys.argv[1:], sys.stdin.buffer.read().hex()], file)"
    )
    signer = opened(tmp_path, body, "ps256", "&alg=ps384&reserve=12345")
    with pytest.raises(SigningError, match="the program sign-it gave 0 bytes, and a signature of ps384 has 256"):
        signer.sign(b"claim\x00\xff")
    arguments, data = json.loads((tmp_path / "told.json").read_text())
    assert arguments == ["--reserve-size", "12345", "--alg", "ps384", "--sign-cert", str(tmp_path / "chain.pem")]
    assert bytes.fromhex(data) == b"claim\x00\xff"


def test_a_signer_travels_and_shows_no_secret(tmp_path: Path) -> None:
    made = pki.signer()
    signer = open_signer(key_service(tmp_path, made), access(tmp_path))
    copy = pickle.loads(pickle.dumps(signer))
    assert copy == signer
    assert hash(copy) == hash(signer)
    assert len(copy.sign(b"claim")) == 64
    assert not hasattr(signer, "key")


def test_a_signature_in_der_is_taken_too(tmp_path: Path) -> None:
    made = pki.signer()
    from tests.signing.stores import key_pem, private

    key = private(tmp_path / "service.key", key_pem(made))
    (tmp_path / "chain.pem").write_text(made.chain)
    body = (
        "import sys\n"
        "from cryptography.hazmat.primitives import hashes, serialization\n"
        "from cryptography.hazmat.primitives.asymmetric import ec\n"
        f"key = serialization.load_pem_private_key(open({str(key)!r}, 'rb').read(), None)\n"
        "sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read(), ec.ECDSA(hashes.SHA256())))"
    )
    path = python(tmp_path, body)
    signer = open_signer(f"command:{path}?cert={tmp_path / 'chain.pem'}", access(tmp_path))
    assert len(signer.sign(b"claim")) == 64


def test_another_key_than_the_certificates_is_told_at_the_first_signature(tmp_path: Path) -> None:
    uri = key_service(tmp_path, pki.signer())
    (tmp_path / "chain.pem").write_text(pki.signer().chain)
    labeller = Labeller(LabelOptions(signer=uri, keys=tmp_path))
    with pytest.raises(SigningError, match="the program sign-it signed with another key than the certificate's"):
        labeller.image(picture(), "png")


FAILURES = {
    "fails and says why": (
        "import sys; sys.exit('no card in the reader\\nline two')",
        "exit code 1: no card in the reader$",
    ),
    "fails in silence": ("raise SystemExit(3)", "exit code 3: it does not say why$"),
    "fails with control characters": (
        "import sys; sys.stderr.write('\\x1b[31mred\\u202e'); sys.exit(2)",
        r"exit code 2: \\x1b\[31mred\\u202e$",
    ),
    "fails at length": ("import sys; sys.exit('x' * 100_000)", "exit code 1: x{199}…$"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9$"),
    "writes without end": (
        "import sys\nwhile True: sys.stdout.buffer.write(b'y' * 65536)",
        f"wrote over {MAX_SIGNATURE} bytes",
    ),
    "writes a word": ("print('ok')", "gave 3 bytes, and a signature of es256 has 64"),
    "writes nonsense of the right size": (
        "import sys; sys.stdout.buffer.write(bytes(64))",
        "signed with another key than the certificate's, or another algorithm",
    ),
    "never reads": ("import sys; sys.stdout.buffer.write(bytes(64))", "signed with another key"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_program_that_fails_is_one_sentence(failure: str, tmp_path: Path) -> None:
    body, words = FAILURES[failure]
    signer = opened(tmp_path, body)
    with pytest.raises(SigningError, match=f"the program sign-it .*{words}") as caught:
        signer.sign(bytes(1 << 20))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        "import time; time.sleep(600)",
        "import os, sys, time; sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2); time.sleep(600)",
        # Its child keeps the pipe open when it has gone.
        "import os, time\nif os.fork() == 0: time.sleep(2)",
    ],
)
def test_a_program_that_does_not_end_is_ended(body: str, tmp_path: Path) -> None:
    signer = opened(tmp_path, body, more="&timeout=0.5")
    with pytest.raises(SigningError, match=r"did not end within 0\.5 seconds"):
        signer.sign(b"claim")


def test_the_labeller_tells_the_programs_own_words_and_leaves_no_file(tmp_path: Path) -> None:
    from PIL import Image

    made = pki.signer()
    (tmp_path / "chain.pem").write_text(made.chain)
    path = python(tmp_path, "import sys; sys.exit('the vault is sealed')")
    Image.fromarray(picture()).save(tmp_path / "x.png")
    labeller = Labeller(LabelOptions(signer=f"command:{path}?cert={tmp_path / 'chain.pem'}", keys=tmp_path))
    with pytest.raises(SigningError, match=r"x\.png: the program sign-it failed .* the vault is sealed"):
        labeller.label(tmp_path / "x.png", tmp_path / "y.png")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["chain.pem", "sign-it", "x.png"]


def test_a_bare_name_is_looked_up_in_the_path_and_never_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pki.signer()
    here, tools = tmp_path / "here", tmp_path / "tools"
    here.mkdir()
    tools.mkdir()
    key_service(here, made)
    monkeypatch.chdir(here)
    for path in ("", ".", f".{os.pathsep}", f"{os.pathsep}.", str(tools)):
        monkeypatch.setenv("PATH", path)
        with pytest.raises(SigningError, match="sign-it: it is not in PATH"):
            open_signer("command:sign-it?cert=chain.pem", access(tmp_path))
    (here / "sign-it").rename(tools / "sign-it")
    signer = open_signer("command:sign-it?cert=chain.pem", access(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert len(signer.sign(b"claim")) == 64


@pytest.mark.parametrize(
    ("rest", "error", "words"),
    [
        ("", ConfigurationError, "the certificate is missing; write command:PROGRAM"),
        ("sign-it", ConfigurationError, "the certificate is missing"),
        ("?cert=chain.pem", ConfigurationError, "the program is missing"),
        ("./sign-it?cert=chain.pem", ConfigurationError, "is a relative path; give the whole path"),
        ("tools/sign-it?cert=chain.pem", ConfigurationError, "is a relative path"),
        ("/no/such/program?cert=chain.pem", SigningError, "there is no such program, or it may not be run"),
        ("PLAIN?cert=chain.pem", SigningError, "there is no such program, or it may not be run"),
        ("PROGRAM?cert=missing.pem", SigningError, r"missing\.pem: no such file"),
        ("PROGRAM?cert=chain.pem&timeout=0", ConfigurationError, "timeout is a number above 0, up to 600"),
        ("PROGRAM?cert=chain.pem&timeout=nan", ConfigurationError, "timeout is a number"),
        ("PROGRAM?cert=chain.pem&timeout=long", ConfigurationError, "timeout is a number"),
        ("PROGRAM?cert=chain.pem&reserve=-1", ConfigurationError, "reserve is a number"),
        ("PROGRAM?cert=chain.pem&alg=es384", SigningError, r"chain\.pem: .* cannot sign with es384"),
        ("PROGRAM?cert=chain.pem&shell=1", ConfigurationError, "there is no option 'shell'"),
        ("PROGRAM arg?cert=chain.pem", SigningError, "there is no such program"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(
    rest: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chain.pem").write_text(pki.signer().chain)
    Path("plain").write_text("no program")
    runnable = program(tmp_path, "#!/bin/sh\n")
    rest = rest.replace("PROGRAM", str(runnable)).replace("PLAIN", str(tmp_path / "plain"))
    with pytest.raises(error, match=words) as caught:
        open_signer(f"command:{rest}", access(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_program_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text(pki.signer().chain)
    path = program(tmp_path, "#!/no/such/interpreter\n")
    signer = open_signer(f"command:{path}?cert={tmp_path / 'chain.pem'}", access(tmp_path))
    with pytest.raises(SigningError, match="the program sign-it cannot be started: "):
        signer.sign(b"claim")
