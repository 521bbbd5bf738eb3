"""Bytes made to break the reader: whatever happens is evidence, never an exception and never a false `valid`."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from kzlabel.declaration import Declaration
from kzlabel.evidence import LayerEvidence, State
from kzlabel.marks import codes, manifest
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import ANY_BYTES
from kzlabel.marks.store import Piece, carve, signer_chain

from .samples import EMBEDDED, Desk, desk, jpeg, make

CASES = 120  # mutations of each sample
SAMPLES = ["picture.jpg", "picture.png", "animated.gif", "pages.tiff", "film.mp4", "sound.mp3", "sound.wav"]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("samples")


def signed(folder: Path, name: str, at: Desk) -> bytes:
    target = folder / f"signed-{name}"
    if not target.exists():
        values = definition(Declaration(), None, opened=False, fmt=EMBEDDED[name])
        manifest.sign_file(make(folder, name), target, EMBEDDED[name], values, at.signer)
    return target.read_bytes()


@pytest.mark.parametrize("name", SAMPLES)
def test_mutated_files_yield_evidence_or_none(folder: Path, at: Desk, name: str) -> None:
    data = signed(folder, name, at)
    dice = random.Random(name)
    for _ in range(CASES):
        evidence = manifest.read(mutated(data, dice), EMBEDDED[name], trust=at.trust)
        assert evidence is None or isinstance(evidence, LayerEvidence)
        if evidence is not None and evidence.state is State.VALID:
            assert codes.SIGNATURE_HOLDS in evidence.codes
            assert codes.BINDING_HOLDS & set(evidence.codes)


@pytest.mark.parametrize("name", ["picture.jpg", "film.mp4"])
def test_mutated_stores_are_never_valid_without_a_signature_that_holds(folder: Path, at: Desk, name: str) -> None:
    content = make(folder, name).read_bytes()
    values = definition(Declaration(), None, opened=False, fmt=EMBEDDED[name])
    store = manifest.sign_detached(content, values, at.signer)
    dice = random.Random(name)
    for _ in range(CASES):
        evidence = manifest.read(content, EMBEDDED[name], store=mutated(store, dice), trust=at.trust)
        if evidence is not None and evidence.state is State.VALID:
            assert codes.SIGNATURE_HOLDS in evidence.codes
            assert codes.BINDING_HOLDS & set(evidence.codes)


def test_a_report_that_holds_nothing_is_not_valid(folder: Path, at: Desk) -> None:
    data = signed(folder, "picture.jpg", at)
    spoiled = data.replace(b"imodelType", b"imod\xe5lType")  # CBOR text that is no UTF-8
    assert spoiled != data
    evidence = manifest.read(spoiled, "image/jpeg", trust=at.trust)
    assert evidence is not None
    assert evidence.state in (State.TAMPERED, State.INVALID)


def test_a_file_that_cannot_be_parsed_any_more_is_judged_by_its_bytes(folder: Path, at: Desk) -> None:
    data = bytearray(signed(folder, "picture.png", at))
    data[12] ^= 1  # "IHDR"
    evidence = manifest.read(bytes(data), "image/png", trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.TAMPERED
    assert evidence.detail["signer"]["fingerprint"] == at.signer.fingerprint


def test_a_damaged_store_is_invalid_and_says_why(folder: Path, at: Desk) -> None:
    data = signed(folder, "picture.png", at)
    spoiled = data.replace(b"tclaim_generator_info", b"\xfaclaim_generator_info")  # a text in CBOR becomes a float
    assert spoiled != data
    evidence = manifest.read(spoiled, "image/png", trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.INVALID
    assert evidence.detail["explanations"]


def test_a_broken_picture_without_a_manifest_is_no_broken_manifest() -> None:
    evidence = manifest.read(b"\xff\xd8\xff\xe0" + b"no picture at all" * 20, "image/jpeg")
    assert evidence is None or (evidence.state, evidence.codes) == (State.NOT_CHECKED, (codes.NOT_PARSED,))


@pytest.mark.parametrize("data", [b"", b"\0", b"jumb", b"\x00\x00\x00\x08jumb", b"\xff" * 5000])
def test_a_sidecar_full_of_nothing_is_invalid(data: bytes) -> None:
    evidence = manifest.read(jpeg(), "image/jpeg", store=data)
    assert evidence is None or evidence.state in (State.INVALID, State.TAMPERED)


def test_a_manifest_at_an_address_is_not_fetched(tmp_path: Path, at: Desk) -> None:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" rdf:about="" '
        b'dcterms:provenance="http://127.0.0.1:9/\x26#x202e;manifest.c2pa"/></rdf:RDF></x:xmpmeta>'
    )
    segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    data = jpeg()
    with_xmp = data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    evidence = manifest.read(with_xmp, "image/jpeg", trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.REMOTE
    assert all(sentence.isprintable() for sentence in evidence.detail["explanations"].values())


def test_a_store_is_found_in_bytes_that_make_no_sense(folder: Path, at: Desk) -> None:
    store = manifest.store_of(folder / "signed-picture.png", "image/png") if signed(folder, "picture.png", at) else None
    assert store is not None
    for before in (0, 1, (1 << 20) - 20, (1 << 20) - 3):
        found = carve(io.BytesIO(b"x" * before + store + b"y" * 9), len(store))
        assert found == Piece(before, store, False)
    assert carve(io.BytesIO(b"x" + store), len(store) - 1) == Piece(1, None, False)
    assert carve(io.BytesIO(store[:-1]), len(store)) == Piece(0, None, False)
    assert carve(io.BytesIO(b"nothing here"), len(store)) is None


@pytest.mark.parametrize(("name", "place"), [("sound.wav", 16), ("sound.wav", 40), ("picture.webp", 17)])
def test_a_damaged_length_before_the_manifest_does_not_hide_it(folder: Path, at: Desk, name: str, place: int) -> None:
    data = bytearray(signed(folder, name, at))
    data[place] ^= 1
    evidence = manifest.read(bytes(data), EMBEDDED[name], trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.TAMPERED


@pytest.mark.parametrize(
    ("name", "place"), [("picture.jpg", 0), ("picture.png", 1), ("sound.flac", 0), ("film.mp4", 5)]
)
def test_a_damaged_first_byte_is_tampering_though_no_format_is_recognised(
    folder: Path, at: Desk, name: str, place: int
) -> None:
    data = bytearray(signed(folder, name, at))
    data[place] ^= 1
    evidence = manifest.read(bytes(data), ANY_BYTES, trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.TAMPERED


@pytest.mark.parametrize("name", ["picture.jpg", "film.mp4"])
def test_an_archive_of_a_labelled_work_is_not_called_tampered(folder: Path, at: Desk, name: str) -> None:
    target = io.BytesIO()
    data = signed(folder, name, at)
    with tarfile.open(fileobj=target, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert manifest.read(target.getvalue(), ANY_BYTES, trust=at.trust) is None


def test_a_manifest_of_a_cover_picture_is_not_that_of_the_recording(folder: Path, at: Desk) -> None:
    cover = signed(folder, "picture.jpg", at)
    sound = make(folder, "sound.mp3")
    size = len(cover) + 14
    frame = b"APIC" + size.to_bytes(4, "big") + b"\0\0" + b"\0image/jpeg\0\3\0" + cover
    frames = len(frame)
    header = b"ID3\x03\0\0" + bytes(frames >> shift & 127 for shift in (21, 14, 7, 0))
    assert manifest.read(header + frame + sound.read_bytes(), "audio/mpeg", trust=at.trust) is None


def test_a_certificate_is_sought_in_any_bytes_without_harm(folder: Path, at: Desk) -> None:
    data = signed(folder, "picture.png", at)
    store = manifest.store_of(folder / "signed-picture.png", "image/png")
    assert data
    assert store is not None
    evidence = manifest.read(data, "image/png")
    assert evidence is not None
    label = evidence.detail["manifest_id"]
    assert signer_chain(store, label)
    assert signer_chain(store, "urn:c2pa:other") == ()
    dice = random.Random(5)
    for _ in range(5000):
        found = signer_chain(mutated(store, dice), label)
        assert all(isinstance(one, bytes) for one in found)


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Cut short, or with bits turned, bytes replaced, left out or doubled, more often near the beginning."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 8))):
        if len(changed) < 2:
            break
        place = dice.randrange(len(changed) if dice.random() < 0.5 else min(len(changed), 7000))
        kind = dice.randrange(5)
        if kind == 0:
            changed[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            changed[place] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del changed[place : place + dice.choice((1, 4, 100))]
        elif kind == 3:
            changed[place:place] = changed[place : place + dice.choice((1, 4, 100))]
        else:
            del changed[max(place, 1) :]
    return bytes(changed) or b"\0"
