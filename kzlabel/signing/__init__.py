"""Signers, found by URI scheme."""

from __future__ import annotations

from .base import Signer, SignerOpener, open_signer

__all__ = ["Signer", "SignerOpener", "open_signer"]
