"""Trust anchors and policies: whom a verifier believes."""

from __future__ import annotations

from .anchors import NOBODY, Anchor, Purpose, Trust, load_anchor, load_anchors
from .policy import Policy, PolicyName

__all__ = ["NOBODY", "Anchor", "Policy", "PolicyName", "Purpose", "Trust", "load_anchor", "load_anchors"]
