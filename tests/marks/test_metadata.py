from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.containers.base import Slot, Slots, Tag
from kzlabel.declaration import Declaration, Generator, Source, Training
from kzlabel.evidence import AI, LayerEvidence, State
from kzlabel.marks import exif, metadata

from ..containers.picture_files import FOREIGN_XMP, exif_block

ALL = frozenset(Slot)
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DECLARATION = Declaration(
    generator=Generator("Sketcher", "3"),
    producer="Dala & Co",
    training=Training.PROHIBITED,
    identifier="0123456789ab",
)
PLUS = "http://ns.useplus.org/ldf/vocab/"


def xmp_with(attributes: str) -> bytes:
    return FOREIGN_XMP.replace(
        b'rdf:about=""',
        b'rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        b'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
        b'xmlns:tdm="http://www.w3.org/ns/tdmrep/" ' + attributes.encode(),
    )


def tagged(*pairs: tuple[str, str]) -> Slots:
    return Slots(tags=tuple(Tag(name, value) for name, value in pairs))


def read(slots: Slots) -> LayerEvidence:
    return metadata.read(slots)


@pytest.mark.parametrize("slot", list(Slot))
@pytest.mark.parametrize("source", list(Source))
def test_each_slot_alone_says_what_was_declared(slot: Slot, source: Source) -> None:
    written, notes = metadata.describe(Slots(), replace(DECLARATION, source=source), holds=frozenset({slot}))
    found = read(written)
    assert notes == ()
    assert found.state is State.FOUND
    assert str(found.ai) == str(source)
    assert found.detail["identifier"] == "0123456789ab"
    if slot is not Slot.EXIF:
        assert found.detail["training"] == "prohibited"
        assert found.detail["generator"] == {"name": "Sketcher", "version": "3"}
        assert found.detail["producer"] == "Dala & Co"


def test_the_evidence_names_every_mark_with_its_place() -> None:
    written, _ = metadata.describe(Slots(), DECLARATION, holds=ALL)
    places = {(mark["place"], mark["name"]) for mark in read(written).detail["marks"]}
    assert {("XMP", "Iptc4xmpExt:DigitalSourceType"), ("EXIF", "UserComment"), ("tag", "DigitalSourceType")} <= places


def test_nothing_that_was_not_declared_is_written() -> None:
    written, _ = metadata.describe(Slots(), Declaration(), holds=ALL)
    assert not {tag.name for tag in written.tags} - {"DigitalSourceType", "Identifier"}
    for word in (b"DataMining", b"AISystem", b"publisher", b"AIGC"):
        assert word not in written.xmp[0]


def test_describing_the_same_again_changes_nothing() -> None:
    first, _ = metadata.describe(Slots(), DECLARATION, holds=ALL, aigc=True, wording="AI")
    again, _ = metadata.describe(first, DECLARATION, holds=ALL, aigc=True, wording="AI")
    assert replace(again, tags=()) == replace(first, tags=())
    assert {tag.name: tag.value for tag in again.tags}.items() <= {tag.name: tag.value for tag in first.tags}.items()


def test_a_work_labelled_anew_says_only_what_is_declared_now() -> None:
    first, _ = metadata.describe(Slots(), DECLARATION, holds=ALL)
    declared = Declaration(source=Source.MODIFIED, identifier="ba9876543210")
    again, _ = metadata.describe(first, declared, holds=ALL)
    assert read(again).ai is AI.MODIFIED
    assert read(again).detail["identifier"] == "ba9876543210"


def test_the_exif_of_a_camera_is_left_alone() -> None:
    written, _ = metadata.describe(Slots(exif=exif_block()), DECLARATION, holds=ALL)
    assert written.exif is None


def test_a_publisher_that_is_there_stays() -> None:
    theirs, _ = metadata.describe(Slots(), replace(DECLARATION, producer="First"), holds=frozenset({Slot.XMP}))
    ours, _ = metadata.describe(theirs, DECLARATION, holds=frozenset({Slot.XMP}))
    assert read(ours).detail["producer"] == "First"


def test_a_packet_that_cannot_be_parsed_is_kept_and_said_and_the_marks_go_elsewhere() -> None:
    written, notes = metadata.describe(Slots(xmp=(b"<broken",)), DECLARATION, holds=ALL, aigc=True)
    assert written.xmp == ()
    assert any("cannot be parsed" in note for note in notes)
    assert read(written).ai is AI.GENERATED
    assert "AIGC" in {tag.name for tag in written.tags}


