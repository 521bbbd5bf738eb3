"""`label` with a registry: registered in the same run, and no file in place without its entry."""

from __future__ import annotations

import random
import secrets
import signal
import subprocess
import time
from pathlib import Path

import pytest

from kzlabel import Declaration, Labeller, LabelOptions
from kzlabel.errors import RegistryError, UsageError
from kzlabel.files import sha256_of
from kzlabel.registry import State, registrar
from kzlabel.registry.place import named, outbox_folder
from kzlabel.registry.store import initialise

from ..end_to_end.command import PROGRAM, environment, kzlabel
from .conftest import Places


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


def test_a_signer_who_is_not_enrolled_registers_nothing(places: Places, tmp_path: Path) -> None:
    url = places.url()
    registry = initialise(named(url))
    if registry.place.local:
        pytest.skip("a local registry enrols development keys")
    labelled = Labeller(LabelOptions(registry=url)).label(a_text(tmp_path))
    assert any("not enrolled" in note for note in labelled.notes)
    assert registry.count().confirmed == 0


def test_killed_at_any_point_no_file_is_in_place_that_the_registry_lacks(tmp_path: Path) -> None:
    """Twenty runs, each killed a little later; most of the span is start-up, so the delays crowd where it registers."""
    assert kzlabel("registry", "init", home=tmp_path).code == 0
    source = a_text(tmp_path)
    began = time.monotonic()
    assert kzlabel("label", source, "-o", tmp_path / "first.txt", home=tmp_path).code == 0
    span = time.monotonic() - began
    chance = random.Random(1)
    for number in range(20):
        process = subprocess.Popen(
            [PROGRAM, "label", source, "-o", tmp_path / f"{number}.out.txt"],
            cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(span * chance.uniform(0.55, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    told = kzlabel("registry", "status", "--repair", "--json", home=tmp_path)
    assert told.code == 0, told.err
    assert told.json["pending"] == told.json["waiting"] == 0
    placed = sorted(tmp_path.glob("*.out.txt"))
    for path in placed:
        shown = kzlabel("registry", "show", sha256_of(path), "--json", home=tmp_path)
        assert [one["state"] for one in shown.json] == ["confirmed"], path
    assert told.json["confirmed"] == len(placed) + 1


def test_the_verbs_tell_what_they_do(tmp_path: Path) -> None:
    told = kzlabel("registry", "status", home=tmp_path)
    assert told.code == 12
    assert "registry init" in told.err
    assert kzlabel("registry", "init", home=tmp_path).code == 0
    source = a_text(tmp_path)
    identifier = kzlabel("label", source, "--json", home=tmp_path).json["identifier"]
    shown = kzlabel("registry", "show", identifier, "--save", tmp_path / "m.c2pa", home=tmp_path)
    assert identifier in shown.out.decode()
    assert (tmp_path / "m.c2pa").stat().st_size
    assert kzlabel("registry", "show", "f" * 12, home=tmp_path).code == 1
    assert kzlabel("registry", "show", "xyz", home=tmp_path).code == 2
    assert kzlabel("registry", "export", "all.zip", home=tmp_path).code == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert kzlabel("registry", "init", home=tmp_path, KZLABEL_REGISTRY=other).code == 0
    strange = kzlabel("registry", "import", "all.zip", "--registry", other, home=tmp_path)
    assert (strange.code, "--from" in strange.err) == (3, True)
    leaf = tmp_path / ".config/kzlabel/keys/dev.pem"
    done = kzlabel("registry", "import", "all.zip", "--from", leaf, "--json", "--registry", other, home=tmp_path)
    assert (done.code, done.json["added"]) == (0, 1), done.err
    assert kzlabel("registry", "enrol", leaf, "--registry", other, home=tmp_path).code == 0
    assert kzlabel("registry", "prune", home=tmp_path).code == 0
    assert kzlabel("registry", "migrate", home=tmp_path).code == 0
    none = kzlabel("label", source, "-o", "none.txt", "--registry", "none", "--json", home=tmp_path)
    assert kzlabel("registry", "show", none.json["identifier"], home=tmp_path).code == 1
