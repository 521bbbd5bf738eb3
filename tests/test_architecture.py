"""The house: imports go one way, heavy packages come late, and what is public is what is promised."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kzlabel

PACKAGE = Path(kzlabel.__file__).parent

# From the top down: a module may import from its own layer and from those below, never from above.
LAYERS = (
    ("cli", "demo", "__main__"),
    ("labeller", "shorthand"),
    ("labelling",),
    ("admission",),
    ("watermarking", "watermark_alone", "watermark_bench", "resolution"),
    ("request",),
    ("verification",),
    ("registry",),
    ("media", "marks"),
    ("fingerprint",),
    ("disclosure", "signing", "trust", "watermark", "profiles"),
    ("containers", "settings"),
    ("declaration", "evidence", "files", "network"),
    ("limits", "inert", "errors", "__init__"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Within a layer, the only directions that are meant.
SIDEWAYS = {("cli", "demo"), ("shorthand", "labeller"), ("__main__", "cli"), ("inert", "errors")}
# What only one module may import.
EXCLUSIVE = {
    "c2pa": {"marks/manifest.py", "marks/signing_hand.py"},
    "mutagen": {"containers/tag_library.py"},
    "piexif": {"marks/exif.py"},
    "pikepdf": {"containers/pdf.py"},
    "sqlalchemy": {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "registry").rglob("*.py")},
    "alembic": {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "registry").rglob("*.py")},
    "starlette": {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "resolution").glob("*.py")},
    "typer": {f"cli/{path.name}" for path in (PACKAGE / "cli").glob("*.py")},
}
HEAVY = (
    "numpy",
    "PIL",
    "lxml",
    "c2pa",
    "mutagen",
    "pikepdf",
    "ffmpeg",
    "cryptography",
    "rich",
    "yaml",
    "piexif",
    "urllib3",
    "sqlalchemy",
    "alembic",
    "starlette",
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path, *, typing_too: bool = True) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a module: the statement, and the absolute name it asks for."""
    package = ("kzlabel", *path.relative_to(PACKAGE).parts[:-1])
    tree = ast.parse(path.read_text("utf-8"))
    skipped = set()
    if not typing_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                skipped |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield node, module
            if node.level and not node.module:
                for alias in node.names:
                    yield node, f"{module}.{alias.name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path: Path) -> None:
    here = part_of(path)
    assert here in RANK, f"{here} has no layer; give it one"
    for _, name in imports(path, typing_too=False):
        if not name.startswith("kzlabel."):
            continue
        there = name.split(".")[1]
        if there == here or there not in RANK:
            continue
        allowed = RANK[there] > RANK[here] or (here, there) in SIDEWAYS
        assert allowed, f"{path.relative_to(PACKAGE)} imports {name} from above or beside"


def test_no_cycles_between_the_parts() -> None:
    reached: dict[str, set[str]] = {}
    for path in modules():
        for _, name in imports(path, typing_too=False):
            if name.startswith("kzlabel.") and (there := name.split(".")[1]) in RANK and there != part_of(path):
                reached.setdefault(part_of(path), set()).add(there)

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"the imports go round: {' -> '.join((*trail, name))}"
        for following in reached.get(name, ()):
            visit(following, (*trail, name))

    reached.pop("__init__", None)
    for name in tuple(reached):
        visit(name, ())


@pytest.mark.parametrize(("library", "homes"), EXCLUSIVE.items(), ids=EXCLUSIVE)
def test_each_library_of_this_kind_has_one_home(library: str, homes: set[str]) -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        for _, name in imports(path, typing_too=False)
        if name.split(".")[0] == library
    }
    assert users
    assert users <= homes


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['kzlabel', '--version']\n"
        "from kzlabel.cli.app import run; run()\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_everything_public_can_be_imported_and_nothing_else_is_promised() -> None:
    for name in kzlabel.__all__:
        assert getattr(kzlabel, name) is not None
    assert set(kzlabel._HOMES) | {"__version__"} == set(kzlabel.__all__)
    with pytest.raises(AttributeError):
        _ = kzlabel.surely_not_there


def test_no_module_is_a_drawer() -> None:
    forbidden = {"utils", "util", "helpers", "misc", "common", "tools"}
    assert not [path for path in modules() if path.stem in forbidden]
    long = {str(path.relative_to(PACKAGE)): lines for path in modules() if (lines := _lines(path)) > 500}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())
