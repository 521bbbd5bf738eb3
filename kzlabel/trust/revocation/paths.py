"""From a signer's certificate to a trust anchor, signature by signature, and the addresses that stand on the way.

Only a certificate on such a path may name an address: an authority that the user trusts has then vouched for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..authorities import hostile

if TYPE_CHECKING:
    from cryptography import x509

MAX_DEPTH = 8  # certificates from the leaf to the anchor; real chains have 2 to 4
MAX_TRIES = 32  # signatures checked for one path
MAX_ADDRESSES = 2  # of one kind, of one certificate
MAX_URL = 2048
MAX_CERTIFICATE = 16 << 10  # bytes; real ones have 1 to 2 KB

Way = tuple["x509.Certificate", ...]


def opened(ders: Iterable[bytes]) -> list[x509.Certificate]:
    """The certificates among these that can be read; at most MAX_DEPTH."""
    from cryptography import x509

    found = []
    with warnings.catch_warnings(action="ignore"):  # a hostile certificate must not write on the screen
        for der in ders:
            try:
                if len(der) <= MAX_CERTIFICATE:
                    found.append(x509.load_der_x509_certificate(der))
            except hostile():
                continue
            if len(found) == MAX_DEPTH:
                break
    return found


def path(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]) -> Way | None:
    """The certificates from `chain[0]` to an anchor, each issued by the next; None where there is no such path."""
    tries = MAX_TRIES

    def onwards(so_far: Way) -> Way | None:
        nonlocal tries
        current = so_far[-1]
        if current in anchors:
            return so_far
        if len(so_far) == MAX_DEPTH:
            return None
        for candidate in (*anchors, *chain[1:]):
            if candidate in so_far or not _named(current, candidate):
                continue
            if tries == 0:
                return None
            tries -= 1
            if issued(current, candidate) and (found := onwards((*so_far, candidate))):
                return found
        return None

    return onwards((chain[0],)) if chain else None


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer`, an authority, signed this certificate."""
    try:
        if not _authority(issuer):
            return False
        certificate.verify_directly_issued_by(issuer)
    except hostile():
        return False
    return True


def responders(certificate: x509.Certificate) -> tuple[str, ...]:
    """Addresses of OCSP responders that a certificate names (RFC 5280, 4.2.2.1). Raises `hostile()`."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ()
    return _usable(one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP)


def list_addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Addresses of complete revocation lists by the issuer itself (RFC 5280, 4.2.1.13). Raises `hostile()`."""
    from cryptography import x509

    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return ()
    return _usable(
        name for point in points if not point.crl_issuer and not point.reasons for name in point.full_name or ()
    )


def usable(url: str) -> bool:
    """Whether an address may be asked: http or https, a host, no name or password in it, printable ASCII."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return bool(
        parts.scheme.lower() in ("http", "https")
        and parts.hostname
        and "@" not in parts.netloc
        and not parts.fragment
        and port != 0
    )


def _usable(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    from cryptography import x509

    urls = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(dict.fromkeys(url for url in urls if usable(url)))[:MAX_ADDRESSES]


def _named(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        return certificate.issuer == issuer.subject
    except hostile():
        return False


def _authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    extensions = certificate.extensions
    if not extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        return False
    try:
        return extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True
