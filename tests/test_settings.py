"""The configuration file, limits and dates as the command line reads them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kzlabel.errors import ConfigurationError
from kzlabel.limits import DEFAULT_LIMITS, Limits
from kzlabel.settings import config_folder, limits_from, read_config, source_date_epoch

DOCUMENT = Path(__file__).parents[1] / "docs" / "limits.md"


def test_no_file_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_folder() == tmp_path / "kzlabel"
    assert read_config(None) == {}
    with pytest.raises(ConfigurationError, match="check --config"):
        read_config(tmp_path / "none.toml")


def test_every_limit_can_be_set_in_the_file_and_by_a_variable() -> None:
    for field in dataclasses.fields(Limits):
        assert getattr(limits_from({"limits": {field.name: 7}}, {}), field.name) == 7
        variable = f"KZLABEL_LIMITS_{field.name.upper()}"
        assert getattr(limits_from({"limits": {field.name: 7}}, {variable: "8"}), field.name) == 8
    assert limits_from({}, {"KZLABEL_LANG": "kk", "PATH": "/"}) == DEFAULT_LIMITS


def test_every_limit_is_documented_with_its_default() -> None:
    text = DOCUMENT.read_text("utf-8")
    for field in dataclasses.fields(Limits):
        row = next((line for line in text.splitlines() if line.startswith(f"| `{field.name}` |")), None)
        assert row, field.name
        assert f"{int(field.default):,}" in row, row  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "value", ["x", "", "0", "-1", "nan", "inf", "1e9999", "9" * 5000, [], {}, None, True, False, 0]
)
def test_what_is_no_positive_number_is_refused(value: object) -> None:
    for name in ("max_pixels", "max_duration"):
        with pytest.raises(ConfigurationError, match=rf"^limits\.{name}: "):
            limits_from({"limits": {name: value}}, {})


def test_a_date_is_a_number_of_seconds_or_nothing() -> None:
    assert source_date_epoch({}) is None
    assert source_date_epoch({"SOURCE_DATE_EPOCH": ""}) is None
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "0"}) == 0
    for text in ("-1", "1.5", "soon", "٣", "²", "9" * 20, " 1"):
        with pytest.raises(ConfigurationError, match="SOURCE_DATE_EPOCH"):
            source_date_epoch({"SOURCE_DATE_EPOCH": text})
