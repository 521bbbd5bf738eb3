"""C2PA manifests inside texts, written and read back.

c2pa itself neither writes nor accepts these, so place, exact form and hard binding are ours; signature, trust and
assertions are left to it. Section numbers are those of C2PA 2.4.

What is hashed: for the wrapper, the text in UTF-8, normalised to NFC, a byte order mark included, without the wrapper
(15.12.1.3), whatever the encoding of the file; for blocks and scripts, the file's bytes without them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..containers import charset, html, text_carriers, text_wrapper
from ..containers.charset import Charset
from ..containers.text_carriers import (
    CORRUPTED,
    Exclusion,
    Located,
    Structure,
    canonical_block,
    canonical_script,
    locate,
    normal,
    remove,
    without_manifest,
)
from ..containers.text_edit import newline_of
from ..errors import SigningError
from ..evidence import Layer, LayerEvidence, State
from ..limits import DEFAULT_LIMITS, Limits
from ..trust import NOBODY, Trust
from ..trust.revocation import RevocationChecker
from . import codes, manifest
from .binding import MALFORMED, MISMATCH, DataHash, Fault, OwnBinding
from .manifest_evidence import unreadable
from .text_binding import PARTIAL, REFLOWED, TextBinding, check

__all__ = [
    "Exclusion",
    "Located",
    "Sign",
    "Structure",
    "embed",
    "embeddable",
    "locate",
    "own_binding",
    "read_evidence",
    "read_text",
    "remove",
    "without_manifest",
]

FIRST_GUESS = 4096  # bytes of a store with one certificate and no time-stamp; a wrong guess costs one more signature
MAX_SIZES = 8  # signatures until the length of the store settles; it takes two or three
MAX_PADDINGS = 40  # further signatures for a padding of zeros alone, of which one in three succeeds


Sign = Callable[[bytes, tuple[Exclusion, ...], bytes], bytes]
"""(bytes to be bound, with zeros in the excluded range; exclusions; SHA-256 of the rest) -> manifest store."""


def embeddable(data: bytes, structure: Structure) -> bool:
    """Whether this text can hold its manifest inside; else it goes into a sidecar."""
    newline = newline_of(data.decode(charset.TRANSPARENT)) if structure is Structure.MARKDOWN else ""
    return text_carriers.embeddable(structure, charset.sniff(data), newline)


def embed(data: bytes, structure: Structure, sign: Sign) -> bytes:
    """The text with a signed manifest in it; every other byte stays.

    Signs until the length of the store is what the exclusion says, and for a wrapper until its padding is zeros only
    (another validator takes any other padding for hidden data). Raises SigningError.
    """
    if not embeddable(data, structure):
        raise SigningError("this text cannot hold a manifest in its encoding; use a sidecar")
    place = _Place.of(data, structure)
    size, store = FIRST_GUESS, b""
    for attempt in range(MAX_SIZES + MAX_PADDINGS):
        store = sign(*place.to_sign(size))
        if len(store) == size and (structure is not Structure.PLAIN or text_wrapper.padded_with_zeros(store)):
            break
        if len(store) != size and attempt >= MAX_SIZES + MAX_PADDINGS - 1:
            raise SigningError("the length of the manifest does not settle; use a sidecar")
        size = len(store)
    return place.filled(store)


def own_binding(data: bytes, found: Located) -> OwnBinding:
    """The check of a text's hard binding, for `manifest.read` and for a parent whose store stands in a text."""

    def checked(bound: DataHash) -> list[Fault]:
        return _faults(check(data, found, bound))

    return checked


def read_text(
    data: bytes, mime: str, *, trust: Trust = NOBODY, limits: Limits = DEFAULT_LIMITS
) -> LayerEvidence | None:
    """The evidence of `read_evidence` alone."""
    return read_evidence(data, mime, trust=trust, limits=limits)[0]


def read_evidence(
    data: bytes,
    mime: str,
    *,
    trust: Trust = NOBODY,
    limits: Limits = DEFAULT_LIMITS,
    revocation: RevocationChecker | None = None,
) -> tuple[LayerEvidence | None, Located | None]:
    """Validate the manifests inside a text; the evidence of the one that says most, and that manifest.

    mime: one of Structure. A manifest bound to the whole text decides; then a broken one, which a labelled passage
    beside it must not hide; then one bound to a passage (code `text.partial`, `detail["passage"]` in characters).
    Never raises on hostile content.
    """
    located = locate(data, Structure(mime), limits=limits)
    readings = [_read(data, found, trust, limits, revocation) for found in located]
    if not readings:
        return None, None
    number = min(range(len(readings)), key=lambda number: _rank(readings[number]))
    best = readings[number]
    if len(readings) > 1:
        others = [_in_short(one) for one in readings if one is not best]
        several = () if _rank(best) == 0 else tuple(found.code for found in located if found.code)
        best = replace(
            best, codes=tuple(dict.fromkeys((*best.codes, *several))), detail={**best.detail, "others": others}
        )
    return best, located[number]


def _in_short(evidence: LayerEvidence) -> dict[str, Any]:
    return {"state": str(evidence.state), "codes": list(evidence.codes), "passage": evidence.detail.get("passage")}


