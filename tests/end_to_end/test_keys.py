"""Keys as a new user comes to them: made, asked for, taken in, shown, renewed; and what each is good for afterwards."""

from __future__ import annotations

import os
import re
import select
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import pki
from tests.signing.stores import key_pem, private

from .command import PROGRAM, environment, kzlabel
from .conftest import Desk, Ran

TEXT = "The wind has dropped.\n"
SECRET = "Тұман 7!x"
posix_only = pytest.mark.skipif(os.name != "posix", reason="terminals and file modes are a POSIX matter")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KZLABEL_PASSPHRASE", SECRET)


def made(desk: Desk, *options: str, name: str = "Studio") -> dict[str, Any]:
    done = desk.run("keys", "init", "--name", name, "--folder", desk.folder / "keys", "--json", *options)
    assert done.code == 0, done.err
    return done.json  # type: ignore[no-any-return]


def verdict(desk: Desk, signer: str, root: str | Path) -> tuple[str, str]:
    """Label with a signer, and verify with a root: what it comes to, and who signed."""
    desk.write("a.txt", TEXT)
    labelled = desk.run("label", "a.txt", "--overwrite", "--signer", signer)
    assert labelled.code == 0, labelled.err
    told = desk.run("verify", "a.labelled.txt", "--trust", root, "--policy", "trusted", "--json")
    return told.json["verdict"], told.json["signer"]["organization"]


def silent_about_secrets(*told: Ran) -> None:
    for one in told:
        assert SECRET not in one.out + one.err
        assert "PRIVATE KEY" not in one.out + one.err


# --- the way of a company with a root of its own


def test_from_nothing_to_a_verified_file_by_the_words_on_the_screen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    said = kzlabel(
        "keys", "init", "--name", "Studio", "--organization", "Studio LLP", "--passphrase-fd", "0",
        home=tmp_path, stdin=SECRET.encode(),
    )  # fmt: skip
    text = said.out.decode()
    assert said.code == 0, said.err
    assert "Nobody trusts this key until they name that root; it is not on the C2PA trust list." in text
    line = re.search(r'config\.toml: (signer = ".*")', text)
    root = re.search(r"--trust (\S+) FILE", text)
    assert line
    assert root
    (tmp_path / ".config" / "kzlabel" / "config.toml").write_text(line[1] + "\n", "utf-8")

    labelled = kzlabel("label", "a.txt", home=tmp_path, KZLABEL_PASSPHRASE=SECRET)
    assert labelled.code == 0, labelled.err
    unknown = kzlabel("verify", "a.labelled.txt", "--json", home=tmp_path)
    assert unknown.json["verdict"] == "untrusted"
    known = kzlabel("verify", "a.labelled.txt", "--trust", root[1], "--policy", "trusted", "--json", home=tmp_path)
    assert (known.code, known.json["verdict"], known.json["ai"]) == (0, "verified", "generated")
    assert known.json["signer"]["organization"] == "Studio LLP"

    shown = kzlabel("keys", "show", "--json", home=tmp_path)
    (row,) = shown.json
    assert (row["name"], row["in_use"], row["encrypted"], row["warnings"]) == ("studio", True, True, [])
    wrong = kzlabel("label", "a.txt", "--overwrite", home=tmp_path, KZLABEL_PASSPHRASE="wrong")
    assert (wrong.code, len(wrong.err.splitlines())) == (7, 1)
    for one in (said, labelled, unknown, known, shown, wrong):
        assert SECRET.encode() not in one.out + one.err.encode()


@pytest.mark.parametrize("alg", ["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"])
def test_a_key_of_every_algorithm_makes_verified_marks(desk: Desk, alg: str) -> None:
    info = made(desk, "--alg", alg, "--no-passphrase")
    assert info["alg"] == alg
    assert verdict(desk, info["signer"], info["root"]) == ("verified", "Studio")


def test_a_rotated_key_signs_under_the_same_uri_and_root_and_old_marks_stay_verified(desk: Desk, told: None) -> None:
    info = made(desk)
    desk.write("old.txt", TEXT)
    assert desk.run("label", "old.txt", "--signer", info["signer"]).code == 0
    rotated = desk.run("keys", "rotate", "studio", "--folder", desk.folder / "keys")
    assert (rotated.code, rotated.err) == (0, "")
    assert verdict(desk, info["signer"], info["root"]) == ("verified", "Studio")
    assert desk.run("verify", "old.labelled.txt", "--trust", info["root"], "--policy", "trusted").code == 0
    shown = desk.run("keys", "show", "--folder", desk.folder / "keys")
    assert "(replaced)" in shown.out
    silent_about_secrets(rotated, shown)


