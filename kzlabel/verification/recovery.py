"""From a mark that outlived the manifest back to that manifest: a registry is asked, and what it offers is held against
the content in hand.

Nothing that a registry says is believed, but that it enrolled a signer: what counts stands inside the signed manifest.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import methodcaller
from pathlib import Path
from typing import Any

from ..errors import DamagedEntry, InputError, MissingProgram, RegistryError
from ..evidence import AI, Layer, LayerEvidence, State
from ..fingerprint import Fingerprint
from ..limits import Limits
from ..marks import soft_binding
from ..marks.manifest import fingerprints_of
from ..marks.unbound import read_unbound
from ..media import Compared, Format, Impression
from ..registry.place import Place
from ..registry.resolver import MOST_CANDIDATES, PATIENCE, Candidate, Resolver, resolver_of
from ..trust import Trust
from ..trust.revocation import RevocationChecker
from ..watermark.detection import Detection
from ..watermark.keys import WatermarkKey

# What of a manifest's evidence a candidate shows.
_SHOWN = (
    *("signer", "signed_at", "time_source", "generator", "identifier", "manifest_id", "training", "profile"),
    *("revocation", "explanations"),
)

Mark = tuple[str, Detection]


@dataclass(frozen=True)
class Answer:
    """What a registry had to say: layers of evidence in place of those that asked; why it could not be asked.

    failed: it is the registry that did not answer, rather than the content that could not be looked at.
    """

    layers: tuple[LayerEvidence, ...]
    why: str | None = None
    failed: bool = False


class Recovery:
    """Asks one registry for many files; opened at the first question, and anew in each process. Safe for threads."""

    def __init__(
        self,
        place: Place,
        trust: Trust,
        limits: Limits,
        revocation: RevocationChecker | None = None,
        keys: tuple[WatermarkKey, ...] = (),
    ) -> None:
        self._place, self._trust, self._limits, self._revocation, self._keys = place, trust, limits, revocation, keys
        self._lock = threading.Lock()
        self._opened: dict[int, Resolver] = {}
        self._failed: tuple[float, RegistryError] | None = None

    def by_watermark(
        self, source: Path, format: Format, layers: Sequence[LayerEvidence], marks: Sequence[Mark]
    ) -> Answer:
        """The layers of watermarks, with what the registry offers for each. marks: what they were read from."""
        answered = list(layers)
        seen = _Seen(source, format, self._limits, self._keys)
        damaged: str | None = None
        try:
            for index, layer in enumerate(layers):
                if layer.payload is None:
                    continue
                try:
                    offered = self._asked(methodcaller("candidates", layer.payload))
                except DamagedEntry as error:
                    damaged = self._told(error)
                    continue
                own = [mark for mark in marks if mark[1].payload.identifier == layer.payload]
                found = [self._candidate(seen, layer.payload, own, one) for one in offered]
                detail = {**layer.detail, "registered": bool(offered)}
                if found:
                    detail["recovered"] = found
                answered[index] = replace(layer, detail=detail)
        except RegistryError as error:
            return Answer(tuple(answered), self._told(error), failed=True)
        return Answer(tuple(answered), damaged, failed=damaged is not None)

    def by_fingerprint(self, source: Path, format: Format) -> Answer:
        """A layer with what the registry has that looks, sounds or reads alike.

        None where there is nothing to ask, or nobody: the API of a server has no such question.
        """
        if self._place.remote:
            return Answer(())
        seen = _Seen(source, format, self._limits, self._keys)
        if seen.impression is None:
            return Answer((), seen.why)
        found: dict[str, dict[str, Any]] = {}
        try:
            for algorithm, keys in seen.impression.queries():
                for one in self._asked(methodcaller("alike", algorithm, keys)) if keys else ():
                    candidate = self._similar(seen.impression, one)
                    if candidate is not None:
                        known = found.get(candidate["manifest_id"])
                        if known is None or known["similarity"] < candidate["similarity"]:
                            found[candidate["manifest_id"]] = candidate
        except RegistryError as error:
            return Answer((), self._told(error), failed=True)
        except (InputError, MissingProgram) as error:  # films are decoded only then
            return Answer((), str(error))
        best = sorted(found.values(), key=_likeness, reverse=True)
        state = State.SIMILAR if best else State.ABSENT
        return Answer((LayerEvidence(Layer.FINGERPRINT, state, detail={"recovered": best} if best else {}),))

    def _candidate(self, seen: _Seen, identifier: str, marks: Sequence[Mark], offered: Candidate) -> dict[str, Any]:
        """What one manifest that the watermark led to says, and whether it speaks for this content."""
        said = self._said(offered)
        bound = said.pop("soft_bindings", ())
        if identifier not in bound:
            # A registry that lies, or one that knows the identifier from an unsigned column.
            return {**said, "via": "watermark", "watermark_bound": False, "fingerprint_agrees": False}
        signed = _signed(offered)
        if not signed:
            return {**said, "via": "watermark", **_agreement(None, "its manifest holds no fingerprint")}
        if seen.impression is None:
            return {**said, "via": "watermark", **_agreement(None, seen.why or "nothing of it can be compared")}
        try:
            compared = [found for mark in marks if (found := seen.impression.compared(signed, mark)) is not None]
        except (InputError, MissingProgram) as error:  # films are decoded only then
            return {**said, "via": "watermark", **_agreement(None, str(error))}
        best = max(compared, key=lambda one: (one.agrees, one.similarity), default=None)
        return {**said, "via": "watermark", **_agreement(best, "too little of it can be compared")}

    def _similar(self, impression: Impression, offered: Candidate) -> dict[str, Any] | None:
        compared = impression.compared(_signed(offered), None)
        if compared is None or not compared.agrees:
            return None
        said = self._said(offered)
        said.pop("soft_bindings", None)
        if said["state"] != State.VALID:
            return None
        return {**said, "via": "fingerprint", **_agreement(compared, "")}

    def _said(self, offered: Candidate) -> dict[str, Any]:
        found = read_unbound(offered.store, trust=self._trust, limits=self._limits, revocation=self._revocation)
        common: dict[str, Any] = {"registry": self._place.shown, "enrolled": False}
        if found is None:
            return {**common, "state": str(State.INVALID), "ai": str(AI.UNKNOWN), "manifest_id": None}
        signer = found.detail.get("signer", {}).get("fingerprint")
        common["enrolled"] = offered.enrolled and signer is not None and signer == offered.signer
        shown = {key: found.detail[key] for key in _SHOWN if key in found.detail}
        bound = found.detail.get("soft_bindings") or ()
        return {**common, "state": str(found.state), "ai": str(found.ai), "soft_bindings": bound, **shown}

    def _told(self, error: RegistryError) -> str:
        return str(error).replace(self._place.name, self._place.shown)

    def _asked(self, question: Callable[[Resolver], list[Candidate]]) -> list[Candidate]:
        """What the registry answers. One that did not is left in peace for PATIENCE: many files may wait for it."""
        with self._lock:
            if self._failed is not None and time.monotonic() < self._failed[0] + PATIENCE:
                raise self._failed[1]
            known = self._opened.get(os.getpid())
        try:
            if known is None:
                known = resolver_of(self._place)
                with self._lock:
                    known = self._opened.setdefault(os.getpid(), known)
            return question(known)[:MOST_CANDIDATES]
        except DamagedEntry:  # it answers, and for other files perhaps well
            raise
        except RegistryError as error:
            with self._lock:
                self._failed = time.monotonic(), error
            raise


def _likeness(candidate: Mapping[str, Any]) -> tuple[float, float]:
    """What has more in common with this content; of as much, the work of which this content has more."""
    return candidate["similarity"], candidate.get("place", {}).get("of_original", 0.0)


class _Seen:
    """A work, decoded when it is first asked for. why: what hindered that."""

    def __init__(self, source: Path, format: Format, limits: Limits, keys: tuple[WatermarkKey, ...]) -> None:
        self._source, self._format, self._limits, self._keys = source, format, limits, keys
        self.why: str | None = None

    @cached_property
    def impression(self) -> Impression | None:
        try:
            return self._format.impression(self._source, self._limits, keys=self._keys)
        except (InputError, MissingProgram) as error:
            self.why = str(error)
            return None


def _signed(offered: Candidate) -> list[Fingerprint]:
    """The fingerprints that are signed: those inside the manifest, and those beside it whose digest is."""
    found = []
    for algorithm, value in fingerprints_of(offered.store):
        if len(value) != soft_binding.DIGEST:
            found.append(Fingerprint(algorithm, value))
            continue
        # Whoever registers the same manifest again may have put anything beside it.
        beside = (data for name, data in offered.fingerprints if name == algorithm)
        found += [Fingerprint(algorithm, data) for data in beside if soft_binding.is_value_of(value, data)]
    return found


def _agreement(compared: Compared | None, why: str) -> Mapping[str, Any]:
    if compared is None:
        return {"fingerprint_agrees": False, "why": why}
    told: dict[str, Any] = {
        "fingerprint_agrees": compared.agrees,
        "similarity": round(compared.similarity, 4),
    }
    return {**told, "place": dict(compared.place)} if compared.place else told
