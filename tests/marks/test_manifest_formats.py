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
    for position in outside_the_manifest(data, manifest.store_of(target, mime) or b""):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        damaged = manifest.read(bytes(changed), mime, trust=at.trust)
        assert damaged is not None
        assert damaged.state is State.TAMPERED, f"byte {position} of {len(data)}: {damaged.codes}"


@pytest.mark.parametrize("name", DETACHED)
def test_a_sidecar_notices_every_changed_byte(folder: Path, at: Desk, name: str) -> None:
    path, mime = make(folder, name), DETACHED[name]
    store = manifest.sign_detached(path, definition(DECLARED, BADGE, opened=False, fmt=mime), at.signer)
    evidence = manifest.read(path, mime, store=store, trust=at.trust)
    assert evidence is not None
    assert (evidence.state, evidence.ai) == (State.VALID, AI.GENERATED)

    data = path.read_bytes()
    for position in outside_the_manifest(data, b""):
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
    broken = bytearray(second.read_bytes())
    broken[outside_the_manifest(bytes(broken), manifest.store_of(second, EMBEDDED[name]) or b"")[0]] ^= 1
    ours = manifest.read(bytes(broken), EMBEDDED[name], trust=at.trust)
    assert ours is not None
    assert ours.state is State.TAMPERED


@pytest.mark.parametrize("name", [name for name, mime in DETACHED.items() if mime == "audio/ogg"])
def test_an_independent_validator_agrees_on_sidecars_of_formats_it_knows(folder: Path, at: Desk, name: str) -> None:
    path, mime = make(folder, name), DETACHED[name]
    store = manifest.sign_detached(path, definition(DECLARED, BADGE, opened=False, fmt=mime), at.signer)
    report = independent(path, mime, at, store)
    assert report["validation_state"] == "Trusted", report["validation_results"]["failure"]
    assert report["hard_binding"] == "match"


def independent(path: Path, mime: str, at: Desk, store: bytes | None = None) -> dict[str, Any]:
    validator = pytest.importorskip("encypher_c2pa")
    report = validator.verify(
        path.read_bytes(), mime, manifest_store=store, trust_pem=at.signer.root, no_default_trust=True, telemetry=False
    )
    return dict(json.loads(json.dumps(report)))


def outside_the_manifest(data: bytes, store: bytes) -> list[int]:
    """Random places in the content: the store's own place, with the header around it, is no content."""
    start = data.find(b"jumb") - 64 if store else 0
    end = start + len(store) * 65 // 64 + 128 if store else 0  # GIF cuts the store into sub-blocks of 255 bytes
    places = [*range(max(start, 0)), *range(end, len(data))]
    assert len(places) > 100
    return random.Random(len(data)).sample(places, FLIPS)
