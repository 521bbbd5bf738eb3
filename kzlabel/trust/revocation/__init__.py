"""Whether a signer's certificate was revoked: asked by OCSP or looked up in revocation lists, only where asked for.

"Revoked" and "could not be checked" are different answers, and only the first changes what a mark is worth.
"""

from __future__ import annotations

from ..revocation_mode import Mode
from .answers import OFF, STRANGER, Answer, Revocation, Status
from .checker import RevocationChecker
from .lists import load_list, load_lists

__all__ = [
    "OFF",
    "STRANGER",
    "Answer",
    "Mode",
    "Revocation",
    "RevocationChecker",
    "Status",
    "load_list",
    "load_lists",
]
