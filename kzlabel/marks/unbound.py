"""A manifest judged without the content that it was signed for: everything but the hard binding must hold."""

from __future__ import annotations

from ..evidence import LayerEvidence, State
from ..limits import DEFAULT_LIMITS, Limits
from ..trust import NOBODY, Trust
from ..trust.revocation import RevocationChecker
from . import codes
from .manifest import ANY_BYTES, read

# Explained like a failure, and none: what c2pa says of the boxes that its own films leave out of the hash.
_INFORMATIONAL = {"assertion.bmffHash.additionalExclusionsPresent"}
_INTACT = (State.VALID, State.EXPIRED)


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
    found = read(b"", ANY_BYTES, store=store, trust=trust, limits=limits, revocation=revocation)
    if found is None:
        return None
    state = found.state
    if state not in _INTACT:
        broken = codes.TAMPERED.intersection(found.codes)
        told = set(found.detail.get("explanations", {})) - codes.BINDING - _INFORMATIONAL
        rest = codes.state_of(told)
        if broken and broken <= codes.BINDING:
            state = rest
    if state in _INTACT and codes.SIGNATURE_HOLDS not in found.codes:
        state = State.INVALID
    return LayerEvidence(found.layer, state, found.ai, found.codes, found.detail)
