"""A policy accepts exactly what its row in the contract says, and `--identity` only ever narrows it."""

from __future__ import annotations

import itertools

import pytest

from kzlabel.errors import TrustError
from kzlabel.evidence import AI
from kzlabel.trust.policy import Objection, Policy, PolicyName

VERDICTS = (
    *("tampered", "invalid", "conflicting", "untrusted", "verified"),
    *("recovered", "declared", "unmarked", "incomplete", "unreadable"),
)
PRINT = "ab" * 32
SIGNER = {"name": "Studio Tulpar", "organization": "Tulpar LLP", "fingerprint": PRINT, "trusted": True}


def accepted(policy: PolicyName, *, trusted: bool = True) -> set[tuple[str, str]]:
    signer = {**SIGNER, "trusted": trusted}
    pairs = itertools.product(VERDICTS, AI)
    return {(verdict, str(ai)) for verdict, ai in pairs if Policy(policy).objection(verdict, ai, signer) is None}


def test_marked_accepts_any_believable_mark_that_says_ai() -> None:
    kinds = ("verified", "untrusted", "recovered", "declared")
    assert accepted(PolicyName.MARKED) == set(itertools.product(kinds, ("generated", "modified")))


def test_signed_accepts_what_somebody_signed_and_says_ai() -> None:
    assert accepted(PolicyName.SIGNED) == set(
        itertools.product(("verified", "untrusted", "recovered"), ("generated", "modified"))
    )


def test_trusted_accepts_what_a_trusted_signer_signed() -> None:
    assert accepted(PolicyName.TRUSTED) == set(itertools.product(("verified", "recovered"), ("generated", "modified")))


def test_trusted_refuses_a_recovered_manifest_of_a_signer_who_is_only_enrolled() -> None:
    assert ("recovered", "generated") not in accepted(PolicyName.TRUSTED, trusted=False)
    assert Policy(PolicyName.TRUSTED).objection("recovered", AI.GENERATED, None) == Objection.SIGNER


def test_origin_accepts_verified_with_any_stated_origin() -> None:
    assert accepted(PolicyName.ORIGIN) == {("verified", "generated"), ("verified", "modified"), ("verified", "none")}


def test_signed_is_the_default() -> None:
    assert Policy().name == Policy.parse().name == "signed"


@pytest.mark.parametrize("pattern", ["Studio*", "studio tulpar", "*llp", "Tulpar ?LP", PRINT, PRINT[:8] + "*"])
def test_an_identity_pattern_fits_name_organization_or_fingerprint(pattern: str) -> None:
    assert Policy(PolicyName.SIGNED, (pattern,)).objection("verified", AI.GENERATED, SIGNER) is None


def test_a_fingerprint_may_be_written_with_colons_and_prefix() -> None:
    written = "SHA256:" + ":".join([PRINT[:2].upper()] * 32)
    assert Policy.parse("signed", [written]).identifies(SIGNER)


@pytest.mark.parametrize("pattern", [PRINT, f"sha256:{PRINT[:10]}*"])
def test_nobody_passes_by_bearing_the_fingerprint_of_another_as_a_name(pattern: str) -> None:
    impostor = {"name": PRINT, "organization": f"sha256:{PRINT}", "fingerprint": "cd" * 32, "trusted": True}
    assert not Policy(PolicyName.SIGNED, (pattern,)).identifies(impostor)


@pytest.mark.parametrize("signer", [None, {}, {"name": None}, {"name": "Somebody Else"}])
def test_an_identity_refuses_other_signers_and_none_at_all(signer: dict[str, str | None] | None) -> None:
    policy = Policy(PolicyName.MARKED, ("Studio*",))
    assert policy.objection("verified", AI.GENERATED, signer) == Objection.IDENTITY
    assert policy.objection("declared", AI.GENERATED, signer) == Objection.IDENTITY


@pytest.mark.parametrize("policy", PolicyName)
def test_an_identity_never_widens_a_policy(policy: PolicyName) -> None:
    for verdict, ai in itertools.product(VERDICTS, AI):
        if Policy(policy, ("*",)).objection(verdict, ai, SIGNER) is None:
            assert Policy(policy).objection(verdict, ai, SIGNER) is None


@pytest.mark.parametrize(("name", "identities"), [("strict", []), ("", []), ("signed", [""]), ("signed", ["x" * 300])])
def test_an_impossible_policy_is_refused_by_name(name: str, identities: list[str]) -> None:
    with pytest.raises(TrustError):
        Policy.parse(name, identities)