@posix_only
def test_at_a_terminal_the_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    screen = at_a_terminal(
        tmp_path,
        ["keys", "init", "--name", "Studio"],
        [("Passphrase of the keys of studio: ", SECRET), ("Once more: ", SECRET)],
    )
    assert "made a root and a key" in screen
    assert SECRET not in screen
    differing = at_a_terminal(
        tmp_path,
        ["keys", "init", "--name", "Other"],
        [("Passphrase of the keys of other: ", SECRET), ("Once more: ", "another")],
    )
    assert "differ" in differing
    assert {path.stem for path in (tmp_path / ".config" / "kzlabel" / "keys").glob("*.key")} == {
        "studio",
        "studio.root",
    }


def at_a_terminal(home: Path, arguments: list[str], talk: list[tuple[str, str]]) -> str:
    """Run the command at a terminal of its own, answer its questions, and return what the screen shows."""
    import pty

    child, screen = pty.fork()
    if child == 0:
        os.chdir(home)
        os.execve(PROGRAM, [str(PROGRAM), *arguments], environment(home))
    shown = b""
    try:
        for question, answer in talk:
            while question.encode() not in shown:
                shown += read(screen)
            os.write(screen, answer.encode() + b"\n")
        while more := read(screen):
            shown += more
    finally:
        os.close(screen)
        os.waitpid(child, 0)
    return shown.decode("utf-8", "replace")


def read(screen: int) -> bytes:
    assert select.select([screen], [], [], 60)[0], "the program says nothing"
    try:
        return os.read(screen, 4096)
    except OSError:  # the other side is gone
        return b""


# --- the way through a certification authority


def test_a_request_is_answered_by_a_house_and_its_answer_signs(desk: Desk, told: None) -> None:
    house = made(desk, name="House")
    folder = desk.folder / "keys"
    asked = desk.run("keys", "request", "--name", "Nomad Press", "--folder", folder)
    assert asked.code == 0, asked.err
    assert f"{folder}/nomad-press.request.pem" in asked.out
    issued = desk.run("keys", "issue", folder / "nomad-press.request.pem", "cert.pem", "--root", "house",
                      "--days", "90", "--folder", folder)  # fmt: skip
    assert issued.code == 0, issued.err
    taken = desk.run("keys", "import", "cert.pem", "--folder", folder, "--json")
    assert taken.code == 0, taken.err
    assert (taken.json["name"], taken.json["request"]) == ("nomad-press", None)
    assert verdict(desk, taken.json["signer"], house["root"]) == ("verified", "Nomad Press")
    silent_about_secrets(asked, issued, taken)


def delivered(desk: Desk, signer: pki.PrivateSigner) -> tuple[Path, Path, Path]:
    """Chain, key and root as files."""
    key = private(desk.folder / "leaf.key", key_pem(signer))
    return desk.write("chain.pem", signer.chain), key, desk.write("root.pem", signer.root)


def test_a_chain_from_an_authority_signs_once_it_is_imported(desk: Desk) -> None:
    chain, key, root = delivered(desk, pki.signer("es384", organization="Nomad Press", intermediate=True))
    taken = desk.run("keys", "import", chain, key, "--root", root, "--name", "press", "--folder", desk.folder / "keys")
    assert taken.code == 0, taken.err
    signer = re.search(r"signer       (\S+)", taken.out)
    assert signer
    assert verdict(desk, signer[1], root) == ("verified", "Nomad Press")


