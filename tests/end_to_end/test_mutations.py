"""Golden files of every format, cut and mutated: only our own errors come out, and nothing is left or lost."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kzlabel.errors import InternalError, KzlabelError
from kzlabel.labeller import Labeller
from kzlabel.limits import Limits
from kzlabel.request import Labelled, LabelOptions
from kzlabel.trust import Trust, load_anchor
from kzlabel.verification.verdict import VerdictKind
from kzlabel.verification.verifier import Verifier, VerifyOptions

from .mutations import mutated
from .works import MAKERS, work

LIMITS = Limits(max_pixels=4_000_000, max_total_pixels=20_000_000, max_frames=200)
READ_CASES = 30  # of each format, unlabelled and labelled: 27 formats make 1,620
SEARCHED = 12  # of one in so many the content is decoded and searched, too
WRITE_CASES = 25
MARKED = 5  # one in so many gets a watermark
WRITTEN = ("story.txt", "wide.txt", "note.md", "page.html", "photo.jpg", "picture.png", "picture.tiff", "moving.gif")


@pytest.fixture(scope="module")
def labeller(keys: Path) -> Labeller:
    return Labeller(LabelOptions(keys=keys, limits=LIMITS, overwrite=True, keep_name=True))


@pytest.fixture(scope="module")
def labellers(labeller: Labeller) -> list[Labeller]:
    """For one mutated file after the other."""
    unmarked = Labeller(replace(labeller.options, watermark=False))
    return [labeller, *[unmarked] * (MARKED - 1)]


@pytest.fixture(scope="module")
def verifier(keys: Path) -> Verifier:
    return Verifier(VerifyOptions(trust=Trust(anchors=(load_anchor(keys / "root.pem"),)), limits=LIMITS))


@pytest.fixture(scope="module")
def verifiers(verifier: Verifier) -> list[Verifier]:
    """For one mutated file after the other."""
    unsearched = Verifier(replace(verifier.options, watermark=False))
    return [verifier, *[unsearched] * (SEARCHED - 1)]


def cases(whole: bytes, name: str, count: int) -> Iterator[tuple[int, bytes]]:
    return ((number, mutated(whole, random.Random(f"{name} {number}"))) for number in range(count))


@pytest.mark.parametrize("name", MAKERS)
def test_a_mutated_file_gets_a_verdict_whatever_it_is(
    name: str, labeller: Labeller, verifiers: list[Verifier], tmp_path: Path
) -> None:
    plain = work(name, tmp_path)
    made = labeller.label(plain)
    label = made.output.read_bytes()
    assert verifiers[0].verify(made.output).kind is VerdictKind.VERIFIED
    path = tmp_path / f"mutated{plain.suffix}"
    for what, whole in (("plain", plain.read_bytes()), ("labelled", label)):
        for number, data in cases(whole, f"{what} {name}", READ_CASES):
            path.write_bytes(data)
            verdict = verifiers[number % SEARCHED].verify(path)
            assert json.dumps(verdict.to_json()), number
            if what == "plain":
                assert verdict.kind in (VerdictKind.UNMARKED, VerdictKind.UNREADABLE, VerdictKind.INCOMPLETE), number
            assert path.read_bytes() == data
    if made.sidecar:
        path.write_bytes(label)
        store = made.sidecar.read_bytes()
        beside = path.with_name(path.name + ".c2pa")
        for number, data in cases(store, f"sidecar {name}", READ_CASES):
            beside.write_bytes(data)
            verdict = verifiers[-1].verify(path)
            if verdict.kind is VerdictKind.VERIFIED:  # only padding may differ
                assert verdict.identifier == made.declaration.identifier, number


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mutated_file_is_labelled_or_refused_and_nothing_is_left(
    name: str, labellers: list[Labeller], verifiers: list[Verifier], tmp_path: Path
) -> None:
    plain = work(name, tmp_path).read_bytes()
    folder = tmp_path / "work"
    folder.mkdir()
    source, target = folder / f"mutated{Path(name).suffix}", folder / f"out{Path(name).suffix}"
    for number, data in cases(plain, f"write {name}", WRITE_CASES):
        source.write_bytes(data)
        refusal, made = _labelled(labellers[number % MARKED], source, target)
        if made is None:
            assert refusal.startswith(f"{source.name}: "), (number, refusal)
            assert "\n" not in refusal, number
            assert [path.name for path in folder.iterdir()] == [source.name], number
        else:
            assert verifiers[-1].verify(target, sidecar=made.sidecar).kind is VerdictKind.VERIFIED, number
            target.unlink()
        assert source.read_bytes() == data, number


def _labelled(labeller: Labeller, source: Path, target: Path) -> tuple[str, Labelled | None]:
    """The refusal, or what was made; a broken promise and everything that is not ours gets out."""
    try:
        return "", labeller.label(source, target)
    except InternalError:
        raise
    except KzlabelError as error:
        return str(error), None
