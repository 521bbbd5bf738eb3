"""Signers, found by URI scheme."""

from __future__ import annotations

from .base import DEVELOPMENT, KeyAccess, Signer, SignerOpener, open_signer
from .passphrase import Passphrase

__all__ = ["DEVELOPMENT", "KeyAccess", "Passphrase", "Signer", "SignerOpener", "open_signer"]
