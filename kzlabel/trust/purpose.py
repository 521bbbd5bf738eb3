"""What a trust anchor may vouch for, and nothing else."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """The purposes of trust anchors."""

    SIGNING = "signing"
    """Claim signatures."""
    TIME_STAMPING = "time-stamping"
    """RFC 3161 time-stamps."""
    IDENTITY = "identity"
    """Identity assertions (CAWG), which are reported and decide nothing."""
