"""What is found in files of records: where a chain was broken, and what was signed since a time."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kzlabel.errors import UnreadableFile, UsageError
from kzlabel.signing.audit import Signature
from kzlabel.signing.audit.checking import check, moment, records
from kzlabel.signing.audit.record import Head, link, sealed
from kzlabel.signing.audit.trail import head_of

from .test_audit import WORK, sequence, write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six records."""
    path = tmp_path / "audit.jsonl"
    write(str(path), 6)
    return path


# --- a new file ---


def test_a_file_moved_away_is_followed_by_one_that_goes_on(file: Path) -> None:
    old = file.rename(file.with_name("old.jsonl"))
    known = check([old])
    write(str(file), 3)
    both = check([old, file])
    assert (both.whole, both.records) == (True, 9)
    assert sequence(file) == [7, 8, 9]
    alone = check([file])
    assert (alone.whole, alone.first) == (True, 7)
    assert "goes on after record 6 of an earlier file" in alone.notes[0]
    assert known.head
    assert check([old, file], head=known.head.hash).whole
    broken = check([file], head=known.head.hash).broken
    assert broken
    assert known.head.hash in broken.sentence
    assert not check([file, old]).whole


def test_what_was_moved_away_and_not_followed_is_missed(file: Path) -> None:
    file.rename(file.with_name("old.jsonl"))
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.record) == ("removed", 6)


# --- tampering ---


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_change_to_a_file_of_records_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "audit.jsonl"
        write(str(path), 5)
        whole = path.read_bytes()
        lines = whole.splitlines(keepends=True)
        kind = data.draw(st.sampled_from(["byte", "byte", "removed", "repeated", "swapped", "inserted", "cut"]))
        place = data.draw(st.integers(0, 4))
        if kind == "byte":
            position = data.draw(st.integers(0, len(whole) - 1))
            value = data.draw(st.integers(0, 255).filter(lambda one: one != whole[position]))
            altered = whole[:position] + bytes([value]) + whole[position + 1 :]
        elif kind == "removed":
            altered = b"".join(lines[:place] + lines[place + 1 :])
        elif kind == "repeated":
            other = data.draw(st.integers(0, 5))
            altered = b"".join([*lines[:other], lines[place], *lines[other:]])
        elif kind == "swapped":
            other = data.draw(st.integers(0, 4).filter(lambda one: one != place))
            lines[place], lines[other] = lines[other], lines[place]
            altered = b"".join(lines)
        elif kind == "inserted":
            altered = b"".join([*lines[:place], data.draw(st.binary(max_size=50)) + b"\n", *lines[place:]])
        else:
            altered = whole[: data.draw(st.integers(0, len(whole) - 1))]
        path.write_bytes(altered)
        found = check([path])
        assert found.broken
        assert found.broken.what in ("changed", "exchanged", "removed", "inserted", "reordered", "torn")
        assert found.broken.sentence.count("\n") == 0


def altered(file: Path, order: list[int]) -> tuple[str, int | None, int | None]:
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[number - 1] for number in order))
    broken = check([file]).broken
    assert broken
    return broken.what, broken.line, broken.record


def test_a_removed_record_is_named(file: Path) -> None:
    assert altered(file, [1, 2, 5, 6]) == ("removed", 3, 5)


def test_a_removed_beginning_is_named(file: Path) -> None:
    assert altered(file, [2, 3, 4, 5, 6]) == ("removed", 1, 2)


def test_a_record_put_elsewhere_is_named(file: Path) -> None:
    assert altered(file, [1, 2, 4, 5, 3, 6]) == ("reordered", 3, 4)


def test_a_repeated_record_is_named(file: Path) -> None:
    assert altered(file, [1, 2, 3, 2, 4, 5, 6]) == ("inserted", 4, 2)


def test_a_changed_record_is_named(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b'"kz"', b'"eu"')
    file.write_bytes(b"".join(lines))
    found = check([file])
    assert found.broken
    assert (found.broken.what, found.broken.line, found.broken.record, found.records) == ("changed", 4, 4, 3)
    assert found.broken.sentence == "audit.jsonl: line 4, record 4: changed: its hash does not fit its content"
    assert sum(record is None for record in records([file])) == 1


