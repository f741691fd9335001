"""Who is answered: the probes anybody, everything else only who shows the suite's own token."""

import hmac
import ipaddress
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from tonewatch.shared.errors import ConfigurationError, TonewatchError, UnauthorizedError
from tonewatch.shared.logging import scrub
from tonewatch.shared.runtime._service import Service

PROBES: Final = ("/health", "/ready", "/metrics")


def error_response(error: TonewatchError) -> JSONResponse:
    """The one rendering of errors: `{"error": name, "detail": message}`, without secrets."""
    body = {"error": type(error).__name__, "detail": scrub(error.message)}
    headers = {}
    if error.retryable:
        headers["Retry-After"] = "2"
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, status_code=error.status_code, headers=headers)


def guard(app: FastAPI, service: Service[Any]) -> None:
    """Ask for the token, if there is one and the service does not guard itself."""
    if service.token is not None and not service.guards_itself:
        paths = (*PROBES, *service.open_paths)
        app.add_middleware(TokenGuard, token=service.token, open_paths=paths)


def require_guard(service: Service[Any]) -> None:
    """Refuse to answer other machines without asking for anything.

    Raises:
        ConfigurationError: the service would do that; the message says what to set.
    """
    host = service.options.host
    if service.token is None and not service.guards_itself and not is_loopback(host):
        raise ConfigurationError(
            f"{service.name} is to listen on {host}, where other machines can reach it, and has no "
            f"token to ask them for: set TONEWATCH_TOKEN_FILE to a file that all services share "
            f"(the first makes it), or TONEWATCH_TOKEN, alike for all; or let it listen on "
            f"127.0.0.1 (TONEWATCH_{service.name.upper()}__HOST)"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listening address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class TokenGuard:
    """ASGI middleware: 401 to requests and WebSockets without `Authorization: Bearer <token>`."""

    def __init__(self, app: ASGIApp, *, token: SecretStr, open_paths: tuple[str, ...]) -> None:
        self._app = app
        self._token = token.get_secret_value().encode()
        self._names = frozenset(path for path in open_paths if not path.endswith("/"))
        self._folders = tuple(path for path in open_paths if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        if scope["type"] == "lifespan" or self._is_open(scope["path"]) or self._shows_token(scope):
            await self._app(scope, receive, send)
            return
        refusal = error_response(
            UnauthorizedError(
                "this service answers only the other services of its suite, which show a token "
                "(Authorization: Bearer, from TONEWATCH_TOKEN or the file TONEWATCH_TOKEN_FILE); "
                "people and programs ask the public API at the console, with a key of theirs"
            )
        )
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._names or path.startswith(self._folders)

    def _shows_token(self, scope: Scope) -> bool:
        scheme, _, shown = Headers(scope=scope).get("authorization", "").partition(" ")
        is_bearer = scheme.lower() == "bearer"
        return is_bearer and hmac.compare_digest(shown.strip().encode(), self._token)
