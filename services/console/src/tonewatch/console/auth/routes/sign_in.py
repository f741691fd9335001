"""POST /api/v1/auth/sign-in, /sign-out and /welcome: the ways in and out."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.cookies import clear_session, session_token, set_session
from tonewatch.console.auth.door import Door, address_of
from tonewatch.console.auth.first import FirstSignIn
from tonewatch.console.auth.limiter import TooManyAttemptsError
from tonewatch.console.auth.passwords import check_password
from tonewatch.console.auth.routes.forms import SignIn, Welcome, visitor_of


def sign_in_routes(door: Door, first: FirstSignIn, public_url: str | None) -> APIRouter:
    """Sign in by password or one-time link, and out again."""
    router = APIRouter(prefix="/auth", tags=["sign-in"])

    def signed_in(request: Request, token: str) -> Response:
        response = Response(status_code=204)
        seconds = door.sessions.longest_ms // 1000
        set_session(response, request, token, seconds, public_url)
        return response

    @router.post("/sign-in", status_code=204)
    async def sign_in(request: Request, form: SignIn) -> Response:
        """Name and password for a session cookie; 429 after too many failures."""
        token, _ = await door.sign_in(form.name, form.password, visitor_of(request))
        return signed_in(request, token)

    @router.post("/sign-out", status_code=204)
    async def sign_out(request: Request) -> Response:
        """End this session, if it is one, and forget the cookie."""
        token = session_token(request)
        principal = None if token is None else await door.sessions.find(token)
        if principal is not None:
            await door.sessions.end(principal, principal.credential)
            await door.audit.note(Deed("sign-out"), principal, visitor_of(request).address)
        response = Response(status_code=204)
        clear_session(response)
        return response

    @router.post("/welcome", status_code=204)
    async def welcome(request: Request, form: Welcome) -> Response:
        """Choose a password by a one-time link, the first admin also a name; signs in."""
        visitor = visitor_of(request)
        door.limiter.attempt([address_of(visitor)])
        account = await door.links.account_of(form.token)
        door.limiter.forgive(address_of(visitor))
        check_password(form.password, form.name or (account.name if account else ""))
        hashed = await door.passwords.hash(form.password)
        account = await door.links.use(form.token, form.name, hashed)
        if await door.accounts.has_admin():
            await first.done()
        token, _ = await door.open(account, visitor, "link.used")
        return signed_in(request, token)

    return router


async def render_wait(_request: Request, error: Exception) -> Response:
    """The answer that says how long to wait."""
    assert isinstance(error, TooManyAttemptsError)  # noqa: S101 - registered for this type only
    body = {"error": type(error).__name__, "detail": error.message}
    headers = {"Retry-After": str(error.seconds)}
    return JSONResponse(body, status_code=error.status_code, headers=headers)
