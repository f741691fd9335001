"""/api/v1/auth/me, /password and /sessions: what is one's own."""

from typing import Any

from fastapi import APIRouter, Request, Response

from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.cookies import clear_session
from tonewatch.console.auth.door import Door
from tonewatch.console.auth.passwords import check_password
from tonewatch.console.auth.principal import Principal, principal_of
from tonewatch.console.auth.routes.forms import PasswordChange, visitor_of
from tonewatch.console.auth.sessions import shown_session
from tonewatch.shared.errors import ForbiddenError


def own_routes(door: Door) -> APIRouter:
    """Who one is, one's password and one's sessions."""
    router = APIRouter(prefix="/auth", tags=["sign-in"])

    @router.get("/me")
    async def me(request: Request) -> dict[str, Any]:
        """Who asks, and what they may do."""
        return shown_principal(principal_of(request))

    @router.put("/password", status_code=204)
    async def change_password(request: Request, form: PasswordChange) -> Response:
        """Change one's password; all other sessions end."""
        principal, visitor = _with_session(request), visitor_of(request)
        if principal.account_id is None:
            raise ForbiddenError("your password is kept elsewhere; change it there")
        account = await door.accounts.get(principal.account_id)
        await door.check_password(account, form.current)
        check_password(form.new, account.name)
        hashed = await door.passwords.hash(form.new)
        await door.accounts.set_password(account.id, hashed, principal.credential)
        await door.audit.note(Deed("password.changed"), principal, visitor.address)
        return Response(status_code=204)

    @router.get("/sessions")
    async def sessions(request: Request) -> dict[str, Any]:
        """Where one is signed in."""
        principal = _with_session(request)
        rows = await door.sessions.of(principal)
        items = [shown_session(row, principal.credential) for row in rows]
        return {"items": items, "next_cursor": None}

    @router.delete("/sessions/{session_id}", status_code=204)
    async def end_session(request: Request, session_id: str) -> Response:
        """Sign out there."""
        principal = _with_session(request)
        await door.sessions.end(principal, session_id)
        await door.audit.note(
            Deed("session.ended", session_id), principal, visitor_of(request).address
        )
        response = Response(status_code=204)
        if session_id == principal.credential:
            clear_session(response)
        return response

    return router


def shown_principal(principal: Principal) -> dict[str, Any]:
    """Somebody, as answers and pages show them."""
    return {
        "name": principal.name,
        "role": principal.role,
        "labels": dict(principal.labels),
        "permissions": sorted(principal.permissions),
        "via": principal.via,
    }


def _with_session(request: Request) -> Principal:
    """Who asks, if they are signed in here: a key must not take over the account behind it."""
    principal = principal_of(request)
    if principal.via not in {"session", "oidc"}:
        raise ForbiddenError("this is for people who are signed in here")
    return principal
