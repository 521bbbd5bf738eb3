"""Trust lists with what is known of them, and the dated ones that come with kzlabel."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from .anchors import Anchor, Trust
from .authorities import Authority, authorities, first_expiry
from .purpose import Purpose


@dataclass(frozen=True)
class TrustList:
    """One named set of anchors for one purpose.

    date: ISO, when the list was issued, or when it was fetched where it does not say. source: a file or an address.
    updates: where to look for a newer one, else `source`. licence: as its publisher states it, None when unknown.
    added: ISO date on which the user took it in; None for a list that comes with kzlabel.
    """

    name: str
    purpose: Purpose
    date: str
    pem: str = field(repr=False)
    source: str | None = None
    updates: str | None = None
    licence: str | None = None
    added: str | None = None

    @property
    def shipped(self) -> bool:
        return self.added is None

    @property
    def authorities(self) -> tuple[Authority, ...]:
        return authorities(self.pem)

    @property
    def expires(self) -> str:
        """ISO date on which the first of its certificates expires."""
        return first_expiry(self.pem)

    @property
    def address(self) -> str | None:
        """Where to look for a newer one."""
        return self.updates or self.source

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.name, self.date, self.pem, self.source, self.expires)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "purpose": str(self.purpose),
            "date": self.date,
            "expires": self.expires,
            "certificates": len(self.authorities),
            "source": self.source,
            "updates": self.address,
            "licence": self.licence or "not stated",
            "added": self.added,
            "shipped": self.shipped,
        }


@cache
def shipped_lists() -> tuple[TrustList, ...]:
    """The dated lists in `data`, read once per process; `data/lists.toml` says where they come from."""
    folder = resources.files(__package__) / "data"
    values = tomllib.loads((folder / "lists.toml").read_text("utf-8"))["lists"]
    return tuple(
        TrustList(
            name=value["name"],
            purpose=Purpose(value["purpose"]),
            date=value["date"].isoformat(),
            pem=(folder / value["file"]).read_text("ascii"),
            source=value["source"],
            updates=value["updates"],
            licence=value["licence"],
        )
        for value in values
    )


def trust_of(lists: Iterable[TrustList]) -> Trust:
    """What a verifier believes of these lists, each for its own purpose only."""
    found = tuple(lists)

    def of(purpose: Purpose) -> tuple[Anchor, ...]:
        return tuple(one.anchor for one in found if one.purpose is purpose)

    return Trust(of(Purpose.SIGNING), of(Purpose.TIME_STAMPING), of(Purpose.IDENTITY))
