"""Collects the evidence in one file: every layer is looked at, and the failure of one hides no other."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from ..containers.base import Slots
from ..errors import InputError, LimitExceeded
from ..evidence import AI, Evidence, Layer, LayerEvidence, State
from ..files import open_input, sha256_of
from ..limits import DEFAULT_LIMITS, Limits
from ..marks import codes, metadata, sidecar, text_manifest
from ..marks.manifest import ANY_BYTES, read
from ..media import HEADER_BYTES, Carrier, Format, Medium, Watermarks, detect, formats
from ..trust import NOBODY, Trust
from ..trust.revocation import RevocationChecker, Status
from ..watermark.keys import WatermarkKey
from .facts import REGISTRY, REVOCATION, SAYS_AI
from .recovery import Recovery
from .watermarks import layers_of, looked_for

# Up to this size a file is read once, and hash, manifest and slots are of the same bytes. A larger one is streamed by
# each, and hashed beside them; below, that costs more than it saves: hashing 4 MiB takes 2 ms, a thread on a busy
# machine as much.
HELD_BYTES = 4 << 20


@dataclass(frozen=True)
class Collected:
    """Evidence, and what the labeller needs besides: the format, the slots, an earlier manifest that stands apart.

    store: the manifest store of a sidecar or a text, None when it is embedded or absent. located: where the
    deciding manifest of a text stands.
    """

    evidence: Evidence
    format: Format | None = None
    slots: Slots = field(default_factory=Slots)
    store: bytes | None = None
    located: text_manifest.Located | None = None

    def layer(self, layer: Layer) -> LayerEvidence | None:
        return next((found for found in self.evidence.layers if found.layer is layer), None)

    @property
    def manifest(self) -> LayerEvidence | None:
        """The manifest that decides: the one in the file, else the sidecar's; None when there is neither."""
        for layer in (Layer.MANIFEST, Layer.SIDECAR):
            found = self.layer(layer)
            if found and found.state not in (State.ABSENT, State.NOT_CHECKED, State.NOT_FOR_THIS_FILE):
                return found
        return None


@dataclass(frozen=True)
class Collector:
    """Collects evidence with the same trust, formats and limits for many files; safe for threads.

    watermark_keys: whose marks are looked for in the content itself; none: not at all, which evidence tells.
    recovery: asks a registry what a mark leads to, where no manifest in the file holds.
    """

    trust: Trust = NOBODY
    limits: Limits = DEFAULT_LIMITS
    revocation: RevocationChecker | None = None
    watermark_keys: tuple[WatermarkKey, ...] = ()
    recovery: Recovery | None = None
    formats: tuple[Format, ...] = field(default_factory=formats)

    def collect(
        self, source: Path, *, name: str | None = None, beside: Path | None = None, hint: str | None = None
    ) -> Collected:
        """Look at every layer of one file.

        name: as it is called towards people. beside: the sidecar that was named; else it is looked for.
        hint: a name whose ending tells plain text from Markdown, None to take `name`.
        A file that cannot be read yields evidence that says so; raises InputError only when `beside` is at fault.
        """
        shown = name or source.name
        given = sidecar.find(source, beside, self.limits) if beside is not None else None
        try:
            content = _Content.of(source)
            with content.hashing() as digest:
                found = self._look(content, shown, given, hint or shown)
        except InputError as error:
            return Collected(Evidence(shown, unreadable=_renamed(str(error), source, shown)))
        return replace(found, evidence=replace(found.evidence, sha256=digest()))

    def _look(self, content: _Content, shown: str, beside: sidecar.Sidecar | None, hint: str) -> Collected:
        format = detect(content.header, hint, self.formats)
        mime = format.mime if format else ANY_BYTES
        not_checked: dict[str, str] = {}

        located: text_manifest.Located | None = None
        store: bytes | None = None
        if format is not None and format.carrier is Carrier.TEXT:
            manifest, located = self._in_text(content, format)
            store = located.store if located else None
        else:
            manifest = read(
                content.whole or content.path,
                mime,
                trust=self.trust,
                limits=self.limits,
                revocation=self.revocation,
            )

        slots, complaint = self._slots(content, format, shown)
        unfound = manifest is None or manifest.state is State.NOT_CHECKED
        if format is None and unfound:
            complaint = f"{shown}: this is no file format that kzlabel knows"
        described = metadata.read(slots)
        if complaint and format is not None:
            not_checked[Layer.METADATA] = complaint

        sidecar_evidence, sidecar_store = self._beside(content, mime, beside)
        store = store or sidecar_store
        looked = looked_for(content.path, format, self.watermark_keys, self.limits)
        watermarks, unsearched = layers_of(looked)
        nothing = unfound and sidecar_evidence is None and described.state is State.ABSENT
        nothing = nothing and not any(layer.state is State.FOUND for layer in watermarks)
        if complaint and nothing:
            return Collected(
                Evidence(shown, medium=_medium(format), format=format.mime if format else None, unreadable=complaint),
                format,
                slots,
            )
        layers = [manifest or LayerEvidence(Layer.MANIFEST, State.ABSENT)]
        if sidecar_evidence:
            layers.append(sidecar_evidence)
        if format is not None:
            layers.append(described)
        layers.append(_disclosure(manifest, sidecar_evidence))
        if self.recovery is not None and format is not None and _asks(layers):
            watermarks, told = self._recovered(self.recovery, content.path, format, watermarks, looked)
            if told:
                not_checked[REGISTRY] = told
        layers += watermarks
        if unsearched:
            not_checked[Layer.WATERMARK] = unsearched
        if why := _revocation_gap(manifest, sidecar_evidence):
            not_checked[REVOCATION] = why
        evidence = Evidence(
            shown,
            medium=_medium(format),
            format=format.mime if format else None,
            layers=tuple(layers),
            not_checked=not_checked,
        )
        return Collected(evidence, format, slots, store, located)

    def _recovered(
        self,
        recovery: Recovery,
        source: Path,
        format: Format,
        watermarks: tuple[LayerEvidence, ...],
        looked: Watermarks | None,
    ) -> tuple[tuple[LayerEvidence, ...], str | None]:
        """The layers of watermarks with what a registry offers, one of what looks alike where there is no mark; and
        why it could not be asked."""
        if looked is not None and looked.found:
            answer = recovery.by_watermark(source, format, watermarks, looked.found)
            return answer.layers, answer.why
        if not self.watermark_keys:  # the content is not to be looked at
            return watermarks, None
        answer = recovery.by_fingerprint(source, format)
        return (*watermarks, *answer.layers), answer.why

    def _slots(self, content: _Content, format: Format | None, shown: str) -> tuple[Slots, str | None]:
        """The slots of the container; where it cannot be parsed, nothing and the reason."""
        if format is None or format.container is None:
            return Slots(), None
        try:
            with content.open() as file:
                return format.container.read(file, self.limits), None
        except InputError as error:
            return Slots(), _renamed(str(error), content.path, shown)

    def _in_text(self, content: _Content, format: Format) -> tuple[LayerEvidence | None, text_manifest.Located | None]:
        if content.size > self.limits.max_text_bytes:
            raise LimitExceeded(
                f"{content.path.name}: the text is larger than the limit of {self.limits.max_text_bytes} bytes"
            )
        data = content.whole or content.path.read_bytes()
        return text_manifest.read_evidence(
            data, format.mime, trust=self.trust, limits=self.limits, revocation=self.revocation
        )

    def _beside(
        self, content: _Content, mime: str, given: sidecar.Sidecar | None
    ) -> tuple[LayerEvidence | None, bytes | None]:
        """Evidence from a sidecar. One under the ambiguous name that binds to something else is no tampering."""
        found = given or sidecar.find(content.path, None, self.limits)
        if found is None:
            return None, None
        whole = content.whole or content.path
        evidence = read(
            whole,
            mime,
            store=found.store,
            trust=self.trust,
            layer=Layer.SIDECAR,
            limits=self.limits,
            revocation=self.revocation,
        ) or LayerEvidence(Layer.SIDECAR, State.INVALID, codes=("claim.missing",))
        evidence = replace(evidence, detail={**evidence.detail, "place": found.place})
        if found.ambiguous and evidence.state is State.TAMPERED and _only_the_binding_fails(evidence):
            return LayerEvidence(Layer.SIDECAR, State.NOT_FOR_THIS_FILE, detail={"place": found.place}), None
        return evidence, found.store