def test_what_cannot_sign_is_refused_with_one_sentence_and_nothing_is_left(desk: Desk) -> None:
    keys = ("--folder", desk.folder / "keys")
    long_ago = datetime.now(UTC) - timedelta(days=100)
    for signer, words in (
        (pki.signer(start=long_ago), "expired on"),
        (pki.signer(purposes=(pki.SERVER_AUTHENTICATION,)), "extended key usage"),
    ):
        chain, key, root = delivered(desk, signer)
        desk.refused(7, words, "keys", "import", chain, key, "--root", root, *keys)

    chain, key, root = delivered(desk, pki.signer(intermediate=True))
    desk.refused(7, "no such root is known", "keys", "import", chain, key, *keys)
    leaf = chain.read_text().split("-----BEGIN")[1]
    desk.write("leaf.pem", f"-----BEGIN{leaf}")
    desk.refused(7, "add the certificates between", "keys", "import", "leaf.pem", key, "--root", root, *keys)
    desk.refused(2, "name its key as well", "keys", "import", chain, "--root", root, *keys)
    desk.refused(7, "no such file", "keys", "import", "missing.pem", key, "--root", root, *keys)
    desk.refused(7, "no PEM certificate", "keys", "import", key, key, "--root", root, *keys)
    other = private(desk.folder / "other.key", key_pem(pki.signer()))
    desk.refused(7, "does not belong to the certificate", "keys", "import", chain, other, "--root", root, *keys)
    if os.name == "posix":
        key.chmod(0o644)
        desk.refused(7, "chmod 600", "keys", "import", chain, key, "--root", root, *keys)
        assert desk.run("keys", "import", chain, key, "--root", root, "--allow-shared-key", *keys).code == 0


# --- what is said and what is refused


def test_a_new_key_is_not_written_unencrypted_unless_told_so(desk: Desk) -> None:
    keys = ("--name", "Studio", "--folder", desk.folder / "keys")
    for verb in ("init", "request"):
        desk.refused(2, "or say --no-passphrase", "keys", verb, *keys)
        desk.refused(2, "exclude", "keys", verb, *keys, "--no-passphrase", "--passphrase-env", "X")


def test_a_leaf_longer_than_the_profile_allows_is_refused_with_the_reason(desk: Desk) -> None:
    keys = ("--name", "Studio", "--folder", desk.folder / "keys", "--no-passphrase")
    desk.refused(2, "at most 366 days at assurance level 1, and 90 at level 2", "keys", "init", *keys, "--days", "367")
    assert made(desk, "--no-passphrase", "--days", "90")["days_left"] == 89


def test_a_key_is_never_overwritten(desk: Desk) -> None:
    made(desk, "--no-passphrase")
    keys = ("--name", "STUDIO", "--folder", desk.folder / "keys", "--no-passphrase")
    desk.refused(2, "never overwritten", "keys", "init", *keys)
    desk.refused(2, "there is no key villa", "keys", "rotate", "villa", "--folder", desk.folder / "keys")
    desk.refused(2, "known are studio", "keys", "show", "villa", "--folder", desk.folder / "keys")


def test_a_key_that_ends_soon_is_warned_of_on_stderr_and_in_json(desk: Desk) -> None:
    made(desk, "--no-passphrase", "--days", "20")
    for arguments in ((), ("studio",)):
        shown = desk.run("keys", "show", *arguments, "--json", "--folder", desk.folder / "keys")
        (row,) = shown.json if not arguments else (shown.json,)
        assert shown.code == 0
        assert shown.err == f"kzlabel: {row['warnings'][0]}\n"
        assert "expires in 19 days" in shown.err


def test_a_signer_is_shown_by_its_uri_and_the_development_key_with_the_others(desk: Desk) -> None:
    shown = desk.run("keys", "show", "--json").json
    assert [(row["name"], row["signer"], row["in_use"]) for row in shown] == [("dev", "dev:", True)]
    info = made(desk, "--no-passphrase")
    one = desk.run("keys", "show", "--signer", info["signer"], "--json")
    assert one.json["fingerprint"] == info["fingerprint"]
    desk.refused(2, "exclude each other", "keys", "show", "studio", "--signer", info["signer"])
    desk.refused(7, "no such file", "keys", "show", "--signer", "file:no.pem,no.key")


def test_options_of_a_verb_in_a_group_come_from_variables_and_from_its_table(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = desk.home / ".config" / "kzlabel" / "config.toml"
    config.write_text(
        f'country = "DE"\n[keys]\nfolder = "{desk.folder / "keys"}"\nno-passphrase = true\n'
        '[keys.init]\norganization = "File LLP"\ndays = 30\n',
        "utf-8",
    )
    monkeypatch.setenv("KZLABEL_DAYS", "40")
    done = desk.run("keys", "init", "--name", "Studio", "--json")
    assert done.code == 0, done.err
    assert (done.json["subject"], done.json["days_left"]) == ("CN=Studio,O=File LLP,C=DE", 39)
    assert done.json["signer"].startswith(f"file:{desk.folder}")
    config.write_text("[keys.init]\nroot = 1\n", "utf-8")
    desk.refused(9, "unknown key 'root' in [keys.init]", "keys", "init", "--name", "Other")
