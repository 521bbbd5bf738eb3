"""Identity assertions (CAWG 1.2): who besides the signer of the claim stands by a work. Reported; they decide nothing.

c2pa checks them; which codes belong to which assertion, and what they amount to, is told here.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..inert import inert
from .certificates import opened
from .store import chain_of_signature, payload_of_signature

if TYPE_CHECKING:
    from .manifest_reading import ManifestReport, Status

LABEL = "cawg.identity"
X509 = "cawg.x509.cose"
AGGREGATED = "cawg.identity_claims_aggregation"

MAX_IDENTITIES = 20
MAX_NAMES = 20
MAX_CREDENTIAL = 64 * 1024  # bytes; real ones have a few thousand

_TRUSTED = frozenset({"cawg.x509.credential.trusted"})
_HOLDS = frozenset({"cawg.x509.signature.validated", "cawg.ica.credential_valid"})
# The assertion is as it was made; nobody is known to vouch for who made it.
_STRANGE = frozenset({"cawg.x509.credential.untrusted", "cawg.ica.untrusted_issuer"})
# It was not checked, which says nothing against it.
_UNCHECKED = frozenset({"cawg.identity.sig_type.unknown", "cawg.ica.did_unavailable"})


class IdentityState(StrEnum):
    TRUSTED = "trusted"
    """It holds, and an anchor for identities vouches for it."""
    VALID = "valid"
    """It holds; anyone can make one under any name."""
    INVALID = "invalid"
    """Its signature does not hold, or it belongs to another work."""
    NOT_CHECKED = "not-checked"
    """Of a kind that cannot be checked here."""


@dataclass(frozen=True)
class Identity:
    """One identity assertion. type: X509 or AGGREGATED, or what it says. names: as its credential tells them."""

    type: str
    names: tuple[str, ...]
    organization: str | None
    roles: tuple[str, ...]
    fingerprint: str | None
    state: IdentityState
    codes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = {
            "type": self.type,
            "name": ", ".join(self.names) or None,
            "organization": self.organization,
            "roles": list(self.roles),
            "fingerprint": self.fingerprint,
            "state": str(self.state),
            "codes": list(self.codes),
        }
        return {key: value for key, value in values.items() if value not in (None, [])}


def identities(report: ManifestReport, with_anchors: Callable[[], ManifestReport | None] | None) -> list[Identity]:
    """The identity assertions of the active manifest.

    with_anchors: validates again with anchors for identities alone, since c2pa takes every anchor for a claim's signer
    as well.
    """
    found = report.assertions(report.active)
    labels = [label for label in found if _is_identity(label)][:MAX_IDENTITIES]
    again = with_anchors() if labels and with_anchors else None
    return [_identity(label, _mapping(found[label]), report, again) for label in labels]


def _is_identity(label: str) -> bool:
    return label.partition("__")[0] == LABEL


def _identity(
    label: str, assertion: Mapping[str, Any], report: ManifestReport, with_anchors: ManifestReport | None
) -> Identity:
    payload = _mapping(assertion.get("signer_payload"))
    kind, roles = payload.get("sig_type"), payload.get("role")
    success, failure = ([one.code for one in _about(label, report.statuses(how))] for how in ("success", "failure"))
    trusted = with_anchors is not None and any(
        one.code in _TRUSTED for one in _about(label, with_anchors.statuses("success"))
    )
    success = [code for code in success if code not in _TRUSTED]  # an anchor for another purpose
    if trusted:
        failure = [code for code in failure if code not in _STRANGE]
        success += sorted(_TRUSTED)
    cose = _decoded(assertion.get("signature"))
    names, organization, fingerprint = _signed_by(cose) if kind == X509 else (_aggregated(cose), None, None)
    return Identity(
        inert(kind, 80) if isinstance(kind, str) else "unknown",
        names,
        organization,
        tuple(inert(role, 80) for role in roles[:MAX_NAMES] if isinstance(role, str))
        if isinstance(roles, list)
        else (),
        fingerprint,
        _state(success, failure, trusted),
        tuple(dict.fromkeys([*success, *failure])),
    )


def _about(label: str, statuses: Sequence[Status]) -> list[Status]:
    return [one for one in statuses if one.code.startswith("cawg.") and one.url.endswith(f"/{label}")]


def _state(success: list[str], failure: list[str], trusted: bool) -> IdentityState:
    if set(failure) - _STRANGE - _UNCHECKED:
        return IdentityState.INVALID
    if set(failure) & _UNCHECKED or not _HOLDS & set(success):
        return IdentityState.NOT_CHECKED
    return IdentityState.TRUSTED if trusted else IdentityState.VALID


def _signed_by(cose: bytes) -> tuple[tuple[str, ...], str | None, str | None]:
    """Name, organization and fingerprint of the certificate with which an X.509 identity was signed."""
    certificate = opened(next(iter(chain_of_signature(cose)), b""))
    if certificate is None:
        return (), None, None
    name, organization = (inert(text) if text else None for text in (certificate.name, certificate.organization))
    return ((name,) if name else ()), organization, certificate.fingerprint


def _aggregated(cose: bytes) -> tuple[str, ...]:
    """The names in a credential that somebody collected from sites and registers."""
    try:
        credential = _mapping(json.loads(payload_of_signature(cose)))
    except (ValueError, RecursionError):
        return ()
    listed = _mapping(credential.get("credentialSubject")).get("verifiedIdentities")
    told = []
    for entry in listed[:MAX_NAMES] if isinstance(listed, list) else ():
        values = _mapping(entry)
        name = next((values[key] for key in ("name", "username") if isinstance(values.get(key), str)), None)
        provider = _mapping(values.get("provider")).get("name")
        if name:
            told.append(inert(f"{name} ({provider})" if isinstance(provider, str) else name))
    return tuple(told)


def _decoded(signature: Any) -> bytes:
    """c2pa reports bytes as base64."""
    if not isinstance(signature, str) or len(signature) > MAX_CREDENTIAL * 4 // 3:
        return b""
    try:
        return base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
