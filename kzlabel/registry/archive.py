"""Entries on their way between registries: one zip file, signed.

entries.jsonl            one entry a line, with its fingerprints
manifests/SHA256.c2pa    the manifest stores, named by their digests
digests.json             {"v": 1, "entries": SHA-256 of entries.jsonl, "manifests": [SHA-256, …]}
signature.json           {"alg", "chain" (PEM), "signature" (base64, raw as in COSE, over CONTEXT + digests.json)}
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import KzlabelError, LimitExceeded, UnreadableFile
from ..files import publish, reason, workspace, writing
from ..limits import DEFAULT_LIMITS, Limits
from ..signing import Signer
from ..signing.base import fingerprint_of
from ..signing.cose import leaf_key, verify_signature
from .checking import checked
from .entry import MOST_DATA, MOST_KEYS, MOST_PRINTS, Entry, Kept, Printed, State, printed

if TYPE_CHECKING:
    from .store import Registry

ENTRIES, DIGESTS, SIGNATURE = "entries.jsonl", "digests.json", "signature.json"
CONTEXT = b"kzlabel registry archive 1\0"  # so that no other signature of the key can be taken for this one
MOST_MEMBERS = 1_000_003
# Bytes of an entry. Ours have some 500, and a third more than their fingerprints: in base64, 8 bytes for a key.
MOST_LINE = 4096 + MOST_PRINTS * (4 * (MOST_DATA + 8 * MOST_KEYS) // 3 + 256)
MOST_ENTRIES = 1 << 32  # bytes of entries.jsonl: some 150,000 pictures with all their fingerprints
MOST_DIGESTS = 128 << 20  # 67 bytes for each manifest
MOST_SIGNATURE = 1 << 18
_MANIFEST = re.compile(r"manifests/([0-9a-f]{64})\.c2pa")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass
class Imported:
    """How many entries were new, were known, and were refused, with the first reasons."""

    added: int = 0
    known: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"added": self.added, "known": self.known, "refused": self.refused, "reasons": self.reasons}


def export(registry: Registry, target: Path, signer: Signer, *, overwrite: bool = False) -> int:
    """Write all confirmed entries to an archive; returns their number.

    Raises RegistryError, OutputError, SigningError.
    """
    with writing(target), workspace(target.parent) as room:
        made = room / "archive"
        digests: dict[str, None] = {}
        lines = hashlib.sha256()
        number = 0
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            rows = room / ENTRIES
            with rows.open("wb") as file:
                for kept in registry.entries():
                    prints = [one.to_json() for one in registry.printed(kept.entry)]
                    row = {**kept.to_json(), **({"fingerprints": prints} if prints else {})}
                    line = json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n"
                    file.write(line)
                    lines.update(line)
                    number += 1
                    if kept.entry.manifest not in digests:
                        digests[kept.entry.manifest] = None
                        archive.writestr(_name(kept.entry.manifest), registry.manifest(kept.entry.manifest) or b"")
            archive.write(rows, ENTRIES)
            told = json.dumps({"v": 1, "entries": lines.hexdigest(), "manifests": sorted(digests)}).encode("ascii")
            archive.writestr(DIGESTS, told)
            signature = base64.b64encode(signer.sign(CONTEXT + told)).decode("ascii")
            proof = {"alg": signer.alg, "chain": signer.chain, "signature": signature}
            archive.writestr(SIGNATURE, json.dumps(proof))
        publish(made, target, overwrite=overwrite)
    return number


def bring_in(
    registry: Registry, source: Path, believed: Callable[[str], bool], *, limits: Limits = DEFAULT_LIMITS
) -> Imported:
    """Add an archive's entries to a registry, each if its manifest verifies and is by the signer that it names.

    believed: whether archives that the owner of this certificate (by its SHA-256) signed may be read.
    Raises UnreadableFile, LimitExceeded, RegistryError: then nothing more was added.
    """
    done = Imported()
    with Archive(source, limits) as archive:
        if not believed(archive.signer):
            raise UnreadableFile(
                f"{source.name}: {archive.signer[:16]}… signed this archive, who is not enrolled here; "
                "name the certificate with --from if you trust it"
            )
        for kept, prints in archive.entries():
            try:
                store = archive.manifest(kept.entry.manifest)
                checked(kept.entry, store, limits)
                new = registry.receive(kept, store, prints)
            except LimitExceeded:
                raise
            except KzlabelError as error:
                done.refused += 1
                if len(done.reasons) < 10:
                    done.reasons.append(f"{kept.entry.identifier}: {error}")
                continue
            done.added += new
            done.known += not new
    return done


class Archive:
    """An archive whose signature and digests hold. signer: SHA-256 of the certificate that signed it.

    Raises UnreadableFile, LimitExceeded: on opening, and while it is read.
    """

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self._name, self._limits = path.name, limits
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise UnreadableFile(f"{path.name}: {reason(error)}") from None
        except _BROKEN:
            raise self._strange("this is no archive of a registry") from None
        try:
            self.signer, self._digests = self._proven()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def entries(self) -> Iterator[tuple[Kept, tuple[Printed, ...]]]:
        with self._zip.open(ENTRIES) as file:
            while line := file.readline(MOST_LINE + 1):
                if len(line) > MOST_LINE:
                    raise self._strange("it holds an entry that is too long")
                values = self._json(line)
                try:
                    entry = Entry.from_json(values)
                    created = values["created"]
                    if type(created) is not int or not 0 <= created < 1 << 40:
                        raise ValueError("created is no time")
                    prints = printed(values.get("fingerprints"))
                except (ValueError, KeyError) as error:
                    raise self._strange(f"it holds a malformed entry: {error}") from None
                if entry.manifest not in self._digests:
                    raise self._strange("it holds an entry whose manifest is not in it")
                yield Kept(entry, State.CONFIRMED, created, created), prints

    def manifest(self, digest: str) -> bytes:
        data = self._read(_name(digest), self._limits.max_manifest_bytes)
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._strange(f"the manifest {digest[:12]} is not what its name says")
        return data

    def _proven(self) -> tuple[str, frozenset[str]]:
        names = [member.filename for member in self._zip.infolist()]
        if len(names) > MOST_MEMBERS:
            raise LimitExceeded(f"{self._name}: it holds over {MOST_MEMBERS - 3} manifests; import it in parts")
        manifests = {found[1] for name in names if (found := _MANIFEST.fullmatch(name))}
        if len(names) != len(manifests) + 3 or not {ENTRIES, DIGESTS, SIGNATURE} <= set(names):
            raise self._strange("it holds other files than an archive of a registry does")
        told = self._read(DIGESTS, MOST_DIGESTS)
        proof, listed = self._json(self._read(SIGNATURE, MOST_SIGNATURE)), self._json(told)
        signer = self._signed(proof, told)
        wanted = listed.get("manifests")
        if listed.get("v") != 1 or not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
            raise self._strange("its list of digests is malformed")
        if set(wanted) != manifests or listed.get("entries") != self._digest_of_entries():
            raise self._strange("it is not what was signed")
        return signer, frozenset(manifests)

    def _signed(self, proof: dict[str, Any], told: bytes) -> str:
        """Whose signature it is."""
        try:
            chain, alg = str(proof["chain"]), str(proof["alg"])
            signature = base64.b64decode(proof["signature"], validate=True)
            if verify_signature(leaf_key(chain), alg, CONTEXT + told, signature):
                return fingerprint_of(chain)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, KzlabelError):
            raise self._strange("its signature is malformed") from None
        raise self._strange("its signature does not hold")

    def _digest_of_entries(self) -> str:
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(ENTRIES) as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > MOST_ENTRIES:
                        raise LimitExceeded(f"{self._name}: its entries are over 4 GiB; import it in parts")
        except (OSError, *_BROKEN):
            raise self._strange("it is damaged") from None
        return digest.hexdigest()

    def _read(self, name: str, limit: int) -> bytes:
        """A member's bytes, whatever size the archive says it has."""
        try:
            with self._zip.open(name) as file:
                data = file.read(limit + 1)
        except (OSError, *_BROKEN):
            raise self._strange("it is damaged") from None
        if len(data) > limit:
            raise LimitExceeded(f"{self._name}: {name} in it is over {limit} bytes")
        return data

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            values = json.loads(data)
        except (ValueError, RecursionError):
            raise self._strange("it holds malformed JSON") from None
        if not isinstance(values, dict):
            raise self._strange("it holds malformed JSON")
        return values

    def _strange(self, what: str) -> UnreadableFile:
        return UnreadableFile(f"{self._name}: {what}; nothing in it was believed")


def _name(digest: str) -> str:
    return f"manifests/{digest}.c2pa"
