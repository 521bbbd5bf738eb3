"""The table of forgeries, row by row: the genuine twin is verified, the forgery is not taken for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kzlabel import Verifier, VerifyOptions
from kzlabel.evidence import Evidence
from kzlabel.trust import Anchor, Policy, Trust
from kzlabel.trust.revocation import Revocation, RevocationChecker
from kzlabel.verification.collect import Collector
from kzlabel.verification.judge import judge
from kzlabel.verification.sentences import NOUNS
from kzlabel.watermark.keys import WatermarkKey

from . import credentials
from .table import ROWS, Row, page
from .workshop import Made, Workshop

DOCUMENT = Path(__file__).parents[2] / "docs" / "forgeries.md"


def laid(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files; the first is the one to verify."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def told(policy: str, evidence: Evidence) -> int:
    return int(judge(evidence, Policy.parse(policy)).exit_code)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_forgery_gets_its_verdict(row: Row, shop: Workshop, tmp_path: Path) -> None:
    lists = Revocation(lists=(shop.revocation_list,))
    collector = Collector(
        trust=shop.trust,
        revocation=RevocationChecker(lists, shop.trust.anchors) if row.asked else None,
        watermark_keys=(WatermarkKey(),) if row.verdict == "unmarked" else (),
    )
    made: list[Made] = list(row.make(shop))
    assert made
    for number, one in enumerate(made):
        twin = judge(collector.collect(laid(one.genuine, tmp_path / f"genuine-{number}")).evidence)
        assert twin.kind == "verified", (number, twin.to_json())

        evidence = collector.collect(laid(one.forged, tmp_path / f"forged-{number}")).evidence
        verdict = judge(evidence)
        where = f"{number}, {next(iter(one.forged))}: {json.dumps(verdict.to_json())}"
        assert (verdict.kind, verdict.reason, verdict.ai) == (row.verdict, row.reason, row.ai), where
        assert (told("signed", evidence), told("trusted", evidence)) == (row.signed, row.trusted), where
        assert " ".join(verdict.notes).startswith(row.says.format(noun=NOUNS[verdict.medium])), where
        if row.time_source is not None:
            assert verdict.time_source == row.time_source, where


def test_every_forgery_has_one_row() -> None:
    assert len({row.name for row in ROWS}) == len({row.title for row in ROWS}) == len(ROWS)


def test_the_document_is_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page(), "run scripts/build_forgeries"


def test_an_authority_for_both_purposes_vouches_for_an_expired_signer_every_time(shop: Workshop) -> None:
    """c2pa, given one certificate for signers and for time-stamps, names either of them by chance."""
    made = next(credentials.expired_and_stamped_in_time(shop)).forged["picture.jpg"]
    both = shop.root.pem + shop.time_root.pem
    for number in range(8):
        trust = Trust((Anchor("signers", None, shop.root.pem + "\n" * number),), (Anchor("times", None, both),))
        verdict = Verifier(VerifyOptions(trust=trust)).verify(made, name="picture.jpg")
        assert (verdict.kind, verdict.time_source) == ("verified", "tsa-trusted")
        assert verdict.signer
        assert verdict.signer["trust_list"]["name"] == "signers"
