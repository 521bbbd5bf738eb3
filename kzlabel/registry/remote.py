"""A registry behind the C2PA Soft Binding Resolution API (2.3), of whichever maker: asked, and written to with a token.

Whatever the server answers, a call is over after TIMEOUT and ends in candidates or in one RegistryError. What it
answers is not believed: a manifest is verified by whoever uses it, and compared with the content.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import DamagedEntry, NetworkError, RegistryError
from ..inert import inert
from ..limits import DEFAULT_LIMITS
from ..marks.manifest import fingerprints_of
from ..marks.soft_binding import ALGORITHM, DIGEST, is_value_of, value_of
from ..marks.store import active_label, signer_chain
from ..network import Answer, exchange
from ..settings import cache_folder
from ..trust.revocation.cache import AnswerCache
from .entry import LONGEST_ID, MOST_DATA, MOST_PRINTS, Entry, Printed, State
from .place import Place
from .resolver import MOST_CANDIDATES, PATIENCE, Candidate

TIMEOUT = 10.0  # seconds for one call with all its requests
REDIRECTS = 3
MOST_JSON = 1 << 18  # bytes of an answer that is no manifest
MOST_STORES = 2 * DEFAULT_LIMITS.max_manifest_bytes  # bytes of all manifests of one call
MAX_AGE = 24 * 3600.0  # seconds that a manifest is kept: its name stands for one content
ENROLLED = "org.kzlabel.enrolled"  # beside a match, from servers of ours: the signer may write there
# Where servers of ours keep the fingerprints that are too large for a manifest; told among supported algorithms.
PRINTS = "/org.kzlabel.fingerprints"
MOST_PRINTED = MOST_PRINTS * (MOST_DATA * 4 // 3 + 256)  # bytes of their JSON
CONTENT_TYPE = "application/c2pa"


class Remote:
    """Safe for threads."""

    def __init__(self, place: Place, cache: AnswerCache | None = None) -> None:
        self.place = place
        self._base = place.url or ""
        self._cache = cache or AnswerCache(cache_folder() / "registry", MAX_AGE)
        self._failed: tuple[float, RegistryError] | None = None
        self._keeps_prints = False

    @property
    def name(self) -> str:
        return self.place.name

    def close(self) -> None: ...

    # --- verifying ---

    def candidates(self, identifier: str) -> list[Candidate]:
        """The manifests that the server has for the watermark with this identifier: see `Resolver`."""
        deadline = time.monotonic() + TIMEOUT
        left = MOST_STORES
        found: dict[str, Candidate] = {}
        damaged: DamagedEntry | None = None
        for match in self._matches(identifier, deadline):
            manifest_id = match.get("manifestId")
            if (
                not isinstance(manifest_id, str)
                or not 0 < len(manifest_id) <= LONGEST_ID
                or not manifest_id.isprintable()
            ):
                raise self._strange("it names a manifest by what is no name")
            if manifest_id in found:
                continue
            try:
                store = self._manifest(manifest_id, match.get("endpoint"), left, deadline)
            except DamagedEntry as error:
                damaged = error
                continue
            if store is not None:
                left -= len(store)
                enrolled, signer = match.get(ENROLLED) is True, _signer(store, manifest_id)
                beside = self._fingerprints(store, manifest_id, deadline) if ENROLLED in match else ()
                found[manifest_id] = Candidate(store, manifest_id, enrolled, State.CONFIRMED, signer, beside)
        if damaged is not None and not found:
            raise damaged
        return list(found.values())

    def alike(self, algorithm: str, keys: Sequence[int]) -> list[Candidate]:
        """None: the API asks by a whole fingerprint or by the content itself, and not by parts of fingerprints."""
        return []

    def _matches(self, identifier: str, deadline: float) -> list[dict[str, Any]]:
        asked = {"alg": ALGORITHM, "value": value_of(identifier), "maxResults": str(MOST_CANDIDATES)}
        answer = self._ask("GET", f"/matches/byBinding?{urlencode(asked)}", deadline)
        if answer.status == 404:  # some say so where they find nothing
            return []
        matches = self._json(answer).get("matches")
        if not isinstance(matches, list) or not all(isinstance(match, dict) for match in matches):
            raise self._strange("its answer is no list of matches")
        return matches[:MOST_CANDIDATES]

    def _manifest(self, manifest_id: str, endpoint: object, limit: int, deadline: float) -> bytes | None:
        """The manifest store of which this is the active manifest; None if the server has none."""
        base = self._base if endpoint is None else endpoint
        if not isinstance(base, str) or not base.startswith(("https://", self._base)) or not base.isprintable():
            raise self._strange("it names a manifest at what is no https address")
        key = (base.encode(), manifest_id.encode())
        most = min(limit, DEFAULT_LIMITS.max_manifest_bytes)
        kept = self._cache.load(*key, limit=most)
        if kept is not None and active_label(kept) == manifest_id:
            return kept
        answer = self._ask(
            "GET", f"/manifests/{quote(manifest_id, safe='')}", deadline, limit=most, base=base.rstrip("/")
        )
        if answer.status == 404:
            return None
        self._check(answer)
        if active_label(answer.body) != manifest_id:
            none = active_label(answer.body) is None
            what = "something that is no manifest" if none else "another manifest than it was asked for"
            raise DamagedEntry(f"registry {self.name}: it answers with {what}")
        self._cache.save(*key, data=answer.body)
        return answer.body

    def _fingerprints(self, store: bytes, manifest_id: str, deadline: float) -> tuple[tuple[str, bytes], ...]:
        """What a server of ours keeps beside a manifest, where that holds no more than its digest."""
        wanted = {name: value for name, value in fingerprints_of(store) if len(value) == DIGEST}
        if not wanted:
            return ()
        path = f"{PRINTS}/{quote(manifest_id, safe='')}"
        answer = self._ask("GET", path, deadline, limit=MOST_PRINTED)
        if answer.status == 404:
            return ()
        try:
            listed = self._json(answer)["fingerprints"]
            found = [(one["algorithm"], base64.b64decode(one["data"], validate=True)) for one in listed[:MOST_PRINTS]]
        except (KeyError, TypeError, ValueError):
            raise self._strange("its answer is no list of fingerprints") from None
        fitting = ((name, data) for name, data in found if name in wanted and len(data) <= MOST_DATA)
        return tuple((name, data) for name, data in fitting if is_value_of(wanted[name], data))

    # --- labelling ---

    def admit(self, fingerprint: str, *, development: bool) -> None:
        """Whether this is a server that knows our watermarks; whose manifests it takes, it says when it gets one."""
        if self.place.token is None:
            raise RegistryError(f"registry {self.name}: to write there takes a token; set KZLABEL_REGISTRY_TOKEN")
        known = self._json(self._ask("GET", "/services/supportedAlgorithms", time.monotonic() + TIMEOUT))
        watermarks = known.get("watermarks")
        named = watermarks if isinstance(watermarks, list) else []
        self._keeps_prints = known.get(PRINTS.strip("/")) is True
        if not any(isinstance(one, dict) and one.get("alg") == ALGORITHM for one in named):
            raise self._strange(f"it does not know watermarks of {ALGORITHM}")

    def issue(self, identifier: str, signer: str) -> str | None:
        """Whose this identifier is, as far as there are manifests with it; it is taken when one is registered."""
        for candidate in self.candidates(identifier):
            return candidate.signer or ""
        return None

    def register(self, entry: Entry, store: bytes, state: State, fingerprints: Sequence[Printed] = ()) -> bool:
        """Send the manifest and, for a confirmed entry, its binding. Fingerprints that it only has the digests of go to
        servers of ours: the API has no place for them."""
        deadline = time.monotonic() + TIMEOUT
        answer = self._ask("POST", "/manifests", deadline, data=store, type=CONTENT_TYPE)
        if self._json(answer).get("manifestId") != entry.manifest_id:
            raise self._strange("it took the manifest for another one")
        digests = {name for name, value in fingerprints_of(store) if len(value) == DIGEST}
        if digests and self._keeps_prints:
            sent = [
                {"algorithm": one.algorithm, "data": base64.b64encode(one.data).decode("ascii")}
                for one in fingerprints
                if one.algorithm in digests
            ]
            data = json.dumps({"fingerprints": sent}).encode("ascii")
            path = f"{PRINTS}/{quote(entry.manifest_id or '', safe='')}"
            self._check(self._ask("POST", path, deadline, data=data, type="application/json"))
        if state is State.CONFIRMED:
            self._bind(entry, deadline)
        return True

    def confirm(self, entry: Entry) -> bool:
        """Send the binding: from then on the server finds the manifest by its watermark."""
        return self._bind(entry, time.monotonic() + TIMEOUT)

    def withdraw(self, entry: Entry) -> bool:
        """Nothing: a manifest without a binding is not found by a watermark, and a server of ours prunes it."""
        return False

    def _bind(self, entry: Entry, deadline: float) -> bool:
        if entry.watermark is None:
            return False
        values = {"alg": ALGORITHM, "bindingValue": value_of(entry.watermark), "manifestId": entry.manifest_id}
        data = json.dumps(values).encode("ascii")
        self._check(self._ask("POST", "/bindings", deadline, data=data, type="application/json"))
        return True

    # --- asking ---

    def _ask(
        self,
        method: str,
        path: str,
        deadline: float,
        *,
        data: bytes | None = None,
        type: str | None = None,
        limit: int = MOST_JSON,
        base: str | None = None,
    ) -> Answer:
        failed = self._failed
        if failed is not None and time.monotonic() < failed[0] + PATIENCE:
            raise failed[1]
        headers = {"Accept": "application/json, application/c2pa"}
        if type is not None:
            headers["Content-Type"] = type
        if self.place.token is not None:
            headers["Authorization"] = f"Bearer {self.place.token}"
        url = f"{base or self._base}{path}"
        left = max(deadline - time.monotonic(), 0.001)
        try:
            return exchange(
                method,
                url,
                data=data,
                headers=headers,
                limit=limit,
                timeout=left,
                home=self._base,
                redirects=REDIRECTS,
            )
        except NetworkError as error:
            problem = self._strange(str(error).removeprefix(f"{inert(url, 200)}: "))
            self._failed = time.monotonic(), problem
            raise problem from None

    def _check(self, answer: Answer) -> None:
        """Raises RegistryError unless the server did what it was asked."""
        if answer.status in (200, 201, 204):
            return
        if answer.status in (401, 403):
            raise RegistryError(
                f"registry {self.name}: it refuses this{_reason(answer)}; check the token, or enrol the signer"
            )
        raise self._strange(f"it answers with status {answer.status}{_reason(answer)}")

    def _json(self, answer: Answer) -> dict[str, Any]:
        self._check(answer)
        try:
            values = json.loads(answer.body)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise self._strange("its answer is no JSON of the Soft Binding Resolution API; check the address")
        return values

    def _strange(self, what: str) -> RegistryError:
        return RegistryError(f"registry {self.name}: {what}")


def _signer(store: bytes, manifest_id: str) -> str | None:
    chain = signer_chain(store, manifest_id)
    return hashlib.sha256(chain[0]).hexdigest() if chain else None


def _reason(answer: Answer) -> str:
    """What the server says of its refusal, where it says so in JSON."""
    try:
        values = json.loads(answer.body)
        told = values.get("error") or values.get("detail")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return f": {inert(told, 120)}" if isinstance(told, str) else ""
