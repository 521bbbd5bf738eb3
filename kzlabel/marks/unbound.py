"""A manifest judged without the content that it was signed for: everything but the hard binding must hold."""

from __future__ import annotations

from dataclasses import replace

from ..evidence import LayerEvidence, State
from ..limits import DEFAULT_LIMITS, Limits
from ..trust import NOBODY, Trust
from ..trust.revocation import RevocationChecker
from . import codes
from .manifest import ANY_BYTES, read


def read_unbound(
    store: bytes,
    *,
    trust: Trust = NOBODY,
    limits: Limits = DEFAULT_LIMITS,
    revocation: RevocationChecker | None = None,
) -> LayerEvidence | None:
    """What a manifest store says, its state as if the content were there and matched; None where there is no manifest.

    VALID only where the signature was shown to hold. Never raises on hostile bytes.
    """
    found = read(b"", ANY_BYTES, store=store, trust=trust, limits=limits, revocation=revocation, unbound=True)
    if found is None or found.state not in (State.VALID, State.EXPIRED) or codes.SIGNATURE_HOLDS in found.codes:
        return found
    return replace(found, state=State.INVALID)
