"""The one conclusion about a file: what it is, what it says, and the JSON object that everybody gets.

docs/verdict.md explains each value, docs/verdict.schema.json is the shape of `Verdict.to_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import ExitCode
from ..evidence import AI, LayerEvidence

SCHEMA = 1  # raised when a verdict value is added; consumers ignore keys that they do not know


class VerdictKind(StrEnum):
    """How far the marks of a file can be believed, in the order in which `judge` tries them."""

    TAMPERED = "tampered"
    """The claim's signature, an assertion's hash or the hard binding does not match."""
    INVALID = "invalid"
    """A manifest is there and cannot be judged."""
    CONFLICTING = "conflicting"
    """A valid manifest is contradicted by another layer."""
    UNTRUSTED = "untrusted"
    """Valid, but nobody vouches for the signer, or the certificate had expired."""
    VERIFIED = "verified"
    """Valid, bound to this content, trusted signer."""
    RECOVERED = "recovered"
    """The watermark leads to a registered manifest whose fingerprint agrees with this content."""
    DECLARED = "declared"
    """Unsigned marks only, or a signed mark that covers only a part."""
    UNMARKED = "unmarked"
    """Every layer was checked and nothing was found."""
    INCOMPLETE = "incomplete"
    """Nothing was found, and some layer could not be checked."""
    UNREADABLE = "unreadable"
    """The file cannot be parsed within the limits."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on one file under one policy.

    file: as it was named. sha256: hexadecimal, of the whole file. kind and ai: the two answers. reason: a code of
    `judge.REASONS`. acceptable: under `policy`. not_checked: layer -> why. signer: name, organization, trusted,
    trust_list, fingerprint, or None. signed_at: RFC 3339. time_source: tsa-trusted, tsa-untrusted, claimed or none.
    recovery: what a registry knows, or None when nothing led to one. notes: sentences for a person, the conclusion
    first. evidence: every layer that was looked at, as found.
    """

    file: str
    kind: VerdictKind
    ai: AI
    reason: str
    acceptable: bool
    policy: str
    sha256: str | None = None
    medium: str | None = None
    format: str | None = None
    not_checked: Mapping[str, str] = field(default_factory=dict)
    signer: Mapping[str, Any] | None = None
    signed_at: str | None = None
    time_source: str = "none"
    generator: Mapping[str, Any] | None = None
    identifier: str | None = None
    manifest_id: str | None = None
    training: str | None = None
    evidence: tuple[LayerEvidence, ...] = ()
    recovery: Mapping[str, Any] | None = None
    ingredients: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    tool: str = field(default_factory=lambda: _tool())

    @property
    def exit_code(self) -> ExitCode:
        """0 acceptable, 1 not acceptable, 3 unreadable."""
        if self.kind is VerdictKind.UNREADABLE:
            return ExitCode.INPUT
        return ExitCode.DONE if self.acceptable else ExitCode.NOT_ACCEPTABLE

    def to_json(self) -> dict[str, Any]:
        """The object that the command line, the library, reports and the service give, keys in their stable order."""
        return {
            "schema": SCHEMA,
            "file": self.file,
            "sha256": self.sha256,
            "medium": self.medium,
            "format": self.format,
            "verdict": str(self.kind),
            "ai": str(self.ai),
            "reason": self.reason,
            "acceptable": self.acceptable,
            "policy": self.policy,
            "complete": not self.not_checked,
            "not_checked": [{"layer": layer, "why": why} for layer, why in self.not_checked.items()],
            "signer": _plain(self.signer),
            "signed_at": self.signed_at,
            "time_source": self.time_source,
            "generator": _plain(self.generator),
            "identifier": self.identifier,
            "manifest_id": self.manifest_id,
            "training": self.training,
            "evidence": [layer.to_json() for layer in self.evidence],
            "recovery": _plain(self.recovery),
            "ingredients": _plain(self.ingredients),
            "notes": list(self.notes),
            "tool": self.tool,
        }


def _tool() -> str:
    from .. import __version__  # when called: the package's face imports this module

    return f"kzlabel {__version__}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
