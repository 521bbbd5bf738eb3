from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.errors import ExitCode, TrustError
from kzlabel.trust import load_anchor, load_anchors

from .. import pki


def test_a_root_is_loaded_with_its_name_and_date(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_text(pki.signer().root)
    anchor = load_anchor(file)
    assert anchor.name == "root.pem"
    assert anchor.date is not None
    assert len(anchor.date) == 10


def test_several_roots_may_stand_in_one_file_and_in_several(tmp_path: Path) -> None:
    first, second = tmp_path / "a.pem", tmp_path / "b.pem"
    first.write_text("# two of them\n" + pki.signer().root + pki.signer().root)
    second.write_text(pki.signer().root)
    assert [anchor.pem.count("BEGIN CERTIFICATE") for anchor in load_anchors((first, second))] == [2, 1]


def test_a_private_key_beside_a_root_is_not_taken_in(tmp_path: Path) -> None:
    file = tmp_path / "both.pem"
    file.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + pki.signer().root)
    assert "PRIVATE" not in load_anchor(file).pem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no PEM certificate"),
        (b"\x00\x01 not text", "no PEM certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM certificate"),
        (b"x" * (5 << 20), "no list of trust anchors"),
    ],
)
def test_what_is_no_list_of_anchors_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "anchors.pem"
    file.write_bytes(content)
    with pytest.raises(TrustError, match=message) as caught:
        load_anchor(file)
    assert caught.value.exit_code is ExitCode.TRUST


def test_a_leaf_named_by_mistake_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "dev.pem"
    file.write_text(pki.signer().chain)
    with pytest.raises(TrustError, match="not a certificate authority"):
        load_anchor(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"gone\.pem: .*no such file"):
        load_anchor(tmp_path / "gone.pem")
