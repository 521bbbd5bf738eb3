from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kzlabel.declaration import Declaration, Generator, Source, Training
from kzlabel.errors import OutputError, SigningError, UnreadableFile
from kzlabel.evidence import AI, Layer, LayerEvidence, State
from kzlabel.marks import manifest
from kzlabel.marks.binding import MISMATCH, DataHash, Fault
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import ANY_BYTES, Parent
from kzlabel.trust import NOBODY, Anchor, Trust

from .. import pki
from .samples import Desk, desk, jpeg, make
from .test_definition import BADGE, actions

DECLARED = Declaration(
    generator=Generator("Painter", "2.1"),
    producer="Студия «Жар»",
    training=Training.PROHIBITED,
    identifier="0123456789ab",
)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.jpg"
    path.write_bytes(jpeg())
    return path


def signed(source: Path, at: Desk, declared: Declaration = DECLARED, parent: Parent | None = None) -> Path:
    target = source.with_name("signed.jpg")
    values = definition(declared, BADGE, opened=parent is not None, fmt="image/jpeg")
    manifest.sign_file(source, target, "image/jpeg", values, at.signer, parent=parent)
    return target


def found(path: Path | bytes, trust: Trust, store: bytes | None = None) -> LayerEvidence:
    evidence = manifest.read(path, "image/jpeg", store=store, trust=trust)
    assert evidence is not None
    return evidence


def test_a_signed_file_reads_back_with_everything_that_was_declared(source: Path, at: Desk) -> None:
    evidence = found(signed(source, at), at.trust)
    detail = evidence.detail
    assert evidence.layer is Layer.MANIFEST
    assert evidence.state is State.VALID
    assert evidence.ai is AI.GENERATED
    assert Declaration.from_json(detail["declaration"]) == DECLARED
    assert detail["disclosure"] == BADGE.to_json()
    assert detail["signer"] == {
        "name": detail["signer"]["name"],
        "organization": "kzlabel DEVELOPMENT",
        "fingerprint": at.signer.fingerprint,
        "trusted": True,
        "trust_list": {
            "name": "test root",
            "date": "2026-11-24",
            "anchor": f"CN={detail['signer']['name'].replace('signer', 'root')},O=kzlabel DEVELOPMENT,C=ZZ",
            "age_days": (datetime.now(UTC).date() - date(2026, 11, 24)).days,
            "certificates": 1,
        },
    }
    assert detail["generator"] == {"name": "Painter", "version": "2.1"}
    assert detail["identifier"] == "0123456789ab"
    assert detail["training"] == "prohibited"
    assert (detail["signed_at"], detail["time_source"]) == (DECLARED.created_text, "claimed")
    assert detail["binding"] == {"type": "dataHash", "uncovered": []}
    assert detail["ingredients"] == []
    assert detail["manifest_id"].startswith("urn:c2pa:")


def test_nobody_vouches_for_a_signer_unless_told(source: Path, at: Desk) -> None:
    for trust in (NOBODY, Trust((Anchor("other", None, pki.signer().root),))):
        evidence = found(signed(source, at), trust)
        assert evidence.state is State.VALID
        assert evidence.detail["signer"]["trusted"] is False
        assert evidence.detail["signer"]["trust_list"] is None
        assert "signingCredential.untrusted" in evidence.codes


def test_the_anchor_that_vouches_is_named_among_several(source: Path, at: Desk) -> None:
    others = tuple(Anchor(f"other {number}", None, pki.signer().root) for number in range(2))
    evidence = found(signed(source, at), Trust((*others, *at.trust.anchors)))
    assert evidence.detail["signer"]["trust_list"]["name"] == "test root"


def test_an_authority_on_time_vouches_for_no_signer(source: Path, at: Desk) -> None:
    evidence = found(signed(source, at), Trust(time_anchors=at.trust.anchors))
    assert evidence.detail["signer"]["trusted"] is False


def test_a_changed_byte_of_the_content_is_tampering(source: Path, at: Desk) -> None:
    data = bytearray(signed(source, at).read_bytes())
    data[-40] ^= 1
    evidence = found(bytes(data), at.trust)
    assert evidence.state is State.TAMPERED
    assert MISMATCH in evidence.codes
    assert evidence.detail["explanations"][MISMATCH]


