"""Keys on real SoftHSM2 tokens."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.errors import ConfigurationError, OutputError, SigningError
from kzlabel.signing import KeyAccess, Passphrase, open_signer
from kzlabel.signing.base import Signer
from kzlabel.signing.certificates import public_der
from kzlabel.signing.cose import leaf_key, verify_signature
from kzlabel.signing.elsewhere import request_elsewhere
from kzlabel.trust import Anchor, Trust

from .. import pki
from ..end_to_end.command import kzlabel
from .tokens import PIN, Store, Token, keep_certificates, key_with_certificate, make_key, store

VARIABLE = "TEST_TOKEN_PIN"
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ed25519")


@dataclass(frozen=True)
class Desk:
    """Tokens: `studio` with a key of each algorithm, named by it; `odd` with all that can be wrong; two `twin`s."""

    store: Store
    studio: Token
    odd: Token
    issued: dict[str, pki.PrivateSigner]
    incomplete: pki.PrivateSigner


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = store(tmp_path_factory.mktemp("softhsm2"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(made.configuration))
        patch.setenv(VARIABLE, PIN)
        studio, odd = made.token("studio"), made.token("odd")
        made.token("twin")
        made.token("twin")
        issued = {
            alg: key_with_certificate(studio, alg, alg, bytes([0x40 + place]), intermediate=alg == "es384")
            for place, alg in enumerate(ALGORITHMS)
        }
        with odd.session() as session:
            for id in (b"\x01", b"\x02"):
                make_key(session, "es256", "two of a name", id)
            make_key(session, "es256", "bare", b"\x03")
            make_key(session, "es256", "foreign", b"\x04")
            keep_certificates(session, issued["es256"].chain, "foreign", b"\x04")
            incomplete = pki.signer(public_key=make_key(session, "es256", "no issuer", b"\x05"), intermediate=True)
            keep_certificates(session, incomplete.chain.partition("-----END")[0] + END, "no issuer", b"\x05")
            renewed = make_key(session, "es256", "renewed", b"\x06")
            for age, days in ((30, 31), (2, 300), (10, 30), (50, 45)):
                start = datetime.now(UTC) - timedelta(days=age)
                chain = pki.signer(public_key=renewed, start=start, days=days).chain
                keep_certificates(session, chain, "renewed", b"\x06")
        yield Desk(made, studio, odd, issued, incomplete)


END = "-----END CERTIFICATE-----\n"


def access(told: Passphrase | None = None, *, shared: bool = False) -> KeyAccess:
    return KeyAccess(Path("unused"), told or Passphrase(VARIABLE), shared)


def opened(uri: str, told: Passphrase | None = None) -> Signer:
    return open_signer(uri, access(told))


def refused(uri: str, words: str, told: Passphrase | None = None) -> None:
    with pytest.raises(SigningError, match=words) as error:
        opened(uri, told)
    assert PIN not in str(error.value)
    assert "\n" not in str(error.value)


def alone(script: str, *arguments: str, **variables: str) -> str:
    """Run a script in a process of its own, which finds the module not loaded yet."""
    import os

    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **variables},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_on_a_token_signs_with_each_algorithm(desk: Desk, alg: str, tmp_path: Path) -> None:
    from PIL import Image

    signer = opened(desk.studio.uri(f"object={alg}"))
    assert signer.alg == alg
    assert signer.chain == desk.issued[alg].chain
    assert signer.fingerprint == desk.issued[alg].fingerprint
    signature = signer.sign(b"a claim")
    assert verify_signature(leaf_key(signer.chain), alg, b"a claim", signature)

    labeller = Labeller(options(desk.studio.uri(f"object={alg}")))
    made = labeller.image(Image.linear_gradient("L").resize((320, 240)).convert("RGB"), "jpeg")
    assert verdict(made, desk.issued[alg]) == "verified"


@pytest.mark.parametrize("alg", ["ps384", "ps512"])
def test_an_rsa_key_signs_with_the_digest_that_is_asked_for(desk: Desk, alg: str) -> None:
    signer = opened(desk.studio.uri("object=ps256", alg=alg))
    assert signer.alg == alg
    assert verify_signature(leaf_key(signer.chain), alg, b"a claim", signer.sign(b"a claim"))


def test_a_key_is_found_by_its_identifier_and_its_token_by_all_that_it_shows(desk: Desk) -> None:
    shown = ("manufacturer=SoftHSM%20project", "model=SoftHSM%20v2", "library-manufacturer=SoftHSM", "type=private")
    assert opened(desk.studio.uri("id=%41", *shown)).alg == "es384"


def test_eight_threads_share_one_labeller(desk: Desk) -> None:
    from PIL import Image

    labeller = Labeller(options(desk.studio.uri("object=es256")))
    pictures = [Image.linear_gradient("L").resize((200 + step, 120)).convert("RGB") for step in range(16)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda picture: labeller.image(picture, "png"), pictures))
    assert {verdict(one, desk.issued["es256"]) for one in made} == {"verified"}


def test_eight_threads_share_one_module_with_signers_of_their_own(desk: Desk) -> None:
    signers = [opened(desk.studio.uri(f"object={alg}")) for alg in (*ALGORITHMS, "es256", "es256", "es384")]

    def work(signer: Signer) -> bool:
        return all(
            verify_signature(leaf_key(signer.chain), signer.alg, data, signer.sign(data))
            for data in (bytes([number]) for number in range(30))
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, signers))


def test_the_installed_command_labels_a_picture_a_recording_and_a_text(desk: Desk, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    from kzlabel.media.audio import write_wave

    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(tmp_path / "picture.jpg")
    write_wave(0.2 * np.sin(np.arange(44_100 * 3) / 20).astype(np.float32), 44_100, tmp_path / "tone.wav")
    (tmp_path / "poem.txt").write_text("The wind has dropped.\n", "utf-8")
    (tmp_path / "root.pem").write_text(desk.issued["es256"].root)
    (tmp_path / "made").mkdir()

    told = kzlabel(
        *("label", "picture.jpg", "tone.wav", "poem.txt", "--out-dir", "made", "--passphrase-env", VARIABLE),
        *("--signer", desk.studio.uri("object=es256")),
        home=tmp_path,
    )
    assert told.code == 0, told.err
    assert PIN not in told.err + told.out.decode()
    checked = kzlabel("verify", "made/picture.jpg", "made/tone.wav", "made/poem.txt", "--json", "--policy", "trusted",
                      "--trust", "root.pem", home=tmp_path)  # fmt: skip
    assert [row["verdict"] for row in checked.json] == ["verified"] * 3
    assert checked.code == 0


def test_the_command_tries_a_wrong_pin_once_however_many_files_there_are(desk: Desk, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("A text.\n", "utf-8")
    told = kzlabel(
        *("label", "one.txt", "two.txt", "--passphrase-env", "WRONG", "--signer", desk.studio.uri("object=es256")),
        home=tmp_path,
        WRONG="not-the-pin-77",
    )
    assert told.code == 7
    assert told.err.count("the PIN is wrong; it was tried once") == 1
    assert told.err.count("refused before and is not tried again") == 1
    assert "not-the-pin-77" not in told.err
    assert sorted(path.name for path in tmp_path.glob("*.txt")) == ["one.txt", "two.txt"]


def test_a_file_tells_the_pin_if_only_its_owner_may_read_it(desk: Desk, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from kzlabel.signing import KeyAccess, open_signer\n"
        "try: print(open_signer(sys.argv[1], KeyAccess(Path('unused'), allow_shared_key=len(sys.argv) > 2)).alg)\n"
        "except Exception as error: print(error)\n"
    )
    file = tmp_path / "pin"
    file.write_text(PIN + "\n")
    file.chmod(0o644)
    uri = desk.studio.uri("object=es256", pin_source=f"file:{file}")
    assert "chmod 600" in alone(script, uri)
    assert alone(script, uri, "shared") == "es256\n"
    file.chmod(0o600)
    assert alone(script, uri) == "es256\n"
    file.unlink()
    assert "the PIN cannot be read: no such file" in alone(script, uri)


def test_a_forked_process_logs_in_for_itself_and_leaves_its_parent_alone(desk: Desk) -> None:
    script = (
        "import os, sys; from pathlib import Path; from kzlabel.signing import KeyAccess, Passphrase, open_signer\n"
        f"signer = open_signer(sys.argv[1], KeyAccess(Path('unused'), Passphrase({VARIABLE!r})))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    for _ in range(2): print(len(signer.sign(b'child')), flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "print(len(signer.sign(b'parent')))\n"
    )
    assert alone(script, desk.studio.uri("object=es256")) == "64\n64\n64\n"


def test_signing_goes_on_when_a_token_was_away_and_came_back(desk: Desk) -> None:
    import pkcs11

    first, second = opened(desk.studio.uri("object=es256")), opened(desk.studio.uri("object=es384"))
    pkcs11.lib(str(desk.studio.module)).reinitialize()  # every session is gone, as when a reader was unplugged
    for signer in (first, second, first, second):
        assert verify_signature(leaf_key(signer.chain), signer.alg, b"again", signer.sign(b"again"))

    there, away = desk.store.folder / "tokens", desk.store.folder / "away"
    there.rename(away)
    try:
        for _ in range(2):
            with pytest.raises(SigningError, match="GeneralError"):
                first.sign(b"away")
    finally:
        away.rename(there)
    for signer in (second, first):
        assert verify_signature(leaf_key(signer.chain), signer.alg, b"back", signer.sign(b"back"))


def test_a_pin_is_in_nothing_that_shows_a_signer(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    signer = opened(desk.studio.uri("object=es256"))
    for shown in (repr(signer), str(signer), repr(vars(signer)), caplog.text):
        assert PIN not in shown
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(signer)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("object=two%20of%20a%20name", r"several keys fit on the token odd: .*\(id=%01\).*add id="),
        ("object=nothing", "no such key on the token odd; it shows: 'two of a name'"),
        ("object=bare", "no certificate with the key's id or label.*cert="),
        ("object=foreign", "signed with another key than the certificate's"),
    ],
)
def test_what_is_wrong_on_a_token_is_said_in_a_sentence(desk: Desk, path: str, words: str) -> None:
    refused(desk.odd.uri(path), words)


def test_no_token_or_several_that_fit_are_said_with_what_is_there(desk: Desk) -> None:
    refused(Token("twin", desk.odd.module).uri("object=a"), r"several tokens fit: 'twin' \(serial .*add serial=")
    refused(Token("absent", desk.odd.module).uri("object=a"), r"no such token; the module .* shows: .*'studio'")


def test_a_wrong_pin_is_told_from_a_missing_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRONG", "not-the-pin-78")
    monkeypatch.setenv("EMPTY", "")
    script = (
        "import sys; from pathlib import Path; from kzlabel.signing import KeyAccess, Passphrase, open_signer\n"
        "for variable in ('WRONG', 'WRONG', 'UNSET', 'EMPTY', sys.argv[2]):\n"
        "    try: print(open_signer(sys.argv[1], KeyAccess(Path('unused'), Passphrase(variable))).alg)\n"
        "    except Exception as error: print(error)\n"
    )
    first, second, none, empty, right = alone(script, desk.studio.uri("object=es256"), VARIABLE).splitlines()
    assert "the PIN is wrong; it was tried once" in first
    assert "is not tried again" in second
    assert "the token studio needs a passphrase; set UNSET" in none
    assert "the token studio: the PIN is empty" in empty  # which costs none of the tries
    assert right == "es256"
    assert "not-the-pin-78" not in first + second


def test_the_certificate_renewed_last_is_taken(desk: Desk) -> None:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(opened(desk.odd.uri("object=renewed")).chain.encode())
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 300


def test_issuers_that_the_token_lacks_come_from_a_file(desk: Desk, tmp_path: Path) -> None:
    chain = desk.incomplete.chain
    leaf, _, issuer = chain.partition(END)
    for name, content in (("issuer.pem", issuer), ("whole.pem", chain), ("reverse.pem", issuer + leaf + END)):
        (tmp_path / name).write_text(content)
        signer = opened(desk.odd.uri("object=no%20issuer", cert=tmp_path / name))
        assert signer.chain == chain
    assert opened(desk.odd.uri("object=no%20issuer")).chain == leaf + END
    refused(desk.odd.uri("object=bare", cert=tmp_path / "whole.pem"), "signed with another key than the certificate's")
    refused(desk.odd.uri("object=bare", cert=tmp_path / "absent.pem"), "absent.pem: no such file")


def test_an_algorithm_that_the_key_has_not_is_refused(desk: Desk) -> None:
    refused(desk.studio.uri("object=es256", alg="ps256"), "cannot sign with ps256")
    with pytest.raises(ConfigurationError, match="alg=gost is not known"):
        opened(desk.studio.uri("object=es256", alg="gost"))


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_key_on_a_token_signs_its_own_request(desk: Desk, alg: str, tmp_path: Path) -> None:
    from cryptography import x509

    output = tmp_path / "request.pem"
    uri = desk.studio.uri(f"object={alg}")
    request_elsewhere("Studio labels", uri, output, organization="Studio", passphrase=Passphrase(VARIABLE))
    request = x509.load_pem_x509_csr(output.read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=Studio labels,O=Studio,C=KZ"
    assert public_der(request) == public_der(leaf_key(desk.issued[alg].chain))
    with pytest.raises(OutputError, match="exists"):
        request_elsewhere("Studio labels", uri, output, passphrase=Passphrase(VARIABLE))


def test_a_request_is_made_only_for_keys_that_live_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pkcs11, awskms"):
        request_elsewhere("Studio labels", "file:chain.pem,key.pem", tmp_path / "request.pem")


def test_a_module_that_is_none_is_refused(desk: Desk, tmp_path: Path) -> None:
    module = tmp_path / "module.so"
    module.write_bytes(b"not a library")
    refused(Token("studio", module).uri("object=a"), "module.so cannot be used.*check module-path")


def test_without_the_extra_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module.so").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    refused(f"pkcs11:token=a?module-path={tmp_path / 'module.so'}", r"pip install 'kzlabel\[pkcs11\]'")


def options(uri: str) -> LabelOptions:
    return LabelOptions(signer=uri, passphrase=Passphrase(VARIABLE))


def verdict(made: bytes, issued: pki.PrivateSigner) -> str:
    verifier = Verifier(VerifyOptions(trust=Trust((Anchor("the root", None, issued.root),))))
    return str(verifier.verify(made).kind)
