"""Trust anchors: certificates of authorities that a verifier believes, with the name and date of their list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..errors import TrustError
from ..files import reason
from .authorities import MAX_ANCHOR_BYTES, Authority, authorities, first_expiry, read_content


@dataclass(frozen=True)
class Anchor:
    """A set of root or intermediate certificates under one name.

    name: as verdicts show it. date: ISO date of the list, or None. pem: one or more certificates.
    source: where the list came from, a file or an address. expires: ISO date of the first certificate to expire.
    """

    name: str
    date: str | None
    pem: str = field(repr=False)
    source: str | None = None
    expires: str | None = None

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """The certificates, opened once per process."""
        return authorities(self.pem)


@dataclass(frozen=True)
class Trust:
    """Whom a verifier believes: signers under `anchors`, time-stamps under `time_anchors`. Nobody by default.

    The purposes are kept apart: a time-stamping authority does not vouch for who signed, nor a signer's root for a
    time. A certificate given for both is the caller's own choice. `identity_anchors` vouch for identity assertions,
    which decide nothing.
    """

    anchors: tuple[Anchor, ...] = ()
    time_anchors: tuple[Anchor, ...] = ()
    identity_anchors: tuple[Anchor, ...] = ()

    def __add__(self, other: Trust) -> Trust:
        """Both together; of two anchors that vouch for the same signer the first is named."""
        return Trust(
            self.anchors + other.anchors,
            self.time_anchors + other.time_anchors,
            self.identity_anchors + other.identity_anchors,
        )


NOBODY = Trust()


def load_anchor(path: Path, option: str = "--trust") -> Anchor:
    """Read a file of certificates. Raises TrustError if it cannot be read or holds no authority.

    Private keys in the same file are left unread. The date is that of the file's last change, unless the list tells
    its own. option: how a person named the file. A certificate that has expired still vouches for what a trusted
    time-stamp shows to be older; see `expired_sentences`.
    """
    data, changed = read_file(path, option)
    content = read_content(data, path.name)
    return Anchor(path.name, content.date or changed, content.pem, str(path), first_expiry(content.pem))


def load_anchors(paths: tuple[Path, ...], option: str = "--trust") -> tuple[Anchor, ...]:
    """All files given, in order. Raises TrustError."""
    return tuple(load_anchor(path, option) for path in paths)


def read_file(path: Path, option: str) -> tuple[bytes, str]:
    """The bytes of a file of trust anchors, bounded, and the ISO date of its last change. Raises TrustError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ANCHOR_BYTES + 1)
        return data, datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "this is no possible file name"
        raise TrustError(f"{path.name}: trust anchors cannot be read: {why}; check {option}") from None