def test_a_changed_byte_of_an_assertion_is_tampering(source: Path, at: Desk) -> None:
    data = signed(source, at).read_bytes().replace(b"Painter", b"Pointer")
    assert found(data, at.trust).state is State.TAMPERED


def test_a_changed_claim_is_tampering(source: Path, at: Desk) -> None:
    data = signed(source, at).read_bytes().replace(b"specVersione2.4.0", b"specVersione2.4.1")
    evidence = found(data, at.trust)
    assert evidence.state is State.TAMPERED
    assert "claimSignature.mismatch" in evidence.codes


def test_content_that_is_moved_under_another_manifest_is_tampering(source: Path, at: Desk) -> None:
    data = signed(source, at).read_bytes()
    other = bytearray(data)
    start = data.index(b"\xff\xdb")
    other[start:] = jpeg(90)[jpeg(90).index(b"\xff\xdb") :]
    assert found(bytes(other), at.trust).state is State.TAMPERED


def test_a_file_without_a_manifest_yields_none(source: Path, tmp_path: Path) -> None:
    assert manifest.read(source, "image/jpeg") is None
    assert manifest.read(make(tmp_path, "film.webm"), "video/webm") is None
    assert manifest.store_of(source, "image/jpeg") is None
    assert manifest.raw(source, "image/jpeg") is None


def test_the_earlier_manifest_of_an_input_becomes_its_parent(source: Path, at: Desk) -> None:
    first = signed(source, at).rename(source.with_name("first.jpg"))
    parent = Parent(first, "image/jpeg", title="first.jpg")
    evidence = found(signed(first, at, Declaration(Source.MODIFIED), parent), at.trust)
    (ingredient,) = evidence.detail["ingredients"]
    assert evidence.state is State.VALID
    assert evidence.ai is AI.MODIFIED
    assert ingredient["relationship"] == "parentOf"
    assert ingredient["title"] == "first.jpg"
    assert ingredient["state"] == "valid"
    assert ingredient["ai"] == "generated"
    assert ingredient["manifest_id"] == found(first, at.trust).detail["manifest_id"]


def test_a_generated_work_that_came_with_a_manifest_stays_generated(source: Path, at: Desk) -> None:
    first = signed(source, at).rename(source.with_name("first.jpg"))
    evidence = found(signed(first, at, DECLARED, Parent(first, "image/jpeg")), at.trust)
    assert evidence.ai is AI.GENERATED
    assert "title" not in evidence.detail["ingredients"][0] or evidence.detail["ingredients"][0]["title"] is None


def test_a_broken_parent_is_told_and_leaves_the_work_valid(source: Path, at: Desk) -> None:
    data = bytearray(signed(source, at).read_bytes())
    data[-40] ^= 1
    broken = source.with_name("broken.jpg")
    broken.write_bytes(data)
    evidence = found(signed(source, at, Declaration(Source.MODIFIED), Parent(broken, "image/jpeg")), at.trust)
    assert evidence.state is State.VALID
    assert evidence.detail["ingredients_ok"] is False
    assert evidence.detail["ingredients"][0]["state"] == "tampered"
    assert evidence.detail["ingredients"][0]["ok"] is False


def test_a_parent_without_a_manifest_is_an_ingredient_all_the_same(source: Path, at: Desk, tmp_path: Path) -> None:
    for parent in (Parent(source, "image/jpeg"), Parent(make(tmp_path, "film.webm"), "video/webm")):
        evidence = found(signed(source, at, Declaration(Source.MODIFIED), parent), at.trust)
        assert evidence.detail["ingredients"][0]["state"] == "absent"
        assert evidence.detail["ingredients_ok"] is True


def test_a_parent_with_a_sidecar_brings_its_manifest_along(source: Path, at: Desk, tmp_path: Path) -> None:
    film = make(tmp_path, "film.webm")
    store = manifest.sign_detached(film, definition(DECLARED, None, opened=False, fmt="video/webm"), at.signer)
    values = definition(DECLARED, None, opened=True, fmt="video/webm")
    again = manifest.sign_detached(film, values, at.signer, parent=Parent(film, "video/webm", store=store))
    evidence = manifest.read(film, "video/webm", store=again, trust=at.trust)
    assert evidence is not None
    assert evidence.state is State.VALID
    assert evidence.detail["ingredients"][0]["state"] == "valid"
    assert evidence.detail["ingredients"][0]["ai"] == "generated"