def test_a_sentence_is_added_only_where_there_is_none() -> None:
    fresh, _ = metadata.describe(Slots(), DECLARATION, holds=ALL, wording="Создано ИИ")
    taken, _ = metadata.describe(tagged(("comment", "mine")), DECLARATION, holds=ALL, wording="Создано ИИ")
    assert [tag.value for tag in fresh.tags if tag.name == "Comment"] == ["Создано ИИ"]
    assert not [tag for tag in taken.tags if tag.name == "Comment"]
    assert fresh.exif is not None
    assert exif.parse(fresh.exif).description == "Создано ИИ"


# --- training ---


@pytest.mark.parametrize(
    ("present", "wanted", "result"),
    [
        ("DMI-PROHIBITED", Training.ALLOWED, "prohibited"),
        ("DMI-PROHIBITED-GENAIMLTRAINING", Training.CONSTRAINED, "prohibited"),
        ("DMI-PROHIBITED-SEECONSTRAINT", Training.ALLOWED, "constrained"),
        ("DMI-ALLOWED", Training.PROHIBITED, "prohibited"),
        ("DMI-UNSPECIFIED", Training.ALLOWED, "allowed"),
    ],
)
def test_the_strictest_permission_wins(present: str, wanted: Training, result: str) -> None:
    slots = Slots(xmp=(xmp_with(f'plus:DataMining="{PLUS}{present}"'),))
    written, notes = metadata.describe(slots, replace(DECLARATION, training=wanted), holds=ALL)
    assert read(written).detail["training"] == result
    kept = result != str(wanted)
    assert any("stricter" in note for note in notes) == kept
    assert ((PLUS + present).encode() in written.xmp[0]) == (kept or present.endswith(wanted.value.upper()))


@pytest.mark.parametrize(
    "slots",
    [
        tagged(("tdm-reservation", "1")),
        tagged(("TDM_Reservation", "1 ")),
        tagged(("DataMining", PLUS + "DMI-PROHIBITED-AIMLTRAINING"), ("tdm-reservation", "0")),
        Slots(xmp=(xmp_with('tdm:reservation="1"'),)),
    ],
)
def test_a_prohibition_is_found_wherever_it_stands(slots: Slots) -> None:
    found = read(slots)
    assert (found.state, found.ai, found.detail["training"]) == (State.FOUND, AI.UNKNOWN, "prohibited")


# --- AIGC of GB 45438 ---


def test_there_is_only_ever_one_field() -> None:
    in_tags, _ = metadata.describe(Slots(), DECLARATION, holds=ALL, aigc=True)
    in_xmp, _ = metadata.describe(Slots(), DECLARATION, holds=frozenset({Slot.XMP, Slot.EXIF}), aigc=True)
    assert "AIGC" in {tag.name for tag in in_tags.tags}
    assert b"TC260:AIGC" not in in_tags.xmp[0]
    assert b"TC260:AIGC" in in_xmp.xmp[0]
    again, _ = metadata.describe(in_xmp, DECLARATION, holds=ALL, aigc=True)
    assert "AIGC" not in {tag.name for tag in again.tags}
    beside_a_tag, _ = metadata.describe(in_tags, DECLARATION, holds=frozenset({Slot.XMP}), aigc=True)
    assert b"TC260:AIGC" not in beside_a_tag.xmp[0]


def test_a_field_without_a_producer_is_said() -> None:
    _, notes = metadata.describe(Slots(), Declaration(), holds=ALL, aigc=True)
    assert any("--producer" in note for note in notes)


FIELD = '{"Label":"1","ContentProducer":"a"}'


@pytest.mark.parametrize(
    "slots",
    [
        tagged(("AIGC", FIELD)),
        tagged(("aigc", f'{{"AIGC":{FIELD}}}')),
        tagged(("TC260:AIGC", FIELD)),
        tagged(("Comment", f'{{"AIGC":{FIELD}}}')),
        Slots(xmp=(xmp_with(f"TC260:AIGC='{FIELD}'"),)),
        Slots(exif=exif.create(description="x", comment=f'{{"AIGC":{FIELD}}}', software=None)),
    ],
)
def test_the_field_is_found_in_every_place(slots: Slots) -> None:
    found = read(slots)
    assert (found.state, found.ai) == (State.FOUND, AI.GENERATED)


def test_modified_is_more_telling_than_the_field() -> None:
    slots = tagged(("AIGC", FIELD), ("DigitalSourceType", URI + "compositeWithTrainedAlgorithmicMedia"))
    assert read(slots).ai is AI.MODIFIED


