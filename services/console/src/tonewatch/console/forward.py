"""The public API: each resource of /api/v1 is answered by the service that owns it.

Bodies are streamed in both directions, so an upload never lies in the console's memory. Only what
is listed here and in `auth.access` is reachable: nothing under /internal, no probes, no metrics of
the inner services.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse

from tonewatch.console.auth.access import Narrow, methods_of
from tonewatch.console.auth.principal import principal_of
from tonewatch.console.narrowing import (
    LOOKED_UP,
    narrowed_query,
    require_seen,
    seen_items,
)
from tonewatch.console.upstreams import Upstream, Upstreams, describe
from tonewatch.shared.acting import user_header
from tonewatch.shared.errors import ForbiddenError, NotFoundError
from tonewatch.shared.http import AsyncClient, HTTPError, TimeoutException
from tonewatch.shared.http import Response as UpstreamResponse
from tonewatch.shared.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resource:
    """Who owns a resource; what may be done with it from outside, the table of access says."""

    owner: Upstream
    name: str | None = None
    """What the owner calls it, where that is not unique among the services."""
    free_names: bool = False
    """Whether people name its parts, so that an address may hold any character but slashes."""


RESOURCES: Final[Mapping[str, Resource]] = {
    "audio": Resource("ingest"),
    "audit": Resource("ingest"),
    "sources": Resource("ingest"),
    "sources-file": Resource("ingest"),
    "export": Resource("storage"),
    "search": Resource("storage"),
    "segments": Resource("storage"),
    "sessions": Resource("storage"),
    "records": Resource("storage"),
    "alerts": Resource("storage"),
    "stats": Resource("storage"),
    "utterances": Resource("storage"),
    "similar": Resource("storage"),
    # what is kept, for how long, and what was erased on request
    "retention": Resource("storage"),
    "holds": Resource("storage"),
    "erasures": Resource("storage"),
    # what people do with alerts: acknowledge, assign, comment, close
    "inbox": Resource("alerting", name="alerts"),
    "silences": Resource("alerting"),
    "rules": Resource("alerting", free_names=True),
    "channels": Resource("alerting", free_names=True),
    "deliveries": Resource("alerting"),
    "webhooks": Resource("alerting"),
    "engine": Resource("inference"),
}

REQUEST_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-language",
        "content-length",
        "content-type",
        "if-match",
        "last-event-id",
        "range",
        "traceparent",
    }
)
RESPONSE_HEADERS: Final = frozenset(
    {
        "accept-ranges",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "retry-after",
    }
)
UNAUTHORIZED: Final = 401
METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]

_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[\w.:~-]+")
_FREE_SEGMENT: Final = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]+")


def forward_router(upstreams: Upstreams) -> APIRouter:
    """Routes /api/v1/{resource}/..."""
    router = APIRouter(prefix="/api/v1", tags=["services"], include_in_schema=False)

    @router.api_route("/{resource}", methods=METHODS)
    @router.api_route("/{resource}/{rest:path}", methods=METHODS)
    async def forward(request: Request, resource: str, rest: str = "") -> Response:
        """Pass the request on to the owner of the resource."""
        target = RESOURCES.get(resource)
        parts = rest.split("/") if rest else []
        if target is None or not _is_address(target, parts):
            raise NotFoundError(f"there is no {request.url.path}")
        path = "/".join(["/v1", target.name or resource, *(quote(part, safe="") for part in parts)])
        if principal_of(request).labels:
            return await _pass_narrowed(upstreams, target.owner, request, path, parts)
        return await _pass_on(upstreams, target.owner, request, path, request.url.query)

    return router


def _is_address(target: Resource, parts: list[str]) -> bool:
    segment = _FREE_SEGMENT if target.free_names else _SEGMENT
    return all(map(segment.fullmatch, parts))


async def _pass_narrowed(
    upstreams: Upstreams, owner: Upstream, request: Request, path: str, parts: list[str]
) -> Response:
    """Pass on for somebody who may only see what carries their labels."""
    principal, query = principal_of(request), request.url.query
    narrow = methods_of(request.scope["path"])[request.method].narrow
    if narrow is Narrow.ITEMS:
        return JSONResponse(await seen_items(upstreams, principal, owner, path, query))
    if narrow is Narrow.QUERY:
        query = narrowed_query(query, principal)
    elif narrow in LOOKED_UP:
        await require_seen(upstreams, principal, narrow, parts[0])
    elif narrow is not Narrow.NOTHING:
        raise ForbiddenError("this cannot be narrowed to your labels")
    return await _pass_on(upstreams, owner, request, path, query)


async def _pass_on(
    upstreams: Upstreams, owner: Upstream, request: Request, path: str, query: str
) -> Response:
    is_upload = request.method == "POST" and path == "/v1/audio"
    client = upstreams.uploads if is_upload else upstreams.requests
    url = upstreams.url(owner, path)
    try:
        answer = await _send(client, request, f"{url}?{query}" if query else url)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    except HTTPError as error:
        log.warning("a service cannot be reached", owner=owner, reason=describe(error))
        return _away(owner, f"does not answer ({describe(error)}); try again")
    if answer.status_code == UNAUTHORIZED:  # it means the console: whoever asks has signed in here
        await answer.aclose()
        log.error("a service does not take the console's token", owner=owner)
        return _away(owner, "has another token; give all services the same TONEWATCH_TOKEN_FILE")
    headers = {k: v for k, v in answer.headers.items() if k.lower() in RESPONSE_HEADERS}
    return StreamingResponse(_body(answer), status_code=answer.status_code, headers=headers)


async def _send(client: AsyncClient, request: Request, url: str) -> UpstreamResponse:
    headers = {k: v for k, v in request.headers.items() if k.lower() in REQUEST_HEADERS}
    headers |= user_header(principal_of(request).name)
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    attempts = 1 if has_body or request.method != "GET" else 2
    while True:
        outgoing = client.build_request(
            request.method,
            url,
            headers=headers,
            content=request.stream() if has_body else None,
        )
        try:
            return await client.send(outgoing, stream=True)
        except TimeoutException:
            raise
        except HTTPError:
            # a kept connection may have been closed by the service just when it was used again
            attempts -= 1
            if attempts == 0:
                raise


async def _body(answer: UpstreamResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _away(owner: Upstream, what: str) -> JSONResponse:
    body = {
        "error": "UnavailableError",
        "detail": f"the service {owner} {what}",
        "service": owner,
    }
    return JSONResponse(body, status_code=503, headers={"Retry-After": "2"})
