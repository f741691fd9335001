"""Who stands behind a request: the console names the person or key that has signed in there.

The name goes into `X-Tonewatch-User`, percent-encoded, for a header holds no Chinese. It is trusted
because whoever sends it has shown the suite's own token. Routes that record who does something take
it where the request itself names nobody.
"""

from contextvars import ContextVar
from typing import Final
from urllib.parse import quote, unquote

from pydantic import Field
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tonewatch.shared.errors import InvalidInputError

USER_HEADER: Final = "X-Tonewatch-User"
LONGEST_NAME: Final = 128

_user: ContextVar[str] = ContextVar("acting_user", default="")


def user_header(name: str) -> dict[str, str]:
    """The header that names who asks; longer names are cut."""
    return {USER_HEADER: quote(name[:LONGEST_NAME])}


def acting_user() -> str:
    """Who stands behind the request that is being answered; empty where nobody was named."""
    return _user.get()


DOER: Final = Field(
    default_factory=acting_user,
    validate_default=True,
    description="Who does it; who has signed in at the console if left out",
)
"""The default of a model's field that names who does something, such as `by: Person = DOER`."""


def named(by: str | None) -> str:
    """Who does it: as the request says, else who stands behind it.

    Raises:
        InvalidInputError: neither is known.
    """
    if name := by or acting_user():
        return name
    raise InvalidInputError("say who does it: `by`")


class ActingUser:
    """ASGI middleware: what is called within a request can ask for its `acting_user`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = unquote(Headers(scope=scope).get(USER_HEADER, ""))
        token = _user.set(sent[:LONGEST_NAME].strip())
        try:
            await self._app(scope, receive, send)
        finally:
            _user.reset(token)
