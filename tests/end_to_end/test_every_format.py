"""For every format: label, verify, tamper, label again; of each medium one through the installed command."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest

from .command import kzlabel
from .conftest import Desk
from .works import IN_SIDECAR, MAKERS, TITLE, work

ROOT = ".config/kzlabel/keys/root.pem"
INSTALLED = ("photo.jpg", "h264.mp4", "song.ogg", "note.md")  # the others save the start of an interpreter

Command = Callable[..., Any]


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_of_every_format_is_labelled_verified_and_protected(name: str, tmp_path: Path, desk: Desk) -> None:
    if name in INSTALLED:
        said = _is_labelled_verified_and_protected(name, tmp_path, partial(kzlabel, home=tmp_path), tmp_path / ROOT)
        assert "DEVELOPMENT" in said.upper()
    else:
        _is_labelled_verified_and_protected(name, desk.folder, desk.run, desk.root)


def _is_labelled_verified_and_protected(name: str, folder: Path, command: Command, root: Path) -> str:
    """Returns what labelling said."""
    source = work(name, folder)
    before = source.read_bytes()
    target = source.with_stem(f"{source.stem}.labelled")

    told = command("label", source, "--source", "generated", "--generator", "Painter@2.1", "--json")
    assert told.code == 0, told.err
    row, said = told.json, str(told.err)
    assert row["status"] == "labelled"
    assert source.read_bytes() == before
    assert target.exists()
    sidecar = target.with_name(target.name + ".c2pa")
    assert sidecar.exists() is (name in IN_SIDECAR)

    told = command("verify", target, "--json")
    assert told.code == 0, told.out
    verdict = told.json
    assert (verdict["verdict"], verdict["ai"], verdict["reason"]) == ("untrusted", "generated", "manifest.untrusted")
    assert verdict["identifier"] == row["identifier"]
    assert verdict["manifest_id"] == row["manifest_id"]
    assert verdict["generator"] == {"name": "Painter", "version": "2.1"}
    layers = {layer["layer"]: layer for layer in verdict["evidence"]}
    assert layers["disclosure"]["state"] == "recorded"
    if not name.endswith(".txt"):
        assert layers["metadata"]["state"] == "found"
        assert layers["metadata"]["ai"] == "generated"
        assert layers["metadata"]["detail"]["identifier"] == row["identifier"]

    asked = ("--policy", "trusted", "--trust", root, "--no-watermark")
    trusted = command("verify", target, "--json", *asked)
    assert (trusted.code, trusted.json["verdict"]) == (0, "verified")

    _an_independent_validator_agrees(target, sidecar if sidecar.exists() else None, verdict["format"], root)
    _labelled_again_is_a_copy(target, command)
    _one_flipped_byte_is_noticed(target, command)
    return said


def _an_independent_validator_agrees(target: Path, sidecar: Path | None, mime: str, root: Path) -> None:
    """Where it reads the format: it knows neither Matroska nor texts in other encodings than UTF-8."""
    data = target.read_bytes()
    if mime not in encypher_c2pa.supported_mime_types() or data.startswith(b"\xff\xfe"):
        return
    report = encypher_c2pa.verify(
        data,
        mime,
        manifest_store=sidecar.read_bytes() if sidecar else None,
        trust_pem=root.read_text(),
        no_default_trust=True,
        telemetry=False,
        online=False,
    )
    assert report["validation_state"] == "Trusted", report["validation_results"]["failure"]
    assert report["hard_binding"] == "match"


def _labelled_again_is_a_copy(target: Path, command: Command) -> None:
    again = target.with_stem("again")
    told = command("label", target, "-o", again, "--generator", "Painter@2.1", "--json")
    assert told.code == 0, told.err
    assert told.json["status"] == "unchanged"
    assert again.read_bytes() == target.read_bytes()
    told = command("label", target, "-o", target.with_stem("third"), "--generator", "Painter@2.1", "--only-new")
    assert told.code == 6
    assert not target.with_stem("third").exists()


def _one_flipped_byte_is_noticed(target: Path, command: Command) -> None:
    data = bytearray(target.read_bytes())
    place = _content_byte(data, target.suffix)
    data[place] ^= 1
    target.write_bytes(data)
    told = command("verify", target, "--json", "--no-watermark")
    assert (told.code, told.json["verdict"]) == (1, "tampered"), told.out


def _content_byte(data: bytearray, suffix: str) -> int:
    """A byte of the content itself: for texts a letter, else one in the middle of pixels or samples."""
    if suffix in (".txt", ".md", ".html"):
        sentence = "dropped".encode("utf-16-le" if data.startswith(b"\xff\xfe") else "utf-8")
        return data.index(sentence)
    marker = {".mp4": b"mdat", ".mov": b"mdat", ".m4a": b"mdat", ".avif": b"mdat", ".png": b"IDAT", ".wav": b"data"}
    start = data.index(marker[suffix]) if suffix in marker else 0
    return start + (len(data) - start) // 3 if start == 0 else start + 200


@pytest.mark.parametrize(
    "name", ["photo.jpg", "picture.png", "h264.mp4", "h264.mkv", "song.mp3", "song.flac", "song.ogg"]
)
def test_metadata_that_was_there_before_is_there_after(name: str, desk: Desk) -> None:
    source = work(name, desk.folder)
    told = desk.run("label", source, "--no-watermark", "--json")
    assert told.code == 0, told.err
    found = desk.run("inspect", told.json["output"], "--json").json
    if name == "photo.jpg":
        from PIL import Image

        assert Image.open(told.json["output"]).getexif()[0x010E] == TITLE
        assert found["exif"]
    assert any(TITLE in tag["value"] for tag in found["tags"])
