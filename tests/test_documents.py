"""The documents and the help say what the program does: limits, options, variables, exit codes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kzlabel.cli.app import app
from kzlabel.cli.options import PASSPHRASE_VARIABLE, TOKEN_VARIABLE
from kzlabel.errors import ExitCode
from kzlabel.limits import Limits

ROOT = Path(__file__).parents[1]
COMMAND: Any = typer.main.get_command(app)


def verbs(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb by its full name, "keys init" for one in a group."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, f"{above}{name} ")
        else:
            yield above + name, command


VERBS: dict[str, Any] = dict(verbs(COMMAND))
GROUPS = [command for command in COMMAND.commands.values() if hasattr(command, "commands")]


def document(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def options(command: Any) -> Iterator[Any]:
    return (parameter for parameter in command.params if parameter.param_type_name == "option")


def spelled(command: Any) -> set[str]:
    """Every way to write an option of a command, its help included."""
    ways = {way for option in options(command) for way in (*option.opts, *option.secondary_opts)}
    return {*ways, "--help", "-h"}


def test_the_table_of_limits_is_the_limits() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", document("docs/limits.md"), re.MULTILINE)
    assert [(name, float(value.replace(",", ""))) for name, value in rows] == [
        (field.name, field.default) for field in dataclasses.fields(Limits)
    ]


def test_every_limit_says_what_it_bounds() -> None:
    described = re.findall(r"^    (\w+): ", Limits.__doc__ or "", re.MULTILINE)
    assert described == [field.name for field in dataclasses.fields(Limits)]


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_every_option_has_help_and_an_environment_variable(verb: str | None) -> None:
    for option in options(VERBS[verb] if verb else COMMAND):
        if option.name in ("help", "version") or "completion" in option.name:
            continue
        long = next(way for way in option.opts if way.startswith("--"))
        assert option.help.endswith((".", "…")), f"{long} needs a sentence of help"
        assert option.envvar == "KZLABEL_" + long[2:].upper().replace("-", "_")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_argument_is_described(verb: str) -> None:
    assert VERBS[verb].help
    assert VERBS[verb].epilog.startswith(f"Example: kzlabel {verb}")
    assert all(parameter.help for parameter in VERBS[verb].params)


def test_every_group_of_verbs_is_described() -> None:
    assert GROUPS
    assert all(group.help for group in GROUPS)


DOCUMENTS = (
    "README.md",
    "docs/limits.md",
    "docs/verdict.md",
    "docs/design.md",
    "docs/audit.md",
    "docs/signing.md",
    "docs/trust.md",
    "docs/registry.md",
)
OTHERS = {"--rm", "--factory"} | {  # of other programs: docker, uvicorn, pkcs11-tool, c2patool's signers
    *("--module", "--slot-index", "--token-label", "--init-token", "--init-pin", "--so-pin", "--pin", "--login"),
    *("--keypairgen", "--key-type", "--id", "--label", "--write-object", "--type"),
    *("--reserve-size", "--sign-cert"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_option_in_a_document_exists(name: str) -> None:
    known = {way for command in (COMMAND, *VERBS.values()) for way in spelled(command)}
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", document(name)))
    assert named <= known | OTHERS


def test_every_command_line_in_the_readme_uses_options_of_its_verb() -> None:
    longest_first = "|".join(sorted(VERBS, key=len, reverse=True))
    lines = re.findall(rf"kzlabel ({longest_first})\b([^\n|#]*)", document("README.md"))
    assert len(lines) > 10
    for verb, rest in lines:
        used = set(re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", rest))
        assert used <= spelled(VERBS[verb]), f"kzlabel {verb}{rest}"


def test_every_variable_in_a_document_exists() -> None:
    known = {option.envvar for command in (COMMAND, *VERBS.values()) for option in options(command) if option.envvar}
    known |= {f"KZLABEL_LIMITS_{field.name.upper()}" for field in dataclasses.fields(Limits)} | {"KZLABEL_LIMITS_"}
    known |= {PASSPHRASE_VARIABLE, TOKEN_VARIABLE}
    for name in DOCUMENTS:
        assert set(re.findall(r"KZLABEL_[A-Z_]+", document(name))) <= known


def test_the_exit_codes_in_the_readme_are_those_of_the_program() -> None:
    said = re.search(r"Exit codes: (.*?130 interrupted)", document("README.md"), re.DOTALL)
    assert said
    codes = [int(code) for code in re.findall(r"(?:^|,)\s*(\d+) ", said[1])]
    assert codes == sorted(ExitCode)
