"""How revocation is asked about: apart from the rest, since the help of the command line needs no more of it."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Where answers may be fetched from."""

    OFF = "off"
    OCSP = "ocsp"
    CRL = "crl"
    ANY = "any"
    """OCSP, and a list where that yields no answer."""
