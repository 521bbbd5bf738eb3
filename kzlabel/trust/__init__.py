"""Trust anchors and policies: whom a verifier believes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .anchors import NOBODY, Anchor, Trust, load_anchor, load_anchors
    from .lists import TrustList, shipped_lists, trust_of
    from .policy import Policy, PolicyName
    from .purpose import Purpose
    from .store import TrustStore, default_trust

_HOMES = {
    "NOBODY": "anchors",
    "Anchor": "anchors",
    "Policy": "policy",
    "PolicyName": "policy",
    "Purpose": "purpose",
    "Trust": "anchors",
    "TrustList": "lists",
    "TrustStore": "store",
    "default_trust": "store",
    "load_anchor": "anchors",
    "load_anchors": "anchors",
    "shipped_lists": "lists",
    "trust_of": "lists",
}

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


def __getattr__(name: str) -> Any:
    """Import on first use: the command line's help needs the names of policies and purposes alone."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
