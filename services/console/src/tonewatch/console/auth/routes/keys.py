"""/api/v1/keys: API keys; one's own, and for admins those of all."""

from typing import Any

from fastapi import APIRouter, Request

from tonewatch.console.auth.audit import Deed
from tonewatch.console.auth.door import Door
from tonewatch.console.auth.keys import KeyWish, keeps_all_keys, shown_key
from tonewatch.console.auth.principal import principal_of
from tonewatch.console.auth.routes.forms import NewKey, visitor_of
from tonewatch.shared.clock import ms_of, utc_now
from tonewatch.shared.errors import InvalidInputError


def key_routes(door: Door) -> APIRouter:
    """List, make and revoke keys."""
    router = APIRouter(prefix="/keys", tags=["keys"])

    @router.get("")
    async def list_keys(request: Request) -> dict[str, Any]:
        """One's own keys; with `keys:write` everybody's."""
        principal = principal_of(request)
        rows = await door.keys.of(principal, everybody=keeps_all_keys(principal))
        return {"items": list(map(shown_key, rows)), "next_cursor": None}

    @router.post("", status_code=201)
    async def add_key(request: Request, wish: NewKey) -> dict[str, Any]:
        """Make a key, which is in this answer and never shown again."""
        principal = principal_of(request)
        shown, row = await door.keys.add(_wish(wish), principal)
        detail = {"name": row.name, "scopes": row.scopes, "labels": row.labels}
        deed = Deed("key.added", row.id, detail=detail)
        await door.audit.note(deed, principal, visitor_of(request).address)
        return {**shown_key(row), "key": shown}

    @router.delete("/{key_id}", status_code=204)
    async def revoke_key(request: Request, key_id: str) -> None:
        """Revoke a key; it opens nothing from now on."""
        principal = principal_of(request)
        row = await door.keys.revoke(principal, key_id)
        deed = Deed("key.revoked", row.id, detail={"name": row.name})
        await door.audit.note(deed, principal, visitor_of(request).address)

    return router


def _wish(wish: NewKey) -> KeyWish:
    if wish.expires_at is None:
        return KeyWish(wish.name, wish.scopes, wish.labels)
    if wish.expires_at <= utc_now():
        raise InvalidInputError("expires_at: this is past already")
    return KeyWish(wish.name, wish.scopes, wish.labels, ms_of(wish.expires_at))
