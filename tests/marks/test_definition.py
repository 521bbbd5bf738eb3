from __future__ import annotations

import json
from typing import Any

import pytest

from kzlabel.declaration import Declaration, Generator, Source, Training
from kzlabel.disclosure.plan import DisclosureRecord, Form, Region
from kzlabel.marks.definition import DECLARATION, DISCLOSURE, TRAINING_ENTRIES, definition, record_from_store

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"

BADGE = DisclosureRecord(
    Form.BADGE,
    Source.GENERATED,
    ("kk", "en"),
    ("ЖИ арқылы жасалған", "AI-generated"),
    "top-right",
    region=Region(400, 10, 90, 20, 500, 300),
    seconds=(0.0, 12.5),
    glyph_height=12,
    contrast=5.126,
)
NOTICE = DisclosureRecord(Form.NOTICE, Source.MODIFIED, ("ru",), ("Изменено",), "start", seconds=(0.0, 3.25))


def assertion(values: dict[str, Any], label: str) -> dict[str, Any]:
    return next(one["data"] for one in values["assertions"] if one["label"] == label)


def actions(values: dict[str, Any]) -> list[dict[str, Any]]:
    return list(assertion(values, "c2pa.actions.v2")["actions"])


def test_a_generated_work_is_created_by_its_generator() -> None:
    declared = Declaration(generator=Generator("Painter", "2.1"))
    (first,) = actions(definition(declared, None, opened=False, fmt="image/png"))
    assert first["action"] == "c2pa.created"
    assert first["digitalSourceType"] == IPTC + "trainedAlgorithmicMedia"
    assert first["softwareAgent"] == {"name": "Painter", "version": "2.1"}
    assert first["when"] == declared.created_text


@pytest.mark.parametrize(
    ("source", "code"),
    [(Source.GENERATED, "trainedAlgorithmicMedia"), (Source.MODIFIED, "compositeWithTrainedAlgorithmicMedia")],
)
def test_a_work_with_a_parent_is_opened_and_says_what_was_done_in_the_next_action(source: Source, code: str) -> None:
    first, second = actions(definition(Declaration(source), None, opened=True, fmt="image/png"))
    assert first["action"] == "c2pa.opened"
    assert "digitalSourceType" not in first
    assert first["parameters"]["ingredientIds"]
    assert second["action"] == "c2pa.edited"
    assert second["digitalSourceType"] == IPTC + code


def test_all_assertions_are_created_ones_and_all_actions_are_included() -> None:
    values = definition(Declaration(training=Training.ALLOWED), BADGE, opened=False, fmt="image/png")
    assert all(one["created"] is True for one in values["assertions"])
    assert assertion(values, "c2pa.actions.v2")["allActionsIncluded"] is True
    assert values["claim_generator_info"][0]["specVersion"] == "2.4.0"


def test_a_badge_is_recorded_with_its_place_and_time() -> None:
    action = actions(definition(Declaration(), BADGE, opened=False, fmt="video/mp4"))[-1]
    assert action["action"] == "c2pa.addedText"
    assert action["digitalSourceType"] == IPTC + "algorithmicMedia"
    assert record_from_store(action["parameters"][DISCLOSURE]) == BADGE.to_json()
    spatial, temporal = action["changes"][0]["region"]
    assert spatial["shape"]["origin"] == {"x": 400, "y": 10}
    assert (spatial["shape"]["width"], spatial["shape"]["height"]) == (90, 20)
    assert temporal["time"] == {"type": "npt", "start": "0", "end": "12.5"}


def test_a_spoken_notice_is_an_edit_of_a_span_of_time() -> None:
    action = actions(definition(Declaration(Source.MODIFIED), NOTICE, opened=True, fmt="audio/wav"))[-1]
    assert action["action"] == "c2pa.edited"
    assert [one["type"] for one in action["changes"][0]["region"]] == ["temporal"]
    assert action["changes"][0]["description"] == "Изменено"


@pytest.mark.parametrize(
    ("training", "use"),
    [(Training.ALLOWED, "allowed"), (Training.CONSTRAINED, "constrained"), (Training.PROHIBITED, "notAllowed")],
)
def test_a_training_permission_covers_every_use(training: Training, use: str) -> None:
    values = definition(Declaration(training=training), None, opened=False, fmt="image/png")
    assert assertion(values, "cawg.training-mining")["entries"] == {name: {"use": use} for name in TRAINING_ENTRIES}


def test_nothing_is_said_about_training_when_nothing_is_declared() -> None:
    values = definition(Declaration(), None, opened=False, fmt="image/png")
    assert not [one for one in values["assertions"] if one["label"] == "cawg.training-mining"]


def test_the_declaration_comes_back_exactly() -> None:
    declared = Declaration(Source.MODIFIED, Generator("Сурет", None), "Студия", Training.CONSTRAINED)
    values = definition(declared, None, opened=True, fmt="image/png")
    assert Declaration.from_json(assertion(values, DECLARATION)) == declared


def test_nothing_is_told_that_was_not_given() -> None:
    values = definition(Declaration(), None, opened=False, fmt="image/png")
    assert "title" not in values
    assert "modelName" not in assertion(values, "c2pa.ai-disclosure")
    assert set(assertion(values, "cawg.metadata")) == {
        "@context",
        "Iptc4xmpExt:DigitalSourceType",
        "dc:identifier",
        "dc:date",
    }
    assert "thumbnail" not in json.dumps(values)
    assert definition(Declaration(), None, opened=False, fmt="image/png", title="Dawn")["title"] == "Dawn"
