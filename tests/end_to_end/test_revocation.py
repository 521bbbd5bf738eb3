"""Revocation through the installed command, and in every kind of carrier."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kzlabel import Verifier, VerifyOptions
from kzlabel.declaration import Declaration
from kzlabel.marks.definition import definition
from kzlabel.marks.manifest import sign_detached, sign_file
from kzlabel.trust import Anchor, Policy, PolicyName, Trust
from kzlabel.trust.revocation import Mode, Revocation
from kzlabel.verification.judge import judge
from kzlabel.verification.verdict import Verdict

from .. import pki, tsa
from ..marks.samples import jpeg
from ..trust.responder import (
    Entry,
    Web,
    addresses,
    certificates,
    free_port,
    issuer,
    openssl_responder,
    revocation_list,
    web,
)
from .command import Told, kzlabel
from .conftest import Desk

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@dataclass
class Studio:
    """A signer whose certificate names a responder, a signed picture, and a home folder of its own."""

    folder: Path
    signer: pki.PrivateSigner
    port: int
    stack: ExitStack

    @property
    def leaf(self) -> x509.Certificate:
        return certificates(self.signer.chain)[0]

    @property
    def picture(self) -> Path:
        return self.folder / "signed.jpg"

    def sign(self, **options: Any) -> None:
        (self.folder / "source.jpg").write_bytes(jpeg())
        values = definition(Declaration(), None, opened=False, fmt="image/jpeg")
        sign_file(self.folder / "source.jpg", self.picture, "image/jpeg", values, self.signer, **options)
        (self.folder / "root.pem").write_text(self.signer.root)

    def answers(self, *entries: Entry) -> None:
        self.stack.enter_context(self.responding(*entries))

    def responding(self, *entries: Entry) -> Any:
        folder, key = self.folder / "responder", self.signer.issuers[0]
        return openssl_responder(folder, self.port, issuer(self.signer), key, entries)

    def verify(self, *options: str | Path) -> Told:
        """By the installed command."""
        return kzlabel("verify", self.picture, "--trust", self.folder / "root.pem", *options, home=self.folder)

    def verdict(
        self,
        mode: Mode = Mode.OCSP,
        *,
        trusted: bool = True,
        time_root: str | None = None,
        policy: PolicyName = PolicyName.SIGNED,
    ) -> Verdict:
        anchors = (Anchor("root.pem", None, self.signer.root),) if trusted else ()
        trust = Trust(anchors, (Anchor("tsa.pem", None, time_root),) if time_root else ())
        options = VerifyOptions(trust=trust, policy=Policy(policy), revocation=Revocation(mode))
        return Verifier(options).verify(self.picture)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    port = free_port()
    signer = pki.signer(extensions=addresses(ocsp=f"http://127.0.0.1:{port}"))
    with ExitStack() as stack:
        made = Studio(tmp_path, signer, port, stack)
        made.sign()
        yield made


def test_the_mark_of_a_revoked_signer_is_invalid_under_every_policy(studio: Studio) -> None:
    studio.answers(Entry(studio.leaf, YESTERDAY))
    told = studio.verify("--revocation", "ocsp", "--json")
    assert told.code == 1, told.err
    verdict = told.json
    assert (verdict["verdict"], verdict["reason"]) == ("invalid", "manifest.invalid.revoked")
    assert verdict["complete"] is True
    assert verdict["ai"] == "unknown"
    assert "The certificate that signed the mark in this image was revoked." in verdict["notes"]
    assert any("because its key came into other hands" in note for note in verdict["notes"])
    manifest = verdict["evidence"][0]
    assert "signingCredential.ocsp.revoked" in manifest["codes"]
    assert manifest["detail"]["revocation"]["revoked_at"] == YESTERDAY.strftime("%Y-%m-%dT%H:%M:%SZ")
    for policy in PolicyName:
        assert not studio.verdict(policy=policy).acceptable


def test_what_could_not_be_checked_leaves_the_verdict_and_is_said(studio: Studio) -> None:
    told = studio.verify("--revocation", "ocsp", "--json")
    assert told.code == 0, told.err
    verdict = told.json
    assert (verdict["verdict"], verdict["reason"]) == ("verified", "manifest.trusted")
    assert verdict["complete"] is False
    (gap,) = verdict["not_checked"]
    assert gap["layer"] == "revocation"
    assert "cannot be reached" in gap["why"]
    assert any(
        note.startswith("Whether the signer's certificate was revoked could not be") for note in verdict["notes"]
    )
    assert "signingCredential.ocsp.inaccessible" in verdict["evidence"][0]["codes"]
    plain = studio.verify("--revocation", "ocsp")
    assert "could not be checked: http://127.0.0.1" in plain.out.decode()


def test_a_signer_in_good_standing_is_verified_and_the_next_run_need_not_ask(studio: Studio) -> None:
    with studio.responding(Entry(studio.leaf)):
        first = studio.verify("--revocation", "ocsp", "--json")
    second = studio.verify("--revocation", "ocsp", "--json")
    for told in (first, second):
        assert told.code == 0, told.err
        assert told.json["verdict"] == "verified"
        assert told.json["complete"] is True
        assert "signingCredential.ocsp.notRevoked" in told.json["evidence"][0]["codes"]
        assert not any("revoked" in note for note in told.json["notes"])
    assert len(list((studio.folder / ".cache" / "kzlabel" / "revocation").iterdir())) == 1


def test_a_certificate_that_its_authority_does_not_know_is_said_in_other_words(studio: Studio) -> None:
    studio.answers()
    verdict = studio.verdict()
    assert verdict.kind == "verified"
    assert "does not know the certificate" in verdict.not_checked["revocation"]
    assert any(note.startswith("Whether the signer's certificate was revoked is not known") for note in verdict.notes)
    assert "signingCredential.ocsp.unknown" in verdict.evidence[0].codes


def test_nobody_is_asked_unless_that_is_asked_for(tmp_path: Path) -> None:
    with asked_of_nobody(tmp_path) as (studio, served):
        assert studio.verdict(Mode.OFF).kind == "verified"
        assert studio.verdict(Mode.OFF).not_checked == {}
        assert studio.verify("--json").json["complete"] is True
        assert served.asked == []


def test_nobody_is_asked_for_a_stranger_or_a_broken_mark(tmp_path: Path) -> None:
    with asked_of_nobody(tmp_path) as (studio, served):
        stranger = studio.verdict(Mode.ANY, trusted=False)
        assert stranger.kind == "untrusted"
        assert "nobody you trust" in stranger.not_checked["revocation"]
        data = bytearray(studio.picture.read_bytes())
        data[-100] ^= 1
        studio.picture.write_bytes(data)
        broken = studio.verdict(Mode.ANY)
        assert broken.kind == "tampered"
        assert broken.not_checked == {}
        assert served.asked == []


class asked_of_nobody:
    """A studio whose certificate names a web server, which notes who asks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stack = folder, ExitStack()

    def __enter__(self) -> tuple[Studio, Web]:
        served = self.stack.enter_context(web())
        signer = pki.signer(extensions=addresses(served.url + "/ocsp", served.url + "/list"))
        studio = Studio(self.folder, signer, 0, self.stack)
        studio.sign()
        return studio, served

    def __exit__(self, *_: object) -> None:
        self.stack.close()