def test_a_record_forged_with_a_hash_that_fits_is_found_at_the_next(file: Path) -> None:
    lines = file.read_bytes().splitlines()
    forged, _ = sealed(Signature(**{**vars(WORK), "profile": "eu"}), head_at(lines[1]))
    file.write_bytes(b"\n".join([*lines[:2], forged, *lines[3:], b""]))
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.line) == ("exchanged", 4)


def head_at(line: bytes) -> Head:
    found = link(line)
    assert found
    return found.head


def test_records_cut_off_at_the_end_leave_a_gap_for_ever(file: Path) -> None:
    assert altered(file, [1, 2, 3, 4]) == ("removed", None, 6)
    write(str(file), 2)
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.line, broken.record) == ("removed", 5, 7)


def test_a_last_record_written_anew_is_found(file: Path) -> None:
    lines = file.read_bytes().splitlines()
    forged, _ = sealed(Signature(**{**vars(WORK), "profile": "eu"}), head_at(lines[4]))
    file.write_bytes(b"\n".join([*lines[:5], forged, b""]))
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.record) == ("exchanged", 6)
    write(str(file), 1)
    broken = check([file]).broken
    assert broken
    assert (broken.what, broken.line) == ("exchanged", 7)


def test_a_whole_chain_written_anew_is_found_with_a_head_kept_elsewhere(file: Path) -> None:
    kept = check([file]).head
    assert kept
    file.unlink()
    head_of(file).unlink()
    write(str(file), 6)
    assert check([file]).whole
    assert not check([file], head=kept.hash).whole
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        check([file], head="abc")


def test_a_head_file_that_is_lost_or_damaged_is_made_anew(file: Path) -> None:
    for content in (b"", b"nonsense" * 100):
        head_of(file).write_bytes(content)
        assert check([file]).whole
        write(str(file), 1)
    head_of(file).unlink()
    write(str(file), 1)
    assert (check([file]).whole, check([file]).records) == (True, 9)


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 5_000_000,
        b"\n" * 10_000,
        b"[" * 15_000 + b"\n",
        b"\xff\xfe\x00" * 1000,
        b'{"v":1,"seq":999999999999999999999999999999999999,"time":"2026-11-24T10:00:00.000000Z",\n',
        b'{"v":1,"seq":1,"time":"2026-11-24T10:00:00.000000Z",' + b"1" * 15_000 + b"\n",
    ],
    ids=["long", "empty lines", "nested", "bytes", "large number", "long number"],
)
def test_a_file_of_anything_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(content)
    broken = check([path]).broken
    assert broken
    assert (broken.what, broken.line) in (("changed", 1), ("torn", 1))
    assert len(broken.sentence) < 200
    assert set(records([path])) == {None}


def test_a_record_whose_hash_fits_and_which_is_no_json_is_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    body = (
        b'{"v":1,"seq":1,"time":"2026-11-24T10:00:00.000000Z","a":' + b"[" * 9000 + b',"previous":"' + b"0" * 64 + b'"'
    )
    path.write_bytes(body + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n')
    assert list(records([path])) == [None]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="there is no audit record here"):
        check([tmp_path / "audit.jsonl"])
    with pytest.raises(UnreadableFile, match="no regular file"):
        check([tmp_path])
    (tmp_path / "audit.jsonl").write_bytes(b"")
    with pytest.raises(UnreadableFile, match="there is no audit record here"):
        check([tmp_path / "audit.jsonl"])
    assert list(records([tmp_path / "audit.jsonl"])) == []


# --- listing ---


def test_records_are_listed_from_a_time_on(file: Path) -> None:
    assert sequence(file) == [1, 2, 3, 4, 5, 6]
    third = next(record for record in records([file]) if record and record["seq"] == 3)
    since = datetime.fromisoformat(third["time"])
    assert [record["seq"] for record in records([file], since=since) if record] == [3, 4, 5, 6]
    elsewhere = since.astimezone(tz=None) + timedelta(days=1)
    assert not list(records([file], since=elsewhere))
    assert len(list(records([file], since=datetime(950, 1, 1, tzinfo=UTC)))) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00:00+05:00", datetime(2026, 11, 20, 5, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 17, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 23, 12, tzinfo=UTC)),
    ],
)
def test_a_time_can_be_said_in_several_ways(text: str, expected: datetime) -> None:
    assert moment(text, now=datetime(2026, 11, 24, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "7", "d", "-7d", "999999d", "2026-13-01", "7y", "0001-01-01T00+14:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        moment(text)
