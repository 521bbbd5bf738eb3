"""The registry: watermark identifier → signed manifest, in SQLite or PostgreSQL.

Importing this package loads no database library; `Place.open` does.
"""

from __future__ import annotations

from .entry import Entry, Kept, Printed, Similar, State
from .place import NONE, Place, place_of

__all__ = ["NONE", "Entry", "Kept", "Place", "Printed", "Similar", "State", "place_of"]
