"""What a verifier accepts: a policy by name, or one that narrows another to certain signers, lists, times."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from ..errors import TrustError
from ..evidence import AI

MAX_PATTERN = 256  # characters of one identity pattern: longer than any name in a certificate
MAX_DEPTH = 16  # policies that narrow one another

_ATTRIBUTE = re.compile(r"\s*[a-z]{1,20}\s*=", re.IGNORECASE)


class PolicyName(StrEnum):
    """The policies that kzlabel knows; docs/verdict.md explains each, policies.toml says what it accepts."""

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
    """Nobody vouches for the signer although the policy asks for it."""
    ORIGIN = "origin"
    """The marks can be believed, and do not say what the policy asks for."""
    IDENTITY = "identity"
    """The signer is none of those that were named."""
    LIST = "list"
    """No list among those that were named vouches for the signer."""
    LIST_AGE = "list-age"
    """The list that vouches for the signer is older than allowed, or of unknown age."""
    TIME_STAMP = "time-stamp"
    """No trusted time-stamp shows when it was signed."""
    PROFILE = "profile"
    """It was not labelled under the profile that is asked for."""


@dataclass(frozen=True)
class _Rule:
    verdicts: frozenset[str]  # by name: verification/verdict.py lies above this layer
    ai: frozenset[AI]
    trusted: bool = False


@dataclass(frozen=True)
class Policy:
    """What counts as acceptable: what `extends` accepts, as far as it meets the conditions of this policy as well.

    name: one of PolicyName, or one of your own, which then extends another. extends: None for the policy of `name`.
    identities: shell patterns (`*`, `?`, `[…]`), letter case aside, of which one must fit the signer's name or
    organization; none: any signer. `O=…` is held against the organization alone, `CN=…` against the name alone. A
    pattern that is a whole fingerprint of a certificate (SHA-256, hexadecimal), or begins with `sha256:`, is held
    against the fingerprint alone, and no other is: `*BBC*` would fit one in sixty.
    lists: patterns, one of which must fit the name of the trust list that vouches for the signer. profile: the
    labelling profile that the manifest must record. max_list_age_days: how old that list may be. require_time_stamp:
    whether a trusted time-stamp must show when it was signed.
    """

    name: str = PolicyName.SIGNED
    identities: tuple[str, ...] = ()
    extends: Policy | None = None
    lists: tuple[str, ...] = ()
    profile: str | None = None
    max_list_age_days: int | None = None
    require_time_stamp: bool = False

    @classmethod
    def parse(
        cls,
        name: str = PolicyName.SIGNED,
        identities: Iterable[str] = (),
        own: Mapping[str, Policy] | None = None,
    ) -> Policy:
        """Read a policy as a person writes it. own: further policies by name, see `own_policies`.

        Raises TrustError for an unknown name or an impossible pattern.
        """
        patterns = tuple(pattern.strip() for pattern in identities)
        wanted = name.strip().casefold()
        if own and wanted in own:
            return cls(own[wanted].name, patterns, own[wanted]) if patterns else own[wanted]
        try:
            return cls(PolicyName(wanted), patterns)
        except ValueError:
            known = ", ".join((*PolicyName, *(own or ())))
            raise TrustError(f"unknown policy {name!r}; choose one of {known}") from None

    def __post_init__(self) -> None:
        if self.extends is None and self.name not in tuple(PolicyName):
            raise TrustError(f"policy {self.name!r}: a policy of your own extends another; say which")
        if self._depth > MAX_DEPTH:
            raise TrustError(f"policy {self.name!r}: it narrows over {MAX_DEPTH} others; write it out")
        for patterns, what in ((self.identities, "an identity"), (self.lists, "a list")):
            for pattern in patterns:
                if not pattern:
                    raise TrustError(f"{what} pattern is empty; name one, such as 'Studio*', or leave it out")
                if len(pattern) > MAX_PATTERN:
                    raise TrustError(f"{what} pattern is longer than {MAX_PATTERN} characters; shorten it")
        for pattern in self.identities:
            attribute = _ATTRIBUTE.match(pattern)
            if attribute and attribute[0].casefold() not in ("o=", "cn="):
                raise TrustError(
                    f"an identity pattern tells O=organization or CN=name, not {attribute[0]}…; write it as one of them"
                )
        if self.max_list_age_days is not None and self.max_list_age_days < 0:
            raise TrustError(f"policy {self.name!r}: a trust list is never younger than 0 days")

    @property
    def base(self) -> PolicyName:
        """The policy of kzlabel that this one narrows in the end."""
        return PolicyName(self.name) if self.extends is None else self.extends.base

    @property
    def _depth(self) -> int:
        return 0 if self.extends is None else self.extends._depth + 1

    def objection(
        self,
        verdict: str,
        ai: AI,
        signer: Mapping[str, Any] | None,
        *,
        time_source: str = "none",
        profile: str | None = None,
    ) -> Objection | None:
        """Why a verdict is not acceptable, or None if it is.

        verdict: a name of the table of verdicts. signer: `name`, `organization`, `fingerprint`, `trusted`,
        `trust_list` with `name` and `age_days`, or None when nobody signed. time_source, profile: of the mark.
        """
        if self.extends is None:
            above = _objection(_rules()[PolicyName(self.name)], verdict, ai, signer)
        else:
            above = self.extends.objection(verdict, ai, signer, time_source=time_source, profile=profile)
        return above or self._own_objection(signer, time_source, profile)

    def _own_objection(
        self, signer: Mapping[str, Any] | None, time_source: str, profile: str | None
    ) -> Objection | None:
        if self.identities and not self.identifies(signer):
            return Objection.IDENTITY
        listed = _list_of(signer)
        if self.lists and not _named(str(listed.get("name") or ""), self.lists):
            return Objection.LIST
        if self.max_list_age_days is not None:
            age = listed.get("age_days")
            if isinstance(age, bool) or not isinstance(age, int) or age > self.max_list_age_days:
                return Objection.LIST_AGE
        if self.require_time_stamp and time_source != "tsa-trusted":
            return Objection.TIME_STAMP
        if self.profile is not None and profile != self.profile:
            return Objection.PROFILE
        return None

    def identifies(self, signer: Mapping[str, Any] | None) -> bool:
        """Whether one of `identities` fits this signer."""
        if signer is None:
            return False
        name, organization = (_folded(str(signer.get(key) or "")) for key in ("name", "organization"))
        fingerprint = _bare(str(signer.get("fingerprint") or ""))
        return any(_fits(_folded(pattern), name, organization, fingerprint) for pattern in self.identities)


def _objection(rule: _Rule, verdict: str, ai: AI, signer: Mapping[str, Any] | None) -> Objection | None:
    if verdict not in rule.verdicts:
        return Objection.VERDICT
    if rule.trusted and not (signer and signer.get("trusted") is True):
        return Objection.SIGNER
    return None if ai in rule.ai else Objection.ORIGIN


@cache
def _rules() -> Mapping[PolicyName, _Rule]:
    import tomllib
    from importlib import resources

    values = tomllib.loads((resources.files(__package__) / "policies.toml").read_text("utf-8"))
    return {
        PolicyName(name): _Rule(
            frozenset(value["verdicts"]), frozenset(AI(ai) for ai in value["ai"]), value.get("trusted", False)
        )
        for name, value in values.items()
    }


def _list_of(signer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The list that vouches for a signer; nothing where nobody does."""
    listed = signer.get("trust_list") if signer and signer.get("trusted") is True else None
    return listed if isinstance(listed, Mapping) else {}


def _named(name: str, patterns: Iterable[str]) -> bool:
    return bool(name) and any(fnmatch.fnmatchcase(_folded(name), _folded(pattern)) for pattern in patterns)


def _folded(text: str) -> str:
    """In lower case, save what only becomes another's letter so, such as the sign of Kelvin or an old long s."""
    return "".join(char.lower() if char.lower().upper() == char else char for char in text)


def _fits(pattern: str, name: str, organization: str, fingerprint: str) -> bool:
    for start, value in (("o=", organization), ("cn=", name)):
        if pattern.startswith(start):
            return bool(value) and fnmatch.fnmatchcase(value, pattern.removeprefix(start))
    bare = _bare(pattern)
    if pattern.startswith("sha256:") or re.fullmatch("[0-9a-f]{64}", bare):
        return bool(fingerprint) and fnmatch.fnmatchcase(fingerprint, bare)
    return any(value and fnmatch.fnmatchcase(value, pattern) for value in (name, organization))


def _bare(fingerprint: str) -> str:
    return fingerprint.casefold().removeprefix("sha256:").replace(":", "")