def _read(
    data: bytes, found: Located, trust: Trust, limits: Limits, revocation: RevocationChecker | None
) -> LayerEvidence:
    if found.store is None:
        if found.remote is not None:
            return unreadable(Layer.MANIFEST, codes.REMOTE, "the manifest is only at an address, which was not fetched")
        return unreadable(Layer.MANIFEST, found.code or MALFORMED, "the manifest in this text is damaged")
    results: list[TextBinding] = []

    def checked(bound: DataHash) -> list[Fault]:
        results.append(check(data, found, bound))
        return _faults(results[-1])

    evidence = manifest.read(
        data,
        manifest.ANY_BYTES,
        store=found.store,
        trust=trust,
        own_binding=checked,
        limits=limits,
        revocation=revocation,
    )
    if evidence is None:
        return unreadable(Layer.MANIFEST, found.code or MALFORMED, "the manifest in this text is empty")
    own = tuple(code for result in results[-1:] for code in result.codes if code in (PARTIAL, REFLOWED))
    detail = {**evidence.detail, "carrier": found.carrier}
    if results and results[-1].passage:
        detail["passage"] = list(results[-1].passage)
    damaged = (found.code,) if found.code == CORRUPTED else ()
    return replace(evidence, codes=(*evidence.codes, *own, *damaged), detail=detail)


def _faults(result: TextBinding) -> list[Fault]:
    if result.holds:
        return []
    return [Fault(code, result.sentence) for code in result.codes if code in (MISMATCH, MALFORMED)]


def _rank(evidence: LayerEvidence) -> int:
    whole = PARTIAL not in evidence.codes
    if evidence.state in (State.VALID, State.EXPIRED):
        return 0 if whole else 2
    return 1 if evidence.state is State.TAMPERED else 3 if evidence.state is State.INVALID else 4


@dataclass(frozen=True)
class _Place:
    """Where the manifest goes. before, after: the file's bytes around it; hashed: the same as they are hashed."""

    structure: Structure
    before: bytes
    after: bytes
    hashed: tuple[bytes, bytes]
    encoding: Charset
    lead: bytes = b""
    """Inside the exclusion, before the block."""
    tail: bytes = b""
    """Outside of it, behind the script."""

    @classmethod
    def of(cls, data: bytes, structure: Structure) -> _Place:
        if structure is Structure.PLAIN:
            return cls._wrapper(data)
        text, encoding = charset.ascii_compatible(data)
        newline = newline_of(text)
        if structure is Structure.MARKDOWN:
            # At the end, since front matter has the first line, and since a YAML parser stops at the lines of A.9.3.2.
            # The exclusion begins at the line feed itself: validators leave a CR before it outside.
            before = data + newline.encode("ascii")[:-1]
            return cls(structure, before, b"", (before, b""), encoding, lead=b"\n")
        head = html.outline(text).head
        at = len(encoding.encode(text[:head]))
        newline = newline if text[head - 1 : head] in ("\n", "\r") or head == 0 else ""
        before, after, tail = data[:at], data[at:], newline.encode("ascii")
        return cls(structure, before, after, (before, tail + after), encoding, tail=tail)

    @classmethod
    def _wrapper(cls, data: bytes) -> _Place:
        encoding = charset.sniff(data)
        assert encoding is not None
        plain = Charset(encoding.codec)
        text = plain.decode(data)  # with the byte order mark as its first character
        at = _end_of_words(text)
        before, after = text[:at], text[at:]
        whole, first = normal(text.encode("utf-8")), normal(before.encode("utf-8"))
        hashed = (first, whole[len(first) :])
        return cls(Structure.PLAIN, plain.encode(before), plain.encode(after), hashed, plain)

    def to_sign(self, size: int) -> tuple[bytes, tuple[Exclusion, ...], bytes]:
        before, after = self.hashed
        length = len(self.lead) + self._length(size)
        digest = hashlib.sha256(before + after).digest()
        return before + bytes(length) + after, (Exclusion(len(before), length),), digest

    def filled(self, store: bytes) -> bytes:
        if self.structure is Structure.PLAIN:
            carrier = self.encoding.encode(text_wrapper.encode(store))
        elif self.structure is Structure.HTML:
            carrier = canonical_script(store).encode("ascii")
        else:
            carrier = canonical_block(store).encode("ascii")
        return self.before + self.lead + carrier + self.tail + self.after

    def _length(self, size: int) -> int:
        if self.structure is Structure.PLAIN:
            return text_wrapper.length_for(size)
        empty = canonical_script(b"") if self.structure is Structure.HTML else canonical_block(b"")
        return len(empty) + 4 * ((size + 2) // 3)


def _end_of_words(text: str) -> int:
    """Where the wrapper goes: behind the last line's last character, so that the file still ends with its line end.

    The standard counts the exclusion's start in the normalised text, some validators in the text as it stands. In a
    text that is not in NFC the wrapper therefore goes to the end of the last line up to which both count the same.
    """
    end = len(text) - (2 if text.endswith("\r\n") else 1 if text.endswith(("\n", "\r")) else 0)
    if unicodedata.is_normalized("NFC", text[:end]):
        return end
    stop = 0
    for line in re.finditer(r"([^\r\n]*)(?:\r\n|\n|\r|\Z)", text):
        if not unicodedata.is_normalized("NFC", line[1]):
            break
        stop = line.end(1) if line[1].strip("\ufeff \t") else stop
    return stop or end
