"""Permission for training and data mining, as the vocabularies write it."""

from __future__ import annotations

from collections.abc import Iterable

from ..declaration import Training

_PLUS = "http://ns.useplus.org/ldf/vocab/"

VALUES = {
    Training.ALLOWED: _PLUS + "DMI-ALLOWED",
    Training.CONSTRAINED: _PLUS + "DMI-PROHIBITED-SEECONSTRAINT",
    Training.PROHIBITED: _PLUS + "DMI-PROHIBITED",
}
"""PLUS Licence Data Format, property Data Mining: the value that we write."""

# PLUS, every value of the vocabulary; DMI-UNSPECIFIED says nothing. A prohibition with an exception counts as one.
_MEANING = {
    "dmi-allowed": Training.ALLOWED,
    "dmi-prohibited": Training.PROHIBITED,
    "dmi-prohibited-aimltraining": Training.PROHIBITED,
    "dmi-prohibited-genaimltraining": Training.PROHIBITED,
    "dmi-prohibited-exceptsearchengineindexing": Training.PROHIBITED,
    "dmi-prohibited-seeconstraint": Training.CONSTRAINED,
    "dmi-prohibited-seeembeddedrightsexpr": Training.CONSTRAINED,
    "dmi-prohibited-seelinkedrightsexpr": Training.CONSTRAINED,
}


def training_of(value: str) -> Training | None:
    """The meaning of a PLUS value, as a full URI or a bare code; None for one that says nothing."""
    return _MEANING.get(value.strip().rstrip("/").rpartition("/")[2].casefold())


def reservation(value: str) -> Training | None:
    """The meaning of a W3C TDMRep `tdm-reservation`: 1 reserves the rights."""
    return {"1": Training.PROHIBITED, "0": Training.ALLOWED}.get(value.strip())


def strictest(said: Iterable[Training | None]) -> Training | None:
    """The strictest of all that was said."""
    return max((each for each in said if each), key=lambda each: each.strictness, default=None)
