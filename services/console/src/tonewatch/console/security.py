"""What every answer says to the browser, and the refusal of writes that come from other sites.

A browser shows by itself who is signed in, whichever page has it send a request: a page of another
site must not be able to make use of that.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# forms belong to the scripts: what is sent before they are there must not end up in an address
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class BrowserSecurity:
    """ASGI middleware: security headers on every answer, and no writes on behalf of other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        app = self._app
        if scope["method"] not in SAFE_METHODS and not is_same_origin(Headers(scope=scope)):
            app = JSONResponse(
                {
                    "error": "ForbiddenError",
                    "detail": "this request was sent by a page of another site; "
                    "use the console's own page, or a program that sends no Origin header",
                },
                status_code=403,
            )
        await app(scope, receive, send_with_headers)


def is_same_origin(headers: Headers) -> bool:
    """Whether a request was not sent by another site's page.

    Browsers send Sec-Fetch-Site, older ones only Origin; programs send neither and are no danger,
    for nobody can make them send anything.
    """
    if "sec-fetch-site" in headers or "origin" in headers:
        return proves_same_origin(headers)
    return True


def proves_same_origin(headers: Headers) -> bool:
    """Whether a request shows that our own page sent it, as one with a cookie must.

    Only host and port of Origin are compared, because TLS may end at a proxy before us.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin", "")
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
