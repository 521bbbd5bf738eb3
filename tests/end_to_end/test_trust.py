"""`kzlabel trust` and what `kzlabel verify` believes: lists of kzlabel, of the user and of the call; own policies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .. import pki
from ..trust.test_authorities import encoded, listed
from .conftest import Desk
from .test_configuration import configure

TEXT = "The wind has dropped.\n"


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[str]:
    """A web server for these files, which may be exchanged meanwhile; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.lstrip("/"))
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def labelled(desk: Desk, *options: str) -> str:
    desk.write("a.txt", TEXT)
    told = desk.run("label", "a.txt", "--overwrite", *options)
    assert told.code == 0, told.err
    return "a.labelled.txt"


def test_the_shipped_lists_are_listed_with_everything_that_is_known_of_them(desk: Desk) -> None:
    told = desk.run("trust", "list")
    assert told.code == 0
    assert "C2PA trust list: signing, 30 certificates, of 2026-08-05" in told.out
    assert "licence O-UDA-1.0" in told.out
    rows = desk.run("trust", "list", "--json").json
    assert [(row["purpose"], row["date"], row["shipped"]) for row in rows] == [
        ("signing", "2026-08-05", True),
        ("time-stamping", "2026-08-05", True),
    ]
    shown = desk.run("trust", "show", "c2pa trust list", "--json").json
    assert len(shown["authorities"]) == 30
    assert "sha256" in desk.run("trust", "show", "C2PA trust list").out


def test_an_added_root_is_believed_until_it_is_removed(desk: Desk) -> None:
    name = labelled(desk)
    assert desk.run("verify", name, "--json").json["verdict"] == "untrusted"
    told = desk.run("trust", "add", desk.root, "--name", "Our studio")
    assert told.code == 0
    assert "Our studio: signing, 1 certificate" in told.err
    found = desk.run("verify", name, "--json").json
    assert found["verdict"] == "verified"
    vouching = found["signer"]["trust_list"]
    assert (vouching["name"], vouching["age_days"]) == ("Our studio", 0)
    assert vouching["anchor"].startswith("CN=kzlabel DEVELOPMENT root")
    assert f"Vouched for by Our studio of {vouching['date']}." in desk.run("verify", name).out
    assert "(Our studio of " in desk.run("verify", name, "--verbose").out

    assert desk.run("verify", name, "--json", "--no-default-trust").json["verdict"] == "untrusted"
    by_call = desk.run("verify", name, "--json", "--trust", desk.root).json
    assert by_call["signer"]["trust_list"]["name"] == "root.pem"  # the call's before one's own

    assert desk.run("trust", "remove", "our studio").code == 0
    assert desk.run("verify", name, "--json").json["verdict"] == "untrusted"


@pytest.mark.parametrize("purpose", ["time-stamping", "identity"])
def test_an_anchor_for_another_purpose_makes_no_signer_trusted(purpose: str, desk: Desk) -> None:
    name = labelled(desk)
    assert desk.run("trust", "add", desk.root, "--purpose", purpose).code == 0
    assert desk.run("verify", name, "--json").json["verdict"] == "untrusted"
    for option in ("--trust-tsa", "--trust-identity"):
        assert desk.run("verify", name, "--json", option, desk.root).json["verdict"] == "untrusted"


def test_an_expired_root_is_told_and_does_not_vouch(desk: Desk) -> None:
    old = pki.signer(start=datetime.now(UTC) - timedelta(days=3660))
    desk.write("old.pem", old.root)
    told = desk.run("verify", labelled(desk), "--trust", "old.pem", "--json")
    assert told.json["verdict"] == "untrusted"
    assert "old.pem: CN=Test Root,O=Test Authority,C=KZ expired on " in told.err
    desk.refused(8, "have expired, the last on", "trust", "add", "old.pem")


