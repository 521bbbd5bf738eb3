"""What a verifier accepts: a named policy, narrowed to certain signers if asked."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import TrustError
from ..evidence import AI

MAX_PATTERN = 256  # characters of one identity pattern: longer than any name in a certificate

_LABELLED = frozenset({AI.GENERATED, AI.MODIFIED})
_STATED = frozenset({AI.GENERATED, AI.MODIFIED, AI.NONE})


class Objection(StrEnum):
    """Why a policy does not accept a verdict."""

    VERDICT = "verdict"
    """The marks cannot be believed as far as the policy asks."""
    SIGNER = "signer"
    """Recovered, and nobody vouches for the signer although the policy asks for it."""
    ORIGIN = "origin"
    """The marks can be believed, and do not say what the policy asks for."""
    IDENTITY = "identity"
    """The signer is none of those that were named."""


@dataclass(frozen=True)
class _Rule:
    verdicts: frozenset[str]
    origins: frozenset[AI]
    recovered_needs_trust: bool = False


# As docs/verdict.md has it. Verdicts by name: verification/verdict.py lies above this layer.
_RULES: Mapping[str, _Rule] = {
    "marked": _Rule(frozenset({"verified", "untrusted", "recovered", "declared"}), _LABELLED),
    "signed": _Rule(frozenset({"verified", "untrusted", "recovered"}), _LABELLED),
    "trusted": _Rule(frozenset({"verified", "recovered"}), _LABELLED, recovered_needs_trust=True),
    "origin": _Rule(frozenset({"verified"}), _STATED),
}

POLICIES = tuple(_RULES)
DEFAULT_POLICY = "signed"


@dataclass(frozen=True)
class Policy:
    """What counts as acceptable.

    name: marked, signed, trusted or origin. identities: shell patterns (`*`, `?`, `[…]`), letter case aside, of which
    one must fit the signer's name, organization or certificate fingerprint (SHA-256, hexadecimal); none: any signer.
    A pattern that is a whole fingerprint, or begins with `sha256:`, is held against the fingerprint alone, so that
    nobody passes by bearing it as a name.
    """

    name: str = DEFAULT_POLICY
    identities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str = DEFAULT_POLICY, identities: Iterable[str] = ()) -> Policy:
        """Read a policy as a person writes it. Raises TrustError for an unknown name or an impossible pattern."""
        return cls(name.strip().lower(), tuple(pattern.strip() for pattern in identities))

    def __post_init__(self) -> None:
        if self.name not in _RULES:
            raise TrustError(f"unknown policy {self.name!r}; choose one of {', '.join(POLICIES)}")
        for pattern in self.identities:
            if not pattern:
                raise TrustError("an identity pattern is empty; name a signer, such as 'Studio*', or leave it out")
            if len(pattern) > MAX_PATTERN:
                raise TrustError(f"an identity pattern is longer than {MAX_PATTERN} characters; shorten it")

    def objection(self, verdict: str, ai: AI, signer: Mapping[str, Any] | None) -> Objection | None:
        """Why a verdict is not acceptable, or None if it is.

        verdict: a name of the table of verdicts. signer: `name`, `organization`, `fingerprint`, `trusted`, or None
        when nobody signed.
        """
        rule = _RULES[self.name]
        if verdict not in rule.verdicts:
            return Objection.VERDICT
        if verdict == "recovered" and rule.recovered_needs_trust and not (signer and signer.get("trusted") is True):
            return Objection.SIGNER
        if ai not in rule.origins:
            return Objection.ORIGIN
        if self.identities and not self.identifies(signer):
            return Objection.IDENTITY
        return None

    def identifies(self, signer: Mapping[str, Any] | None) -> bool:
        """Whether one of `identities` fits this signer."""
        if signer is None:
            return False
        names = [str(signer[key]).casefold() for key in ("name", "organization") if signer.get(key)]
        print_ = _bare(str(signer.get("fingerprint") or ""))
        return any(_fits(pattern.casefold(), names, print_) for pattern in self.identities)


def _fits(pattern: str, names: Iterable[str], fingerprint: str) -> bool:
    bare = _bare(pattern)
    if fingerprint and fnmatch.fnmatchcase(fingerprint, bare):
        return True
    if pattern.startswith("sha256:") or re.fullmatch("[0-9a-f]{64}", bare):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _bare(fingerprint: str) -> str:
    return fingerprint.casefold().removeprefix("sha256:").replace(":", "")
