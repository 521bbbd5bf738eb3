"""What was found out about the revocation of a signer's certificate, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..inert import inert
from .facts import Facts, text

REVOKED = "The signer's certificate was revoked{when}{why}."
REVOKED_ABOVE = "The certificate of an authority that vouched for the signer, {certificate}, was revoked{when}{why}."
REVOKED_LATER = (
    "{whose} was revoked{when}{why}; a trusted time-stamp shows that the mark was made before, so it counts."
)
WHOSE = "The signer's certificate"
WHOSE_ABOVE = "The certificate of an authority that vouched for the signer, {certificate},"
WHEN = " on {day}"
WHY = ", because {reason}"
OPEN = "Whether the signer's certificate was revoked "  # begins both of these
UNKNOWN = OPEN + "is not known: {why}."
NOT_CHECKED = OPEN + "could not be checked: {why}."

# RFC 5280, 5.3.1; what says nothing is left out.
REASONS: Mapping[str, str] = {
    "keyCompromise": "its key came into other hands",
    "cACompromise": "an authority's key came into other hands",
    "aACompromise": "an authority's key came into other hands",
    "affiliationChanged": "its holder no longer belongs to the organization",
    "superseded": "another certificate took its place",
    "cessationOfOperation": "it is no longer needed",
    "certificateHold": "the authority put it on hold",
    "privilegeWithdrawn": "its holder may no longer use it",
}


def about_revocation(facts: Facts) -> Iterator[str]:
    """The sentences on the manifest that decides; none where nobody asked, or nothing was revoked."""
    answer = facts.deciding.detail.get("revocation") if facts.deciding else None
    if not isinstance(answer, Mapping):
        return
    status, why = text(answer, "status"), text(answer, "why") or "no reason is known"
    if status == "unknown":
        yield UNKNOWN.format_map({"why": inert(why, limit=400)})
    elif status == "not-checked":
        yield NOT_CHECKED.format_map({"why": inert(why, limit=400)})
    elif status == "revoked":
        day, reason = text(answer, "revoked_at"), REASONS.get(text(answer, "reason") or "")
        words = {
            "certificate": text(answer, "certificate") or "",
            "when": WHEN.format_map({"day": day[:10]}) if day else "",
            "why": WHY.format_map({"reason": reason}) if reason else "",
        }
        if answer.get("after_signing") is True and facts.intact is not None:
            whose = WHOSE_ABOVE if words["certificate"] else WHOSE
            yield REVOKED_LATER.format_map({**words, "whose": whose.format_map(words)})
        else:
            yield (REVOKED_ABOVE if words["certificate"] else REVOKED).format_map(words)
