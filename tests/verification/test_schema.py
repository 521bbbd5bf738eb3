"""The JSON of a verdict is what its schema and the documentation promise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kzlabel.evidence import AI, Evidence, Layer, State
from kzlabel.trust.policy import Policy, PolicyName
from kzlabel.verification.judge import REASONS, judge
from kzlabel.verification.verdict import SCHEMA, VerdictKind

from .evidences import BINDING, NOBODY, absent, candidate, led_to, manifest, metadata, of, sidecar, watermark

DOCS = Path(__file__).parents[2] / "docs"

EVIDENCE = (
    of(manifest(training="prohibited", ingredients=[{"title": "a.png"}], ingredients_ok=True)),
    of(manifest(trusted=False), sidecar(State.TAMPERED, AI.GENERATED, BINDING)),
    of(manifest(State.TAMPERED, AI.GENERATED, BINDING), led_to(candidate())),
    of(manifest(State.INVALID), metadata(state=State.DAMAGED)),
    of(manifest(State.VALID, AI.GENERATED, "text.partial"), medium="text"),
    of(manifest(ai=AI.NONE), metadata()),
    of(led_to(candidate(signer=NOBODY, enrolled=True), candidate(via="fingerprint"))),
    of(metadata(generator={"name": "Painter"})),
    of(watermark()),
    of(absent(Layer.METADATA)),
    of(not_checked={"watermark": "no detector"}),
    Evidence("a.bin", unreadable="a.bin: the file is empty"),
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "verdict.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("evidence", EVIDENCE)
@pytest.mark.parametrize("policy", [*map(Policy, PolicyName), Policy("news-room.2", extends=Policy())])
def test_a_verdict_fits_its_schema(evidence: Evidence, policy: Policy, schema: dict[str, Any]) -> None:
    verdict = json.loads(json.dumps(judge(evidence, policy).to_json()))
    jsonschema.Draft202012Validator(schema).validate(verdict)


def test_the_samples_cover_every_verdict() -> None:
    assert {judge(evidence).kind for evidence in EVIDENCE} == set(VerdictKind)


def test_keys_stand_in_their_promised_order(schema: dict[str, Any]) -> None:
    assert list(judge(EVIDENCE[0]).to_json()) == schema["required"]


def test_the_schema_names_every_value_and_its_version(schema: dict[str, Any]) -> None:
    values = schema["properties"]
    assert values["schema"] == {"const": SCHEMA}
    assert values["verdict"]["enum"] == list(VerdictKind)
    assert values["policy"]["anyOf"][0]["enum"] == list(PolicyName)
    assert schema["$defs"]["ai"]["enum"] == list(AI)
    assert schema["$defs"]["evidence"]["properties"]["layer"]["enum"] == list(Layer)
    assert schema["$defs"]["evidence"]["properties"]["state"]["enum"] == list(State)


def test_the_schema_refuses_a_verified_verdict_without_a_trusted_signer(schema: dict[str, Any]) -> None:
    verdict = judge(EVIDENCE[0]).to_json()
    verdict["signer"]["trusted"] = False
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(verdict)


def test_the_documentation_explains_every_verdict_reason_and_policy() -> None:
    text = (DOCS / "verdict.md").read_text("utf-8")
    headings = set(re.findall(r"^### `([a-z]+)`", text, flags=re.MULTILINE))
    assert headings == set(VerdictKind) | set(PolicyName)
    codes = set(re.findall(r"^\| `([a-z.-]+)` \|", text, flags=re.MULTILINE))
    assert codes == set(REASONS)