def test_an_address_is_fetched_over_https_only_and_followed_up(desk: Desk) -> None:
    one, other, third = (pki.signer().root for _ in range(3))
    files = {"list.json": encoded(listed(one, other))}
    with serving(files) as address:
        desk.refused(2, "use --allow-http", "trust", "add", f"{address}/list.json")
        told = desk.run("trust", "add", f"{address}/list.json", "--allow-http", "--name", "Press")
        assert told.code == 0, told.err
        row = desk.run("trust", "show", "press", "--json").json
        assert (row["date"], row["certificates"], row["source"]) == ("2026-08-05", 2, f"{address}/list.json")

        assert "nothing new" in desk.run("trust", "update", "Press", "--allow-http").out
        files["list.json"] = encoded(listed(one, third, date="2026-10-01T00:00:00Z"))
        told = desk.run("trust", "update", "Press", "--allow-http")
        assert "Press: now of 2026-10-01, before of 2026-08-05" in told.out
        assert [line[:4] for line in told.out.splitlines()[1:]] == ["  + ", "  - "]

        files["list.json"] = encoded(listed(one, third))
        desk.refused(8, "is older than the present one", "trust", "update", f"{address}/list.json", "--allow-http")
        files["list.json"] = encoded(listed(other, date="2026-11-01T00:00:00Z"))
        desk.refused(8, "2 of its 2 certificates are gone", "trust", "update", "Press", "--allow-http")
        told = desk.run("trust", "update", "Press", "--allow-http", "--force", "--json")
        assert told.json[0]["changed"]
        assert len(told.json[0]["removed_certificates"]) == 2

        for content in (b"", b"<html>moved</html>", b"{}", b"x" * (5 << 20)):
            files["list.json"] = content
            desk.refused(8, "list.json", "trust", "update", "Press", "--allow-http")
        del files["list.json"]
        told = desk.refused(8, "status 404", "trust", "update", "Press", "--allow-http")
        assert "download it another way" in told.err
    assert desk.run("trust", "show", "Press", "--json").json["certificates"] == 1


def test_a_downloaded_copy_of_a_shipped_list_is_known_by_its_name(desk: Desk) -> None:
    shipped = desk.run("trust", "show", "C2PA trust list", "--json").json
    pems = [pki.signer().root for _ in range(3)]
    from kzlabel.trust import shipped_lists

    desk.write("C2PA-TRUST-LIST.pem", shipped_lists()[0].pem + "".join(pems))
    told = desk.run("trust", "update", "C2PA-TRUST-LIST.pem", "--date", "2026-11-01")
    assert told.code == 0, told.err
    assert "C2PA trust list: now of 2026-11-01, before of 2026-08-05" in told.out
    row = desk.run("trust", "list", "--json").json[0]
    assert (row["certificates"], row["source"], row["shipped"]) == (33, shipped["source"], False)
    desk.refused(8, "is older than", "trust", "update", "C2PA-TRUST-LIST.pem", "--date", "2026-10-31")
    assert "comes with kzlabel counts again" in desk.run("trust", "remove", "C2PA trust list").err
    assert desk.run("trust", "list", "--json").json[0] == {
        key: value for key, value in shipped.items() if key != "authorities"
    }


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (8, "none.pem: trust anchors cannot be read: no such file", ["add", "none.pem"]),
        (8, "a.txt: no PEM certificate", ["add", "a.txt"]),
        (8, "is not a certificate authority", ["add", "leaf.pem"]),
        (8, "cannot name a trust list", ["add", "root.pem", "--name", ""]),
        (8, "there is a trust list 'C2PA trust list' already", ["add", "root.pem", "--name", "C2PA trust list"]),
        (2, "--date: 'soon' is no day", ["add", "root.pem", "--date", "soon"]),
        (2, "--purpose", ["add", "root.pem", "--purpose", "anything"]),
        (2, "fetched without encryption", ["add", "HTTP://pki.example/root.pem"]),
        (8, "there is no trust list 'x'; known are 'C2PA trust list'", ["remove", "x"]),
        (8, "comes with kzlabel and stays", ["remove", "C2PA trust list"]),
        (8, "there is no trust list 'x'", ["show", "x"]),
        (8, "there is no trust list 'x'", ["update", "x"]),
        (8, "no list is known to come from there", ["update", "root.pem"]),
        (2, "--from goes with the name of one list", ["update", "--from", "root.pem"]),
        (8, "is older than", ["update", "C2PA trust list", "--from", "root.pem", "--date", "2020-01-01"]),
        (8, "30 of its 30 certificates are gone", ["update", "C2PA trust list", "--from", "root.pem"]),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence_and_changes_nothing(
    code: int, words: str, arguments: list[str], desk: Desk
) -> None:
    desk.write("a.txt", TEXT)
    desk.write("root.pem", desk.root.read_bytes())
    desk.write("leaf.pem", desk.root.with_name("dev.pem").read_bytes())
    desk.refused(code, words, "trust", *arguments)
    assert not (desk.home / ".config" / "kzlabel" / "trust" / "index.json").exists()


