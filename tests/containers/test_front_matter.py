from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.containers.base import Slots, Tag
from kzlabel.containers.charset import Charset
from kzlabel.containers.front_matter import MARKDOWN, MAX_CHARACTERS, find, with_keys
from kzlabel.errors import UnreadableFile
from kzlabel.limits import DEFAULT_LIMITS

UTF8 = Charset("utf-8")
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def read(text: str) -> Slots:
    return MARKDOWN.read(io.BytesIO(text.encode()), DEFAULT_LIMITS)


def written(text: str, *tags: Tag) -> str:
    return with_keys(text, tags, UTF8, "a.md")


def content(text: str) -> dict[str, object]:
    matter = find(text)
    assert matter is not None
    loaded = yaml.safe_load(text[matter.start : matter.end])
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: X # a comment\ntags: [a, b]\n---\n# Hi\n",
        "\ufeff---\r\ntitle: 'X'\r\n---\r\nbody",
        "---\ntext: |\n  many\n\n  lines\n---\n",
        "---\ntitle: x\n...\nbody\n",
        "---\n---\nbody\n",
        "---\ntitle: x\n---",
    ],
)
def test_keys_are_added_and_every_line_of_the_author_stays(text: str) -> None:
    after = written(text, Tag("ai-model", "Қ «x»"), Tag("digital-source-type", SOURCE))
    assert content(after)["ai-model"] == "Қ «x»"
    assert [line for line in after.splitlines() if not line.startswith(("ai-", "digital-"))] == text.splitlines()


@pytest.mark.parametrize(
    "text",
    [
        "# Hi\n",
        "",
        "---\n\nText after a rule\n\n---\n",
        "---\nno end",
        "\ufeff# Hi\r\n\r\nx",
        "- a\n- b\n",
        "----\na: b\n---\n",
    ],
)
def test_front_matter_is_created_where_there_is_none(text: str) -> None:
    after = written(text, Tag("ai-model", "m"))
    assert content(after) == {"ai-model": "m"}
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    assert after.startswith(mark + "---")
    assert after.endswith(text.removeprefix("\ufeff"))


def test_a_key_that_is_there_is_replaced_only_if_it_differs() -> None:
    text = "---\nai-model: old  # why\ntitle: x\n---\n"
    assert written(text, Tag("ai-model", "old")) == text
    assert written(text, Tag("ai-model", "new")) == '---\nai-model: "new"\ntitle: x\n---\n'


def test_toml_gets_its_keys_before_the_first_table() -> None:
    text = '+++\ntitle = "x"\n[params]\na = 1\n+++\nbody\n'
    after = written(text, Tag("ai-model", 'Қ "x" 😀'), Tag("AIGC", '{"Label":"1"}'))
    matter = find(after)
    assert matter is not None
    loaded = tomllib.loads(after[matter.start : matter.end])
    assert loaded == {"ai-model": 'Қ "x" 😀', "AIGC": {"Label": "1"}, "title": "x", "params": {"a": 1}}


def test_aigc_is_written_as_a_map_and_read_as_json() -> None:
    value = {"Label": "1", "ContentProducer": "001", "ProduceID": "a b"}
    after = written("# Hi\n", Tag("AIGC", json.dumps({"AIGC": value})))
    assert content(after) == {"AIGC": value}
    (tag,) = read(after).tags
    assert json.loads(tag.value) == value
    assert written(after, Tag("AIGC", json.dumps(value))) == after


def test_the_properties_of_a_work_get_the_names_of_texts(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes("# Привет".encode("cp1251"))
    tags = (Tag("DigitalSourceType", SOURCE), Tag("AISystemUsed", "Қ😀"), Tag("DataMining", "x/DMI-ALLOWED"))
    MARKDOWN.write(file, Slots(tags=tags), DEFAULT_LIMITS)
    data = file.read_bytes()
    assert data.endswith("# Привет".encode("cp1251"))
    found = MARKDOWN.read(io.BytesIO(data), DEFAULT_LIMITS)
    assert {tag.name: tag.value for tag in found.tags} == {
        "digital-source-type": SOURCE,
        "ai-disclosure": "ai-generated",
        "ai-model": "Қ😀",
        "tdm-reservation": "0",
    }


def test_a_reservation_is_never_taken_back() -> None:
    text = "---\ntdm-reservation: 1\n---\n"
    assert written(text, Tag("tdm-reservation", "0")) == text


@pytest.mark.parametrize(
    "matter",
    [
        "{a: b}",
        "  title: indented\n",
        "a: *x\n",
        "a: &x [1]\nb: [*x, *x]\n",
        "a: " + "[" * 100 + "]" * 100,
        "a: {" * 50,
        "a: b\n" * (MAX_CHARACTERS // 4),
        "key: value\n\tbroken: x\n",
        "a: !!python/object/apply:os.system ['x']\n  b: c\n",
        "title: x: y\n",
    ],
    ids=range(10),
)
def test_what_cannot_be_understood_is_refused_and_never_rewritten(matter: str) -> None:
    with pytest.raises(UnreadableFile, match=r"a\.md: .*front matter"):
        written(f"---\n{matter}\n---\nbody\n", Tag("ai-model", "x"))


def test_a_bomb_is_reported_as_damage_and_costs_nothing() -> None:
    lines = ['a0: &a0 ["x"]'] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    found = read("---\n" + "\n".join(lines) + "\n---\n")
    assert found.tags == ()
    assert "aliases" in found.damage[0]


def test_tags_of_yaml_are_only_text() -> None:
    found = read("---\na: !!python/name:os.system x\nb: yes\nc: 0x10\n---\n")
    assert {tag.name: tag.value for tag in found.tags} == {"a": "x", "b": "yes", "c": "0x10"}


def test_a_manifest_in_front_matter_is_no_damage() -> None:
    block = "-----BEGIN C2PA MANIFEST-----\ndata:application/c2pa;base64,AAAA\n-----END C2PA MANIFEST-----\n"
    found = read(f"---\n{block}title: x\n---\n")
    assert found.manifest
    assert found.damage == ()
    assert list(found.values("title")) == ["x"]


@given(st.text(alphabet="-+ \n\r:abc[]{}&*!|>'\"#,?\t\ufeff", max_size=80), st.sampled_from(["---", "+++"]))
@settings(max_examples=250, deadline=None)
def test_any_front_matter_is_either_kept_or_refused(matter: str, fence: str) -> None:
    text = f"{fence}\n{matter}\n{fence}\nbody"
    read(text)
    try:
        after = written(text, Tag("ai-model", "x y"))
    except UnreadableFile:
        return
    assert list(read(after).values("ai-model")) == ["x y"]
    assert after.endswith("body")


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_value_comes_back(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    for text in ("body\n", '+++\na = "b"\n+++\n'):
        assert list(read(written(text, Tag("ai-model", value))).values("ai-model")) == [value]
