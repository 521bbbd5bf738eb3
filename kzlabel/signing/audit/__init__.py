"""The audit record: each signature in one line, each line bound to the one before; see docs/audit.md."""

from __future__ import annotations

from .record import Head, Signature
from .trail import Trail, open_trail

__all__ = ["Head", "Signature", "Trail", "open_trail"]
