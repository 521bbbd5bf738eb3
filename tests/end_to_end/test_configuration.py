"""Option, environment, configuration file, default: which one wins, and what an impossible value says."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Desk
from .works import work

TEXT = "The wind has dropped.\n"


def configure(desk: Desk, text: str) -> None:
    (desk.home / ".config" / "kzlabel" / "config.toml").write_text(text, "utf-8")


def labelled(desk: Desk, *options: str) -> dict:
    told = desk.run("label", "a.txt", "--overwrite", "--json", *options)
    assert told.code == 0, told.err
    return told.json


def test_an_option_wins_over_the_environment_over_the_file_over_the_default(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.txt", TEXT)
    row = labelled(desk)
    assert (row["disclosure"]["languages"], row["disclosure"]["place"]) == (["kk", "ru", "en"], "top")
    assert "producer" not in row["declaration"]

    configure(
        desk,
        'lang = ["ru", "en"]\nproducer = "File Studio"\ntraining = "prohibited"\n'
        '[label]\ntext-place = "bottom"\ngenerator = "File@1"\n',
    )
    row = labelled(desk)
    assert (row["disclosure"]["languages"], row["disclosure"]["place"]) == (["ru", "en"], "bottom")
    assert row["declaration"]["producer"] == "File Studio"
    assert row["declaration"]["generator"] == {"name": "File", "version": "1"}
    assert row["declaration"]["training"] == "prohibited"

    monkeypatch.setenv("KZLABEL_LANG", "kk")
    monkeypatch.setenv("KZLABEL_PRODUCER", "Variable Studio")
    monkeypatch.setenv("KZLABEL_TEXT_PLACE", "both")
    row = labelled(desk)
    assert (row["disclosure"]["languages"], row["disclosure"]["place"]) == (["kk"], "both")
    assert row["declaration"]["producer"] == "Variable Studio"
    assert row["declaration"]["training"] == "prohibited"

    row = labelled(desk, "--lang", "en", "--producer", "Option Studio", "--text-place", "top", "--training", "allowed")
    assert (row["disclosure"]["languages"], row["disclosure"]["place"]) == (["en"], "top")
    assert row["declaration"]["producer"] == "Option Studio"
    assert row["declaration"]["training"] == "allowed"


def test_switches_and_lists_can_be_set_in_the_file_and_in_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.txt", TEXT)
    desk.write("a.labelled.txt", "taken")
    configure(desk, f'overwrite = true\n[verify]\npolicy = "trusted"\ntrust = ["{desk.root}"]\njson = true\n')
    assert desk.run("label", "a.txt").code == 0
    told = desk.run("verify", "a.labelled.txt")
    assert (told.code, told.json["verdict"], told.json["policy"]) == (0, "verified", "trusted")
    monkeypatch.setenv("KZLABEL_POLICY", "marked")
    assert desk.run("verify", "a.labelled.txt").json["policy"] == "marked"
    monkeypatch.setenv("KZLABEL_OVERWRITE", "0")
    desk.refused(5, "exists already", "label", "a.txt")
    monkeypatch.setenv("KZLABEL_OVERWRITE", "1")
    monkeypatch.setenv("KZLABEL_NO_DISCLOSURE", "true")
    assert labelled(desk)["disclosure"] is None
    spaced = desk.folder / "a folder"
    spaced.mkdir()
    (spaced / "root.pem").write_bytes(desk.root.read_bytes())
    configure(desk, "")
    monkeypatch.setenv("KZLABEL_TRUST", str(spaced / "root.pem"))
    assert desk.run("verify", "a.labelled.txt", "--json").json["verdict"] == "verified"
    monkeypatch.setenv("KZLABEL_IDENTITY", "kzlabel DEVELOPMENT*")
    assert desk.run("verify", "a.labelled.txt", "--json").code == 0
    monkeypatch.setenv("KZLABEL_TEXT", "en=Made by a machine, not by me")
    monkeypatch.delenv("KZLABEL_NO_DISCLOSURE")
    assert labelled(desk, "--lang", "en")["disclosure"]["wording"] == ["Made by a machine, not by me"]


def test_another_file_is_read_when_it_is_named(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    configure(desk, 'lang = "ru"\n')
    other = desk.write("other.toml", 'lang = "en"\n')
    told = desk.run("--config", other, "label", "a.txt", "--json")
    assert told.json["disclosure"]["languages"] == ["en"]
    assert desk.run("--config", "none.toml", "label", "a.txt").code == 9


def test_the_working_folder_never_configures(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    for name in ("config.toml", "kzlabel.toml", ".kzlabel.toml", "pyproject.toml", ".env"):
        desk.write(name, 'lang = "ru"\nffmpeg = "./evil"\n')
    (desk.folder / "kzlabel").mkdir()
    desk.write("kzlabel/config.toml", "nonsense = 1")
    assert labelled(desk)["disclosure"]["languages"] == ["kk", "ru", "en"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour = 1", "unknown key 'colour'"),
        ("[verify]\nlang = 'ru'", "unknown key 'lang' in [verify]"),
        ("[veryfy]\njson = true", "unknown key 'veryfy'"),
        ("label = 3", "unknown key 'label'"),
        ("policy = 'lenient'", "'policy' is wrong"),
        ("size = 99", "'size' is wrong"),
        ("source = true", "'source' is wrong"),
        ("lang = {a = 1}", "'lang' is wrong"),
        ("overwrite = 'perhaps'", "'overwrite' is wrong"),
        ("lang = ", "no valid TOML"),
        ("lang = 'a'\nlang = 'b'", "no valid TOML"),
        ("[limits]\nmax_pixel = 1", "no such limit"),
        ("[limits]\nmax_pixels = 'many'", "is not a number"),
        ("[limits]\nmax_pixels = -1", "is not a positive number"),
        ("[limits]\nmax_pixels = true", "is not a positive number"),
        ("[limits]\nmax_pixels = inf", "is not a number"),
        ("[limits]\nmax_duration = nan", "is not a positive number"),
        ("limits = 3", "must be a table"),
    ],
)
def test_a_wrong_file_is_a_configuration_error(text: str, words: str, desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    configure(desk, text)
    desk.refused(9, words, "label", "a.txt")
    desk.refused(9, words, "verify", "a.txt")


def test_a_file_that_is_none_is_a_configuration_error(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    (desk.home / ".config" / "kzlabel" / "config.toml").write_bytes(b"\xff\xfe\x00")
    desk.refused(9, "no valid TOML", "label", "a.txt")
    (desk.home / ".config" / "kzlabel" / "config.toml").write_bytes(b"#" * (1 << 21))
    desk.refused(9, "over 1 MB", "label", "a.txt")
    (desk.home / ".config" / "kzlabel" / "config.toml").write_text("x = " + "[" * 100_000)
    desk.refused(9, "no valid TOML", "label", "a.txt")
    desk.refused(9, "check --config", "--config", ".", "label", "a.txt")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("KZLABEL_POLICY", "lenient", "KZLABEL_POLICY"),
        ("KZLABEL_JSON", "perhaps", "KZLABEL_JSON"),
        ("KZLABEL_LIMITS_MAX_PIXELS", "many", "limits.max_pixels"),
        ("KZLABEL_LIMITS_MAX_PIXEL", "5", "limits.max_pixel: there is no such limit"),
        ("KZLABEL_LIMITS_MAX_DURATION", "-inf", "limits.max_duration"),
        ("KZLABEL_CONFIG", "/nonexistent.toml", "nonexistent.toml"),
    ],
)
def test_a_wrong_variable_is_a_configuration_error(
    variable: str, value: str, words: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.txt", TEXT)
    monkeypatch.setenv(variable, value)
    desk.refused(9, words, "verify", "a.txt")


def test_limits_come_from_the_environment_before_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work("photo.jpg", desk.folder)
    configure(desk, "[limits]\nmax_pixels = 100\n")
    desk.refused(3, "photo.jpg: ", "label", "photo.jpg")
    monkeypatch.setenv("KZLABEL_LIMITS_MAX_PIXELS", "1_000_000")
    assert desk.run("label", "photo.jpg").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "zz"], "there is no profile 'zz'; choose one of"),
        (["--profile", "../../etc/passwd"], "there is no profile"),
        (["--lang", "zz"], "there is no wording for the language 'zz'"),
        (["--lang", ","], "language"),
        (["--text", "en"], "is not LANG=TEXT"),
        (["--text", "de=Von Maschinen"], "there is a text for 'de'"),
        (["--lang", "en", "--text", "en=two\nlines"], "holds line breaks"),
        (["--size", "0.5"], "--size"),
        (["--size", "nan"], "--size"),
        (["--source", "camera"], "--source"),
        (["--generator", "@1"], "the generator is empty"),
        (["--producer", ""], "the producer is empty"),
        (["--producer", "x" * 300], "the producer is longer than 256 characters"),
        (["--producer", "a\x1b[31mb"], "the producer holds control characters"),
        (["--encoding", "klingon"], "klingon"),
        (["--in-place", "-o", "b.txt"], "exclude each other"),
        (["--out-dir", ".", "-o", "b.txt"], "exclude each other"),
        (["b.txt", "-o", "c.txt"], "there are several inputs"),
        (["b.txt", "--sidecar", "c.c2pa"], "there are several inputs"),
        (["--json-file", "x.json"], "--json-file goes with -o -"),
        (["-o", "-", "--json"], "-o - takes stdout"),
        (["-"], "needs -o"),
        (["-", "--in-place"], "cannot be replaced in place"),
        (["--no-such-option"], "No such option"),
        (["-o", "b.mp4"], "this is a plain text file, and the output name says .mp4"),
        (["-o", "b.txt", "--format", "png"], "--format says png"),
    ],
)
def test_a_call_that_makes_no_sense_is_a_usage_error(arguments: list[str], words: str, desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.refused(2, words, "label", "a.txt", *arguments)


def test_commands_that_are_incomplete_say_where_help_is(desk: Desk) -> None:
    for arguments in (["label"], ["verify"], ["inspect"], ["lable", "a.txt"], ["verify", "--policy", "lenient", "a"]):
        desk.refused(2, "--help", *arguments)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no valid JSON"),
        (b"{", "no valid JSON"),
        (b"\xff\xfe", "no valid JSON"),
        (b"[" * 100_000, "no valid JSON"),
        (b"[]", "is a JSON object"),
        (b'{"sourse": "generated"}', "unknown key"),
        (b'{"source": "camera"}', "camera"),
        (b'{"training": 5}', "5"),
        (b'{"generator": 5}', "generator"),
        (b'{"generator": {}}', "name"),
        (b'{"generator": []}', "generator"),
        (b'{"producer": ["a"]}', "producer"),
        (b'{"identifier": "xyz"}', "12 lower-case hexadecimal digits"),
        (b'{"created": "yesterday"}', "yesterday"),
        (b'{"created": "2026-11-24T10:00:00"}', "time zone"),
        (b" " * (2 << 20), "over 1 MB"),
    ],
)
def test_a_wrong_declaration_is_a_usage_error(content: bytes, words: str, desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write("d.json", content)
    told = desk.refused(2, words, "label", "a.txt", "--declaration", "d.json")
    assert "d.json" in told.err


def test_a_declaration_file_is_overruled_by_options(desk: Desk) -> None:
    desk.write("a.txt", TEXT)
    desk.write(
        "d.json",
        '{"source": "modified", "producer": "Студия", "identifier": "0123456789ab",'
        ' "created": "2026-01-02T03:04:05+05:00"}',
    )
    row = labelled(desk, "--declaration", "d.json", "--producer", "Other")
    assert row["declaration"] == {
        "source": "modified",
        "producer": "Other",
        "identifier": "0123456789ab",
        "created": "2026-01-01T22:04:05Z",
    }
    desk.write("b.txt", TEXT)
    desk.refused(
        2, "one identifier cannot stand for several files", "label", "a.txt", "b.txt", "--declaration", "d.json"
    )
    desk.refused(2, "d.jsn: no such file", "label", "a.txt", "--declaration", "d.jsn", "--overwrite")


def test_trust_and_policies_that_are_wrong(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.txt", TEXT)
    desk.write("leaf.pem", (desk.root.parent / "dev.pem").read_bytes())
    desk.write("empty.pem", b"")
    for words, *arguments in (
        ("none.pem: trust anchors cannot be read", "--trust", "none.pem"),
        ("a.txt: no PEM certificate", "--trust", "a.txt"),
        ("empty.pem: no PEM certificate", "--trust", "empty.pem"),
        ("is not a certificate authority", "--trust", "leaf.pem"),
        (".: trust anchors cannot be read", "--trust", desk.folder),
        ("identity pattern is empty", "--identity", ""),
        ("longer than 256 characters", "--identity", "x" * 300),
    ):
        desk.refused(8, words.lstrip(".: "), "verify", "a.txt", *arguments)


@pytest.mark.parametrize("epoch", ["soon", "-5", "²", "9" * 30])
def test_a_wrong_source_date_epoch(epoch: str, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("a.txt", TEXT)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    desk.refused(9, "SOURCE_DATE_EPOCH", "label", "a.txt")


def test_a_program_or_group_without_a_verb_shows_its_help(desk: Desk) -> None:
    for words in ((), ("keys",)):
        told = desk.run(*words)
        assert (told.code, told.out) == (2, "")
        assert told.err.startswith("Usage: kzlabel")
        assert "\nCommands:\n" in told.err


def test_an_unknown_key_in_the_table_of_a_group_is_named_with_its_table(desk: Desk) -> None:
    configure(desk, "[keys]\nsurely_not = 1\n")
    desk.refused(9, "unknown key 'surely_not' in [keys]", "inspect", "a.txt")