def test_a_guess_of_a_platform_is_found_and_states_nothing() -> None:
    found = read(tagged(("AIGC", '{"Label":"3"}')))
    assert (found.state, found.ai) == (State.FOUND, AI.UNKNOWN)


# --- reading the marks of others ---


@pytest.mark.parametrize(
    "name", ["DigitalSourceType", "digital-source-type", "iptc:DigitalSourceType", "DIGITALSOURCETYPE"]
)
@pytest.mark.parametrize(
    ("value", "ai"),
    [
        (URI + "trainedAlgorithmicMedia", AI.GENERATED),
        ("https://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic", AI.MODIFIED),
        ("trainedAlgorithmicMedia", AI.GENERATED),
        (URI + "digitalCapture", AI.NONE),
        (URI + "algorithmicMedia", AI.UNKNOWN),
    ],
)
def test_source_types_are_understood_under_every_name(name: str, value: str, ai: AI) -> None:
    assert read(tagged((name, value))).ai is ai


@pytest.mark.parametrize(
    ("value", "ai"),
    [
        ("ai-generated", AI.GENERATED),
        ("Autonomous", AI.GENERATED),
        ("ai-assisted", AI.MODIFIED),
        ("mixed", AI.MODIFIED),
        ("none", AI.NONE),
        ("whatever", AI.UNKNOWN),
    ],
)
def test_the_disclosure_of_web_pages_is_understood(value: str, ai: AI) -> None:
    assert read(tagged(("AI-Disclosure", value))).ai is ai


def test_a_claim_of_ai_is_never_outvoted() -> None:
    slots = replace(
        tagged(("DigitalSourceType", URI + "digitalCapture")),
        xmp=(xmp_with(f'Iptc4xmpExt:DigitalSourceType="{URI}trainedAlgorithmicMedia"'),),
    )
    assert read(slots).ai is AI.GENERATED


@pytest.mark.parametrize(
    "slots",
    [
        Slots(),
        Slots(exif=exif_block()),
        Slots(xmp=(FOREIGN_XMP,)),
        tagged(("Comment", "by hand"), ("Producer", "a program"), ("Identifier", "0123456789ab")),
    ],
)
def test_metadata_without_marks_is_no_mark(slots: Slots) -> None:
    found = read(slots)
    assert (found.state, found.ai, found.detail) == (State.ABSENT, AI.UNKNOWN, {})


def test_damage_alone_is_damaged_and_beside_a_mark_it_is_told() -> None:
    assert read(Slots(damage=("a block is cut off",))).state is State.DAMAGED
    assert read(Slots(xmp=(b"<broken",))).state is State.DAMAGED
    found = read(Slots(xmp=(b"<broken", xmp_with(f'Iptc4xmpExt:DigitalSourceType="{URI}trainedAlgorithmicMedia"'))))
    assert (found.state, found.ai) == (State.FOUND, AI.GENERATED)
    assert "cannot be parsed" in found.detail["damage"][0]


def test_what_steers_a_terminal_comes_out_inert() -> None:
    found = read(tagged(("AISystemUsed", "evil\x1b[2J\u202e"), ("DigitalSourceType", URI + "trainedAlgorithmicMedia")))
    assert found.detail["generator"]["name"] == "evil\\x1b[2J\\u202e"


# --- cameras ---


def test_a_cameras_exposure_is_told_in_a_sentence() -> None:
    assert metadata.camera(Slots(exif=exif_block())) == "camera EXIF: Optica 7"


def test_no_camera_is_seen_without_an_exposure_or_beside_a_claim_of_ai() -> None:
    ours = exif.create(description="x", comment="y", software="z")
    assert metadata.camera(Slots()) is None
    assert metadata.camera(Slots(exif=ours)) is None
    claimed = xmp_with(f'Iptc4xmpExt:DigitalSourceType="{URI}trainedAlgorithmicMedia"')
    assert metadata.camera(Slots(exif=exif_block(), xmp=(claimed,))) is None


@pytest.mark.parametrize("comment", ["plain", "Қазақша мәтін"])
def test_a_comment_comes_back_in_any_script(comment: str) -> None:
    assert exif.parse(exif.create(description="d", comment=comment, software=None)).comment == comment


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda place, byte: exif_block()[:place] + bytes([byte]) + exif_block()[place + 1 :],
            st.integers(0, 150),
            st.integers(0, 255),
        ),
    )
)
def test_no_exif_block_breaks_the_parser(block: bytes) -> None:
    metadata.read(Slots(exif=block))
    metadata.camera(Slots(exif=block))