def test_a_parent_whose_sidecar_fits_no_more_is_a_broken_ingredient(source: Path, at: Desk, tmp_path: Path) -> None:
    store = manifest.sign_detached(b"other content", definition(DECLARED, None, opened=False, fmt="x/y"), at.signer)
    parent = Parent(source, "image/jpeg", store=store)
    evidence = found(signed(source, at, Declaration(Source.MODIFIED), parent), at.trust)
    assert evidence.detail["ingredients"][0]["state"] == "tampered"


def test_no_name_thumbnail_or_folder_gets_into_a_manifest(source: Path, at: Desk) -> None:
    first = signed(source, at).rename(source.with_name("first.jpg"))
    data = signed(first, at, DECLARED, Parent(first, "image/jpeg")).read_bytes()
    for word in (b"first.jpg", b"thumbnail", b"source.jpg", os.fsencode(source.parent.name)):
        assert word not in data


def test_a_sidecar_fits_its_file_and_no_other(source: Path, at: Desk) -> None:
    values = definition(DECLARED, None, opened=False, fmt="image/jpeg")
    store = manifest.sign_detached(source, values, at.signer)
    assert found(source, at.trust, store).state is State.VALID
    assert found(source.read_bytes(), at.trust, store).state is State.VALID
    other = found(jpeg(7), at.trust, store)
    assert other.state is State.TAMPERED
    assert [code for code in other.codes if code.endswith("mismatch")] == [MISMATCH]


def test_an_embedded_manifest_can_be_taken_out_and_still_fits(source: Path, at: Desk) -> None:
    target = signed(source, at)
    store = manifest.store_of(target, "image/jpeg")
    assert store is not None
    assert found(target, at.trust, store).state is State.VALID


def test_a_range_that_a_sidecar_leaves_out_is_told_and_is_no_tampering(source: Path, at: Desk) -> None:
    values = definition(DECLARED, None, opened=False, fmt="image/jpeg")
    store = manifest.sign_detached(source, values, at.signer, exclusions=[(300, 50)])
    evidence = found(source, at.trust, store)
    assert evidence.state is State.INVALID
    assert evidence.detail["binding"]["uncovered"] == [[300, 50]]
    changed = bytearray(source.read_bytes())
    changed[200] ^= 1
    assert found(bytes(changed), at.trust, store).state is State.TAMPERED


def test_text_can_be_bound_in_its_own_way(at: Desk) -> None:
    values = definition(DECLARED, None, opened=False, fmt="text/plain")
    store = manifest.sign_detached(b"text----", values, at.signer, exclusions=[(4, 4)], content_hash=b"\x07" * 32)
    seen: list[DataHash] = []

    def fits(bound: DataHash) -> list[Fault]:
        seen.append(bound)
        return []

    def fits_not(bound: DataHash) -> list[Fault]:
        return [Fault(MISMATCH, "the text was changed"), Fault("text.reflowed", "only its line ends")]

    valid = manifest.read(b"text----", ANY_BYTES, store=store, trust=at.trust, own_binding=fits)
    broken = manifest.read(b"text----", ANY_BYTES, store=store, trust=at.trust, own_binding=fits_not)
    assert valid is not None
    assert broken is not None
    assert seen == [DataHash("sha256", b"\x07" * 32, ((4, 4),))]
    assert valid.state is State.VALID
    assert "assertion.dataHash.match" in valid.codes
    assert broken.state is State.TAMPERED
    assert "text.reflowed" in broken.codes


@pytest.mark.parametrize("alg", ["es256", "es384", "es512", "ps256", "ed25519"])
def test_keys_that_never_leave_their_signer_sign_with_every_algorithm(source: Path, alg: str) -> None:
    signer = pki.signer(alg, intermediate=True)
    target = source.with_name("out.jpg")
    manifest.sign_file(source, target, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), signer)
    evidence = found(target, Trust((Anchor("root", None, signer.root),)))
    assert evidence.state is State.VALID
    assert evidence.detail["signer"]["trusted"] is True
    assert evidence.detail["signer"]["name"] == "Test Signer"
    assert evidence.detail["signer"]["organization"] == "Test Studio"
    assert evidence.detail["signer"]["fingerprint"] == signer.fingerprint