def test_a_list_at_hand_decides_without_network(studio: Studio) -> None:
    def list_of(*revoked: x509.Certificate) -> Path:
        file = studio.folder / "authority.crl"
        file.write_bytes(revocation_list(issuer(studio.signer), studio.signer.issuers[0], revoked, at=YESTERDAY))
        return file

    good = studio.verify("--crl", list_of(), "--json")
    assert (good.code, good.json["complete"]) == (0, True)
    assert "kzlabel.crl.notRevoked" in good.json["evidence"][0]["codes"]
    revoked = studio.verify("--crl", list_of(studio.leaf), "--json")
    assert (revoked.code, revoked.json["reason"]) == (1, "manifest.invalid.revoked")
    assert "kzlabel.crl.revoked" in revoked.json["evidence"][0]["codes"]


@pytest.mark.parametrize("since", [None, timedelta(days=1)], ids=["later", "key lost before"])
def test_a_trusted_time_stamp_outlives_a_later_revocation(
    studio: Studio, tmp_path: Path, since: timedelta | None
) -> None:
    with tsa.serving(tsa.authority(tmp_path / "tsa")) as clock:
        studio.sign(tsa=clock.url)
    later = datetime.now(UTC) + timedelta(minutes=2)
    entry = Entry(studio.leaf, later, "keyTime", later - since) if since else Entry(studio.leaf, later)
    studio.answers(entry)
    stamped, unstamped = studio.verdict(time_root=clock.root), studio.verdict()
    assert unstamped.reason == "manifest.invalid.revoked"  # nobody trusted says when it was signed
    if since:
        assert stamped.reason == "manifest.invalid.revoked"
    else:
        assert (stamped.kind, stamped.time_source) == ("verified", "tsa-trusted")
        assert any("the mark was made before, so it counts" in note for note in stamped.notes)
        assert stamped.not_checked == {}
        assert "signingCredential.ocsp.notRevoked" in stamped.evidence[0].codes


