"""`verify` with a registry, on both databases: what leads back, and what a registry cannot make it say."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from kzlabel import Labeller, LabelOptions, Verdict, Verifier, VerifyOptions
from kzlabel.marks.soft_binding import MAX_VALUE
from kzlabel.registry import State
from kzlabel.registry.archive import bring_in, export
from kzlabel.registry.database import writing
from kzlabel.registry.place import named
from kzlabel.registry.store import Registry, initialise
from kzlabel.request import Labelled
from kzlabel.trust import Anchor, Trust
from kzlabel.trust.revocation import Revocation
from kzlabel.verification.lines import text as text_of

from .. import pki
from ..media.pictures import scene
from ..media.reels import make
from ..resolution.serving import serving
from ..trust.responder import certificates, issuer, revocation_list
from .conftest import Places
from .test_remote import answering, matches, says


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


class Bench:
    """A registry with an enrolled development key, and a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.registry = initialise(named(url))
        self.labeller = Labeller(LabelOptions(registry=url, overwrite=True, disclosure=False))
        self.registry.enrol(self.labeller._warm_signer().fingerprint)

    def label(self, name: str, turns: int = 0) -> Labelled:
        Image.fromarray(np.rot90(_picture(), turns).copy()).save(self.folder / name)
        return self.labeller.label(self.folder / name)

    def copy(self, labelled: Labelled) -> bytes:
        """As a platform gives it out: a crop of it, scaled, as JPEG, without a mark but the watermark."""
        with Image.open(labelled.output) as picture:
            small = picture.convert("RGB").crop((32, 24, 600, 470)).resize((512, 402))
        made = io.BytesIO()
        small.save(made, "JPEG", quality=80)
        return made.getvalue()

    def verify(self, content: bytes, **options: object) -> Verdict:
        return Verifier(VerifyOptions(registry=self.url, **options)).verify(content)  # type: ignore[arg-type]

    def change(self, statement: str, **values: object) -> None:
        """What only somebody with the database's password can do."""
        with writing(self.registry._engine, self.registry.place) as connection:
            assert connection.execute(text(statement), values).rowcount


@pytest.fixture
def bench(places: Places, tmp_path: Path) -> Bench:
    return Bench(places.url(), tmp_path)


def _picture() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    random = np.random.default_rng(5)
    rough = random.integers(0, 90, (15, 20, 3)).astype(np.uint8)
    grain = np.asarray(Image.fromarray(rough).resize((640, 480), Image.Resampling.BICUBIC), np.int16)
    return np.clip(scene(640, 480) * 0.7 + grain, 0, 255).astype(np.uint8)


def test_a_copy_leads_back_and_a_registry_alone_vouches_for_the_signer(bench: Bench) -> None:
    labelled = bench.label("one.png")
    copy = bench.copy(labelled)
    verdict = bench.verify(copy)
    assert (verdict.kind, verdict.reason) == ("recovered", "recovered.enrolled"), verdict.notes
    assert verdict.manifest_id == labelled.manifest_id
    assert Verifier(VerifyOptions(registry="none")).verify(copy).kind == "declared"
    assert bench.verify(copy, watermark=False).kind == "incomplete"  # nobody looked at the content


def test_a_registry_cannot_lend_one_works_manifest_to_another(bench: Bench) -> None:
    one, two = bench.label("one.png"), bench.label("two.png", 2)
    copy = bench.copy(one)
    assert one.watermark
    assert two.watermark
    rename = "UPDATE entry SET watermark = :after WHERE watermark = :before"
    bench.change(rename, before=one.watermark.identifier, after="0" * 12)
    bench.change(rename, before=two.watermark.identifier, after=one.watermark.identifier)
    verdict = bench.verify(copy)
    assert (verdict.kind, verdict.reason) == ("declared", "watermark.unconfirmed")
    assert verdict.recovery is not None
    assert verdict.recovery["candidates"][0]["watermark_bound"] is False
    assert "bound to another watermark" in " ".join(verdict.notes)


