"""Files signed by other programs, which use c2pa in ways that kzlabel does not."""

from __future__ import annotations

import io
import json
from pathlib import Path

import c2pa
import pytest

from kzlabel.declaration import Declaration
from kzlabel.evidence import LayerEvidence, State
from kzlabel.marks import codes, manifest
from kzlabel.marks.definition import definition
from tests import pki

from .samples import make

FILM = "video/mp4"


@pytest.fixture(scope="module")
def in_leaves(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film whose frames are hashed piece by piece, as cameras do, which hash while they record."""
    return signed(tmp_path_factory.mktemp("film"), "film.mp4", FILM, {"merkle_tree_chunk_size_in_kb": 1})


def signed(folder: Path, name: str, mime: str, core: dict[str, object]) -> bytes:
    signer, target = pki.signer(), io.BytesIO()
    values = json.dumps(definition(Declaration(), None, opened=False, fmt=mime))
    hand = c2pa.Signer.from_callback(signer.sign, c2pa.C2paSigningAlg.ES256, signer.chain, None)
    context = c2pa.Context(c2pa.Settings.from_dict({"core": core, "verify": {"verify_after_sign": False}}))
    with hand, make(folder, name).open("rb") as file, c2pa.Builder(values, context=context) as builder:
        builder.sign(hand, mime, file, target)
    return target.getvalue()


def read(film: bytes) -> LayerEvidence:
    evidence = manifest.read(film, FILM)
    assert evidence is not None
    return evidence


def test_a_film_whose_frames_are_hashed_piece_by_piece_is_covered_as_a_whole(in_leaves: bytes) -> None:
    evidence = read(in_leaves)
    assert evidence.state is State.VALID
    assert codes.PARTIAL not in evidence.codes
    frames = in_leaves.rindex(b"mdat") - 4
    assert all(start != frames for start, _ in evidence.detail["binding"]["uncovered"])


@pytest.mark.parametrize("behind", [8, 3000, -1])
def test_a_changed_frame_in_such_a_film_is_noticed(in_leaves: bytes, behind: int) -> None:
    changed = bytearray(in_leaves)
    frames = in_leaves.rindex(b"mdat") + 4
    length = int.from_bytes(in_leaves[frames - 8 : frames - 4], "big") - 8
    changed[frames + behind % length] ^= 1
    assert read(bytes(changed)).state is State.TAMPERED


def test_further_frames_in_such_a_film_are_noticed(in_leaves: bytes) -> None:
    assert read(in_leaves + b"\0\0\0\x10mdatmorebits").state is State.TAMPERED


def test_a_compressed_manifest_is_called_unsupported_not_malformed(tmp_path: Path) -> None:
    picture = signed(tmp_path, "picture.jpg", "image/jpeg", {"prefer_compress_manifests": True})
    evidence = manifest.read(picture, "image/jpeg")
    assert evidence is not None
    assert evidence.state is State.INVALID
    assert codes.UNSUPPORTED in evidence.codes
    assert codes.UNPROVEN not in evidence.codes
    assert "compressed" in evidence.detail["explanations"][codes.UNSUPPORTED]
