"""Names of keys on tokens (RFC 7512)."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.errors import ConfigurationError, SigningError
from kzlabel.signing.pkcs11_uri import parse_key_uri


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "libtoken.so"
    path.write_bytes(b"")
    return path


def test_all_that_a_token_shows_of_itself_can_be_named(module: Path) -> None:
    uri = parse_key_uri(
        "token=My%20Studio;serial=309e;manufacturer=Maker%20%26%20Co;model=v2;slot-id=7;object=a%3Bb;id=%00%FFk;"
        f"type=private?module-path={module}&pin-source=file:/run/pin&alg=ps384&cert=/etc/chain%26more.pem"
    )
    assert uri.token == {
        "token": "My Studio",
        "serial": "309e",
        "manufacturer": "Maker & Co",
        "model": "v2",
        "slot-id": "7",
    }
    assert (uri.label, uri.id, uri.module) == ("a;b", b"\x00\xffk", module)
    assert (uri.pin_source, uri.alg, uri.cert) == (Path("/run/pin"), "ps384", Path("/etc/chain&more.pem"))


@pytest.mark.parametrize("source", ["file:/run/pin", "file:///run/pin", "file%3A%2F%2F%2Frun%2Fpin"])
def test_a_pin_file_is_named_by_either_form_of_address(module: Path, source: str) -> None:
    assert parse_key_uri(f"token=a?module-path={module}&pin-source={source}").pin_source == Path("/run/pin")


def test_a_module_is_found_by_its_name_in_a_folder(module: Path) -> None:
    assert parse_key_uri(f"token=a?module-path={module.parent}&module-name=token").module == module


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("token=a?pin-value=1234", "pin-source=file:/PATH"),
        ("token=a;pin-value=1234", "pin-source=file:/PATH"),
        ("token=a?pin-source=|cat%20/run/pin", "pin-source names a file"),
        ("token=a?pin-source=/run/pin", "pin-source names a file"),
        ("token=a;token=b", "token stands there twice"),
        ("token=a;colour=red", "no attribute 'colour'"),
        ("token=a?colour=red", "no attribute 'colour'"),
        ("token", "NAME=VALUE"),
        ("token=a;type=cert", "type=private"),
        ("token=a?module-path=libtoken.so", "whole path"),
        ("token=a?module-name=../libtoken.so", "module-path="),
        ("token=a?module-path=/", "is a folder"),
    ],
)
def test_what_is_malformed_or_unsafe_is_refused(rest: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace("|", r"\|")) as told:
        parse_key_uri(rest)
    assert "1234" not in str(told.value)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("module-path=/nowhere/libtoken.so", "the module /nowhere/libtoken.so is not there"),
        ("module-name=surely-not-there", "no module named 'surely-not-there'"),
    ],
)
def test_a_module_that_is_not_there_is_said(query: str, words: str) -> None:
    with pytest.raises(SigningError, match=words):
        parse_key_uri(f"token=a?{query}")