def test_what_it_keeps_is_of_no_use_when_damaged(bench: Bench) -> None:
    labelled = bench.label("one.png")
    (kept,) = bench.registry.find(labelled.declaration.identifier)
    store = bench.registry.manifest(kept.entry.manifest)
    assert store is not None
    place = store.index(b"org.kzlabel.declaration", len(store) // 3)
    for damaged in (store[:place] + b"x" + store[place + 1 :], store[:400], b"<html>no manifest</html>", b""):
        bench.change("UPDATE manifest SET content = :store", store=damaged)
        verdict = bench.verify(bench.copy(labelled))
        assert verdict.kind == "declared", (len(damaged), verdict.reason)
    bench.change("UPDATE manifest SET content = :store", store=store)
    assert bench.verify(bench.copy(labelled)).kind == "recovered"


def test_an_imported_signer_is_vouched_for_by_nobody(bench: Bench, places: Places, tmp_path: Path) -> None:
    labelled = bench.label("one.png")
    copy = bench.copy(labelled)
    signer = bench.labeller._warm_signer()
    export(bench.registry, tmp_path / "exchange.zip", signer)
    elsewhere = places.url() if "sqlite" in bench.url else f"sqlite:///{tmp_path / 'elsewhere.db'}"
    other: Registry = initialise(named(elsewhere))
    bring_in(other, tmp_path / "exchange.zip", believed=signer.fingerprint.__eq__)
    asked = VerifyOptions(registry=elsewhere)
    verdict = Verifier(asked).verify(copy)
    assert (verdict.kind, verdict.reason) == ("declared", "watermark.unconfirmed")
    assert "nobody vouches" in " ".join(verdict.notes)
    other.enrol(signer.fingerprint)
    assert Verifier(asked).verify(copy).reason == "recovered.enrolled"


def test_a_work_without_a_mark_of_its_own_is_at_most_similar(bench: Bench) -> None:
    labelled = bench.label("one.png")
    with Image.open(labelled.output) as picture:
        marked = np.asarray(picture.convert("RGB"), np.float32)
    made = io.BytesIO()
    Image.fromarray(_picture()).save(made, "PNG")  # the work before it was labelled
    assert np.abs(marked - _picture()).max() > 0
    verdict = bench.verify(made.getvalue())
    assert verdict.kind == "unmarked"
    (layer,) = (layer for layer in verdict.evidence if layer.layer == "fingerprint")
    assert layer.state == "similar"
    assert layer.detail["recovered"][0]["manifest_id"] == labelled.manifest_id
    assert "that alone proves nothing" in " ".join(verdict.notes)


def test_a_signer_who_is_not_enrolled_registers_nothing(places: Places, tmp_path: Path) -> None:
    url = places.url()
    first = Bench(url, tmp_path)
    stranger = Labeller(LabelOptions(registry=url, disclosure=False, signer="dev:", keys=tmp_path / "other-keys"))
    first.registry.enrol("1" * 64)
    Image.fromarray(_picture()).save(tmp_path / "news.png")
    labelled = stranger.label(tmp_path / "news.png", tmp_path / "poisoned.png")
    if url.startswith("postgresql"):  # a registry of one's own enrols development keys
        assert any("not enrolled" in note for note in labelled.notes)
        assert first.registry.count().confirmed == 0
        assert first.verify(first.copy(labelled)).kind == "declared"


def test_a_reader_for_many_files_asks_again_after_a_silence_only(bench: Bench, tmp_path: Path) -> None:
    copy = bench.copy(bench.label("one.png"))
    away = f"sqlite:///{tmp_path / 'later.db'}"
    verifier = Verifier(VerifyOptions(registry=away))
    for _ in range(2):
        verdict = verifier.verify(copy)
        assert (verdict.kind, dict(verdict.not_checked).keys()) == ("declared", {"registry": ""}.keys())


def test_a_server_leads_back_as_its_database_does_and_one_that_lies_does_not(tmp_path: Path) -> None:
    bench = Bench(f"sqlite:///{tmp_path / 'registry.db'}", tmp_path)
    one, two = bench.label("one.png"), bench.label("two.png", 2)
    with serving(bench.url) as url:
        verdict = Verifier(VerifyOptions(registry=url)).verify(bench.copy(one))
        assert (verdict.kind, verdict.reason, verdict.manifest_id) == (
            "recovered",
            "recovered.enrolled",
            one.manifest_id,
        )
    store = bench.registry.manifest(bench.registry.find(two.declaration.identifier)[0].entry.manifest)
    assert store is not None
    lies = (
        (matches({"manifestId": two.manifest_id}), says(store)),  # the manifest of another work
        (matches({"manifestId": one.manifest_id}), says(store)),  # under this one's name
        (says(b"<html>Welcome</html>"),),
        (matches({"manifestId": one.manifest_id}), says(b"x" * 2_000_000)),
    )
    for answers in lies:
        with answering(*answers) as (url, _):
            verdict = Verifier(VerifyOptions(registry=url)).verify(bench.copy(one))
        assert verdict.kind == "declared", verdict.reason


def test_a_registered_mark_whose_signer_was_revoked_does_not_count(tmp_path: Path) -> None:
    bench = Bench(f"sqlite:///{tmp_path / 'registry.db'}", tmp_path)
    studio = pki.signer()
    bench.labeller._signer = studio
    bench.registry.enrol(studio.fingerprint)
    copy = bench.copy(bench.label("one.png"))
    trust = Trust((Anchor("root.pem", None, studio.root),))
    assert bench.verify(copy, trust=trust).reason == "recovered.trusted"
    (leaf,) = certificates(studio.chain)
    told = revocation_list(issuer(studio), studio.issuers[0], [leaf], at=datetime.now(UTC) - timedelta(minutes=5))
    verdict = bench.verify(copy, trust=trust, revocation=Revocation(lists=(told,)))
    assert (verdict.kind, verdict.reason) == ("declared", "watermark.unconfirmed")
    assert "certificate was revoked" in " ".join(verdict.notes)


def test_one_damaged_manifest_hides_no_other(bench: Bench) -> None:
    two, one = bench.label("two.png", 2), bench.label("one.png")
    copies = [bench.copy(two), bench.copy(one)]
    (kept,) = bench.registry.find(two.declaration.identifier)
    bench.change("UPDATE manifest SET content = :store WHERE digest = :one", store=b"?", one=kept.entry.manifest)
    verifier = Verifier(VerifyOptions(registry=bench.url))
    damaged, whole = (verifier.verify(copy) for copy in copies)
    assert (damaged.kind, [*damaged.not_checked]) == ("declared", ["registry"])
    assert whole.kind == "recovered", whole.notes  # it is no silence, after which nobody asks for a while
    assert one.watermark
    assert two.watermark
    rename = "UPDATE entry SET watermark = :after WHERE watermark = :before"
    bench.change(rename, before=two.watermark.identifier, after=one.watermark.identifier)
    assert verifier.verify(copies[1]).kind == "recovered"


def test_rows_that_nobody_of_ours_wrote_are_told_as_damage(bench: Bench) -> None:
    copy = bench.copy(bench.label("one.png"))
    bench.change("UPDATE entry SET sha256 = :odd", odd="<script>")
    verdict = bench.verify(copy)
    assert (verdict.kind, [*verdict.not_checked]) == ("declared", ["registry"])


def test_what_another_put_beside_a_manifest_does_not_hide_what_was_signed(bench: Bench) -> None:
    dice = random.Random(3)
    words = ["".join(dice.choices("abcdefghijklmnoprstuv", k=7)) for _ in range(9_000)]
    (bench.folder / "long.txt").write_text(" ".join(words))
    labelled = bench.labeller.label(bench.folder / "long.txt")
    quoted = " ".join(words[2_000:2_300]).encode()
    (kept,) = bench.registry.find(labelled.declaration.identifier)
    (printed,) = bench.registry.printed(kept.entry)
    assert len(printed.data) > MAX_VALUE
    store = bench.registry.manifest(kept.entry.manifest)
    assert store
    again = replace(kept.entry, sha256="1" * 64)
    bench.registry.register(again, store, State.CONFIRMED, [replace(printed, data=b"junk")])
    (layer,) = (layer for layer in bench.verify(quoted).evidence if layer.layer == "fingerprint")
    assert layer.state == "similar"


def test_a_film_that_cannot_be_compared_is_judged_as_without_a_registry(bench: Bench) -> None:
    film = make(bench.folder / "film.mp4", "h264", "-an")
    labelled = Labeller(LabelOptions(registry="none", disclosure=False, watermark=False)).label(film)
    data = bytearray(labelled.output.read_bytes())
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4]) - 8
    data[start : start + size] = random.Random(1).randbytes(size)
    expected = Verifier(VerifyOptions(registry="none")).verify(bytes(data))
    verdict = bench.verify(bytes(data))
    assert (verdict.kind, verdict.reason) == (expected.kind, expected.reason) == ("tampered", expected.reason)
    assert "registry" in verdict.not_checked


