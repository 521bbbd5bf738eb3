"""What is recorded of each signature, through the command: listed, checked, tampered with, turned off."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pki
from tests.signing import stores

from .command import kzlabel
from .conftest import Desk
from .works import work

TEXT = "The wind has dropped.\n"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recorded(desk: Desk) -> list[dict]:
    told = desk.run("keys", "audit", "--json")
    assert told.code == 0
    return told.json


def record_of(desk: Desk) -> Path:
    return desk.home / ".local" / "state" / "kzlabel" / "audit.jsonl"


def test_the_installed_command_records_lists_checks_and_names_what_was_tampered_with(tmp_path: Path) -> None:
    (tmp_path / "private name.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text(TEXT * 2)
    made = kzlabel(
        "label",
        "private name.txt",
        "b.txt",
        "--json",
        home=tmp_path,
        KZLABEL_PASSPHRASE="a secret",
        KZLABEL_PRODUCER="Me",
    )
    assert made.code == 0
    listed = kzlabel("keys", "audit", home=tmp_path)
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()] == [b"1", b"2"]
    assert all(row["identifier"].encode() in listed.out for row in made.json)
    told = kzlabel("keys", "audit", "--check", home=tmp_path)
    assert told.code == 0
    assert told.out.startswith(b"whole: 2 records")

    file = tmp_path / ".local" / "state" / "kzlabel" / "audit.jsonl"
    content = file.read_bytes()
    key = (tmp_path / ".config" / "kzlabel" / "keys" / "dev.key").read_bytes()
    secrets = [b"a secret", b"PRIVATE", b"private name", b"Me", bytes(tmp_path), *key.splitlines()[1:-1]]
    assert not [secret for secret in secrets if secret in content]

    head = re.search(rb"head: record 2, ([0-9a-f]{64})", told.out)
    assert head
    assert kzlabel("keys", "audit", "--check", "--head", head[1].decode(), home=tmp_path).code == 0
    assert kzlabel("keys", "audit", "--check", "--head", "0" * 64, home=tmp_path).code == 1
    file.write_bytes(content.replace(b'"kz"', b'"eu"', 1))
    told = kzlabel("keys", "audit", "--check", home=tmp_path)
    assert told.code == 1
    assert b"broken: audit.jsonl: line 1, record 1: changed" in told.out
    told = kzlabel("keys", "audit", "--check", "--json", home=tmp_path)
    assert (told.code, told.json["whole"], told.json["broken"]["record"]) == (1, False, 1)


def test_a_record_tells_of_the_file_before_and_after(desk: Desk) -> None:
    source = desk.write("a.txt", TEXT)
    row = desk.run("label", "a.txt", "--json").json
    (record,) = recorded(desk)
    output = desk.folder / "a.labelled.txt"
    assert (record["sha256_before"], record["sha256_after"]) == (digest(source), digest(output))
    assert (record["identifier"], record["manifest_id"]) == (row["identifier"], row["manifest_id"])
    assert (record["profile"], record["time_stamp"], record["sha256_sidecar"]) == ("kz", "none", None)
    verdict = desk.run("verify", "a.labelled.txt", "--json").json
    assert record["signer"] == verdict["signer"]["fingerprint"]
    assert record["tool"] == verdict["tool"]


@pytest.mark.parametrize(
    "store", [stores.pem_files, stores.p12_file, stores.key_service], ids=["file", "pkcs12", "command"]
)
def test_a_record_names_the_signer_by_its_fingerprint_and_nothing_secret(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Callable[..., str]
) -> None:
    made = pki.signer("es256")
    folder = tmp_path / "vault"
    folder.mkdir()
    secret = [] if store is stores.key_service else [stores.PASSPHRASE]
    uri = store(folder, made, *secret)
    monkeypatch.setenv("KZLABEL_PASSPHRASE", stores.PASSPHRASE)
    desk.write("a.txt", TEXT)
    told = desk.run("label", "a.txt", "--signer", uri)
    assert told.code == 0, told.err
    (record,) = recorded(desk)
    assert record["signer"] == made.fingerprint
    written = [path.read_text() for path in record_of(desk).parent.iterdir()]
    assert len(written) == 3
    key = stores.key_pem(made).decode().splitlines()[1:-1]
    for hidden in (stores.PASSPHRASE, json.dumps(stores.PASSPHRASE)[1:-1], uri, "vault", "PRIVATE", *key):
        assert not [text for text in written if hidden in text]


def test_a_record_tells_of_a_sidecar_too(desk: Desk) -> None:
    work("picture.png", desk.folder).rename(desk.folder / "a.png")
    assert desk.run("label", "a.png", "--sidecar", "a.c2pa").code == 0
    (record,) = recorded(desk)
    assert record["sha256_sidecar"] == digest(desk.folder / "a.c2pa")
    assert record["sha256_after"] == digest(desk.folder / "a.labelled.png")


def test_what_signs_nothing_is_not_recorded(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    assert desk.run("label", "a.txt", "--dry-run").code == 0
    assert recorded(desk) == []
    assert not record_of(desk).exists()
    assert desk.run("label", "a.txt").code == 0
    assert "unchanged" in desk.run("label", "a.labelled.txt", "-o", "b.txt").out
    assert desk.run("label", "a.txt").code == 5
    assert len(recorded(desk)) == 1


def test_without_its_record_nothing_is_published(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("diary.txt", "Dear diary\n")
    desk.refused(7, "--audit off", "label", "a.txt", "--audit", "a.txt/audit.jsonl")
    desk.refused(7, "diary.txt: this file does not end with an audit record", "label", "a.txt", "--audit", "diary.txt")
    desk.refused(9, "no place for records", "label", "a.txt", "--audit", "https://example.org")


def test_option_variable_and_key_say_where_records_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("a.txt", TEXT)
    (desk.home / ".config" / "kzlabel" / "config.toml").write_text('audit = "off"\noverwrite = true\n')
    assert desk.run("label", "a.txt").code == 0
    desk.refused(2, "which kzlabel cannot read", "keys", "audit")
    monkeypatch.setenv("KZLABEL_AUDIT", "one.jsonl")
    assert desk.run("label", "a.txt").code == 0
    assert len(recorded(desk)) == 1
    assert desk.run("label", "a.txt", "--audit", "two.jsonl").code == 0
    assert len(recorded(desk)) == 1
    assert len(desk.run("keys", "audit", "two.jsonl", "--json").json) == 1
    assert not record_of(desk).exists()


def test_a_listing_can_be_narrowed_and_shows_strange_text_inert(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    assert desk.run("label", "a.txt").code == 0
    assert len(desk.run("keys", "audit", "--since", "1h", "--json").json) == 1
    assert desk.run("keys", "audit", "--since", "2199-01-01", "--json").json == []
    body = json.dumps(
        {"v": 1, "seq": 1, "time": "2026-11-24T10:00:00.000000Z", "tool": "\x1b[2J\u202e"}, separators=(",", ":")
    )
    sealed = body[:-1] + f',"previous":"{"0" * 64}"'
    evil = f'{sealed},"hash":"{hashlib.sha256(sealed.encode()).hexdigest()}"}}\nnonsense\n'
    desk.write("evil.jsonl", evil)
    told = desk.run("keys", "audit", "evil.jsonl")
    assert told.code == 0
    assert "\\x1b[2J\\u202e" in told.out
    assert "\x1b" not in told.out
    assert "1 line is no whole record" in told.err


def test_impossible_calls_are_refused(desk: Desk) -> None:
    desk.refused(2, "exclude each other", "keys", "audit", "--check", "--since", "1d")
    desk.refused(2, "goes with --check", "keys", "audit", "--head", "0" * 64)
    desk.refused(2, "no time", "keys", "audit", "--since", "soon")
    desk.refused(3, "no audit record here", "keys", "audit", "--check")
    desk.refused(3, "no audit record here", "keys", "audit", "nothing.jsonl")
