"""Every format: signed, read back, damaged, and judged by a validator that shares no code with c2pa."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from kzlabel.declaration import Declaration, Generator, Source, Training
from kzlabel.evidence import AI, State
from kzlabel.marks import manifest
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import Parent

from .samples import DETACHED, EMBEDDED, Desk, desk, make
from .test_definition import BADGE

DECLARED = Declaration(generator=Generator("Painter", "2.1"), producer="Studio", training=Training.PROHIBITED)
BOXES = {"video/mp4", "video/quicktime", "audio/mp4", "image/avif"}
FLIPS = 12  # of one random bit each, outside the manifest, for each format


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("keys"))


def embed(folder: Path, name: str, at: Desk, parent: Parent | None = None) -> Path:
    target = folder / f"signed-{name}"
    source = Source.MODIFIED if parent else Source.GENERATED
    declared = Declaration(source, DECLARED.generator, DECLARED.producer, DECLARED.training)
    values = definition(declared, BADGE, opened=parent is not None, fmt=EMBEDDED[name])
    manifest.sign_file(make(folder, name), target, EMBEDDED[name], values, at.signer, parent=parent)
    return target


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_manifest_stands_inside_and_every_changed_byte_is_noticed(folder: Path, at: Desk, name: str) -> None:
    target, mime = embed(folder, name, at), EMBEDDED[name]
    evidence = manifest.read(target, mime, trust=at.trust)
    assert evidence is not None
    assert (evidence.state, evidence.ai) == (State.VALID, AI.GENERATED)
    assert evidence.detail["signer"]["trusted"] is True
    assert evidence.detail["signer"]["fingerprint"] == at.signer.fingerprint
    assert evidence.detail["disclosure"] == BADGE.to_json()
    assert evidence.detail["binding"]["type"] == ("bmffHash" if mime in BOXES else "dataHash")

    data = target.read_bytes()
    for position in covered(data, manifest.store_of(target, mime), evidence.detail["binding"]["uncovered"]):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        damaged = manifest.read(bytes(changed), mime, trust=at.trust)
        assert damaged is not None
        assert damaged.state is State.TAMPERED, f"byte {position} of {len(data)}: {damaged.codes}"


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("film.mp4", [b"ftyp", b"free"]),
        ("fragmented.mp4", [b"ftyp", b"mfra"]),
        ("picture.avif", [b"ftyp"]),
        ("picture.jpg", []),
        ("sound.wav", []),
    ],
)
def test_what_the_hard_binding_leaves_out_is_listed(folder: Path, at: Desk, name: str, types: list[bytes]) -> None:
    target = embed(folder, name, at)
    data = target.read_bytes()
    evidence = manifest.read(target, EMBEDDED[name], trust=at.trust)
    assert evidence is not None
    uncovered = evidence.detail["binding"]["uncovered"]
    assert [data[start + 4 : start + 8] for start, _ in uncovered] == types
    assert [int.from_bytes(data[start : start + 4], "big") for start, _ in uncovered] == [size for _, size in uncovered]


@pytest.mark.parametrize("name", DETACHED)
def test_a_sidecar_notices_every_changed_byte(folder: Path, at: Desk, name: str) -> None:
    path, mime = make(folder, name), DETACHED[name]
    store = manifest.sign_detached(path, definition(DECLARED, BADGE, opened=False, fmt=mime), at.signer)
    evidence = manifest.read(path, mime, store=store, trust=at.trust)
    assert evidence is not None
    assert (evidence.state, evidence.ai) == (State.VALID, AI.GENERATED)

    data = path.read_bytes()
    for position in covered(data, None, []):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        damaged = manifest.read(bytes(changed), mime, store=store, trust=at.trust)
        assert damaged is not None
        assert damaged.state is State.TAMPERED


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_independent_validator_agrees_on_a_new_and_on_a_changed_work(folder: Path, at: Desk, name: str) -> None:
    first = embed(folder, name, at)
    first = first.rename(folder / f"parent-{name}")
    second = embed(folder, name, at, Parent(first, EMBEDDED[name]))
    for path in (first, second):
        report = independent(path, EMBEDDED[name], at)
        assert report["validation_state"] == "Trusted", report["validation_results"]["failure"]
        assert (report["integrity"], report["signature"], report["hard_binding"]) == ("valid", "valid", "match")
    ours = manifest.read(second, EMBEDDED[name], trust=at.trust)
    assert ours is not None
    broken = bytearray(second.read_bytes())
    store = manifest.store_of(second, EMBEDDED[name])
    broken[covered(bytes(broken), store, ours.detail["binding"]["uncovered"])[0]] ^= 1
    second.write_bytes(broken)
    ours = manifest.read(second, EMBEDDED[name], trust=at.trust)
    assert ours is not None
    assert ours.state is State.TAMPERED
    report = independent(second, EMBEDDED[name], at)
    assert report["validation_state"] != "Trusted"


@pytest.mark.parametrize("name", [name for name, mime in DETACHED.items() if mime == "audio/ogg"])
def test_an_independent_validator_agrees_on_sidecars_of_formats_it_knows(folder: Path, at: Desk, name: str) -> None:
    path, mime = make(folder, name), DETACHED[name]
    store = manifest.sign_detached(path, definition(DECLARED, BADGE, opened=False, fmt=mime), at.signer)
    report = independent(path, mime, at, store)
    assert report["validation_state"] == "Trusted", report["validation_results"]["failure"]
    assert report["hard_binding"] == "match"


def test_a_strict_validator_misses_only_what_a_private_authority_cannot_give(folder: Path, at: Desk) -> None:
    first = embed(folder, "picture.jpg", at).rename(folder / "first.jpg")
    second = embed(folder, "picture.jpg", at, Parent(first, "image/jpeg"))
    for path in (first, second):
        report = independent(path, "image/jpeg", at, strict_conformance=True)
        missing = {one["code"].rpartition(".")[2] for one in report["validation_results"]["failure"]}
        assert missing == {"revocationInformationMissing", "trustedTimeStampMissing"}


def independent(path: Path, mime: str, at: Desk, store: bytes | None = None, **more: bool) -> dict[str, Any]:
    validator = pytest.importorskip("encypher_c2pa")
    report = validator.verify(
        path.read_bytes(),
        mime,
        manifest_store=store,
        trust_pem=at.signer.root,
        no_default_trust=True,
        telemetry=False,
        **more,
    )
    return dict(json.loads(json.dumps(report)))


def covered(data: bytes, store: bytes | None, uncovered: list[list[int]]) -> list[int]:
    """Random places that the hard binding covers: not the manifest's own, nor what the evidence says is left out."""
    start = data.find(b"jumb") - 64 if store else 0
    end = start + len(store) * 65 // 64 + 128 if store else 0  # GIF cuts the store into sub-blocks of 255 bytes
    left_out = {place for first, length in uncovered for place in range(first, first + length)}
    places = [place for place in range(len(data)) if not start <= place < end and place not in left_out]
    assert len(places) > 100
    return random.Random(len(data)).sample(places, FLIPS)
