"""The C2PA Soft Binding Resolution API (2.3), and of 2.4 what takes manifests, over one registry.

Every refusal is JSON: {"error": "one sentence"}. What a request may cost is bounded by ResolutionOptions.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import IdentifierTaken, InputError, KzlabelError, RegistryError, SignerNotEnrolled
from ..limits import DEFAULT_LIMITS, MIB, Limits
from ..marks.soft_binding import ALGORITHM, identifier_of
from ..marks.store import active_alone
from ..registry import State
from ..registry.entry import LONGEST_ID
from ..registry.remote import CONTENT_TYPE, ENROLLED, MOST_PRINTED, PRINTS
from ..registry.store import Registry
from .content import Searches
from .intake import Unbound, bind, take, take_fingerprints

MOST_QUERY = 2048  # bytes of an address behind its question mark
MOST_JSON = 64 << 10  # bytes of a request in JSON
MOST_RESULTS, RESULTS = 100, 10  # of one look-up: at most, and where nothing is asked for
_MEDIA = ("image/", "audio/", "video/", "application/", "model/", "text/")


@dataclass(frozen=True)
class ResolutionOptions:
    """token: lets others write; None: nobody writes. limits: as for verifying, but see below.

    most_content: bytes of a file that is sent to be looked for. seconds: for a request's body to come, and for the
    search in a file. searches: at once; others wait as long as one may take, then are told to come later.
    """

    token: str | None = field(default=None, repr=False)
    most_content: int = 64 * MIB
    seconds: float = 30.0
    searches: int = 1
    limits: Limits = DEFAULT_LIMITS

    @property
    def search_limits(self) -> Limits:
        """program_timeout counts for each hour of media: what is longer than an hour is not searched."""
        return replace(
            self.limits,
            max_duration=min(self.limits.max_duration, 3600.0),
            watermark_seconds=min(self.limits.watermark_seconds, self.seconds),
            program_timeout=min(self.limits.program_timeout, self.seconds),
        )


def application(registry: Registry, options: ResolutionOptions | None = None) -> Starlette:
    """The API over this registry, which stays the caller's to close."""
    service = _Service(registry, options or ResolutionOptions())
    routes = [
        Route("/matches/byBinding", service.by_binding, methods=["GET"]),
        Route("/matches/byBinding", service.by_large_binding, methods=["POST"]),
        Route("/matches/byContent", service.by_content, methods=["POST"]),
        Route("/manifests", service.add_manifest, methods=["POST"]),
        Route("/manifests/{manifest_id:path}", service.manifest, methods=["GET"]),
        Route(f"{PRINTS}/{{manifest_id:path}}", service.fingerprints, methods=["GET"]),
        Route(f"{PRINTS}/{{manifest_id:path}}", service.add_fingerprints, methods=["POST"]),
        Route("/bindings", service.add_binding, methods=["POST", "PUT"]),
        Route("/services/supportedAlgorithms", service.supported, methods=["GET"]),
    ]
    return Starlette(
        routes=[Route(one.path, _told(one.endpoint), methods=list(one.methods or ())) for one in routes],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


class _Service:
    def __init__(self, registry: Registry, options: ResolutionOptions) -> None:
        self._registry, self._options = registry, options
        self._searches = Searches(options.searches, options.search_limits, registry.place)

    async def by_binding(self, request: Request) -> Response:
        if len(request.scope["query_string"]) > MOST_QUERY:
            raise HTTPException(414, "the query is too long; use POST")
        query = request.query_params
        found = await self._bound(query.get("alg"), query.get("value"), _most(request))
        return JSONResponse({"matches": found})

    async def by_large_binding(self, request: Request) -> Response:
        values = await self._json(request)
        found = await self._bound(values.get("alg"), values.get("value"), _most(request))
        return JSONResponse({"matches": found})

    async def by_content(self, request: Request) -> Response:
        """What the watermark in a file leads to; where it has none, and no `alg` is given, works that are alike.

        A hint puts the manifests that it leads to before others found.
        """
        query, most = request.query_params, _most(request)
        if query.get("alg", ALGORITHM) != ALGORITHM:
            raise _unknown_algorithm()
        hint = None
        if query.get("hintAlg") == ALGORITHM:
            hint = identifier_of(query.get("hintValue"))
            if hint is None:
                raise HTTPException(400, "hintValue is no value of its algorithm")
        if not _type(request).startswith(_MEDIA):
            raise HTTPException(415, "the body has to be a file, with its media type as Content-Type")
        with self._searches.place():
            content = await self._body(request, self._options.most_content)
            if not content:
                raise HTTPException(400, "the body is empty")
            seen = await self._searches.seen(content, self._options.seconds, marks_alone="alg" in query)
        matches = []
        for identifier in sorted(seen.identifiers, key=lambda one: one != hint):
            matches += await self._matches(identifier)
        for name, similarity in seen.alike:
            matches += await self._alike(name, similarity)
        return JSONResponse({"matches": matches[:most]})

    async def manifest(self, request: Request) -> Response:
        manifest_id = _manifest_id(request.path_params["manifest_id"])
        alone = request.query_params.get("returnActiveManifest", "false").lower()
        if alone not in ("true", "false"):
            raise HTTPException(400, "returnActiveManifest is true or false")
        found = await run_in_threadpool(self._registry.find_manifest, manifest_id)
        store = await run_in_threadpool(self._registry.manifest, found[0].entry.manifest) if found else None
        if store is None:
            raise HTTPException(404, "no manifest of this name is registered")
        content = active_alone(store) if alone == "true" else store
        return Response(content, media_type=CONTENT_TYPE, headers={"X-Content-Type-Options": "nosniff"})

    async def add_manifest(self, request: Request) -> Response:
        self._allow(request)
        if _type(request) != CONTENT_TYPE:
            raise HTTPException(400, f"the body has to be a manifest store, as {CONTENT_TYPE}")
        store = await self._body(request, self._options.limits.max_manifest_bytes)
        manifest_id = await run_in_threadpool(take, self._registry, store, self._options.limits)
        return JSONResponse({"manifestId": manifest_id})

    async def add_binding(self, request: Request) -> Response:
        self._allow(request)
        values = await self._json(request)
        if values.get("alg", ALGORITHM) != ALGORITHM:
            raise _unknown_algorithm()
        identifier = _identifier(values.get("bindingValue"), "bindingValue")
        manifest_id = _manifest_id(values.get("manifestId"))
        if not await run_in_threadpool(bind, self._registry, manifest_id, identifier):
            raise HTTPException(404, "no manifest of this name is registered")
        return Response(status_code=204)

    async def fingerprints(self, request: Request) -> Response:
        """No part of the specification: what stands beside a manifest since it is too large for it."""
        found = await run_in_threadpool(self._registry.find_manifest, _manifest_id(request.path_params["manifest_id"]))
        if not found:
            raise HTTPException(404, "no manifest of this name is registered")
        kept = await run_in_threadpool(self._registry.fingerprints, found[0].entry.manifest)
        told = [{"algorithm": name, "data": base64.b64encode(data).decode("ascii")} for name, data in kept]
        return JSONResponse({"fingerprints": told})

    async def add_fingerprints(self, request: Request) -> Response:
        self._allow(request)
        manifest_id = _manifest_id(request.path_params["manifest_id"])
        values = await self._json(request, MOST_PRINTED)
        if not await run_in_threadpool(take_fingerprints, self._registry, manifest_id, values):
            raise HTTPException(404, "no manifest of this name is registered")
        return Response(status_code=204)

    async def supported(self, _: Request) -> Response:
        return JSONResponse({"watermarks": [{"alg": ALGORITHM}], "fingerprints": [], PRINTS.strip("/"): True})

    # --- what they share ---

    async def _bound(self, algorithm: object, value: object, most: int) -> list[dict[str, Any]]:
        if algorithm != ALGORITHM:
            raise _unknown_algorithm()
        return (await self._matches(_identifier(value, "value")))[:most]

    async def _matches(self, identifier: str) -> list[dict[str, Any]]:
        """Confirmed entries alone: of others nobody has said that their content exists."""
        found = await run_in_threadpool(self._registry.vouched, identifier, MOST_RESULTS)
        return [
            {"manifestId": kept.entry.manifest_id, "similarityScore": 100, ENROLLED: enrolled}
            for kept, enrolled in found
            if kept.state is State.CONFIRMED and kept.entry.manifest_id is not None
        ]

    async def _alike(self, manifest_id: str, similarity: float) -> list[dict[str, Any]]:
        found = await run_in_threadpool(self._registry.find_manifest, manifest_id)
        if not found or found[0].state is not State.CONFIRMED:
            return []
        enrolled = await run_in_threadpool(self._registry.enrolled, found[0].entry.signer)
        return [{"manifestId": manifest_id, "similarityScore": int(100 * similarity), ENROLLED: enrolled}]

    def _allow(self, request: Request) -> None:
        if self._options.token is None:
            raise HTTPException(403, "this server takes no manifests")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(token.strip().encode(), self._options.token.encode())
        if scheme.lower() != "bearer" or not right:
            raise HTTPException(401, "this takes the token of the server", {"WWW-Authenticate": "Bearer"})

    async def _json(self, request: Request, most: int = MOST_JSON) -> dict[str, Any]:
        try:
            values = json.loads(await self._body(request, most))
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise HTTPException(400, "the body has to be a JSON object")
        return values

    async def _body(self, request: Request, most: int) -> bytes:
        """Read no further than allowed, and no longer."""
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._options.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise HTTPException(413, f"the body is over {most} bytes")
                    parts.append(part)
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time") from None
        return b"".join(parts)


Endpoint = Callable[[Request], Awaitable[Response]]


def _told(endpoint: Endpoint) -> Endpoint:
    """Our own errors as refusals: what a client did, and what the registry could not do."""

    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SignerNotEnrolled:
            raise HTTPException(403, "the manifest's signer is not enrolled here") from None
        except IdentifierTaken:
            raise HTTPException(409, "the manifest's identifier was issued to another signer") from None
        except (InputError, Unbound) as error:
            raise HTTPException(400, str(error)) from None
        except RegistryError:
            raise HTTPException(500, "the registry does not answer") from None
        except KzlabelError as error:
            raise HTTPException(500, str(error)) from None

    return told


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _failed(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "service failure"}, 500)


def _unknown_algorithm() -> HTTPException:
    return HTTPException(400, f"alg: this server knows {ALGORITHM} alone")


def _identifier(value: object, name: str) -> str:
    found = identifier_of(value)
    if found is None:
        raise HTTPException(400, f"{name} is no value of {ALGORITHM}: 6 bytes in base64")
    return found


def _manifest_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise HTTPException(400, "manifestId is no name of a manifest")
    return value


def _most(request: Request) -> int:
    asked = request.query_params.get("maxResults", str(RESULTS))
    if not asked.isascii() or not asked.isdecimal() or len(asked) > 9 or int(asked) < 1:
        raise HTTPException(400, "maxResults is a number from 1")
    return min(int(asked), MOST_RESULTS)


def _type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
