"""Labels AI-generated media and verifies such labels.

    import kzlabel

    kzlabel.label("picture.png")                     # writes picture.labelled.png
    kzlabel.verify("picture.labelled.png").kind      # "untrusted": valid, but nobody vouches for the signer yet

`Labeller` and `Verifier` keep everything warm for many calls, and take bytes, arrays and strings as well.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .declaration import Declaration, Generator, Source, Training
    from .disclosure.plan import DisclosureRecord, Position, TextPlace
    from .errors import ExitCode, KzlabelError
    from .evidence import AI, Evidence, Layer, LayerEvidence, State
    from .labeller import LabelledBytes, Labeller
    from .limits import Limits
    from .profiles import Profile, load_profile
    from .request import Labelled, LabelOptions
    from .shorthand import collect, inspect, label, verify
    from .trust import Policy, Trust, load_anchors
    from .verification.judge import judge
    from .verification.verdict import Verdict, VerdictKind
    from .verification.verifier import Verifier, VerifyOptions

_HOMES = {
    "AI": "evidence",
    "Declaration": "declaration",
    "DisclosureRecord": "disclosure.plan",
    "Evidence": "evidence",
    "ExitCode": "errors",
    "Generator": "declaration",
    "KzlabelError": "errors",
    "LabelOptions": "request",
    "Labelled": "request",
    "LabelledBytes": "labeller",
    "Labeller": "labeller",
    "Layer": "evidence",
    "LayerEvidence": "evidence",
    "Limits": "limits",
    "Policy": "trust",
    "Position": "disclosure.plan",
    "Profile": "profiles",
    "Source": "declaration",
    "State": "evidence",
    "TextPlace": "disclosure.plan",
    "Training": "declaration",
    "Trust": "trust",
    "Verdict": "verification.verdict",
    "VerdictKind": "verification.verdict",
    "Verifier": "verification.verifier",
    "VerifyOptions": "verification.verifier",
    "collect": "shorthand",
    "inspect": "shorthand",
    "judge": "verification.judge",
    "label": "shorthand",
    "load_anchors": "trust",
    "load_profile": "profiles",
    "verify": "shorthand",
}

__all__ = [
    "AI",
    "Declaration",
    "DisclosureRecord",
    "Evidence",
    "ExitCode",
    "Generator",
    "KzlabelError",
    "LabelOptions",
    "Labelled",
    "LabelledBytes",
    "Labeller",
    "Layer",
    "LayerEvidence",
    "Limits",
    "Policy",
    "Position",
    "Profile",
    "Source",
    "State",
    "TextPlace",
    "Training",
    "Trust",
    "Verdict",
    "VerdictKind",
    "Verifier",
    "VerifyOptions",
    "__version__",
    "collect",
    "inspect",
    "judge",
    "label",
    "load_anchors",
    "load_profile",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `kzlabel --help` and `import kzlabel` cost next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
