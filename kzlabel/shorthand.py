"""One call for one file: the library's verbs, with the names and defaults of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from .declaration import Declaration
from .evidence import Evidence
from .labeller import Labeller
from .limits import DEFAULT_LIMITS, Limits
from .request import Labelled, LabelOptions
from .verification.collect import Collector
from .verification.inspection import inspect_file
from .verification.verdict import Verdict
from .verification.verifier import Verifier, VerifyOptions


def label(
    source: Path | str,
    target: Path | str | None = None,
    *,
    declaration: Declaration | None = None,
    parent: Path | str | None = None,
    options: LabelOptions | None = None,
) -> Labelled:
    """Label one file; see `Labeller.label`."""
    return Labeller(options).label(source, target, declaration=declaration, parent=parent)


def verify(
    source: Path | str | bytes | BinaryIO,
    *,
    sidecar: Path | None = None,
    options: VerifyOptions | None = None,
) -> Verdict:
    """Verify one file; see `Verifier.verify`."""
    return Verifier(options).verify(source, sidecar=sidecar)


def inspect(source: Path | str, *, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any]:
    """Every mark of one file as found, raw, without judgement; see `inspect_file`."""
    return inspect_file(Path(source), limits=limits)


def collect(source: Path | str, *, options: VerifyOptions | None = None) -> Evidence:
    """The evidence in one file, to be judged now or archived; see `Collector.collect`."""
    chosen = options or VerifyOptions()
    return Collector(trust=chosen.trust, limits=chosen.limits).collect(Path(source)).evidence
