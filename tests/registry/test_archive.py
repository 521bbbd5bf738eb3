"""Archives between registries, honest and hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kzlabel.errors import InputError, LimitExceeded, UnreadableFile
from kzlabel.limits import Limits
from kzlabel.registry import Entry, State
from kzlabel.registry.archive import CONTEXT, MOST_LINE, Archive, bring_in, export
from kzlabel.registry.store import Registry, initialise
from kzlabel.signing import Signer

from .conftest import Places
from .works import plain, signed


def anyone(fingerprint: str) -> bool:
    return True


def packed(path: Path, signer: Signer, entries: list[Entry], stores: list[bytes], **members: bytes) -> Path:
    """An archive with a good signature, whatever is in it."""
    rows = b"".join(json.dumps({**one.to_json(), "created": 1}).encode() + b"\n" for one in entries)
    rows = members.pop("rows", rows)
    digests = sorted(hashlib.sha256(store).hexdigest() for store in stores)
    told = json.dumps({"v": 1, "entries": hashlib.sha256(rows).hexdigest(), "manifests": digests}).encode()
    signature = base64.b64encode(signer.sign(CONTEXT + told)).decode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("entries.jsonl", rows)
        for store in stores:
            archive.writestr(f"manifests/{hashlib.sha256(store).hexdigest()}.c2pa", store)
        archive.writestr("digests.json", told)
        archive.writestr(
            "signature.json", json.dumps({"alg": signer.alg, "chain": signer.chain, "signature": signature})
        )
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_entries_go_from_one_registry_to_another(
    registry: Registry, places: Places, signer: Signer, tmp_path: Path
) -> None:
    registry.enrol(signer.fingerprint)
    entries = [signed(signer) for _ in range(3)]
    for entry, store in entries:
        registry.register(entry, store, State.CONFIRMED)
    registry.register(*plain(1, signer.fingerprint), State.PENDING)
    assert export(registry, tmp_path / "a.zip", signer) == 3
    other = initialise(places.place())
    with pytest.raises(UnreadableFile, match="not enrolled"):
        bring_in(other, tmp_path / "a.zip", other.enrolled)
    assert bring_in(other, tmp_path / "a.zip", anyone).to_json() == {
        "added": 3, "known": 0, "refused": 0, "reasons": []
    }  # fmt: skip
    assert bring_in(other, tmp_path / "a.zip", anyone).known == 3
    for entry, store in entries:
        assert other.find(entry.identifier)[0].entry == entry
        assert other.manifest(entry.manifest) == store
    assert not other.enrolled(signer.fingerprint)


def test_an_entry_is_imported_only_if_its_manifest_verifies(registry: Registry, signer: Signer, tmp_path: Path) -> None:
    good, store = signed(signer)
    at = store.rindex(b"c2pa.signature") + 400
    broken = store[:at] + bytes([store[at] ^ 1]) + store[at + 1 :]
    wrong = [
        replace(good, manifest=hashlib.sha256(broken).hexdigest()),
        replace(good, identifier="0" * 12),
        replace(good, watermark="0" * 12),
        replace(good, watermark=None),
        replace(good, signer="6" * 64),
        replace(good, manifest_id="urn:c2pa:other"),
        replace(plain(3)[0], signer=signer.fingerprint),
    ]
    stores = [store, broken, plain(3)[1]]
    done = bring_in(registry, packed(tmp_path / "a.zip", signer, [*wrong, good], stores), anyone)
    assert (done.added, done.refused) == (1, len(wrong))
    assert registry.count().confirmed == 1


def test_hostile_archives_are_refused(registry: Registry, signer: Signer, tmp_path: Path) -> None:
    entry, store = signed(signer)
    path = tmp_path / "a.zip"
    for members, words in (
        ({"../../evil": b"x"}, "other files"),
        ({"manifests/../x.c2pa": b"x"}, "other files"),
        ({"rows": b"[" * 4000}, "malformed JSON"),
        ({"rows": b"{" + b" " * MOST_LINE + b"}"}, "too long"),
        ({"rows": b"{}\n"}, "malformed entry"),
        ({"rows": json.dumps({**plain(9)[0].to_json(), "created": 1}).encode()}, "not in it"),
    ):
        with pytest.raises(UnreadableFile, match=words):
            bring_in(registry, packed(path, signer, [entry], [store], **members), anyone)
    packed(path, signer, [entry], [store])
    with pytest.raises(LimitExceeded):
        bring_in(registry, path, anyone, limits=Limits(max_manifest_bytes=100))
    assert registry.count().confirmed == 0


def test_an_archive_of_which_anything_was_exchanged_is_not_believed(
    registry: Registry, signer: Signer, tmp_path: Path
) -> None:
    entry, store = signed(signer)
    good = packed(tmp_path / "good.zip", signer, [entry], [store])
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for changed in members:
        if changed.startswith("manifests/"):
            continue  # its name is its digest, checked when it is read
        bad = tmp_path / "bad.zip"
        with zipfile.ZipFile(bad, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data.replace(b"1", b"2", 1) if name == changed else data)
        if changed == "signature.json":  # a changed certificate of the same key is another, which nobody named
            with pytest.raises(UnreadableFile):
                bring_in(registry, bad, lambda whose: whose == signer.fingerprint)
            continue
        with pytest.raises(UnreadableFile):
            Archive(bad)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_one_of_our_errors(signer: Signer, tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.zip"
    if not path.exists():
        entry, store = signed(signer)
        packed(path, signer, [entry], [store])
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    bad = tmp_path / "bad.zip"
    bad.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole))
    try:
        with Archive(bad) as archive:
            for kept, _ in archive.entries():
                archive.manifest(kept.entry.manifest)
    except InputError:
        pass


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*Entry.__dataclass_fields__, "x"]), st.none() | st.integers() | st.text()))
def test_an_entry_takes_nothing_but_entries(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is"):
        Entry.from_json(values)
