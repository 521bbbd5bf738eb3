"""Trust anchors and policies: whom a verifier believes."""

from __future__ import annotations

from .anchors import NOBODY, Anchor, Purpose, Trust, load_anchor, load_anchors
from .lists import TrustList, shipped_lists, trust_of
from .policy import Policy, PolicyName
from .store import TrustStore, default_trust

__all__ = [
    "NOBODY",
    "Anchor",
    "Policy",
    "PolicyName",
    "Purpose",
    "Trust",
    "TrustList",
    "TrustStore",
    "default_trust",
    "load_anchor",
    "load_anchors",
    "shipped_lists",
    "trust_of",
]
