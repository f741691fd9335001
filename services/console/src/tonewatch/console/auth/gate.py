"""What stands before the whole application and lets a request pass, or does not."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonewatch.console.auth.access import Access, Narrow, methods_of
from tonewatch.console.auth.audit import Audit, Deed
from tonewatch.console.auth.principal import Principal
from tonewatch.console.security import SAFE_METHODS, proves_same_origin
from tonewatch.shared.errors import (
    ForbiddenError,
    NotFoundError,
    TonewatchError,
    UnauthorizedError,
)
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import error_response

Identify = Callable[[HTTPConnection], Awaitable[Principal | None]]
"""Tells who sent a request; None if it does not know them."""

OWN_AUDIT: Final = ("/api/v1/auth/", "/api/v1/users", "/api/v1/keys")
"""What is written down there is said in its own words."""

WAYS_IN: Final = frozenset({"/sign-in", "/welcome"})
"""Open pages that look different to somebody who is signed in."""

log = get_logger(__name__)


class Gate:
    """ASGI middleware: finds out who asks, and lets pass what the table of access lets them do.

    Args:
        app: what stands behind the gate.
        identify: asked one after the other, until one knows who it is.
        audit: where writes are written down.
        refuse_page: the page for somebody whose role does not open the page they asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        identify: Sequence[Identify],
        audit: Audit,
        refuse_page: Callable[[HTTPConnection], Response] | None = None,
    ) -> None:
        self._app = app
        self._identify = identify
        self._audit = audit
        self._refuse_page = refuse_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; there are no WebSockets here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        connection = HTTPConnection(scope)
        try:
            principal = await self._who(connection) if _asks_who(scope) else None
            refusal = _judge(scope, connection, principal)
        except TonewatchError as error:
            await error_response(error)(scope, receive, send)
            return
        if isinstance(refusal, ForbiddenError) and self._refuse_page and _is_page(scope):
            response: Response = self._refuse_page(connection)
        elif isinstance(refusal, TonewatchError):
            response = _answer(refusal, scope)
        elif refusal is not None:
            response = refusal
        else:
            await self._app(scope, receive, self._watched(scope, principal, send))
            return
        await response(scope, receive, send)

    async def _who(self, connection: HTTPConnection) -> Principal | None:
        for identify in self._identify:
            found = await identify(connection)
            if found is not None:
                connection.scope.setdefault("state", {})["principal"] = found
                return found
        return None

    def _watched(self, scope: Scope, principal: Principal | None, send: Send) -> Send:
        """The way of the answer; a write is written down before its answer leaves."""
        if principal is None or not _changes(scope) or scope["path"].startswith(OWN_AUDIT):
            return send

        async def send_after_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, principal, message["status"])
            await send(message)

        return send_after_note

    async def _note(self, scope: Scope, principal: Principal, status: int) -> None:
        deed = Deed("request", f"{scope['method']} {scope['path']}", status)
        try:
            await self._audit.note(deed, principal, address_of(scope))
        except TonewatchError as error:
            # it has happened already; the answer must not say that it has not
            log.error("a write is missing in the audit log", did=deed.subject, reason=error.message)


def _asks_who(scope: Scope) -> bool:
    """Files and probes are for all: they work without the database, and without a look into it."""
    access = _access_of(scope)
    return access is None or access.permission is not None or scope["path"] in WAYS_IN


def _changes(scope: Scope) -> bool:
    """Whether it may change something: some questions, such as a rule to judge, come by POST."""
    if scope["method"] in SAFE_METHODS:
        return False
    access = _access_of(scope)
    return access is None or access.permission is None or not access.permission.is_read


def address_of(scope: Scope) -> str:
    """Where a request came from."""
    client = scope.get("client")
    return client[0] if client else ""


def _judge(
    scope: Scope, connection: HTTPConnection, principal: Principal | None
) -> TonewatchError | Response | None:
    """Why a request may not pass; None if it may."""
    listed = methods_of(scope["path"])
    access = _access(listed, scope["method"])
    if access is not None and access.permission is None:
        return None
    if principal is None:
        return UnauthorizedError("sign in, or show an API key as Authorization: Bearer tw_...")
    if not listed:
        return NotFoundError("there is no such address")
    if access is None:
        return _method_not_allowed(scope, listed)
    return _forbidden(access, connection.headers, scope["method"], principal)


def _access_of(scope: Scope) -> Access | None:
    return _access(methods_of(scope["path"]), scope["method"])


def _access(listed: Mapping[str, Access], method: str) -> Access | None:
    return listed.get("GET" if method == "HEAD" else method)


def _forbidden(
    access: Access, headers: Headers, method: str, principal: Principal
) -> ForbiddenError | None:
    if access.permission not in principal.permissions:
        return ForbiddenError(
            f"{principal.name} ({principal.role}) may not do this; it takes {access.permission}"
        )
    if principal.labels and access.narrow is Narrow.DENIED:
        limits = ", ".join(f"{name}={value}" for name, value in principal.labels.items())
        return ForbiddenError(
            f"{principal.name} is limited to {limits}, and this cannot be narrowed to that"
        )
    if method not in SAFE_METHODS and principal.is_ambient and not proves_same_origin(headers):
        return ForbiddenError(
            "a write with a cookie must come from the console's own page (Sec-Fetch-Site or "
            "Origin); programs use an API key"
        )
    return None


def _is_page(scope: Scope) -> bool:
    return not scope["path"].startswith("/api/")


def _answer(error: TonewatchError, scope: Scope) -> Response:
    is_page = _is_page(scope) and scope["method"] in SAFE_METHODS
    if isinstance(error, UnauthorizedError) and is_page:
        wanted = scope["path"]
        if query := scope["query_string"].decode("latin-1"):
            wanted = f"{wanted}?{query}"
        return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", status_code=303)
    return error_response(error)


def _method_not_allowed(scope: Scope, listed: Mapping[str, Access]) -> Response:
    allowed = ", ".join(sorted(listed))
    body = {
        "error": "MethodNotAllowedError",
        "detail": f"{scope['path']} does not know {scope['method']}; allowed: {allowed}",
    }
    return JSONResponse(body, status_code=405, headers={"Allow": allowed})
