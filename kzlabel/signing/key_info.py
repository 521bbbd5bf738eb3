"""What a key and its certificate are, in plain data, with what a person should be warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SigningError
from ..files import open_to_others
from ..inert import inert
from .base import DEVELOPMENT
from .chain import WARN_BEFORE, algorithm_for, days_left, problems, read_chain
from .file import read_public
from .key_files import DEVELOPMENT_NAME, UNUSUAL, KeyFiles, is_replaced, key_names, noted_algorithm

if TYPE_CHECKING:
    from cryptography import x509

    from .base import Signer

ENCRYPTED = b"ENCRYPTED"  # in the first line of a PKCS#8 key, and in the headers of the older forms


@dataclass(frozen=True)
class KeyInfo:
    """One key. What does not apply is None: a request has no certificate yet, a key service no files.

    name: of its files. signer: the URI that signs with it, None until there is a certificate. alg: es256, es384,
    es512, ps256, ps384, ps512 or ed25519. subject, issuer: names as RFC 4514 writes them. organization: of the
    subject. fingerprint: SHA-256 of the leaf in DER, hexadecimal. days_left: until the first certificate of the chain
    expires, negative once it has. encrypted: whether the key is. root: the file that a verifier names with --trust.
    request: the file that waits for a certification authority. files: all that are there. replaced: another key took
    its place. warnings: sentences.
    """

    name: str
    signer: str | None = None
    alg: str | None = None
    subject: str | None = None
    organization: str | None = None
    issuer: str | None = None
    fingerprint: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    days_left: int | None = None
    encrypted: bool | None = None
    root: Path | None = None
    request: Path | None = None
    files: tuple[Path, ...] = ()
    replaced: bool = False
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "signer": self.signer,
            "alg": self.alg,
            "subject": self.subject,
            "organization": self.organization,
            "issuer": self.issuer,
            "fingerprint": self.fingerprint,
            "valid_from": _iso(self.valid_from),
            "valid_until": _iso(self.valid_until),
            "days_left": self.days_left,
            "encrypted": self.encrypted,
            "root": str(self.root) if self.root else None,
            "request": str(self.request) if self.request else None,
            "files": [str(path) for path in self.files],
            "replaced": self.replaced,
            "warnings": list(self.warnings),
        }


def key_info(files: KeyFiles, *, now: datetime | None = None) -> KeyInfo:
    """What the files of one key say; nothing is decrypted, and what is damaged becomes a warning."""
    from cryptography.exceptions import UnsupportedAlgorithm

    there = tuple(path for path in files.all() if path.exists())
    replaced = is_replaced(files)
    warnings = [
        f"{path.name}: others may read this private key; run chmod 600 on it"
        for path in there
        if path.suffix == ".key" and open_to_others(path.stat())
    ]
    told: dict[str, Any] = {}
    try:
        if files.chain in there:
            told = _of_chain(files, replaced, now, warnings)
        elif files.request in there:
            told = _of_request(files)
        if files.root_key in there and files.root in there:
            authority = read_chain(read_public(files.root), files.root.name)
            way = "make a new root under another name with kzlabel keys init"
            warnings.extend(_expiry_warnings(authority, files.root.name, now, way))
        if files.key in there or files.request_key in there:
            key = files.key if files.key in there else files.request_key
            told["encrypted"] = ENCRYPTED in read_public(key)
    except SigningError as error:
        warnings.append(str(error))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        warnings.append(f"{files.name}: the certificate is malformed, or of a kind that cannot sign C2PA claims")
    root = files.root if files.root in there else None
    request = files.request if files.request in there else None
    return KeyInfo(
        files.name, root=root, request=request, files=there, replaced=replaced, warnings=tuple(warnings), **told
    )


def all_keys(folder: Path, *, now: datetime | None = None) -> tuple[KeyInfo, ...]:
    """Every key in a folder, by name. Raises SigningError when the folder cannot be read."""
    return tuple(key_info(KeyFiles(folder, name), now=now) for name in key_names(folder))


def signer_info(uri: str, signer: Signer, *, now: datetime | None = None) -> KeyInfo:
    """What a signer of any kind says about itself."""
    chain = read_chain(signer.chain.encode(), "the signer")
    warnings = tuple(_chain_warnings(chain, "the signer", now, "get a new certificate in time"))
    return replace(chain_info(uri.partition(":")[0], chain, signer.alg, now=now), signer=uri, warnings=warnings)


def chain_info(name: str, chain: Sequence[x509.Certificate], alg: str, *, now: datetime | None = None) -> KeyInfo:
    """What a certificate chain says, whoever has its key."""
    return KeyInfo(name, alg=alg, **_certificate(chain, now))


def signer_uri(files: KeyFiles, alg: str) -> str:
    """The URI that signs with the key in these files."""
    if files.name == DEVELOPMENT_NAME:
        return DEVELOPMENT
    chosen = f"?alg={alg}" if alg in UNUSUAL else ""
    return f"file:{files.chain.absolute()},{files.key.absolute()}{chosen}"


def _of_chain(files: KeyFiles, replaced: bool, now: datetime | None, warnings: list[str]) -> dict[str, Any]:
    pem = read_public(files.chain)
    chain = read_chain(pem, files.chain.name)
    alg = algorithm_for(chain[0].public_key(), noted_algorithm(pem))
    complete = files.key.exists()
    if not complete:
        warnings.append(f"{files.chain.name}: its private key {files.key.name} is missing")
    elif not replaced:
        way = (
            "a new one is made at the next use"
            if files.name == DEVELOPMENT_NAME
            else f"run kzlabel keys rotate {files.name}"
        )
        warnings.extend(_chain_warnings(chain, files.name, now, way))
    return {"signer": signer_uri(files, alg) if complete else None, "alg": alg, **_certificate(chain, now)}


def _certificate(chain: Sequence[x509.Certificate], now: datetime | None) -> dict[str, Any]:
    from cryptography.hazmat.primitives.hashes import SHA256

    leaf = chain[0]
    return {
        "subject": inert(leaf.subject.rfc4514_string()),
        "organization": _organization(leaf.subject),
        "issuer": inert(leaf.issuer.rfc4514_string()),
        "fingerprint": leaf.fingerprint(SHA256()).hex(),
        "valid_from": leaf.not_valid_before_utc,
        "valid_until": leaf.not_valid_after_utc,
        "days_left": days_left(chain, now),
    }


def _of_request(files: KeyFiles) -> dict[str, Any]:
    from cryptography import x509

    pem = read_public(files.request)
    try:
        request = x509.load_pem_x509_csr(pem)
    except ValueError:
        raise SigningError(f"{files.request.name}: this is no certificate request; make a new one") from None
    return {
        "alg": algorithm_for(request.public_key(), noted_algorithm(pem)),
        "subject": inert(request.subject.rfc4514_string()),
        "organization": _organization(request.subject),
    }


def _chain_warnings(chain: Sequence[x509.Certificate], name: str, now: datetime | None, way: str) -> Iterator[str]:
    yield from _expiry_warnings(chain, name, now, way)
    for problem in problems(chain, now=now):
        if problem.code != "expired":
            yield f"{name}: {problem.sentence}"


def _expiry_warnings(chain: Sequence[x509.Certificate], name: str, now: datetime | None, way: str) -> Iterator[str]:
    now = now or datetime.now(UTC)
    left = days_left(chain, now)
    end = min(one.not_valid_after_utc for one in chain)
    if end < now:
        yield f"{name}: the certificate expired on {end:%Y-%m-%d}; {way}"
    elif left <= WARN_BEFORE.days:
        yield f"{name}: the certificate expires in {left} {'day' if left == 1 else 'days'}, on {end:%Y-%m-%d}; {way}"


def _organization(subject: x509.Name) -> str | None:
    from cryptography.x509.oid import NameOID

    found = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return inert(str(found[0].value)) if found else None


def _iso(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
