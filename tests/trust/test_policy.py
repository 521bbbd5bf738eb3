"""A policy accepts exactly what its row in the contract says, and `--identity` only ever narrows it."""

from __future__ import annotations

import itertools
from typing import Any

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


@pytest.mark.parametrize(
    "pattern",
    [
        *("Studio*", "studio tulpar", "*llp", "Tulpar ?LP", PRINT, f"sha256:{PRINT[:8]}*"),
        *("O=Tulpar LLP", "o=tulpar*", "CN=Studio*", "cn=*TULPAR"),
    ],
)
def test_an_identity_pattern_fits_name_organization_or_fingerprint(pattern: str) -> None:
    assert Policy(PolicyName.SIGNED, (pattern,)).objection("verified", AI.GENERATED, SIGNER) is None


def test_a_fingerprint_may_be_written_with_colons_and_prefix() -> None:
    written = "SHA256:" + ":".join([PRINT[:2].upper()] * 32)
    assert Policy.parse("signed", [written]).identifies(SIGNER)


@pytest.mark.parametrize("pattern", [PRINT, f"sha256:{PRINT[:10]}*"])
def test_nobody_passes_by_bearing_the_fingerprint_of_another_as_a_name(pattern: str) -> None:
    impostor = {"name": PRINT, "organization": f"sha256:{PRINT}", "fingerprint": "cd" * 32, "trusted": True}
    assert not Policy(PolicyName.SIGNED, (pattern,)).identifies(impostor)


@pytest.mark.parametrize("pattern", ["*BAB*", "aba*", "?" * 64, "[a-f]*"])
def test_a_name_is_not_looked_for_in_a_fingerprint(pattern: str) -> None:
    assert not Policy(PolicyName.SIGNED, (pattern,)).identifies({**SIGNER, "name": "Mallory", "organization": None})


@pytest.mark.parametrize("organization", ["\u212aazakh Office", "Kazakh O\ufb03ce", "Kazakh O\u017fice"])
def test_letters_that_only_fold_to_others_are_not_taken_for_them(organization: str) -> None:
    policy = Policy(PolicyName.SIGNED, ("O=kazakh office", "O=kazakh osice"))
    assert policy.identifies({**SIGNER, "organization": "KAZAKH Office"})
    assert not policy.identifies({**SIGNER, "organization": organization})


def test_letter_case_is_put_aside_in_any_script() -> None:
    assert Policy(PolicyName.SIGNED, ("O=ҚАЗАҚ студиясы",)).identifies({**SIGNER, "organization": "Қазақ Студиясы"})


@pytest.mark.parametrize("pattern", ["OU=Press", "C=KZ", "O =Tulpar LLP", "serialNumber=1"])
def test_an_attribute_that_is_not_looked_at_is_refused(pattern: str) -> None:
    with pytest.raises(TrustError, match="O=organization or CN=name"):
        Policy(PolicyName.SIGNED, (pattern,))


@pytest.mark.parametrize("pattern", ["O=Studio*", "CN=Tulpar LLP", "O=*nobody*", "O=", "CN="])
def test_an_organization_is_not_taken_for_a_name_nor_a_name_for_an_organization(pattern: str) -> None:
    assert not Policy(PolicyName.SIGNED, (pattern,)).identifies(SIGNER)
    assert not Policy(PolicyName.SIGNED, (pattern,)).identifies({"name": None, "organization": ""})


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


LISTED = {**SIGNER, "trust_list": {"name": "C2PA trust list", "date": "2026-08-05", "age_days": 100}}
STAMPED = {"time_source": "tsa-trusted", "profile": "kz"}


def own(**conditions: Any) -> Policy:
    return Policy("newsroom", extends=Policy(PolicyName.TRUSTED), **conditions)


@pytest.mark.parametrize(
    ("conditions", "signer", "mark", "objection"),
    [
        ({"lists": ("C2PA*",)}, LISTED, {}, None),
        ({"lists": ("other", "c2pa trust list")}, LISTED, {}, None),
        ({"lists": ("other",)}, LISTED, {}, Objection.LIST),
        ({"lists": ("*",)}, SIGNER, {}, Objection.LIST),  # nobody knows which list it was
        ({"max_list_age_days": 100}, LISTED, {}, None),
        ({"max_list_age_days": 99}, LISTED, {}, Objection.LIST_AGE),
        ({"max_list_age_days": 365}, SIGNER, {}, Objection.LIST_AGE),
        ({"max_list_age_days": 365}, {**LISTED, "trust_list": {"age_days": "5"}}, {}, Objection.LIST_AGE),
        ({"require_time_stamp": True}, LISTED, STAMPED, None),
        ({"require_time_stamp": True}, LISTED, {"time_source": "tsa-untrusted"}, Objection.TIME_STAMP),
        ({"require_time_stamp": True}, LISTED, {}, Objection.TIME_STAMP),
        ({"profile": "kz"}, LISTED, STAMPED, None),
        ({"profile": "eu"}, LISTED, STAMPED, Objection.PROFILE),
        ({"profile": "kz"}, LISTED, {}, Objection.PROFILE),
        ({"identities": ("O=Tulpar*",), "lists": ("C2PA*",), "profile": "kz"}, LISTED, STAMPED, None),
        ({"identities": ("O=Other",), "lists": ("none",)}, LISTED, STAMPED, Objection.IDENTITY),
    ],
)
def test_each_condition_of_an_own_policy_is_asked(
    conditions: dict[str, Any], signer: dict[str, Any], mark: dict[str, str], objection: Objection | None
) -> None:
    assert own(**conditions).objection("verified", AI.GENERATED, signer, **mark) == objection


def test_a_list_that_vouches_for_nobody_fulfils_no_condition() -> None:
    signer = {**LISTED, "trusted": False}
    policy = Policy("mine", extends=Policy(PolicyName.SIGNED), lists=("C2PA*",))
    assert policy.objection("untrusted", AI.GENERATED, signer) == Objection.LIST


@pytest.mark.parametrize("base", PolicyName)
def test_an_own_policy_never_accepts_more_than_the_one_it_extends(base: PolicyName) -> None:
    conditions: list[dict[str, Any]] = [{}, {"identities": ("*",)}, {"lists": ("*",)}, {"max_list_age_days": 9999}]
    for condition, verdict, ai in itertools.product(conditions, VERDICTS, AI):
        policy = Policy("mine", extends=Policy("middle", extends=Policy(base), **condition))
        above = Policy(base).objection(verdict, ai, LISTED, **STAMPED)
        if above is not None:
            assert policy.objection(verdict, ai, LISTED, **STAMPED) == above


def test_conditions_of_all_levels_hold_together() -> None:
    policy = Policy.parse("newsroom", ["CN=Studio*"], {"newsroom": own(identities=("O=Tulpar*",))})
    assert (policy.name, policy.base) == ("newsroom", "trusted")
    assert policy.objection("verified", AI.GENERATED, LISTED) is None
    for other in ({**LISTED, "name": "Else"}, {**LISTED, "organization": "Else"}):
        assert policy.objection("verified", AI.GENERATED, other) == Objection.IDENTITY


def test_a_policy_of_ones_own_must_extend_another_and_not_without_end() -> None:
    with pytest.raises(TrustError, match="extends another"):
        Policy("newsroom")
    policy = Policy()
    for _ in range(16):
        policy = Policy("more", extends=policy)
    with pytest.raises(TrustError, match="narrows over 16"):
        Policy("more", extends=policy)
