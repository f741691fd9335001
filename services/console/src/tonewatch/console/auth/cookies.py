"""The cookie that says who is signed in."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE: Final = "tonewatch_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""Browsers take this name only over TLS, for this host alone, from this host alone."""


def session_token(connection: HTTPConnection) -> str | None:
    """What the cookie says, if there is one."""
    cookies = connection.cookies
    return cookies.get(SECURE_COOKIE) or cookies.get(COOKIE)


def set_session(
    response: Response, connection: HTTPConnection, token: str, seconds: int, public_url: str | None
) -> None:
    """Have the browser keep the cookie."""
    secure = is_secure(connection, public_url)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        token,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def clear_session(response: Response) -> None:
    """Have the browser forget the cookie, whichever it has."""
    for name, secure in ((COOKIE, False), (SECURE_COOKIE, True)):
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def is_secure(connection: HTTPConnection, public_url: str | None) -> bool:
    """Whether the browser came over TLS, as far as we know: a proxy before us may end it."""
    if connection.url.scheme == "https":
        return True
    public = urlsplit(public_url or "")
    return public.scheme == "https" and public.netloc == connection.headers.get("host")
