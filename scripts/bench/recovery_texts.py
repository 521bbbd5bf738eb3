"""How many copies of labelled texts are found again, edited or quoted, and how many unrelated texts are taken for one.

    python scripts/bench/recovery_texts.py

Labelled are passages of Python's own manual (the help topics that come with it) that do not repeat each other;
unrelated are the docstrings of more than 50 words of all packages that are installed beside it, each once.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from measuring import bench_folder

from kzlabel import Labeller, LabelOptions, Verifier, VerifyOptions
from kzlabel.registry.place import named
from kzlabel.registry.store import initialise
from kzlabel.watermark.trials.counting import Row

WORDS = (120, 400)  # of a labelled text
QUOTED = 60  # words of a passage that is quoted
RUN = 6  # words that no two labelled texts have in common
LEAST = 50  # words of an unrelated text


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--registry", help="default: SQLite, in a folder of its own")
    asked.add_argument("--unrelated", type=int, default=10_000)
    chosen = asked.parse_args()
    chance = random.Random(1)
    with bench_folder() as folder:
        registry = chosen.registry or f"sqlite:///{folder / 'registry.db'}"
        initialise(named(registry)).close()
        labeller = Labeller(LabelOptions(registry=registry, audit="off"))
        verifier = Verifier(VerifyOptions(registry=registry))
        unrelated = list(_docstrings(chosen.unrelated))
        chance.shuffle(unrelated)
        works = []
        for text in _passages(chance):
            made = labeller.label_bytes(text.encode(), name="text.txt")
            works.append((text, made.labelled.manifest_id))
        print(f"{len(works)} labelled texts of {WORDS[0]} to {WORDS[1]} words")
        for name, harm in _harms(chance, unrelated):
            first = found = 0
            for text, manifest in works:
                alike = _alike(verifier, harm(text))
                found += manifest in alike
                first += alike[:1] == [manifest]
            print(Row(f"similar: {name}", "", found, len(works)))
            print(Row("  and before all others", "", first, len(works)), flush=True)
        wrong = 0
        for text in unrelated:
            alike = _alike(verifier, text)
            if alike:
                wrong += 1
                print(f"  taken for a labelled one: {' '.join(text.split())[:160]}", flush=True)
        print(Row("unrelated, of more than 50 words", "", wrong, len(unrelated)))


def _alike(verifier: Verifier, text: str) -> list[str | None]:
    """The manifests of the works that read alike, the likest first."""
    verdict = verifier.verify(text.encode("utf-8", "replace"), name="text.txt")
    assert verdict.kind != "recovered"
    layers = (layer for layer in verdict.evidence if layer.layer == "fingerprint")
    return [found["manifest_id"] for layer in layers for found in layer.detail.get("recovered", ())]


def _passages(chance: random.Random) -> Iterator[str]:
    words = " ".join(topics[name] for name in sorted(topics)).split()
    at, told = 0, set[tuple[str, ...]]()
    while at + WORDS[1] < len(words):
        size = chance.randint(*WORDS)
        runs = {tuple(words[place : place + RUN]) for place in range(at, at + size - RUN)}
        if not runs & told:
            yield " ".join(words[at : at + size])
            told |= runs
        at += size


def _harms(chance: random.Random, others: list[str]):  # type: ignore[no-untyped-def]
    def edited(share: float):  # type: ignore[no-untyped-def]
        def edit(text: str) -> str:
            kept = []
            for word in text.split():
                drawn = chance.random()
                if drawn < share / 3:
                    continue
                kept.append(chance.choice(others).split()[0] if drawn < 2 * share / 3 else word)
                if 2 * share / 3 <= drawn < share:
                    kept.append(chance.choice(others).split()[-1])
            return " ".join(kept)

        return edit

    def quoted(text: str) -> str:
        words = text.split()
        begin = chance.randrange(len(words) - QUOTED)
        before, after = chance.sample(others, 2)
        return f"{before}\n\n> {' '.join(words[begin : begin + QUOTED])}\n\n{after}"

    yield "without its wrapper", lambda text: text
    yield "other case, line ends and signs", lambda text: re.sub(r"[,.;]", "", text).upper().replace(" ", "\n")
    yield "5 % of the words edited", edited(0.05)
    yield "10 % of the words edited", edited(0.10)
    yield f"{QUOTED} words quoted between two other texts", quoted


def _docstrings(most: int) -> Iterator[str]:
    seen: set[str] = set()
    folders = [Path(folder) for folder in sys.path if folder.endswith("site-packages")]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                if len(text.split()) > LEAST and text not in seen:
                    seen.add(text)
                    yield text
                    if len(seen) == most:
                        return


if __name__ == "__main__":
    main()