def _as_text(studio: Studio) -> None:
    from kzlabel.marks.text_manifest import Structure, embed

    def sign(data: bytes, exclusions: tuple[tuple[int, int], ...], content_hash: bytes) -> bytes:
        values = definition(Declaration(), None, opened=False, fmt="text/plain")
        return sign_detached(data, values, studio.signer, exclusions=exclusions, content_hash=content_hash)

    (studio.folder / "story.txt").write_bytes(embed(b"The wind has dropped.\n", Structure.PLAIN, sign))


def _as_sidecar(studio: Studio) -> None:
    picture = studio.folder / "bare.jpg"
    picture.write_bytes(jpeg(1))
    values = definition(Declaration(), None, opened=False, fmt="image/jpeg")
    (studio.folder / "bare.jpg.c2pa").write_bytes(sign_detached(picture, values, studio.signer))


@pytest.mark.parametrize(("make", "name"), [(_as_text, "story.txt"), (_as_sidecar, "bare.jpg")])
def test_a_revoked_signer_counts_as_little_in_a_text_and_beside_a_file(
    studio: Studio, make: Callable[[Studio], None], name: str
) -> None:
    make(studio)
    trust = Trust((Anchor("root.pem", None, studio.signer.root),))
    ask = VerifyOptions(trust=trust, revocation=Revocation(Mode.OCSP))
    unasked = Verifier(VerifyOptions(trust=trust)).verify(studio.folder / name)
    assert unasked.kind == "verified"
    unanswered = Verifier(ask).verify(studio.folder / name)
    assert (unanswered.kind, list(unanswered.not_checked)) == ("verified", ["revocation"])
    studio.answers(Entry(studio.leaf, YESTERDAY))
    revoked = Verifier(ask).verify(studio.folder / name)
    assert (revoked.kind, revoked.reason) == ("invalid", "manifest.invalid.revoked")


def test_archived_evidence_is_judged_the_same_years_later(studio: Studio) -> None:
    from kzlabel.evidence import Evidence
    from kzlabel.verification.collect import Collector

    trust = Trust((Anchor("root.pem", None, studio.signer.root),))
    from kzlabel.trust.revocation import RevocationChecker

    checker = RevocationChecker(Revocation(Mode.OCSP), trust.anchors)
    evidence = Collector(trust=trust, revocation=checker).collect(studio.picture).evidence
    archived = Evidence.from_json(json.loads(json.dumps(evidence.to_json())))
    assert judge(archived, Policy()).notes == judge(evidence, Policy()).notes
    assert any("could not be checked" in note for note in judge(archived, Policy()).notes)


def test_options_that_cannot_be_meant_are_refused(desk: Desk) -> None:
    desk.write("photo.jpg", jpeg())
    desk.write("no.crl", b"no list")
    desk.refused(8, "no.crl: this is no certificate revocation list", "verify", "photo.jpg", "--crl", "no.crl")
    desk.refused(2, "add --revocation", "verify", "photo.jpg", "--ocsp-url", "http://127.0.0.1/")
    url = ("--ocsp-url", "ftp://127.0.0.1/")
    desk.refused(9, "no http or https address", "verify", "photo.jpg", "--revocation", "ocsp", *url)