@dataclass(frozen=True)
class _Content:
    """One file's bytes. header: the first HEADER_BYTES. whole: all of them, None where they are too many to hold."""

    path: Path
    size: int
    header: bytes
    whole: bytes | None

    @classmethod
    def of(cls, path: Path) -> _Content:
        with open_input(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size + 1 if size <= HELD_BYTES else HEADER_BYTES)
        return cls(path, size, data[:HEADER_BYTES], data if len(data) == size else None)

    def open(self) -> BinaryIO:
        return open_input(self.path) if self.whole is None else _Held(self.whole, self.path)

    @contextmanager
    def hashing(self) -> Iterator[Callable[[], str]]:
        """SHA-256 of a large file on a thread of its own while the layers are looked at."""
        if self.whole is not None:
            yield hashlib.sha256(self.whole).hexdigest
            return
        with ThreadPoolExecutor(1, thread_name_prefix="sha256") as pool:
            future = pool.submit(sha256_of, self.path)
            yield future.result


class _Held(io.BytesIO):
    """Bytes that know the name of the file they come from, as messages tell it."""

    def __init__(self, data: bytes, path: Path) -> None:
        super().__init__(data)
        self.name = path


def _renamed(sentence: str, source: Path, shown: str) -> str:
    """A parser's sentence with the name that people know in place of the temporary one."""
    return shown + sentence.removeprefix(source.name) if sentence.startswith(f"{source.name}:") else sentence


def _only_the_binding_fails(evidence: LayerEvidence) -> bool:
    broken = codes.TAMPERED.intersection(evidence.codes)
    return bool(broken) and broken <= codes.BINDING


def _medium(format: Format | None) -> Medium | None:
    return format.medium if format else None


def _asks(layers: Sequence[LayerEvidence]) -> bool:
    """Whether a registry can add to what the manifests say: not where one holds that names its origin as AI's."""
    return not any(layer.state in (State.VALID, State.EXPIRED) and layer.ai in SAYS_AI for layer in layers)


def _revocation_gap(*manifests: LayerEvidence | None) -> str | None:
    """Why it is not known whether the signer of the manifest that decides was revoked, though that was asked for."""
    silent = (State.ABSENT, State.NOT_CHECKED, State.REMOTE)
    deciding = next((found for found in manifests if found and found.state not in silent), None)
    answer = deciding.detail.get("revocation") if deciding else None
    if answer is None or answer["status"] in (Status.GOOD, Status.REVOKED):
        return None
    return str(answer["why"])


def _disclosure(manifest: LayerEvidence | None, beside: LayerEvidence | None) -> LayerEvidence:
    """What the signed manifest records of the disclosure; the content itself is not searched for it."""
    for found in (manifest, beside):
        if found and found.state in (State.VALID, State.EXPIRED) and (record := found.detail.get("disclosure")):
            return LayerEvidence(Layer.DISCLOSURE, State.RECORDED, AI(record.get("source", AI.UNKNOWN)), detail=record)
    return LayerEvidence(Layer.DISCLOSURE, State.ABSENT)
