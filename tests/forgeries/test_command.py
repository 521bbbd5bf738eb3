"""All forgeries through the installed command: exit codes, JSON, terminal and page, and no way out to the network."""

from __future__ import annotations

import itertools
import json
import re
import socket
import unicodedata
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.end_to_end.command import Told, kzlabel

from . import contradictions, strings
from .table import ROWS, Row
from .test_forgeries import laid
from .workshop import Made, Workshop


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shop: Workshop) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "root.pem").write_text(shop.root.pem)
    (folder / "time-root.pem").write_text(shop.time_root.pem)
    (folder / "root.crl").write_bytes(shop.revocation_list)
    return folder


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory, shop: Workshop) -> Mapping[Path, Row]:
    folder = tmp_path_factory.mktemp("forged")
    found: dict[Path, Row] = {}
    for row in ROWS:
        for number, made in enumerate(row.make(shop)):
            found[laid(made.forged, folder / f"{row.name}-{number}")] = row
    return found


def verify(home: Path, *arguments: str | Path) -> Told:
    trust = ("--trust", home / "root.pem", "--trust-tsa", home / "time-root.pem", "--no-default-trust")
    return kzlabel("verify", *trust, *arguments, home=home)


@pytest.mark.parametrize("policy", ["signed", "trusted"])
def test_the_command_says_and_exits_as_the_table_has_it(policy: str, home: Path, forged: Mapping[Path, Row]) -> None:
    # The content itself is searched only where the verdict hangs on nothing being found: that takes most of the time.
    for code, asked, searched in itertools.product((0, 1), (False, True), (False, True)):
        group = (code, asked, searched)
        expected = {
            path: row
            for path, row in forged.items()
            if (getattr(row, policy), row.asked, row.verdict == "unmarked") == group
        }
        if not expected:
            continue
        options = [*(["--crl", home / "root.crl"] if asked else []), *([] if searched else ["--no-watermark"])]
        told = verify(home, "--json", "--policy", policy, *options, *expected)
        assert told.code == code, told.err
        verdicts = told.json if len(expected) > 1 else [told.json]
        for found, (path, row) in zip(verdicts, expected.items(), strict=True):
            assert found["file"] == str(path)
            assert (found["verdict"], found["reason"], found["ai"]) == (row.verdict, row.reason, row.ai), found
            assert found["acceptable"] is (code == 0), found


def test_a_copied_name_satisfies_no_identity_under_trusted(home: Path, shop: Workshop, tmp_path: Path) -> None:
    named = ("--identity", "O=Test Studio", "--policy", "trusted")
    path = laid({"copied.jpg": shop.sealed_by("picture.jpg", shop.intruder)}, tmp_path / "copied")
    assert verify(home, *named, path).code == 1
    path = laid({"genuine.jpg": shop.signed("picture.jpg")}, tmp_path / "genuine")
    assert verify(home, *named, path).code == 0


def test_nobody_asks_at_the_address_of_a_remote_manifest(home: Path, shop: Workshop, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        made = contradictions.remote_manifest_only(shop, listener.getsockname()[1])
        paths = [laid(one.forged, tmp_path / str(number)) for number, one in enumerate(made)]
        told = verify(home, "--json", *paths)
        assert [found["reason"] for found in told.json] == ["manifest.invalid.remote"] * len(paths)
        assert verify(home, "--report", tmp_path / "page.html", *paths).code == 1
        with pytest.raises(BlockingIOError):
            listener.accept()


# --- strings ---


class Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(name, value or "") for name, value in attributes]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory, shop: Workshop) -> list[Path]:
    folder = tmp_path_factory.mktemp("evil")
    made: Iterator[Made] = (one for make in (strings.evil_strings, strings.evil_metadata) for one in make(shop))
    return [laid(one.forged, folder / str(number)) for number, one in enumerate(made)]


def steering(text: str) -> list[str]:
    """Characters that move a cursor, change a colour or a direction, or show nothing."""
    return [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") and char != "\n"]


def test_evil_strings_steer_no_terminal(home: Path, evil: list[Path]) -> None:
    for arguments in (evil, ["-v", *evil], ["--json", *evil], ["inspect", evil[0]]):
        told = kzlabel(*arguments, home=home) if arguments[0] == "inspect" else verify(home, *arguments)
        assert strings.SCRIPT in told.out.decode(), "the strings are shown at all"
        assert not steering(told.out.decode()), arguments
        assert not steering(told.err), arguments


def test_evil_strings_stay_strings_in_json(home: Path, evil: list[Path]) -> None:
    found = json.loads(verify(home, "--json", *evil).out)
    assert {row["verdict"] for row in found} == {"verified"}

    def texts(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, entry in value.items():
                yield key
                yield from texts(entry)
        elif isinstance(value, list):
            for entry in value:
                yield from texts(entry)
        elif isinstance(value, str):
            yield value

    said = list(texts(found))
    assert sum(strings.SCRIPT in text for text in said) > 20
    assert not [text for text in said if steering(text) or "\n" in text]


def test_evil_strings_are_no_markup_in_the_page(home: Path, shop: Workshop, evil: list[Path], tmp_path: Path) -> None:
    genuine = [laid({path.name: shop.signed(path.name)}, tmp_path / path.parent.name / "genuine") for path in evil]
    pages = []
    for name, files in (("genuine.html", genuine), ("evil.html", evil)):
        verify(home, "--report", tmp_path / name, *files)
        pages.append(Page())
        pages[-1].feed((tmp_path / name).read_text("utf-8"))
    plain, marked = pages
    assert strings.SCRIPT in marked.text, "the strings are shown at all"
    assert marked.elements <= plain.elements
    assert {name for name, _ in marked.attributes} <= {name for name, _ in plain.attributes}
    told = [value for name, value in marked.attributes if name in ("href", "src", "style", "srcset", "action")]
    assert not [value for value in told if re.search("javascript:|alert", value)]
    assert not steering(marked.text)
