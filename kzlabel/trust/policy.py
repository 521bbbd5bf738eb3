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


class PolicyName(StrEnum):
    """The policies; docs/verdict.md explains each."""

    MARKED = "marked"
    """Any mark that is not broken, signed or not, and says that AI was used."""
    SIGNED = "signed"
    """A signed mark that holds and says so, whoever signed it: the default."""
    TRUSTED = "trusted"
    """A mark of a trusted signer that holds and says so."""
    ORIGIN = "origin"
    """A mark of a trusted signer that holds, in the file or beside it, and states any origin."""


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


# Verdicts by name: verification/verdict.py lies above this layer.
_RULES: Mapping[PolicyName, _Rule] = {
    PolicyName.MARKED: _Rule(frozenset({"verified", "untrusted", "recovered", "declared"}), _LABELLED),
    PolicyName.SIGNED: _Rule(frozenset({"verified", "untrusted", "recovered"}), _LABELLED),
    PolicyName.TRUSTED: _Rule(frozenset({"verified", "recovered"}), _LABELLED, recovered_needs_trust=True),
    PolicyName.ORIGIN: _Rule(frozenset({"verified"}), _STATED),
}


@dataclass(frozen=True)
class Policy:
    """What counts as acceptable.

    identities: shell patterns (`*`, `?`, `[…]`), letter case aside, of which
    one must fit the signer's name, organization or certificate fingerprint (SHA-256, hexadecimal); none: any signer.
    A pattern that is a whole fingerprint, or begins with `sha256:`, is held against the fingerprint alone, so that
    nobody passes by bearing it as a name.
    """

    name: PolicyName = PolicyName.SIGNED
    identities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str = PolicyName.SIGNED, identities: Iterable[str] = ()) -> Policy:
        """Read a policy as a person writes it. Raises TrustError for an unknown name or an impossible pattern."""
        try:
            known = PolicyName(name.strip().casefold())
        except ValueError:
            raise TrustError(f"unknown policy {name!r}; choose one of {', '.join(PolicyName)}") from None
        return cls(known, tuple(pattern.strip() for pattern in identities))

    def __post_init__(self) -> None:
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
        fingerprint = _bare(str(signer.get("fingerprint") or ""))
        return any(_fits(pattern.casefold(), names, fingerprint) for pattern in self.identities)


def _fits(pattern: str, names: Iterable[str], fingerprint: str) -> bool:
    bare = _bare(pattern)
    if fingerprint and fnmatch.fnmatchcase(fingerprint, bare):
        return True
    if pattern.startswith("sha256:") or re.fullmatch("[0-9a-f]{64}", bare):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _bare(fingerprint: str) -> str:
    return fingerprint.casefold().removeprefix("sha256:").replace(":", "")
