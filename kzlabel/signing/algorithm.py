"""The signature algorithms: apart from the rest, since the help of the command line needs no more of it."""

from __future__ import annotations

from enum import StrEnum


class Algorithm(StrEnum):
    """How claims are signed, by the names that C2PA uses (2.4, section 13.2.1)."""

    ES256 = "es256"
    ES384 = "es384"
    ES512 = "es512"
    PS256 = "ps256"
    PS384 = "ps384"
    PS512 = "ps512"
    ED25519 = "ed25519"
