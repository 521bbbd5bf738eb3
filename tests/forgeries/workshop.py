"""Where forgeries are made: genuine signed files, a trusted root, a trusted clock, and strangers with their own."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kzlabel.containers import text_carriers, text_wrapper
from kzlabel.containers.text_carriers import Structure
from kzlabel.declaration import Declaration
from kzlabel.marks import manifest, text_manifest
from kzlabel.marks.definition import definition
from kzlabel.trust import Anchor, Trust
from tests.marks import samples
from tests.pki import PrivateSigner

from .certificates import Authority, days
from .jumbf import SIGNATURE, Manifest, Store
from .stamps import Stamper, revocation_list

TEXTS = {
    "story.txt": "Қаладағы жел тынды.\nВетер утих, и слышна только трава.\n",
    "note.md": "# Evening\n\nThe wind has dropped, and only the grass can be heard.\n",
    "page.html": "<!DOCTYPE html><html><head><title>Evening</title></head><body><p>No wind.</p></body></html>\n",
}
_STRUCTURES = {".txt": Structure.PLAIN, ".md": Structure.MARKDOWN, ".html": Structure.HTML}

CAMERA = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

Edit = Callable[[Manifest], None]


@dataclass(frozen=True)
class Made:
    """A forgery, and its genuine twin, which is the same in all but the defect. Names, and what the files hold.

    The first file is the one to verify; what lies beside it may be a sidecar.
    """

    forged: Mapping[str, bytes]
    genuine: Mapping[str, bytes]

    @classmethod
    def of(cls, name: str, forged: bytes, genuine: bytes) -> Made:
        return cls({name: forged}, {name: genuine})


@dataclass
class Workshop:
    """Keeps what it made, since many forgeries begin with the same file. folder: for works and unfinished files."""

    folder: Path
    _kept: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def root(self) -> Authority:
        """The only root of signers that is trusted."""
        return Authority.root("Test Root")

    @cached_property
    def time_root(self) -> Authority:
        """The only root of time-stamps that is trusted."""
        return Authority.root("Test Time Root")

    @cached_property
    def stranger(self) -> Authority:
        """A root that nobody trusts."""
        return Authority.root("Strange Root")

    @cached_property
    def signer(self) -> PrivateSigner:
        return self.root.signer()

    @cached_property
    def revoked(self) -> PrivateSigner:
        """Was trusted once; `revocation_list` says since when no longer."""
        return self.root.signer(start=days(-60), name="Former Signer")

    @cached_property
    def revocation_list(self) -> bytes:
        return revocation_list(self.revoked, self.root)

    @cached_property
    def intruder(self) -> PrivateSigner:
        """Bears the signer's name, under a root that nobody trusts."""
        return self.stranger.signer()

    @cached_property
    def clock(self) -> Stamper:
        return Stamper.under(self.time_root)

    @cached_property
    def false_clock(self) -> Stamper:
        return Stamper.under(Authority.root("Strange Time Root"))

    @property
    def trust(self) -> Trust:
        return Trust(
            (Anchor("test root", "2026-11-24", self.root.pem),), (Anchor("time root", None, self.time_root.pem),)
        )

    def work(self, name: str) -> Path:
        """A work without any mark."""
        if name in TEXTS:
            path = self.folder / name
            path.write_text(TEXTS[name], encoding="utf-8", newline="")
            return path
        return samples.make(self.folder, name)

    def signed(self, name: str) -> bytes:
        """The work with a manifest in it that says "generated", by the trusted signer."""
        if name not in self._kept:
            self._kept[name] = self.sign(self.work(name).read_bytes(), name)
        return bytes(self._kept[name])

    def sign(self, data: bytes, name: str, values: Mapping[str, Any] | None = None, **how: Any) -> bytes:
        """Any content with a manifest in it. values: what the manifest says, None for "generated"."""
        structure = _STRUCTURES.get(Path(name).suffix)
        mime = structure or {**samples.EMBEDDED, **samples.DETACHED}[name]
        values = values or definition(Declaration(), None, opened=False, fmt=mime)
        signer = how.pop("signer", self.signer)
        if structure:
            return text_manifest.embed(
                data,
                structure,
                lambda bound, exclusions, digest: manifest.sign_detached(
                    bound, values, signer, exclusions=exclusions, content_hash=digest
                ),
            )
        source, target = self.folder / f"source-{name}", self.folder / f"target-{name}"
        source.write_bytes(data)
        manifest.sign_file(source, target, mime, values, signer, **how)
        signed = target.read_bytes()
        target.unlink()
        return signed

    def sidecar(self, name: str) -> bytes:
        """A manifest for the whole work, that stands beside it."""
        mime = {**samples.EMBEDDED, **samples.DETACHED}[name]
        values = definition(Declaration(), None, opened=False, fmt=mime)
        return manifest.sign_detached(self.work(name), values, self.signer)

    def resealed(self, name: str, edit: Edit, data: bytes | None = None) -> bytes:
        """The signed work with another active manifest in the place of its own: `edit` changes and seals it."""
        return self.restored(name, lambda store: edit(store.active), data)

    def restored(
        self, name: str, edit: Callable[[Store], Any], data: bytes | None = None, *, label: str = SIGNATURE
    ) -> bytes:
        """The signed work with another store in the place of its own, of the same size. label: of its signature."""
        data = self.signed(name) if data is None else data
        genuine = store_of(data, name)
        store = Store.of(genuine)
        edit(store)
        return put(data, name, store.sized(len(genuine), label))

    def sealed_by(self, name: str, signer: Any, **how: Any) -> bytes:
        """The signed work, its claim signed by somebody else."""
        return self.resealed(name, lambda active: active.seal(signer, **how))


def store_of(data: bytes, name: str) -> bytes:
    """The store in a file, as one piece of its bytes; of a text, as its carrier encodes it."""
    structure = _STRUCTURES.get(Path(name).suffix)
    if structure:
        (found,) = text_manifest.locate(data, structure)
        assert found.store
        return found.store
    store = manifest.store_of(data, samples.EMBEDDED[name])
    assert store
    return store


def put(data: bytes, name: str, forged: bytes) -> bytes:
    """A file with another store of the same size in the place of its own, checksums of the container put right."""
    genuine = store_of(data, name)
    assert len(genuine) == len(forged)
    carriers = {
        "txt": lambda store: text_wrapper.encode(store).encode(),
        "md": lambda store: text_carriers.base64_of(store).encode(),
        "html": lambda store: text_carriers.base64_of(store).encode(),
    }
    carried = carriers.get(name.rpartition(".")[2], bytes)
    old, new = carried(genuine), carried(forged)
    at, end = data.index(old), data.index(old) + len(old)
    data = data[:at] + new + data[end:]
    if data.startswith(b"\x89PNG"):
        data = data[:end] + zlib.crc32(data[at - 4 : end]).to_bytes(4, "big") + data[end + 4 :]
    return data


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG file."""
    return b"\xff" + bytes([marker]) + (len(content) + 2).to_bytes(2, "big") + content