def test_a_damaged_store_is_an_error_of_trust_and_never_passed_over(desk: Desk) -> None:
    name = labelled(desk)
    folder = desk.home / ".config" / "kzlabel" / "trust"
    folder.mkdir()
    (folder / "index.json").write_text("{")
    desk.refused(8, "is damaged", "verify", name)
    assert desk.run("verify", name, "--no-default-trust").code == 0


NEWSROOM = """
[policies.newsroom]
extends = "trusted"
identities = "O=kzlabel*"
lists = "Our studio"
require_profile = "kz"
max_list_age_days = 30

[policies.stamped]
extends = "newsroom"
require_time_stamp = true
"""


def test_own_policies_come_from_the_configuration_and_say_what_they_miss(desk: Desk) -> None:
    configure(desk, NEWSROOM)
    name = labelled(desk)

    def refused(words: str, *options: str | Path) -> None:
        told = desk.run("verify", name, "--json", "--policy", "newsroom", *options)
        assert (told.code, told.json["acceptable"], told.json["policy"]) == (1, False, "newsroom")
        assert told.json["notes"][-1] == f"Not acceptable under the policy “newsroom”: {words}."

    refused("it asks for a mark of a trusted signer that holds")
    refused("no trust list that it asks for vouches for the signer", "--trust", desk.root)
    assert desk.run("trust", "add", desk.root, "--name", "Our studio").code == 0
    told = desk.run("verify", name, "--json", "--policy", "NEWSROOM")
    assert (told.code, told.json["policy"]) == (0, "newsroom")
    refused("the signer is none of those asked for", "--identity", "CN=Somebody")

    told = desk.run("verify", name, "--json", "--policy", "stamped")
    assert told.json["notes"][-1] == "Not acceptable under the policy “stamped”: it asks for a trusted time-stamp."

    labelled(desk, "--profile", "eu")
    refused("the mark does not record the labelling profile that it asks for")

    assert desk.run("trust", "remove", "Our studio").code == 0
    assert desk.run("trust", "add", desk.root, "--name", "Our studio", "--date", "2025-01-01").code == 0
    labelled(desk)
    refused("the trust list that vouches for the signer is older than it allows, or its age is not known")


def test_an_own_policy_may_be_the_default_and_be_named_by_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(desk, 'policy = "newsroom"\n' + NEWSROOM)
    name = labelled(desk)
    assert desk.run("verify", name, "--json").json["policy"] == "newsroom"
    monkeypatch.setenv("KZLABEL_POLICY", "stamped")
    assert desk.run("verify", name, "--json").json["policy"] == "stamped"
    desk.refused(2, "'strict' is no policy; choose one of marked, signed", "verify", name, "--policy", "strict")
    monkeypatch.setenv("KZLABEL_POLICY", "strict")
    desk.refused(9, "newsroom, stamped", "verify", name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("policies = 5", "policies: these must be tables"),
        ("[policies.a]\nidentites = 'x'", "policies.a: there is no key 'identites'"),
        ("[policies.a]\nextends = 'b'", "policies.a: it extends 'b'"),
        ("policy = 'a'\n[policies.b]", "'policy' is wrong"),
    ],
)
def test_a_wrong_policy_is_a_configuration_error_whatever_the_verb(text: str, words: str, desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    configure(desk, text)
    for verb in (["label", "a.txt"], ["verify", "a.txt"], ["trust", "list"]):
        desk.refused(9, words, *verb)


def test_a_work_labelled_for_another_profile_is_not_labelled_already(desk: Desk) -> None:
    name = labelled(desk)
    assert desk.run("label", name, "-o", "b.txt", "--json").json["status"] == "unchanged"
    told = desk.run("label", name, "-o", "c.txt", "--profile", "eu", "--json")
    assert told.json["status"] == "labelled"
    manifest = desk.run("verify", "c.txt", "--json").json["evidence"][0]
    assert manifest["detail"]["profile"] == "eu"
    assert "profile" not in manifest["detail"]["declaration"]
