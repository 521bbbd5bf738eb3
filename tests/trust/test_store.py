"""The user's own lists: kept whole, changed by one process at a time, refreshed with an eye on what goes missing."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kzlabel.errors import TrustError
from kzlabel.trust import Purpose, TrustList, TrustStore, default_trust, shipped_lists
from kzlabel.trust.authorities import Content, read_content
from kzlabel.trust.store import INDEX

from .. import pki

TODAY = date(2026, 11, 25)
SHIPPED = shipped_lists()[0]


def content(*roots: str) -> Content:
    return read_content("".join(roots or (pki.signer().root,)).encode(), "test")


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "trust")


def add(store: TrustStore, name: str = "Studio", purpose: Purpose = Purpose.SIGNING, *roots: str) -> TrustList:
    return store.add(content(*roots), name=name, purpose=purpose, date="2026-11-01", source="/x/root.pem", today=TODAY)


def test_a_folder_that_is_not_there_holds_the_shipped_lists_and_is_not_made(store: TrustStore) -> None:
    assert store.lists() == shipped_lists()
    assert not store.folder.exists()


def test_what_was_added_is_there_for_everybody_with_purpose_source_date_and_expiry(store: TrustStore) -> None:
    added = add(store, purpose=Purpose.TIME_STAMPING)
    again = TrustStore(store.folder).get("studio")
    assert again == added
    assert (again.purpose, again.date, again.source, again.added) == (
        "time-stamping",
        "2026-11-01",
        "/x/root.pem",
        "2026-11-25",
    )
    assert date.fromisoformat(again.expires) > TODAY
    trust = default_trust(store.folder)
    assert [anchor.name for anchor in trust.time_anchors] == ["C2PA time-stamping trust list", "Studio"]
    assert [anchor.name for anchor in trust.anchors] == ["C2PA trust list"]


def test_a_name_stands_for_one_list(store: TrustStore) -> None:
    add(store)
    for name in ("Studio", "STUDIO ", "C2PA trust list"):
        with pytest.raises(TrustError, match="already"):
            add(store, name)
    for name in ("", " ", "x" * 101, "a\nb", "\x1b[31m"):
        with pytest.raises(TrustError, match="cannot name a trust list"):
            add(store, name)
    assert len(store.lists()) == 3


def test_what_was_removed_is_gone_with_its_file(store: TrustStore) -> None:
    add(store, "One")
    add(store, "Two")
    assert store.remove("one") is None
    assert [one.name for one in store.lists()[2:]] == ["Two"]
    assert len([*store.folder.glob("*.pem")]) == 1
    with pytest.raises(TrustError, match=r"there is no trust list 'One'; known are .*'Two'"):
        store.remove("One")
    with pytest.raises(TrustError, match="comes with kzlabel and stays"):
        store.remove(SHIPPED.name)


def test_a_list_of_nothing_but_expired_certificates_is_refused(store: TrustStore) -> None:
    old = pki.signer(start=datetime.now(UTC) - timedelta(days=3660)).root
    with pytest.raises(TrustError, match="have expired, the last on"):
        store.add(content(old), name="Old", purpose=Purpose.SIGNING, date="2026-11-01", source="x", today=date.today())
    add(store, "Half", Purpose.SIGNING, old, pki.signer().root)


def test_a_list_of_a_day_to_come_is_refused(store: TrustStore) -> None:
    """It would never be old, and no later one could take its place."""
    add(store)
    with pytest.raises(TrustError, match="of 2999-01-01 is of no day yet"):
        store.update("Studio", content(), date="2999-01-01", today=TODAY, force=True)
    with pytest.raises(TrustError, match="of 2999-01-01 is of no day yet"):
        store.add(content(), name="Other", purpose=Purpose.SIGNING, date="2999-01-01", source="/x", today=TODAY)
    assert store.get("Studio").date == "2026-11-01"


def test_a_list_may_come_from_a_path_that_is_no_text(store: TrustStore) -> None:
    source = "/x/caf\udce9/root.pem"  # as Python writes a byte that is no UTF-8
    store.add(content(), name="Café", purpose=Purpose.SIGNING, date="2026-11-01", source=source, today=TODAY)
    assert (store.get("café").name, store.get("café").source) == ("Café", source)


def test_an_update_tells_what_came_and_what_went(store: TrustStore) -> None:
    kept, gone, come = (pki.signer().root for _ in range(3))
    add(store, "Studio", Purpose.SIGNING, kept, gone)
    drift = store.update("studio", content(kept, come), date="2026-11-20", today=TODAY)
    assert drift.changed
    assert len(drift.added) == len(drift.removed) == 1
    assert drift.added[0].fingerprint != drift.removed[0].fingerprint
    now = store.get("Studio")
    assert (now.date, len(now.authorities), now.source) == ("2026-11-20", 2, "/x/root.pem")
    assert not store.update("studio", content(kept, come), date="2026-11-20", today=TODAY).changed


def test_an_older_list_or_one_that_lost_over_half_is_taken_only_by_force(store: TrustStore) -> None:
    roots = [pki.signer().root for _ in range(4)]
    add(store, "Studio", Purpose.SIGNING, *roots)
    with pytest.raises(TrustError, match="is older than the present one of 2026-11-01; use --force"):
        store.update("Studio", content(*roots), date="2026-10-31", today=TODAY)
    with pytest.raises(TrustError, match="3 of its 4 certificates are gone"):
        store.update("Studio", content(roots[0]), date="2026-11-20", today=TODAY)
    assert len(store.get("Studio").authorities) == 4
    assert len(store.update("Studio", content(*roots[:2]), date="2026-11-20", today=TODAY).removed) == 2
    store.update("Studio", content(pki.signer().root), date="2020-01-01", today=TODAY, force=True)
    assert store.get("Studio").date == "2020-01-01"


def test_a_newer_copy_of_a_shipped_list_counts_until_a_newer_kzlabel_brings_a_newer_one(store: TrustStore) -> None:
    longer = Content(SHIPPED.pem + pki.signer().root, None)
    drift = store.update(SHIPPED.name, longer, date="2026-10-01", today=TODAY)
    assert len(drift.added) == 1
    first = store.lists()[0]
    assert (first.name, first.date, len(first.authorities), first.licence) == (
        SHIPPED.name,
        "2026-10-01",
        31,
        "O-UDA-1.0",
    )
    assert default_trust(store.folder).anchors[0].date == "2026-10-01"

    index = store.folder / INDEX
    index.write_text(index.read_text().replace("2026-10-01", "2026-08-04"))  # as if the shipped one were newer
    assert store.lists()[0] == SHIPPED
    assert store.remove(SHIPPED.name) == SHIPPED
    assert store.lists() == shipped_lists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lists": 5}', '{"lists": [{}]}', '{"lists": [[]]}', "[" * 100_000])
def test_a_damaged_index_is_told_and_never_taken_for_an_empty_one(text: str, store: TrustStore) -> None:
    store.folder.mkdir()
    (store.folder / INDEX).write_text(text)
    for act in (store.lists, lambda: add(store), lambda: store.remove("x")):
        with pytest.raises(TrustError, match="is damaged"):
            act()
    assert (store.folder / INDEX).read_text() == text


@pytest.mark.parametrize("file", ["../outside.pem", "/etc/passwd", "", "."])
def test_the_index_names_files_of_its_own_folder_only(file: str, store: TrustStore) -> None:
    add(store)
    index = json.loads((store.folder / INDEX).read_text())
    (store.folder.parent / "outside.pem").write_text(pki.signer().root)
    index["lists"][0]["file"] = file
    (store.folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(TrustError):
        store.lists()


def test_a_list_that_was_changed_by_hand_is_refused_and_can_be_removed(store: TrustStore) -> None:
    add(store, "One")
    add(store, "Two")
    (path,) = store.folder.glob("one-*.pem")
    path.write_bytes(pki.signer().root.encode() + b"\xff")
    with pytest.raises(TrustError, match="was changed by hand"):
        store.lists()
    with pytest.raises(TrustError, match="was changed by hand"):
        store.remove("Two")  # which must not make the other one good
    store.remove("One")
    assert [one.name for one in store.lists()[2:]] == ["Two"]


def test_a_list_without_a_certificate_is_refused_although_the_index_fits_it(store: TrustStore) -> None:
    add(store)
    index = json.loads((store.folder / INDEX).read_text())
    (store.folder / index["lists"][0]["file"]).write_text("<!doctype html>")
    index["lists"][0]["sha256"] = hashlib.sha256(b"<!doctype html>").hexdigest()
    (store.folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(TrustError, match="damaged"):
        store.lists()
    store.remove("Studio")
    assert store.lists() == shipped_lists()


def test_many_processes_add_at_once_and_nothing_is_lost(store: TrustStore, tmp_path: Path) -> None:
    script = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from kzlabel.trust import Purpose, TrustStore\n"
        "from kzlabel.trust.authorities import read_content\n"
        "content = read_content(Path(sys.argv[2]).read_bytes(), 'x')\n"
        "for number in range(5):\n"
        "    TrustStore(Path(sys.argv[1])).add(content, name=f'{sys.argv[3]}-{number}', purpose=Purpose.SIGNING,\n"
        "        date='2026-11-01', source='x', today=date(2026, 11, 25))\n"
    )
    root = tmp_path / "root.pem"
    root.write_text(pki.signer().root)
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(store.folder), str(root), str(number)])
        for number in range(4)
    ]
    assert [process.wait(60) for process in running] == [0] * 4
    assert len(store.lists()) == 2 + 20
