"""Trust anchors: certificates of authorities that a verifier believes, with the name and date of their list."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from ..errors import TrustError
from ..inert import inert

MAX_ANCHOR_BYTES = 4 << 20  # the C2PA list of 2026-08-05, 30 certificates, has 60 KB


class Purpose(StrEnum):
    """What an anchor may vouch for, and nothing else."""

    SIGNING = "signing"
    """Claim signatures."""
    TIME_STAMPING = "time-stamping"
    """RFC 3161 time-stamps."""
    IDENTITY = "identity"
    """Identity assertions (CAWG), which are reported and decide nothing."""


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


@dataclass(frozen=True)
class Trust:
    """Whom a verifier believes: signers under `anchors`, time-stamps under `time_anchors`. Nobody by default.

    The purposes are kept apart: a time-stamping authority does not vouch for who signed. `identity_anchors` vouch for
    identity assertions, which decide nothing.
    """

    anchors: tuple[Anchor, ...] = ()
    time_anchors: tuple[Anchor, ...] = ()
    identity_anchors: tuple[Anchor, ...] = ()


NOBODY = Trust()


def load_anchor(path: Path) -> Anchor:
    """Read a PEM file as given by `--trust`. Raises TrustError if it cannot be read or holds no authority.

    Private keys in the same file are left unread. The date is that of the file's last change.
    """
    from cryptography import x509

    name = path.name
    try:
        if path.stat().st_size > MAX_ANCHOR_BYTES:
            raise TrustError(f"{name}: a file of over {MAX_ANCHOR_BYTES >> 20} MB is no list of trust anchors")
        data = path.read_bytes()
        date = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TrustError(f"{name}: trust anchors cannot be read: {reason}; check --trust") from None
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise TrustError(
            f"{name}: no PEM certificate in this file; give one that holds -----BEGIN CERTIFICATE-----"
        ) from None
    for certificate in certificates:
        _check_authority(certificate, name)
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = "".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in certificates)
    return Anchor(name, date, pem)


def load_anchors(paths: tuple[Path, ...]) -> tuple[Anchor, ...]:
    """All files given by `--trust`, in order. Raises TrustError."""
    return tuple(load_anchor(path) for path in paths)


def _check_authority(certificate: object, name: str) -> None:
    """A certificate that may not issue others vouches for nobody: most often a leaf named by mistake."""
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        subject = certificate.subject.rfc4514_string()
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        authority = constraints.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        subject, authority = "a certificate", False
    if not authority:
        raise TrustError(
            f"{name}: {inert(subject)} is not a certificate authority; give the root that issued it, such as root.pem"
        )
