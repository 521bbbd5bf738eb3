"""`label` with a registry: registered in the same run, and no file in place without its entry."""

from __future__ import annotations

import re
import secrets
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from kzlabel import Declaration, Labeller, LabelOptions
from kzlabel.errors import RegistryError, UsageError
from kzlabel.files import sha256_of
from kzlabel.registry import State, registrar
from kzlabel.registry.archive import bring_in, export
from kzlabel.registry.outbox import Delivered, Outbox, Waiting
from kzlabel.registry.place import named, outbox_folder
from kzlabel.registry.store import initialise

from ..end_to_end.command import kzlabel
from ..media import reels
from ..system import need
from .conftest import Places
from .warm import LAST, Warm
from .works import plain


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def a_text(folder: Path, name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text("A text about something else. " * 40 + secrets.token_hex(8))
    return path


def labeller(url: str | None, **more: bool) -> Labeller:
    made = Labeller(LabelOptions(registry=url, overwrite=True, **more))  # type: ignore[arg-type]
    if url and url.startswith("postgresql"):
        named(url).open().enrol(made._warm_signer().fingerprint)
    return made


def test_a_label_is_registered_in_the_same_run(places: Places, tmp_path: Path) -> None:
    url = places.url()
    registry = initialise(named(url))
    made = labeller(url).label(a_text(tmp_path))
    (kept,) = registry.find(made.declaration.identifier)
    assert kept.state is State.CONFIRMED
    assert (kept.entry.sha256, kept.entry.manifest_id) == (sha256_of(made.output), made.manifest_id)
    assert registry.manifest(kept.entry.manifest)
    assert not list(outbox_folder().iterdir())
    again = labeller(url).label(made.output)
    assert again.status == "unchanged"
    assert registry.count().confirmed == 1


def test_without_a_registry_no_database_library_is_loaded(tmp_path: Path) -> None:
    script = (
        "import sys; from kzlabel import label; "
        f"made = label({str(a_text(tmp_path))!r}); assert made.status == 'labelled'; "
        "print(sorted({'sqlalchemy', 'alembic', 'psycopg', 'fsspec'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_an_entry_that_was_registered_and_whose_file_never_came_is_taken_back(places: Places, tmp_path: Path) -> None:
    url = places.url()
    registry = initialise(named(url))
    entry, store = plain(1)
    registry.enrol(entry.signer)
    registry.register(entry, store, State.PENDING)
    outbox = Outbox(tmp_path / "outbox")
    waiting = Waiting(registry.place.name, entry, store, tmp_path / "never.txt")
    with outbox.holding(waiting):
        assert outbox.deliver(registry) == Delivered()  # somebody is busy with it
        assert registry.count().pending == 1
    (tmp_path / "outbox" / "damaged.json").write_bytes(b"[" * 5000)
    assert outbox.deliver(registry) == Delivered(void=1, left=1)
    assert registry.count().pending == 0


def test_a_collision_draws_again_and_a_chosen_identifier_of_another_is_refused(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = places.url()
    registry = initialise(named(url))
    with_registry = labeller(url)
    first = with_registry.label(a_text(tmp_path)).declaration.identifier
    taken = iter([first, "0123456789ab"])
    monkeypatch.setattr(registrar, "new_identifier", lambda: next(taken))
    second = with_registry.label(a_text(tmp_path), declaration=Declaration(identifier=first), drawn=True)
    assert second.declaration.identifier == "0123456789ab"
    chosen = with_registry.label(a_text(tmp_path), declaration=Declaration(identifier=first))
    assert chosen.declaration.identifier == first
    registry.enrol("6" * 64)
    registry.issue("e" * 12, "6" * 64)
    with pytest.raises(UsageError, match="another signer"):
        with_registry.label(a_text(tmp_path), declaration=Declaration(identifier="e" * 12))


def test_a_labelled_film_and_picture_can_be_exchanged(places: Places, tmp_path: Path) -> None:
    """Their manifests are bound to boxes and to ranges of bytes, none of which is at hand."""
    url = places.url()
    registry = initialise(named(url))
    with_registry = labeller(url, watermark=False)
    Image.new("RGB", (640, 480), "grey").save(tmp_path / "picture.jpg")
    reels.make(tmp_path / "film.mp4", "h264", seconds="1")
    for name in ("picture.jpg", "film.mp4"):
        with_registry.label(tmp_path / name)
    signer = with_registry._warm_signer()
    export(registry, tmp_path / "all.zip", signer)
    other = initialise(places.place())
    done = bring_in(other, tmp_path / "all.zip", lambda whose: whose == signer.fingerprint)
    assert (done.added, done.reasons) == (2, [])


def test_without_an_answer_the_label_stands_and_is_delivered_later(places: Places, tmp_path: Path) -> None:
    url = places.url()
    made = labeller(None, registry_required=False)
    waiting = Labeller(LabelOptions(registry=url, overwrite=True))
    labelled = waiting.label(a_text(tmp_path))
    assert any("registry status --repair" in note for note in labelled.notes)
    assert labelled.output.exists()
    with pytest.raises(RegistryError):
        Labeller(LabelOptions(registry=url, registry_required=True)).label(a_text(tmp_path, "other.txt"))
    assert not (tmp_path / "other.labelled.txt").exists()

    registry = initialise(named(url))
    registry.enrol(made._warm_signer().fingerprint)
    labelled.output.rename(tmp_path / "moved.txt")
    labeller(url).label(a_text(tmp_path, "third.txt"))
    (kept,) = registry.find(labelled.declaration.identifier)
    assert kept.state is State.CONFIRMED
    assert not list(outbox_folder().iterdir())


def test_a_signer_who_is_not_enrolled_registers_nothing_but_a_local_registry_enrols_development_keys(
    places: Places, tmp_path: Path
) -> None:
    url = places.url()
    registry = initialise(named(url))
    labelled = Labeller(LabelOptions(registry=url)).label(a_text(tmp_path))
    local = registry.place.local
    assert any("not enrolled" in note for note in labelled.notes) is not local
    assert registry.count().confirmed == int(local)


# What changes something on disk. A label makes some sixty such calls.
CHANGES = "pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat"
ENDS = 20


def test_killed_at_any_point_no_file_is_in_place_that_the_registry_lacks(tmp_path: Path) -> None:
    """Its calls are seen once, and then it ends at each of twenty of them, spread evenly."""
    need("strace", package="strace")
    assert kzlabel("registry", "init", home=tmp_path).code == 0
    source, trace = a_text(tmp_path), tmp_path / "trace"
    looking = ("strace", "-f", "-qq", "-o", trace, "-e", f"trace={CHANGES}")
    killing = ("-e", f"inject={CHANGES}:signal=KILL:when={LAST}")
    with Warm(tmp_path, (*looking, *killing)) as warm:
        status = warm.end("label", source, "-o", tmp_path / "whole.out.txt")
        if status is None:
            pytest.skip("this machine does not let strace look on")
        assert status == 0, (tmp_path / "err").read_text()
        calls = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
        numbered = [(call, calls[: at + 1].count(call)) for at, call in enumerate(calls)]
        killed = 0
        for at in range(ENDS):
            call, number = numbered[at * len(numbered) // ENDS]
            end = warm.end("label", source, "-o", tmp_path / f"{call}-{number}.out.txt", before=(call, LAST - number))
            killed += end == signal.SIGKILL
    assert killed >= ENDS - 2  # a few calls are made by chance
    placed = sorted(tmp_path.glob("*.out.txt"))
    assert 1 < len(placed) < ENDS
    registry = named(f"sqlite:///{default_file(tmp_path)}").open()
    for path in placed:
        assert registry.find_file(sha256_of(path)), f"{path.name} is in place, and the registry lacks it"
    done = kzlabel("registry", "status", "--repair", "--json", home=tmp_path)
    assert done.code == 0, done.err
    assert done.json["pending"] == done.json["waiting"] == 0
    assert done.json["confirmed"] == len(placed)
    assert {kept.state for path in placed for kept in registry.find_file(sha256_of(path))} == {State.CONFIRMED}
    with sqlite3.connect(default_file(tmp_path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def default_file(home: Path) -> Path:
    """Where the command of a user with this home keeps the registry."""
    return home / ".local" / "state" / "kzlabel" / "registry" / "registry.db"


def test_the_verbs_tell_what_they_do(tmp_path: Path) -> None:
    with Warm(tmp_path) as warm:
        told = warm.run("registry", "status")
        assert told.code == 12
        assert "registry init" in told.err
        assert warm.run("registry", "init").code == 0
        source = a_text(tmp_path)
        identifier = warm.run("label", source, "--json").json["identifier"]
        shown = warm.run("registry", "show", identifier, "--save", tmp_path / "m.c2pa")
        assert identifier in shown.out.decode()
        assert (tmp_path / "m.c2pa").stat().st_size
        assert warm.run("registry", "show", "f" * 12).code == 1
        assert warm.run("registry", "show", "xyz").code == 2
        assert warm.run("registry", "export", "all.zip").code == 0
        other = f"sqlite:///{tmp_path / 'other.db'}"
        assert warm.run("registry", "init", KZLABEL_REGISTRY=other).code == 0
        strange = warm.run("registry", "import", "all.zip", "--registry", other)
        assert (strange.code, "--from" in strange.err) == (3, True)
        leaf = tmp_path / ".config/kzlabel/keys/dev.pem"
        done = warm.run("registry", "import", "all.zip", "--from", leaf, "--json", "--registry", other)
        assert (done.code, done.json["added"]) == (0, 1), done.err
        assert warm.run("registry", "enrol", leaf, "--registry", other).code == 0
        assert warm.run("registry", "prune").code == 0
        assert warm.run("registry", "migrate").code == 0
        none = warm.run("label", source, "-o", "none.txt", "--registry", "none", "--json")
        assert warm.run("registry", "show", none.json["identifier"]).code == 1
