"""A root of one's own, and what it issues."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import SigningError, UsageError
from .algorithm import Algorithm
from .base import KeyAccess
from .certificates import (
    CLOCK_SKEW,
    MAX_CHARACTERS,
    MAX_LEAF_DAYS,
    MAX_ROOT_DAYS,
    Subject,
    leaf_certificate,
    public_der,
)
from .chain import algorithm_for, read_chain
from .file import load_private, read_public, read_secret
from .key_files import KeyFiles, noted_algorithm

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class OwnRoot:
    """A root with its key, ready to issue."""

    certificate: x509.Certificate
    key: Any = field(repr=False)

    def leaf(self, subject: x509.Name, public_key: Any, life: timedelta, ocsp: str | None) -> x509.Certificate:
        """A leaf of this root. Raises UsageError if it would outlive it."""
        end = datetime.now(UTC) - CLOCK_SKEW + life
        if end > self.certificate.not_valid_after_utc:
            last = f"{self.certificate.not_valid_after_utc:%Y-%m-%d}"
            raise UsageError(f"the root ends on {last}, before its leaf would; give fewer --days, or make a new root")
        return leaf_certificate(subject, public_key, self.certificate, self.key, life, ocsp=ocsp)


def open_root(files: KeyFiles, access: KeyAccess, key: Path | None = None) -> OwnRoot:
    """The root of a key that `init` made. key: where its key is, if not beside it. Raises SigningError, UsageError."""
    kept = key or files.root_key
    if not files.root.exists() or not kept.exists():
        missing = kept.name if files.root.exists() else files.root.name
        raise UsageError(f"{missing} is missing, and only that root can issue; name its key with --root-key")
    certificate = read_chain(read_public(files.root), files.root.name)[0]
    opened = load_private(read_secret(kept, access), kept.name, access)
    if public_der(opened) != public_der(certificate):
        raise SigningError(f"{kept.name}: this is not the key of {files.root.name}; name the right one")
    return OwnRoot(certificate, opened)


@dataclass(frozen=True)
class Asked:
    """A request whose signature fits its key, and the algorithm that the key is for."""

    request: x509.CertificateSigningRequest
    alg: str


def read_request(path: Path) -> Asked:
    """A certificate request in PEM. Raises SigningError when it is none, or its key did not sign it."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    pem = read_public(path)
    try:
        request = x509.load_pem_x509_csr(pem)
        _ = request.subject  # parsed only now, and it may be malformed
        if not request.is_signature_valid:
            raise SigningError(f"{path.name}: the request is not signed by its own key; make a new one")
        return Asked(request, algorithm_for(request.public_key(), noted_algorithm(pem)))
    except UnsupportedAlgorithm:
        raise SigningError(f"{path.name}: the key of this request cannot sign C2PA claims") from None
    except (ValueError, TypeError):
        raise SigningError(f"{path.name}: this is no PEM certificate request") from None


def subject_of(request: x509.CertificateSigningRequest, root: x509.Certificate) -> Subject:
    """Whom a request names; organization and country are those of the root where it tells none. Raises UsageError."""
    from cryptography.x509.oid import NameOID

    def told(oid: x509.ObjectIdentifier, *names: x509.Name) -> str:
        return next((str(found[0].value) for name in names if (found := name.get_attributes_for_oid(oid))), "")

    return Subject(
        told(NameOID.COMMON_NAME, request.subject),
        told(NameOID.ORGANIZATION_NAME, request.subject, root.subject),
        told(NameOID.COUNTRY_NAME, request.subject, root.subject),
    )


def root_subject(leaf: Subject) -> Subject:
    """The name of the root over a leaf. No two roots share one: a verifier that knows both might try the wrong one."""
    ending = f" root {secrets.token_hex(3)}"
    return replace(leaf, common=leaf.common[: MAX_CHARACTERS - len(ending)].rstrip() + ending)


def algorithm(alg: str) -> Algorithm:
    """Raises UsageError."""
    try:
        return Algorithm(alg)
    except ValueError:
        raise UsageError(f"there is no algorithm {alg!r}; known are {', '.join(Algorithm)}") from None


def check_days(days: int) -> timedelta:
    """The life of a leaf. Raises UsageError for more than the profile allows."""
    if not 1 <= days <= MAX_LEAF_DAYS:
        limit = f"at most {MAX_LEAF_DAYS} days at assurance level 1, and 90 at level 2"
        raise UsageError(f"{days} days: the C2PA certificate profile allows {limit}; give other --days")
    return timedelta(days=days)


def check_root_days(root_days: int, days: int) -> timedelta:
    """The life of a root. Raises UsageError if its leaf would outlive it."""
    if not days <= root_days <= MAX_ROOT_DAYS:
        raise UsageError(f"{root_days} days for the root: give {days}, for its leaf, to {MAX_ROOT_DAYS} --root-days")
    return timedelta(days=root_days)


def check_url(url: str | None) -> str | None:
    """An address to stand in a certificate. Raises UsageError."""
    if url is not None and not (
        url.isascii() and url.isprintable() and urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname
    ):
        raise UsageError(f"{url!r} is no address; give one such as http://ocsp.example.org")
    return url
