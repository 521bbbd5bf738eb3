"""Files labelled by earlier versions are read as they were then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kzlabel import State, Verifier
from kzlabel.verification.verdict import VerdictKind

FOLDER = Path(__file__).parents[1] / "fixtures"
FILES = sorted(path for path in FOLDER.iterdir() if path.with_name(f"{path.name}.json").exists())


def test_there_are_golden_files_of_every_medium_that_can_be_small() -> None:
    assert {path.suffix for path in FILES} >= {
        ".jpg",
        ".png",
        ".webp",
        ".avif",
        ".gif",
        ".tiff",
        ".mp3",
        ".flac",
        ".md",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_labelled_long_ago_reads_as_it_did(path: Path) -> None:
    known = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    verdict = Verifier().verify(path)
    assert verdict.kind is VerdictKind.UNTRUSTED  # also once the certificate has lapsed
    manifest = verdict.evidence[0]
    assert manifest.state in (State.VALID, State.EXPIRED)
    read = verdict.to_json()
    assert {key: read[key] for key in known if key != "tool"} == {key: known[key] for key in known if key != "tool"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_golden_file_with_a_changed_byte_is_tampered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    anchor = {".txt": b"dropped", ".md": b"Evening", ".html": b"Evening", ".avif": b"mdat", ".webp": b"VP8L"}.get(
        path.suffix
    )
    inside = 16 if path.suffix in (".avif", ".webp") else 0
    place = data.index(anchor) + inside if anchor else len(data) - len(data) // 20 - 8
    data[place] ^= 1
    assert Verifier().verify(bytes(data), name=path.name).kind is VerdictKind.TAMPERED
