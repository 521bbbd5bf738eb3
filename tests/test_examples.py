"""The examples in the documents do what the documents say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import kzlabel
import kzlabel.media
from kzlabel import Declaration, Labeller, LabelOptions, Verifier

ROOT = Path(__file__).parents[1]


def examples(document: Path) -> list[str]:
    """The Python blocks that are marked as examples to run."""
    return re.findall(r"<!-- example -->\n```python\n(.*?)```", document.read_text("utf-8"), re.S)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from PIL import Image

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save("picture.png")
    return tmp_path


def run(code: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example", "exec", dont_inherit=True), names)
    return names, capsys.readouterr().out


def test_the_readme_has_two_examples() -> None:
    assert len(examples(ROOT / "README.md")) == 2


def test_the_pipeline_example_labels_what_is_in_memory(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, out = run(examples(ROOT / "README.md")[0], capsys)
    assert out == "untrusted generated\n"
    for made in (names["png"], names["flac"], names["page"].encode()):
        assert Verifier().verify(made, name="made.md").kind == "untrusted"


def test_the_file_example_labels_files_and_open_files(at_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, out = run(examples(ROOT / "README.md")[1], capsys)
    assert out.endswith("manifest.untrusted\n")
    assert (at_home / "picture.labelled.png").exists()
    assert kzlabel.verify(names["made"].data).identifier == names["made"].labelled.declaration.identifier


def test_the_example_of_a_new_format_works(at_home: Path) -> None:
    from PIL import Image

    names: dict[str, Any] = {"__name__": "example"}
    (code,) = examples(ROOT / "kzlabel" / "media" / "README.md")
    # Annotations of the example are looked up by dataclass-free code only, so a plain namespace is enough.
    exec(compile(code, "example", "exec", dont_inherit=True), names)
    known = (*kzlabel.media.formats(), names["Bmp"]())

    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save("scan.bmp")
    labeller = Labeller(LabelOptions(formats=known))
    labelled = labeller.label("scan.bmp", declaration=Declaration())
    assert labelled.sidecar == Path("scan.labelled.bmp.c2pa")
    assert labelled.disclosure is not None
    assert labelled.disclosure.contrast is not None
    assert labelled.disclosure.contrast >= 4.5
    assert kzlabel.verify("scan.labelled.bmp").kind == "untrusted"
    data = bytearray(Path("scan.labelled.bmp").read_bytes())
    data[5000] ^= 1
    Path("scan.labelled.bmp").write_bytes(data)
    assert kzlabel.verify("scan.labelled.bmp").kind == "tampered"