def test_of_an_animation_the_first_picture_is_known_and_the_others_are_not_vouched_for(bench: Bench) -> None:
    labelled = bench.label("one.png")
    with Image.open(labelled.output) as picture:
        first = picture.convert("RGB")
    made = io.BytesIO()
    others = [Image.fromarray(scene(640, 480, step=step)) for step in (50, 90)]
    first.save(made, "WEBP", save_all=True, append_images=others, quality=90)
    verdict = bench.verify(made.getvalue())
    assert verdict.kind == "recovered"
    assert any("first of the 3 pictures" in note for note in verdict.notes), verdict.notes


def test_a_verdict_does_not_tell_whose_folder_a_registry_is_in(tmp_path: Path) -> None:
    bench = Bench(f"sqlite:///{tmp_path / 'registry.db'}", tmp_path)
    copy = bench.copy(bench.label("one.png"))
    verdicts = [bench.verify(copy), Verifier(VerifyOptions(registry=f"sqlite:///{tmp_path / 'none.db'}")).verify(copy)]
    assert [verdict.kind for verdict in verdicts] == ["recovered", "declared"]
    assert not any(str(tmp_path) in json.dumps(verdict.to_json()) for verdict in verdicts)
    assert "Not checked: registry (registry none.db: it is not there" in text_of(verdicts[1])