@pytest.mark.parametrize("purpose", [pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION, pki.DOCUMENT_SIGNING])
def test_each_purpose_that_c2pa_knows_is_enough(source: Path, purpose: str) -> None:
    signer = pki.signer(purposes=(purpose,))
    target = source.with_name("out.jpg")
    manifest.sign_file(source, target, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), signer)
    assert found(target, Trust((Anchor("root", None, signer.root),))).detail["signer"]["trusted"] is True


def test_a_certificate_for_web_servers_cannot_sign(source: Path) -> None:
    signer = pki.signer(purposes=(pki.SERVER_AUTHENTICATION,))
    target = source.with_name("out.jpg")
    with pytest.raises(SigningError, match="could not be signed"):
        manifest.sign_file(
            source, target, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), signer
        )
    assert not target.exists()


def test_a_certificate_for_time_stamps_vouches_for_no_work(source: Path) -> None:
    signer = pki.signer(purposes=(pki.TIME_STAMPING,))
    target = source.with_name("out.jpg")
    manifest.sign_file(source, target, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), signer)
    evidence = found(target, Trust((Anchor("root", None, signer.root),)))
    assert evidence.state is State.INVALID
    assert "signingCredential.invalid" in evidence.codes


def test_a_name_in_a_certificate_comes_out_inert(source: Path) -> None:
    signer = pki.signer(name="evil\u202e\x1b[31m", organization="<b>Studio</b>")
    target = source.with_name("out.jpg")
    manifest.sign_file(source, target, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), signer)
    shown = found(target, NOBODY).detail["signer"]["name"]
    assert shown.isprintable()
    assert shown.startswith("evil\\u202e")


def test_threads_share_one_signer_and_one_context(source: Path, at: Desk) -> None:
    failures: list[BaseException] = []
    values = definition(DECLARED, None, opened=False, fmt="image/jpeg")

    def work(number: int) -> None:
        try:
            for _ in range(5):
                target = source.with_name(f"{number}.jpg")
                manifest.sign_file(source, target, "image/jpeg", values, at.signer)
                assert found(target, at.trust).state is State.VALID
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_signs_and_reads_as_well(source: Path, at: Desk) -> None:
    assert found(signed(source, at), at.trust).state is State.VALID
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if found(signed(source, at), at.trust).state is State.VALID else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_source_and_target_must_differ(source: Path, at: Desk) -> None:
    before = source.read_bytes()
    with pytest.raises(SigningError, match="same file"):
        manifest.sign_file(
            source, source, "image/jpeg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), at.signer
        )
    assert source.read_bytes() == before


def test_a_full_disk_is_a_matter_of_the_output_and_leaves_nothing(source: Path, at: Desk) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    target = source.with_name("out.jpg")
    values = definition(DECLARED, None, opened=False, fmt="image/jpeg")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"out\.jpg"):
            manifest.sign_file(source, target, "image/jpeg", values, at.signer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not target.exists()


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path, at: Desk) -> None:
    with pytest.raises(UnreadableFile, match=r"gone\.jpg: no such file"):
        manifest.read(tmp_path / "gone.jpg", "image/jpeg")
    with pytest.raises(UnreadableFile, match=r"gone\.jpg"):
        manifest.sign_detached(
            tmp_path / "gone.jpg", definition(DECLARED, None, opened=False, fmt="image/jpeg"), at.signer
        )


def test_the_raw_report_holds_what_the_conformance_programme_asks_for(source: Path, at: Desk) -> None:
    report = manifest.raw(signed(source, at), "image/jpeg")
    assert report is not None
    active = report["manifests"][report["active_manifest"]]
    claim = active["claim"]
    created = [one["url"].rpartition("/")[2] for one in claim["created_assertions"]]
    assert claim["claim_generator_info"]["specVersion"] == "2.4.0"
    assert "c2pa.actions.v2" in created
    assert not claim.get("gathered_assertions")
    stored = active["assertion_store"]["c2pa.actions.v2"]
    assert stored["allActionsIncluded"] is True
    wanted = actions(definition(DECLARED, BADGE, opened=False, fmt="image/jpeg"))
    assert [one["action"] for one in stored["actions"]] == [one["action"] for one in wanted]
