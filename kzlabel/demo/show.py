"""Runs the demonstration: makes originals, labels them, verifies the copies, tampers with one, writes the report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ..declaration import Declaration, Generator, Source
from ..errors import OutputError
from ..files import workspace, writing
from ..labeller import Labeller
from ..limits import DEFAULT_LIMITS, Limits
from ..media.programs.ffmpeg import find
from ..request import LabelOptions
from ..settings import config_folder
from ..trust import Trust, load_anchor
from ..verification.report import ReportItem, report
from ..verification.verifier import Verifier, VerifyOptions
from .works import make_works

GENERATOR = Generator("kzlabel demonstration", "1")


def show(
    folder: Path,
    *,
    overwrite: bool = False,
    ffmpeg: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    keys: Path | None = None,
    tell: Callable[[str], None] = print,
) -> Path:
    """Fill `folder` with originals, labelled copies, verdicts as JSON, one tampered copy, and report.html.

    keys: the folder of keys, None for the user's own. tell: gets a sentence for each step.
    Returns the report's path. Raises OutputError when the folder exists and `overwrite` is not set.
    """
    if folder.exists() and not overwrite:
        raise OutputError(f"{folder.name}: the folder exists already; name another one, or use --overwrite")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{folder.name}: the folder {parent} does not exist; create it first")
    with workspace(parent) as room:
        made = room / "demo"
        made.mkdir()
        _fill(made, ffmpeg, limits, keys, tell)
        with writing(folder):
            if folder.exists():
                _remove_earlier(folder)
            made.rename(folder)
    return folder / "report.html"


def _fill(folder: Path, ffmpeg: str | None, limits: Limits, keys: Path | None, tell: Callable[[str], None]) -> None:
    tell("Drawing and synthesising the originals …")
    works = make_works(folder, ffmpeg=find(ffmpeg))
    keys = keys or config_folder() / "keys"
    labeller = Labeller(LabelOptions(ffmpeg=ffmpeg, limits=limits, keys=keys, source_confirmed=True))
    labelled = []
    for work in works:
        tell(f"Labelling {work.path.name} …")
        made = labeller.label(work.path, declaration=Declaration(Source.GENERATED, GENERATOR, "kzlabel"))
        for note in made.notes:
            tell(f"  {note}")
        labelled.append((work, made.output))

    verifier = Verifier(VerifyOptions(trust=Trust(anchors=(load_anchor(keys / "root.pem"),)), limits=limits))
    items = []
    for work, copy in labelled:
        for title, path in ((f"{work.title}, labelled", copy), (f"{work.title}, original", work.path)):
            items.append(_verified(verifier, path, title))

    tell("Tampering with a copy of the picture …")
    tampered = folder / "picture.tampered.jpg"
    tampered.write_bytes(_flip_a_byte(labelled[0][1].read_bytes()))
    items.append(_verified(verifier, tampered, "The labelled picture, one byte of it changed"))

    page = report(items, title="kzlabel: the demonstration", generated_at=datetime.now(UTC))
    (folder / "report.html").write_text(page, encoding="utf-8")


def _verified(verifier: Verifier, path: Path, title: str) -> ReportItem:
    verdict = verifier.verify(path, name=path.name)
    text = json.dumps(verdict.to_json(), ensure_ascii=False, indent=2)
    path.with_name(f"{path.name}.verdict.json").write_text(text + "\n", encoding="utf-8")
    return ReportItem(verdict, path, verdict.format, caption=title)


def _flip_a_byte(data: bytes) -> bytes:
    """One bit of the picture's own data, three quarters into the file."""
    place = len(data) * 3 // 4
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def _remove_earlier(folder: Path) -> None:
    """Remove an earlier demonstration, and nothing that is not one."""
    if not (folder / "report.html").is_file() or not (folder / "picture.jpg.verdict.json").is_file():
        raise OutputError(f"{folder.name}: this folder holds no earlier demonstration; name another one")
    shutil.rmtree(folder)
