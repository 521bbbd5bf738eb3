"""For every format, through the installed command: label, verify, tamper, label again."""

from __future__ import annotations

from pathlib import Path

import encypher_c2pa
import pytest

from .command import kzlabel
from .works import IN_SIDECAR, MAKERS, TITLE, work

ROOT = ".config/kzlabel/keys/root.pem"


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_of_every_format_is_labelled_verified_and_protected(name: str, tmp_path: Path) -> None:
    source = work(name, tmp_path)
    before = source.read_bytes()
    target = source.with_stem(f"{source.stem}.labelled")

    told = kzlabel("label", source, "--source", "generated", "--generator", "Painter@2.1", "--json", home=tmp_path)
    assert told.code == 0, told.err
    row = told.json
    assert row["status"] == "labelled"
    assert "DEVELOPMENT" in told.err.upper()
    assert source.read_bytes() == before
    assert target.exists()
    sidecar = target.with_name(target.name + ".c2pa")
    assert sidecar.exists() is (name in IN_SIDECAR)

    told = kzlabel("verify", target, "--json", home=tmp_path)
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

    asked = ("--policy", "trusted", "--trust", tmp_path / ROOT, "--no-watermark")
    trusted = kzlabel("verify", target, "--json", *asked, home=tmp_path)
    assert (trusted.code, trusted.json["verdict"]) == (0, "verified")

    _an_independent_validator_agrees(target, sidecar if sidecar.exists() else None, verdict["format"], tmp_path)
    _labelled_again_is_a_copy(target, tmp_path)
    _one_flipped_byte_is_noticed(target, tmp_path)


def _an_independent_validator_agrees(target: Path, sidecar: Path | None, mime: str, home: Path) -> None:
    """Where it reads the format: it knows neither Matroska nor texts in other encodings than UTF-8."""
    data = target.read_bytes()
    if mime not in encypher_c2pa.supported_mime_types() or data.startswith(b"\xff\xfe"):
        return
    report = encypher_c2pa.verify(
        data,
        mime,
        manifest_store=sidecar.read_bytes() if sidecar else None,
        trust_pem=(home / ROOT).read_text(),
        no_default_trust=True,
        telemetry=False,
        online=False,
    )
    assert report["validation_state"] == "Trusted", report["validation_results"]["failure"]
    assert report["hard_binding"] == "match"


def _labelled_again_is_a_copy(target: Path, home: Path) -> None:
    again = target.with_stem("again")
    told = kzlabel("label", target, "-o", again, "--generator", "Painter@2.1", "--json", home=home)
    assert told.code == 0, told.err
    assert told.json["status"] == "unchanged"
    assert again.read_bytes() == target.read_bytes()
    told = kzlabel(
        "label", target, "-o", target.with_stem("third"), "--generator", "Painter@2.1", "--only-new", home=home
    )
    assert told.code == 6
    assert not target.with_stem("third").exists()


def _one_flipped_byte_is_noticed(target: Path, home: Path) -> None:
    data = bytearray(target.read_bytes())
    place = _content_byte(data, target.suffix)
    data[place] ^= 1
    target.write_bytes(data)
    told = kzlabel("verify", target, "--json", "--no-watermark", home=home)
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
def test_metadata_that_was_there_before_is_there_after(name: str, tmp_path: Path) -> None:
    source = work(name, tmp_path)
    told = kzlabel("label", source, "--no-watermark", "--json", home=tmp_path)
    assert told.code == 0, told.err
    found = kzlabel("inspect", told.json["output"], "--json", home=tmp_path).json
    if name == "photo.jpg":
        from PIL import Image

        assert Image.open(told.json["output"]).getexif()[0x010E] == TITLE
        assert found["exif"]
    assert any(TITLE in tag["value"] for tag in found["tags"])
