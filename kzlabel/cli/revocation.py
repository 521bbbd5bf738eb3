"""The options on revocation, as the library takes them; the folder for answers is chosen here and nowhere below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..settings import cache_folder
from ..trust.revocation_mode import Mode

if TYPE_CHECKING:
    from ..trust.revocation import Revocation

HELP = "Ask whether trusted signers were revoked, at the addresses that their certificates name: off by default."
LIST_HELP = "A certificate revocation list at hand, PEM or DER; may be repeated. Needs no network."
RESPONDER_HELP = "The OCSP responder to ask in place of those that certificates name."


def revocation(mode: Mode, lists: list[Path] | None, responder: str | None) -> Revocation:
    """Raises TrustError for a file that is no list, ConfigurationError for an address that is none, UsageError."""
    from ..trust.revocation import Revocation, load_lists

    if responder is not None and mode not in (Mode.OCSP, Mode.ANY):
        raise UsageError("--ocsp-url names whom to ask, but nobody is asked; add --revocation ocsp")
    return Revocation(mode, load_lists(tuple(lists or ())), responder, cache_folder() / "revocation")
