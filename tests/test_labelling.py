"""The use case: what is asked for, what is refused, and what is left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzlabel.declaration import Declaration, Source
from kzlabel.errors import UsageError
from kzlabel.evidence import AI
from kzlabel.labeller import Labeller
from kzlabel.request import LabelOptions
from kzlabel.verification.collect import Collector
from kzlabel.verification.judge import judge
from kzlabel.verification.verdict import VerdictKind
from kzlabel.verification.verifier import Verifier

from .end_to_end.works import work
from .media.reels import make

_MADE_BY = ("-metadata", "com.apple.quicktime.make=Apple", "-metadata", "com.apple.quicktime.model=iPhone 15")


def test_a_film_from_a_camera_is_labelled_only_on_a_clear_word(tmp_path: Path) -> None:
    film = make(tmp_path / "phone.mov", "h264", *_MADE_BY, "-movflags", "+use_metadata_tags", seconds="0.2")
    keys = tmp_path / "keys"
    with pytest.raises(UsageError, match=r"phone\.mov: camera metadata: Apple iPhone 15; say --source"):
        Labeller(LabelOptions(keys=keys)).label(film)
    assert not film.with_name("phone.labelled.mov").exists()
    modified = Labeller(LabelOptions(keys=keys)).label(
        film, tmp_path / "modified.mov", declaration=Declaration(source=Source.MODIFIED)
    )
    assert modified.status == "labelled"
    generated = Labeller(LabelOptions(keys=keys, source_confirmed=True)).label(film, tmp_path / "generated.mov")
    assert generated.status == "labelled"


@pytest.mark.parametrize("name", ["photo.jpg", "song.mp3", "h264.mp4", "note.md", "song.ogg"])
def test_a_labelled_file_labelled_with_another_declaration_discloses_once(name: str, tmp_path: Path) -> None:
    labeller = Labeller(LabelOptions(keys=tmp_path / "keys"))
    first = labeller.label(work(name, tmp_path))
    target = tmp_path / f"again{first.output.suffix}"
    again = labeller.label(first.output, target, declaration=Declaration(producer="Studio"))
    assert again.status == "labelled"
    assert again.disclosure is not None
    assert first.disclosure is not None
    assert again.disclosure.to_json() == first.disclosure.to_json()
    evidence = Collector().collect(target).evidence
    verdict = judge(evidence)
    assert (verdict.kind, verdict.identifier) == (VerdictKind.UNTRUSTED, again.declaration.identifier)
    assert len(verdict.ingredients) == 1
    # Nothing was drawn, spoken or encoded anew: only metadata and manifest differ in length.
    assert abs(target.stat().st_size - first.output.stat().st_size) < 40_000


def test_another_source_is_disclosed_anew(tmp_path: Path) -> None:
    labeller = Labeller(LabelOptions(keys=tmp_path / "keys"))
    first = labeller.label(work("photo.jpg", tmp_path))
    again = labeller.label(first.output, tmp_path / "again.jpg", declaration=Declaration(Source.MODIFIED))
    assert again.disclosure is not None
    assert again.disclosure.source is Source.MODIFIED


def test_markdown_from_a_pipe_is_known_by_the_format_or_the_output(tmp_path: Path) -> None:
    source = tmp_path / "stdin"
    source.write_text("---\ntitle: x\n---\nThe wind has dropped.\n")
    labeller = Labeller(LabelOptions(keys=tmp_path / "keys"))
    named = labeller.label(source, tmp_path / "out.md", name="-")
    expected = labeller.label(source, tmp_path / "output", name="-", expected="md")
    assert {named.format, expected.format} == {"text/markdown"}


def test_front_matter_is_read_in_any_text() -> None:
    text = b"---\nAIGC:\n  Label: '1'\n  ContentProducer: x\n---\nThe wind has dropped.\n"
    verdict = Verifier().verify(text, name="story.txt")
    assert (verdict.kind, verdict.ai) == (VerdictKind.DECLARED, AI.GENERATED)


def test_a_file_without_an_ending_keeps_its_name(tmp_path: Path) -> None:
    source = work("photo.jpg", tmp_path).rename(tmp_path / "photo")
    made = Labeller(LabelOptions(keys=tmp_path / "keys")).label(source)
    assert made.output == tmp_path / "photo.labelled"
